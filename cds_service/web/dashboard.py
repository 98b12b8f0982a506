"""The dashboard: the report of a site's own use as a page, for those who run the service.

Knows routes and templates; the figures come from a function it is given. Reads no clock.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

from cds_service.records import StoreUnavailableError
from cds_service.report import tables
from cds_service.web.pages import drawing, message_page, page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fastapi.params import Depends

    from cds_service.report import Report

    ReadReport = Callable[[int], Awaitable[Report]]

CHARTS: dict[str, str] = {
    "days": "Answered calls by day, with and without a card",
    "latencies": "Time to answer by hook: p50, p95 and p99",
    "categories": "Calls by category",
    "rules": "Accepted and overridden cards by rule",
    "reasons": "Override reasons",
    "silences": "Silence by reason",
}
"""What each drawing shows, by the table it stands beside."""

_SPANS = (1, 7, 30, 90)
_SECONDS_FRESH = 5.0
"""A page and its drawings are made from one reading."""
_MOST_READINGS = 8

Days = Annotated[int, Query(ge=1, le=3650, description="how many days back")]


class RecentReports:
    """Reads each report at most once in a while, however many ask for it at the same time."""

    def __init__(self, read: ReadReport, seconds_fresh: float = _SECONDS_FRESH) -> None:
        """Take how to read the report of so many days."""
        self._read = read
        self._seconds_fresh = seconds_fresh
        self._kept: dict[int, tuple[float, Report]] = {}
        self._turn = asyncio.Lock()

    async def of(self, days: int) -> Report:
        """The report of the last so many days; raises `StoreUnavailableError`."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            at, report = self._kept.get(days, (0.0, None))
            if report is None or now - at > self._seconds_fresh:
                report = await self._read(days)
                self._kept = {days: (now, report), **dict(list(self._kept.items())[: _MOST_READINGS - 1])}
            return report


def dashboard_routes(read: ReadReport | None, *, dependencies: Sequence[Depends] = ()) -> APIRouter:
    """The page and its drawings. `read` None: nothing is kept, and the page says so.

    `dependencies`: the check of who may see them, run before each.
    """
    router = APIRouter(tags=["Operations"], dependencies=dependencies, include_in_schema=False)
    reports = None if read is None else RecentReports(read)

    @router.get("/dashboard")
    async def dashboard(days: Days = 30) -> Response:
        return await _page(reports, days)

    @router.get("/dashboard/{slug}.svg")
    async def chart(slug: str, days: Days = 30) -> Response:
        return await _chart(reports, slug, days)

    return router


async def _page(reports: RecentReports | None, days: int) -> Response:
    if reports is None:
        words = "This installation keeps nothing: CDS_DATABASE_URL is empty."
        return message_page("Dashboard", words, status=HTTPStatus.NOT_FOUND)
    try:
        report = await reports.of(days)
    except StoreUnavailableError as error:
        headers = {"Retry-After": str(error.retry_after_seconds)}
        words = "The database cannot be read at the moment. Calls are answered without it."
        return message_page("Dashboard", words, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
    return page("dashboard.html", report=report, tables=tables(report), charts=CHARTS, spans=_SPANS, chosen=days)


async def _chart(reports: RecentReports | None, slug: str, days: int) -> Response:
    if reports is None or slug not in CHARTS:
        return message_page("Not here", "There is no such drawing.", status=HTTPStatus.NOT_FOUND)
    try:
        report = await reports.of(days)
    except StoreUnavailableError:
        return message_page("Not now", "The database cannot be read.", status=HTTPStatus.SERVICE_UNAVAILABLE)
    return drawing(await asyncio.to_thread(_drawn, slug, report))


def _drawn(slug: str, report: Report) -> bytes:
    from cds_service.web.charts import draw  # noqa: PLC0415 - no start and no call waits for the drawing library

    return draw(slug, CHARTS[slug], report)
