"""python -m benchmarks.soak: calls at a fixed rate for a long time while the FHIR server fails on purpose.

Each answer is compared with what its fixture expects; whatever differs has to be explained by a fault that the audit
line of that very call names. Ends with 1 on a wrong card, an unexplained failure, or memory that grows.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import orjson
import typer

from benchmarks.faulty_fhir import Faults, FaultyFhir
from benchmarks.judging import Golden, Tally, audit_lines, every_way, goldens, judged
from benchmarks.load import p99
from benchmarks.measuring import started
from benchmarks.targets import BUILT, HERE, log_of, own_service
from cds_service.app import utc_now
from cds_service.sandbox.fixtures import load_cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.fhir.reading import JsonObject

_RESTART_EVERY_S = 60.0
_DOWN_S = 2.0
_LOOK_EVERY_S = 5.0
_LONG_RUN_S = 900
_MOST_GROWTH = 1.15
_SEED = 20260115


@dataclass(slots=True)
class Watched:
    """What a run saw: answers by hookInstance, latencies, memory."""

    answers: dict[str, tuple[Golden, int, Any]] = field(default_factory=dict)
    spent_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)


def main(
    seconds: Annotated[float, typer.Option(min=10, help="how long; from 900 the result is kept")] = _LONG_RUN_S,
    rate: Annotated[float, typer.Option(min=0.1, help="calls a second")] = 8,
) -> None:
    """Run, print what came of every call, and end with 1 if something is wrong."""
    BUILT.mkdir(parents=True, exist_ok=True)
    fhir = FaultyFhir(Faults(0, 0), random.Random(_SEED))  # noqa: S311 - faults, not secrets
    charts = Charts()
    fhir.start(charts.resources())
    target = own_service(
        CDS_ALLOWED_FHIR_SERVERS=fhir.base,
        CDS_FHIR_TIMEOUT_SECONDS="1",
        CDS_DEADLINE_SECONDS="3",
        CDS_CANARY_MINUTES="0",
    )
    with started(target) as service:
        chosen, moving = asyncio.run(_steady(service.base, fhir.base))
        fhir.faults = Faults()
        calls = Calls(every_way(chosen), charts, fhir)
        watched = asyncio.run(_soak(service.base, calls, seconds, rate, service.resident_mib))
    fhir.stop()
    tally = judged(watched.answers, audit_lines(log_of(target)))
    words, is_well = _told(watched, tally, fhir, moving, seconds, rate)
    typer.echo(words)
    if seconds >= _LONG_RUN_S:
        (HERE / "results" / "soak.md").write_text(words)
    if not is_well:
        raise typer.Exit(1)


class Charts:
    """The fixture patients, as the FHIR server holds them and as prefetch brings them: moved to the same instant."""

    def __init__(self) -> None:
        """Move them to now."""
        self._cases = load_cases()
        self.move()

    def move(self) -> None:
        """Move them to now."""
        now = utc_now()
        self.by_slug = {case.slug: tuple(case.resources(now)) for case in self._cases}

    def resources(self) -> list[JsonObject]:
        """All of them."""
        return [resource for chart in self.by_slug.values() for resource in chart]


@dataclass(frozen=True, slots=True)
class Calls:
    """What is asked again and again, in an order that mixes patients, hooks and ways."""

    chosen: list[Golden]
    charts: Charts
    fhir: FaultyFhir

    def __post_init__(self) -> None:
        """Mix, the same way each time."""
        random.Random(_SEED).shuffle(self.chosen)  # noqa: S311 - an order, no secret

    def number(self, number: int) -> Golden:
        """The call with this number, from 0."""
        return self.chosen[number % len(self.chosen)]


async def _steady(base: str, fhir_base: str) -> tuple[list[Golden], list[str]]:
    """The calls whose expected answer holds for patients moved to now, asked once without faults, and the others."""
    async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
        steady: list[Golden] = []
        moving: list[Golden] = []
        for golden in goldens():
            answer = await client.post(golden.path, json=golden.body(fhir_base, str(uuid.uuid4())))
            (steady if golden.is_met_by(answer.status_code, answer.json()) else moving).append(golden)
    return steady, [each.name for each in moving]


async def _soak(base: str, asked: Calls, seconds: float, rate: float, memory: Callable[[], float]) -> Watched:
    """Start a call every 1/rate seconds, whether or not the ones before are answered."""
    watched = Watched()
    began = time.monotonic()
    over = began + seconds
    helpers = [asyncio.create_task(_restarts(asked, over)), asyncio.create_task(_looks(watched, memory, over))]
    calls: list[asyncio.Task[None]] = []
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as client:
        for number in range(round(seconds * rate)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            calls.append(asyncio.create_task(_call(client, asked, asked.number(number), watched)))
        await asyncio.gather(*calls, *helpers)
    return watched


async def _call(client: httpx.AsyncClient, calls: Calls, golden: Golden, watched: Watched) -> None:
    instance = str(uuid.uuid4())
    body = golden.body(calls.fhir.base, instance, calls.charts.by_slug[golden.slug])
    asked = time.perf_counter()
    answer = await client.post(golden.path, json=body)
    watched.spent_ms.append((time.perf_counter() - asked) * 1000)
    watched.answers[instance] = (golden, answer.status_code, orjson.loads(answer.content))


async def _restarts(calls: Calls, over: float) -> None:
    fhir = calls.fhir
    while time.monotonic() + _RESTART_EVERY_S / 2 < over:
        await asyncio.sleep(min(_RESTART_EVERY_S, max(0.0, over - time.monotonic()) / 2))
        fhir.injected["restart"] += 1
        await asyncio.to_thread(fhir.stop)
        await asyncio.sleep(_DOWN_S)
        await asyncio.to_thread(calls.charts.move)
        await asyncio.to_thread(fhir.start, calls.charts.resources())


async def _looks(watched: Watched, memory: Callable[[], float], over: float) -> None:
    while time.monotonic() < over:
        watched.memory_mib.append(memory())
        await asyncio.sleep(_LOOK_EVERY_S)


def _told(
    watched: Watched, tally: Tally, fhir: FaultyFhir, moving: list[str], seconds: float, rate: float
) -> tuple[str, bool]:
    """The result in words, and whether all is well."""
    quarter = max(1, len(watched.memory_mib) // 4)
    early, late = (
        statistics.median(watched.memory_mib[part]) for part in (slice(quarter, 2 * quarter), slice(-quarter, None))
    )
    is_flat = late <= early * _MOST_GROWTH
    lines = [
        f"# Soak of {seconds:g} s at {rate:g} calls/s\n",
        f"Calls: {len(watched.answers)}. {tally.in_words()}",
        f"Injected: {', '.join(f'{count} x {name}' for name, count in sorted(fhir.injected.items()))}.",
        f"p50 {statistics.median(watched.spent_ms):.1f} ms, p99 {p99(watched.spent_ms):.1f} ms (deadline 3 s).",
        _memory_words(watched, early, late, is_flat=is_flat),
        f"Not asked, since the answer depends on the time of day of the run: {', '.join(moving) or 'none'}.",
        *(f"WRONG: {words}" for words in tally.wrong),
        *(f"UNEXPLAINED: {words}" for words in tally.unexplained),
    ]
    return "\n".join(lines) + "\n", is_flat and not tally.wrong and not tally.unexplained


def _memory_words(watched: Watched, early: float, late: float, *, is_flat: bool) -> str:
    most = max(watched.memory_mib)
    told = "flat" if is_flat else "GROWING"
    return f"Memory: {early:.0f} MiB in the second quarter, {late:.0f} in the last, {most:.0f} at most: {told}."


if __name__ == "__main__":
    typer.run(main)
