"""A person at the mini EHR, in memory: opens charts, fills in forms, presses buttons, reads what the page shows."""

from __future__ import annotations

import html
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from cds_service.app import create_app
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

WALL = datetime(2026, 8, 1, 9, 30, tzinfo=UTC)
"""The clock of the service: months after the fixtures' own instants."""
BASE = "http://ehr.test"


@dataclass
class Person:
    """One person and the page before them."""

    client: httpx.AsyncClient
    page: httpx.Response = field(default_factory=lambda: httpx.Response(200))

    async def open(self, path: str) -> Person:
        """Open an address."""
        self.page = await self.client.get(path)
        return self

    async def press(self, action: str, **fields: str | list[str]) -> Person:
        """Press a button of the page's form: what is ticked and where the slider stands go along."""
        ticked = re.findall(r'name="selected" value="([^"]+)" checked', self.page.text)
        slider = re.findall(r'name="minutes"[^>]*value="([^"]+)"', self.page.text)
        whole: dict[str, Any] = {"visit": self.visit_text, "selected": ticked, "action": action}
        whole |= {"minutes": slider[0]} if slider else {}
        self.page = await self.client.post("/ehr", data=whole | fields)
        return self

    @property
    def visit_text(self) -> str:
        """The visit that travels with the page."""
        (found,) = re.findall(r'name="visit" value="([^"]*)"', self.page.text)
        return html.unescape(found)

    @property
    def visit(self) -> dict[str, Any]:
        """The visit as JSON."""
        members: dict[str, Any] = orjson.loads(self.visit_text)
        return members

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards of the last answer that the page still shows."""
        found: list[dict[str, Any]] = self.visit["last"]["answer"].get("cards", [])
        return found

    @property
    def topics(self) -> list[str]:
        """The topics of the cards on the page."""
        return re.findall(r'data-topic="([^"]+)"', self.page.text)

    @property
    def drafts(self) -> list[str]:
        """The ids of the drafts in the order list."""
        return re.findall(r'name="selected" value="([^"]+)"', self.page.text)

    @property
    def told(self) -> list[str]:
        """What the page tells about the last press."""
        return [html.unescape(each) for each in re.findall(r'<p class="told" role="status">(.*?)</p>', self.page.text)]


@cache
def _app(**settings: Any) -> FastAPI:
    """One application for all tests with these settings: reading the fixtures takes a while, and it keeps nothing."""
    return create_app(Settings(**{"database_url": "", "base_url": BASE} | settings), clock=lambda: WALL)


@asynccontextmanager
async def person(**settings: Any) -> AsyncIterator[Person]:
    """A person at the mini EHR of a started service."""
    app = _app(**settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client,
    ):
        yield Person(client)
