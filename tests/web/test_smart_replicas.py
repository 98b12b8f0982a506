"""The SMART app and the nomogram links where any process may get any request: what they share, and when they cannot."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.hooks.service import VIEW, view
from tests.web.smart_ehr import APP, UNKNOWN_TIME, action, launched_by_turns, query_of

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.web.smart_ehr import Launched

SECRET = "x" * 32
OTHER_SECRET = "y" * 32
EARLY = {"action": "enter", "earliest": "2026-01-15T03:00", "product": "immediate", "amount_g": "12"}


def sharing(folder: Path, *secrets: str) -> AbstractAsyncContextManager[Launched]:
    """Processes with these secrets on one database, two with the same secret unless told otherwise."""
    url = f"sqlite:///{folder / 'shared.db'}"
    return launched_by_turns(*({"link_secret": each} for each in secrets or (SECRET, SECRET)), database_url=url)


async def test_a_launch_begun_at_one_process_goes_on_at_the_others(tmp_path: Path) -> None:
    async with sharing(tmp_path, *[SECRET] * 3) as it:
        page = await it.launch()
        assert page.status_code == 200, page.text
        assert 'data-topic="indicated"' in page.text
        page = await it.post(page, **EARLY)
        assert "Entered here, not in the chart" in page.text
        for _ in range(3):
            assert "Entered here, not in the chart" in (await it.browser.get(str(page.url))).text
        page = await it.post(page, action=action(page, "review"))
        page = await it.post(page, action=action(page, "write"))
        assert "Written to the chart as MedicationStatement/" in page.text
        assert 'data-topic="not-indicated"' in page.text
        assert "The session is closed" in (await it.post(page, action="close")).text
        for _ in range(3):
            assert (await it.browser.get(str(page.url))).status_code == 401


async def test_an_entry_sent_to_several_processes_at_once_is_written_once(tmp_path: Path) -> None:
    async with sharing(tmp_path) as it:
        page = await it.post(await it.launch(), **EARLY)
        page = await it.post(page, action=action(page, "review"))
        write = action(page, "write")
        await asyncio.gather(*(it.post(page, action=write) for _ in range(4)))
        assert len(it.ehr.conditions) == 1
        assert len(it.store.all("MedicationStatement")) == 1


async def test_a_code_that_came_back_to_one_process_is_of_no_use_at_another(tmp_path: Path) -> None:
    async with sharing(tmp_path) as it:
        page = await it.launch()
        callback = next(str(each.url) for each in page.history if "/smart/callback" in str(each.url))
        assert query_of(callback)["state"]
        for _ in range(2):
            assert (await it.browser.get(callback)).status_code == 400
        assert len(it.ehr.server.tokens) == 1


async def test_the_database_holds_nothing_of_a_session_that_can_be_read(tmp_path: Path) -> None:
    async with sharing(tmp_path) as it:
        page = await it.post(await it.launch(), **EARLY)
        (token,) = it.ehr.server.tokens
        with sqlite3.connect(tmp_path / "shared.db") as database:
            kept = database.execute("SELECT * FROM sealed_notes").fetchall()
            dump = "\n".join(database.iterdump())
        database.close()
        handle = str(page.url).rpartition("/")[2]
        assert [row[1] for row in kept] == ["session"]
        for secret in (token, handle, UNKNOWN_TIME, "Acetaminophen", *it.browser.cookies.values()):
            assert secret not in dump


@pytest.mark.parametrize("secrets", [(SECRET, OTHER_SECRET)])
async def test_with_two_secrets_a_sign_in_is_refused_and_never_half_opened(
    tmp_path: Path, secrets: tuple[str, str]
) -> None:
    async with sharing(tmp_path, *secrets) as it:
        page = await it.launch()
        assert page.status_code == 400
        assert "was not begun in this browser" in page.text


async def test_without_the_database_the_app_says_that_it_cannot_be_used_now_and_cards_go_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none/x.db"
    async with launched_by_turns({}, {}, database_url=url, link_secret=SECRET) as it:
        page = await it.launch()
        assert page.status_code == 503
        assert "Cards in the EHR do not depend on it" in page.text
        assert int(page.headers["retry-after"]) >= 1
        answer = await it.browser.post(f"{APP}{VIEW}", json=view())
        assert answer.status_code == 200
        assert answer.json()["cards"]


async def nomogram_link(it: Launched) -> str:
    card: dict[str, Any] = (await it.browser.post(f"{APP}{VIEW}", json=view())).json()["cards"][0]
    return str(next(link["url"] for link in card["links"] if "/nomogram/" in link["url"]))


async def test_a_nomogram_link_of_one_process_opens_at_all_with_the_same_secret() -> None:
    async with launched_by_turns({}, {}, {}, database_url="", link_secret=SECRET) as it:
        address = await nomogram_link(it)
        assert [(await it.browser.get(address)).status_code for _ in range(3)] == [200] * 3


async def test_without_a_common_secret_it_opens_only_at_its_own() -> None:
    async with launched_by_turns({}, {}, database_url="") as it:
        address = await nomogram_link(it)
        assert sorted([(await it.browser.get(address)).status_code for _ in range(2)]) == [200, 410]
