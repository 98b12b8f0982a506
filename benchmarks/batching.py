"""python -m benchmarks.batching: what one evaluation asks, as parallel searches and as one batch, on real servers.

Measures time and CPU of both ways on HAPI (which it starts: Java 17 and Maven) and on a server with a set delay, for
one evaluation and for several at once, and writes benchmarks/results/batching.md. Ends with 1 where the ways differ in
what they bring. Nothing fails because of a time.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import orjson
import typer

from benchmarks.bodies import PATIENT, chart
from benchmarks.processes import Running, free_port, running
from benchmarks.report import as_table, machine_words
from benchmarks.targets import BUILT, HERE, ROOT
from cds_service.app import utc_now
from cds_service.fhir.addresses import address_policy
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.gather import gather
from cds_service.fhir.outbound import open_http
from cds_service.fhir.queries import QUERIES
from cds_service.fhir.servers import FhirServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from cds_service.fhir.reading import JsonObject

    Way = Callable[[httpx.AsyncClient, str], Awaitable[int]]
    """Asks everything of a server once; how many resources came."""

_DELAY_MS = 50
_SECONDS = 60.0
_LOAD_SECONDS = 400.0
_HAPI_PAGE = 200
_FHIR_JSON = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}


class AskingError(RuntimeError):
    """A server that did not answer everything."""


@dataclass(slots=True)
class Measured:
    """One way on one server, so many evaluations at once: each one's time, and the CPU time of both processes."""

    server: str
    way: str
    at_once: int
    spent_ms: list[float] = field(default_factory=list)
    server_cpu_s: float = 0.0
    own_cpu_s: float = 0.0
    resources: set[int] = field(default_factory=set)

    def row(self) -> tuple[str, ...]:
        """The line of the table."""
        count = len(self.spent_ms)
        times = (statistics.median(self.spent_ms), max(self.spent_ms))
        costs = (self.server_cpu_s * 1000 / count, self.own_cpu_s * 1000 / count)
        return (self.server, self.way, str(self.at_once), *(f"{each:.1f}" for each in (*times, *costs)), str(count))


def main(
    rounds: Annotated[int, typer.Option(min=1, max=50, help="turns of each way")] = 6,
    evaluations: Annotated[int, typer.Option(min=8, max=400, help="evaluations of a turn")] = 24,
) -> None:
    """Measure, print the table and write it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    found: list[Measured] = []
    serial_ms = _DELAY_MS * len(QUERIES)
    with _hapi() as hapi:
        found += asyncio.run(_measured("HAPI", hapi, hapi.base + "/fhir", rounds, evaluations))
    for words, batch_ms in (("delayed, batch at once", _DELAY_MS), ("delayed, batch one by one", serial_ms)):
        with _delayed(batch_ms) as delayed:
            found += asyncio.run(_measured(words, delayed, delayed.base, rounds, evaluations))
    told = _in_words(found)
    typer.echo(told)
    (HERE / "results" / "batching.md").write_text(told)
    if not all(_bring_the_same([each for each in found if each.server == name]) for name in {e.server for e in found}):
        typer.echo("The ways do not bring the same.", err=True)
        raise typer.Exit(1)


def _bring_the_same(found: list[Measured]) -> bool:
    return len(set().union(*(each.resources for each in found))) == 1


@contextmanager
def _hapi() -> Iterator[Running]:
    """A HAPI of its own, with the chart on it."""
    port = free_port()
    said = {"HAPI_PORT": str(port), "HAPI_PAGE": str(_HAPI_PAGE)}
    command = [str(ROOT / "hapi" / "serve")]
    with running(
        command, port, "/fhir/Patient?_summary=count", BUILT / "hapi.log", environment=said, start_within_s=300
    ) as hapi:
        _load(hapi.base + "/fhir", chart(utc_now()))
        yield hapi


@contextmanager
def _delayed(batch_ms: int) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.delayed_fhir", str(port), str(_DELAY_MS), str(batch_ms)]
    there = {"PYTHONPATH": str(ROOT)}
    with running(command, port, "/metadata", BUILT / "delayed-fhir.log", environment=there) as fhir:
        yield fhir


def _load(base: str, resources: list[JsonObject]) -> None:
    def entry(each: JsonObject) -> JsonObject:
        return {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}

    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry(each) for each in resources]}
    answer = httpx.post(base, content=orjson.dumps(bundle), headers=_FHIR_JSON, timeout=_LOAD_SECONDS, trust_env=False)
    answer.raise_for_status()


async def _parallel(pool: httpx.AsyncClient, base: str) -> int:
    """As the service asks: every search at the same time, over kept connections."""
    gathered = await gather(
        None,
        PATIENT,
        client=FhirClient(pool, FetchLimits(request_seconds=_SECONDS)).for_one_call(),
        server=FhirServer(base),
        deadline_seconds=_SECONDS,
    )
    if gathered.gaps:
        raise AskingError(gathered.gaps[0].text)
    return len(gathered.resources)


async def _batch(pool: httpx.AsyncClient, base: str) -> int:
    """The same queries as one batch Bundle."""
    urls = [query.template().replace("{{context.patientId}}", PATIENT) for query in QUERIES]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    asked = orjson.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})
    answer = await pool.post(base, content=asked, headers=_FHIR_JSON)
    answer.raise_for_status()
    return sum(_resources(entry) for entry in orjson.loads(answer.content)["entry"])


def _resources(entry: JsonObject) -> int:
    if not entry["response"]["status"].startswith("200"):
        raise AskingError(entry["response"]["status"])
    held: Any = entry["resource"]
    return len(held.get("entry", ())) if held["resourceType"] == "Bundle" else 1


_WAYS: dict[str, Way] = {"parallel searches": _parallel, "one batch": _batch}


async def _measured(name: str, server: Running, base: str, rounds: int, evaluations: int) -> list[Measured]:
    """Both ways in turn, one evaluation and eight at once; what the first round costs does not count."""
    found = [Measured(name, way, at_once) for at_once in (1, 8) for way in _WAYS]
    async with open_http(_SECONDS, address_policy((base,), ())) as pool:
        pool.headers["Cache-Control"] = "no-cache"  # HAPI would answer the same search from its cache
        for number in range(rounds + 1):
            for each in found:
                turn = Measured(name, each.way, each.at_once) if number == 0 else each
                await _turn(turn, pool, server, base, evaluations)
    return found


async def _turn(measured: Measured, pool: httpx.AsyncClient, server: Running, base: str, evaluations: int) -> None:
    way = _WAYS[measured.way]
    places = asyncio.Semaphore(measured.at_once)

    async def one() -> None:
        async with places:
            began = time.perf_counter()
            measured.resources.add(await way(pool, base))
            measured.spent_ms.append((time.perf_counter() - began) * 1000)

    cpu_s, own_cpu_s = server.cpu_s(), time.process_time()
    await asyncio.gather(*(one() for _ in range(evaluations)))
    measured.server_cpu_s += server.cpu_s() - cpu_s
    measured.own_cpu_s += time.process_time() - own_cpu_s


def _in_words(found: list[Measured]) -> str:
    head = ("Server", "Way", "At once", "ms (p50)", "ms (most)", "Server CPU ms", "Own CPU ms", "Evaluations")
    made_with = (
        f"{utc_now():%Y-%m-%d}, {machine_words()}. Made by `python -m benchmarks.batching`. An evaluation is"
        f" {len(QUERIES)} queries about one chart of {len(chart(utc_now()))} resources, without HAPI's search cache."
        " Times and CPU are those of one evaluation. The delayed server takes"
        f" {_DELAY_MS} ms for each search, and for a batch as long as for one search or as for all of them one after"
        " another. Other work on the machine moves times more than CPU.\n"
    )
    return "\n".join(
        ["# Parallel searches or a batch Bundle\n", made_with, as_table(head, [each.row() for each in found])]
    )


if __name__ == "__main__":
    typer.run(main)
