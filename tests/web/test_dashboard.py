"""The dashboard: the report as a page, its drawings, and who may see it."""

from __future__ import annotations

import asyncio
import base64
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from cds_service.records import StoreUnavailableError
from cds_service.report import Report
from cds_service.store.database import Database
from cds_service.store.kept import KeptCall
from cds_service.web.dashboard import CHARTS, RecentReports
from cds_service.web.pages import static_address
from tests.hooks.service import NOW, VIEW, keeping, prefetch, service, view
from tests.store.stores import call

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

PASSWORD = "correct horse ☂"  # noqa: S105 - a test's own


class Page(HTMLParser):
    """What stands on a page: texts, tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_empty_database_reads_well() -> None:
    async with keeping("sqlite://") as client:
        answer = await client.get("/dashboard")
    page = Page(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    check_headers(answer)
    assert "No call was recorded." in page.words
    assert "No feedback was given." in page.words
    assert page.all("table") == []
    assert page.all("img") == []


async def test_what_was_asked_is_shown_in_tables_beside_drawings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url) as client:
        card = (await client.post(VIEW, json=view(prefetch=prefetch(level=120)))).json()["cards"][0]
        await client.post(VIEW, json=view(prefetch=...))
        told = {"card": card["uuid"], "outcome": "overridden", "overrideReason": {"reason": "patient-refuses"}}
        await client.post(f"{VIEW}/feedback", json=told)
    hostile = KeptCall("a" * 32, NOW, call(unmapped=("<script>|1",), cards=()))
    await write(url, hostile)
    # the reports of the next start lie after what was written at its instant
    async with keeping(url, clock=lambda: NOW.replace(minute=1)) as client:
        answer = await client.get("/dashboard?days=1")
        page = Page(answer.text)
        drawings = {str(image["src"]): await client.get(str(image["src"])) for image in page.all("img")}
    for words in ("patient-view", "100.0 %", "incomplete", "patient-refuses", "<script>|1"):
        assert words in page.words, words
    assert "<script" not in answer.text
    assert [tag for tag, attributes in page.tags if tag == "script" or "style" in attributes] == []
    assert {re.findall(r"/dashboard/(\w+)\.svg", source)[0] for source in drawings} == set(CHARTS) - {"silences"}
    assert all(image["alt"] for image in page.all("img"))
    for drawn in drawings.values():
        assert drawn.headers["content-type"] == "image/svg+xml"
        check_headers(drawn)
        root = ET.fromstring(drawn.content)  # noqa: S314 - our own drawing
        assert root.tag.endswith("svg")
        assert not [each for each in root.iter() if "script" in each.tag]
        assert not [name for each in root.iter() for name in each.attrib if name.endswith(("href", "src"))]
        assert b"url(" not in drawn.content


async def write(url: str, *kept: KeptCall) -> None:
    database = Database(url)
    await database.keep_calls(kept)
    await database.close()


async def test_the_page_is_readable_by_those_who_cannot_see_it(tmp_path: Path) -> None:
    async with keeping(f"sqlite:///{tmp_path}/x.db") as client:
        await client.post(VIEW, json=view())
    async with keeping(f"sqlite:///{tmp_path}/x.db", clock=lambda: NOW.replace(minute=1)) as client:
        page = Page((await client.get("/dashboard?days=7")).text)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert page.all("table")
    assert all(cell.get("scope") in {"col", "row"} for cell in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [link["href"] for link in page.all("a") if link.get("aria-current")] == ["?days=7"]


async def test_the_style_is_the_page_s_own() -> None:
    async with service() as client:
        answer = await client.get(static_address("site.css"))
    assert answer.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text
    assert "url(" not in answer.text
    assert "@import" not in answer.text


async def test_where_nothing_is_kept_the_page_says_so() -> None:
    async with service() as client:
        answer = await client.get("/dashboard")
        drawn = await client.get("/dashboard/days.svg")
    assert (answer.status_code, drawn.status_code) == (404, 404)
    assert "keeps nothing" in answer.text


async def test_while_the_database_is_down_the_page_says_so(tmp_path: Path) -> None:
    async with keeping(f"sqlite:///{tmp_path}/none/x.db", "unavailable") as client:
        answer = await client.get("/dashboard")
        drawn = await client.get("/dashboard/days.svg")
    assert (answer.status_code, drawn.status_code) == (503, 503)
    assert int(answer.headers["retry-after"]) >= 1
    assert "cannot be read" in answer.text


@pytest.mark.parametrize("address", ["/dashboard?days=0", "/dashboard?days=x", "/dashboard?days=99999"])
async def test_a_span_that_cannot_be_is_refused(address: str) -> None:
    async with keeping("sqlite://") as client:
        assert (await client.get(address)).status_code == 400


async def test_there_is_no_other_drawing() -> None:
    async with keeping("sqlite://") as client:
        assert (await client.get("/dashboard/hooks.svg")).status_code == 404


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


ACCESS: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    (basic("anybody", PASSWORD), 200),
    (basic("", PASSWORD), 200),
    ({"Authorization": basic("a", PASSWORD)["Authorization"].replace("Basic", "basic")}, 200),
    (basic("anybody", "wrong"), 401),
    (basic("anybody", ""), 401),
    (basic(PASSWORD, ""), 401),
    ({"Authorization": "Bearer token"}, 401),
    ({"Authorization": "Basic ====="}, 401),
    ({"Authorization": "Basic"}, 401),
    ({"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()}, 401),
]


@pytest.mark.parametrize("address", ["/dashboard", "/dashboard/days.svg"])
@pytest.mark.parametrize(("headers", "status"), ACCESS)
async def test_a_password_is_asked_for(headers: dict[str, str], status: int, address: str) -> None:
    async with keeping("sqlite://", operations_password=PASSWORD) as client:
        answer = await client.get(address, headers=headers)
    assert answer.status_code == status
    check_headers(answer)
    assert PASSWORD not in answer.text
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic realm=")


async def test_a_report_is_read_once_for_a_page_and_its_drawings() -> None:
    read: list[int] = []

    async def reading(days: int) -> Report:
        read.append(days)
        await asyncio.sleep(0)
        return Report(NOW, NOW, days)

    reports = RecentReports(reading, seconds_fresh=60)
    told = await asyncio.gather(*(reports.of(days) for days in (7, 7, 30, 7)))
    assert read == [7, 30]
    assert [report.kept_days for report in told] == [7, 7, 30, 7]
    stale = RecentReports(reading, seconds_fresh=-1)
    await stale.of(7)
    await stale.of(7)
    assert read == [7, 30, 7, 7]


async def test_a_report_that_failed_is_read_again() -> None:
    failures = [StoreUnavailableError("down")]

    async def reading(days: int) -> Report:
        if failures:
            raise failures.pop()
        return Report(NOW, NOW, days)

    reports = RecentReports(reading)
    with pytest.raises(StoreUnavailableError):
        await reports.of(7)
    assert (await reports.of(7)).kept_days == 7
