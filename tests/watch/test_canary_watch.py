"""The state of the canaries: what a result means for readiness, in metrics and in the log."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from cds_service.app import create_app
from cds_service.hooks.metrics import Metrics
from cds_service.settings import Settings
from cds_service.watch.canaries import CanaryResult, CanaryState, CanaryWatch
from cds_service.watch.oversight import Oversight
from tests.watch.records import value

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
WELL = CanaryResult("b1", "patient-view", "us-2023", is_well=True, words="indicated")
SILENT = CanaryResult("b1", "patient-view", "us-2023", is_well=False, words="silence; expected indicated")
CHATTY = CanaryResult("none", "patient-view", "us-2023", is_well=False, words="consider", is_vital=False)


class Asked:
    """Answers each round with the next results, the last ones for ever; says how often it was asked."""

    def __init__(self, *rounds: Sequence[CanaryResult]) -> None:
        self.rounds = list(rounds)
        self.times = 0
        self.threads: set[int] = set()

    def __call__(self) -> Sequence[CanaryResult]:
        self.times += 1
        self.threads.add(threading.get_ident())
        return self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]


def _fails() -> Sequence[CanaryResult]:
    msg = "Alice Example"
    raise RuntimeError(msg)


async def _after(watch: CanaryWatch, asked: Asked, times: int, metrics: Metrics) -> None:
    """Let the watch ask so often."""
    task = watch.start(metrics, lambda: NOW)
    async with asyncio.timeout(30):
        while asked.times < times or watch.state is CanaryState.STARTING:  # noqa: ASYNC110 - another thread tells nobody
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.01)
    task.cancel()


STATES = [([WELL], CanaryState.WELL), ([WELL, SILENT], CanaryState.FAILING), ([WELL, CHATTY], CanaryState.WELL)]


@pytest.mark.parametrize(("results", "state"), STATES)
async def test_only_a_vital_canary_makes_the_service_unfit(results: list[CanaryResult], state: CanaryState) -> None:
    asked = Asked(results)
    watch = CanaryWatch(asked, timedelta(hours=1))
    assert watch.state is CanaryState.STARTING
    await _after(watch, asked, 1, Metrics())
    assert watch.state is state
    assert len(watch.unwell) == sum(not each.is_well for each in results)
    assert asked.times == 1
    assert threading.get_ident() not in asked.threads


async def test_a_canary_that_falls_silent_is_said_once_and_so_is_its_recovery(caplog: pytest.LogCaptureFixture) -> None:
    asked = Asked([WELL], [SILENT], [SILENT], [WELL])
    metrics = Metrics()
    with caplog.at_level(logging.WARNING, "cds_service.watch"):
        await _after(CanaryWatch(asked, timedelta(milliseconds=1)), asked, 5, metrics)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "b1 (patient-view, us-2023): silence; expected indicated" in caplog.records[0].getMessage()
    assert value(metrics, "cds_canary_ok") == 1
    assert value(metrics, "cds_canary_last_success_timestamp_seconds") == NOW.timestamp()


async def test_the_metrics_show_a_silent_canary() -> None:
    asked = Asked([SILENT])
    metrics = Metrics()
    await _after(CanaryWatch(asked, timedelta(hours=1)), asked, 1, metrics)
    assert value(metrics, "cds_canary_ok") == 0
    assert value(metrics, "cds_canary_last_success_timestamp_seconds") == 0


async def test_a_fault_in_asking_is_a_failing_canary(caplog: pytest.LogCaptureFixture) -> None:
    watch = CanaryWatch(_fails, timedelta(hours=1))
    task = watch.start(Metrics(), lambda: NOW)
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert watch.state is CanaryState.FAILING
    assert "asking failed (RuntimeError)" in watch.unwell[0]
    assert "Alice" not in caplog.text


async def test_readiness_waits_for_the_canaries_and_names_those_that_fail() -> None:
    go = threading.Event()
    rounds: list[Sequence[CanaryResult]] = [[WELL], [SILENT]]

    def asked() -> Sequence[CanaryResult]:
        go.wait(30)
        return rounds.pop(0) if len(rounds) > 1 else rounds[0]

    watch = CanaryWatch(asked, timedelta(milliseconds=300))
    app = create_app(Settings(database_url=""), oversight=Oversight(canaries=watch))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        starting = await client.get("/readyz")
        discovery = await client.get("/cds-services")
        go.set()
        ready = await _until(client, CanaryState.WELL)
        failing = await _until(client, CanaryState.FAILING)
    assert (starting.status_code, starting.json()["status"]) == (503, "starting")
    assert discovery.status_code == 200
    assert (ready.status_code, ready.json()["canaries"]) == (200, [])
    assert failing.status_code == 503
    assert failing.json()["canaries"] == ["canary b1 (patient-view, us-2023): silence; expected indicated"]


async def _until(client: httpx.AsyncClient, state: CanaryState) -> httpx.Response:
    async with asyncio.timeout(30):
        while (answer := await client.get("/readyz")).json()["status"] != state:  # noqa: ASYNC110 - asked as a load balancer does
            await asyncio.sleep(0.005)
    return answer
