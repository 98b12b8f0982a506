"""Shadow mode: nothing is shown, everything is recorded, and failures stay failures."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from typer.testing import CliRunner

from cds_service.canaries import ask_canaries
from cds_service.cli import app
from cds_service.settings import Settings
from tests.hooks.service import VIEW, issues, prefetch, service, view
from tests.web.smart_ehr import launched


async def test_what_would_have_been_shown_is_recorded_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with service(shadow=True) as client:
            answer = await client.post(VIEW, json=view(prefetch=prefetch(120)))
            metrics = (await client.get("/metrics")).text
            ready = (await client.get("/readyz")).json()
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    (record,) = [record for record in caplog.records if record.name == "cds_service.audit"]
    told = json.loads(record.getMessage())
    assert told["is_shadow"] is True
    assert told["topics"] == ["indicated"]
    assert "silence" not in told
    assert 'cds_cards_withheld_total{topic="indicated"} 1.0' in metrics
    assert 'cds_cards_total{topic="indicated"}' not in metrics
    assert ready["shadow"] is True


async def test_without_it_the_card_is_shown() -> None:
    async with service(shadow=False) as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(120)))
        ready = (await client.get("/readyz")).json()
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["indicated"]
    assert "shadow" not in ready


async def test_missing_data_are_a_failure_all_the_same() -> None:
    async with service(shadow=True) as client:
        answer = await client.post(VIEW, json=view(prefetch=prefetch(levels=None, problems=...)))
    assert answer.status_code == 412
    assert issues(answer)


async def test_canaries_see_the_cards() -> None:
    results = await asyncio.to_thread(ask_canaries, Settings(shadow=True, database_url=""))
    assert [result for result in results if not result.is_well] == []


PAGES = ["/", "/ehr/b1-above-line-8h", "/nomogram"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("is_shadow", [True, False])
async def test_the_pages_for_testers_say_what_they_are(path: str, *, is_shadow: bool) -> None:
    async with service(shadow=is_shadow) as client:
        shown = await client.get(path)
    assert shown.status_code == 200
    assert ("Shadow mode: clinicians are shown no card." in shown.text) is is_shadow


@pytest.mark.parametrize(("is_shadow", "articles"), [(True, 0), (False, 1)])
async def test_the_smart_app_advises_nobody(articles: int, *, is_shadow: bool) -> None:
    """The chart and its timeline stay; advice, nomogram and rules do not."""
    async with launched(shadow=is_shadow) as app:
        shown = (await app.launch()).text
    assert shown.count("<article") == articles
    assert ("Every rule, its verdict and why" in shown) is not is_shadow
    assert ("Shadow mode: this site records" in shown) is is_shadow
    assert "Ingestion as told to you" in shown


def test_the_demonstration_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_SHADOW", "true")
    done = CliRunner().invoke(app, ["demo", "--once", "--port", "0"])
    assert done.exit_code == 2
    assert "CDS_SHADOW" in done.output
