"""The governance page: the whole pack, readable and printable, and nothing that runs or loads."""

from __future__ import annotations

import base64
import itertools
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException

from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.profiles import US_2023, Profile
from cds_service.clinical.ruleset import RULE_SET_HASH
from cds_service.governance.documents import TITLES
from cds_service.web.governance_html import governance_html
from cds_service.web.governance_page import governance_routes

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Elements, headings and anchors of a page; fails on an element that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.seen.add(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if given.get("href"):
            self.links.append(str(given["href"]))
        assert not any(name.startswith("on") or name == "style" for name in given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(profile: Profile = US_2023) -> Outline:
    found = Outline()
    found.feed(governance_html(profile))
    assert found.open == []
    return found


async def answer(path: str, app: FastAPI | None = None) -> httpx.Response:
    if app is None:
        app = FastAPI()
        app.include_router(governance_routes(US_2023))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page.test") as client:
        return await client.get(path)


def test_every_document_is_a_section_that_the_contents_lead_to() -> None:
    page = outline()
    assert set(TITLES) <= set(page.ids)
    assert {f"#{name}" for name in page.ids} <= set(page.links)
    assert len(page.ids) == len(set(page.ids))


def test_headings_step_down_one_at_a_time() -> None:
    headings = outline().headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(headings))


def test_nothing_runs_or_is_loaded() -> None:
    page = outline()
    assert page.seen.isdisjoint({"script", "img", "iframe", "object", "embed", "form", "link"})
    assert all(link.startswith(("#", "https://")) for link in page.links)


def test_what_a_site_wrote_is_shown_as_text() -> None:
    hostile = replace(US_2023, name="site", title="<script>alert(1)</script> ![x](http://evil.test/x)")
    page = outline(hostile)
    assert page.seen.isdisjoint({"script", "img"})
    assert "&lt;script&gt;" in governance_html(hostile)


async def test_the_page_holds_the_rules_and_their_hash() -> None:
    got = await answer("/governance")
    assert got.status_code == 200
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert RULE_SET_HASH in got.text
    assert all(rule.id in got.text for rule in INDICATIONS)


async def test_the_policy_permits_the_one_style_and_nothing_else() -> None:
    got = await answer("/governance")
    policy = dict(part.strip().split(" ", 1) for part in got.headers["content-security-policy"].split(";"))
    style = re.findall(r"<style>(.*?)</style>", got.text, re.DOTALL)[0]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_machines_get_the_same() -> None:
    got = await answer("/governance.json")
    assert got.json()["identity"]["rule_set_sha256"] == RULE_SET_HASH


@pytest.mark.parametrize("path", ["/governance", "/governance.json"])
async def test_the_check_given_stands_before_both(path: str) -> None:
    def refuse() -> None:
        raise HTTPException(401)

    app = FastAPI()
    app.include_router(governance_routes(US_2023, dependencies=[Depends(refuse)]))
    got = await answer(path, app)
    assert got.status_code == 401
    assert RULE_SET_HASH not in got.text
