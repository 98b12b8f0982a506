"""The measurements: rounds in which every target takes its turn with every body, so that all see the same machine.

Knows targets, bodies and load. Must not know what the numbers should be.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from benchmarks.bodies import PATIENT
from benchmarks.load import loader_for, p99
from benchmarks.processes import Running, free_port, running
from benchmarks.targets import BUILT, ROOT, Target, log_of, own_service
from cds_service.fhir.queries import QUERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.load import Load, Loader

_DELAY_MS = 50.0
_COLD = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """One target's turn with one body."""

    load: Load
    cpu_s: float
    resident_mib: float


@dataclass(slots=True)
class Measured:
    """All turns of one target with one body, over so many connections."""

    target: str
    body: str
    connections: int
    turns: list[Turn] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """Requests of all turns."""
        return sum(turn.load.requests for turn in self.turns)

    @property
    def failures(self) -> int:
        """Those that were not answered with 200."""
        return sum(turn.load.failures for turn in self.turns)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of a request."""
        return sum(turn.cpu_s for turn in self.turns) * 1000 / max(1, self.requests)

    @property
    def per_second(self) -> float:
        """Requests in a second."""
        return self.requests / sum(turn.load.seconds for turn in self.turns)

    @property
    def p50_ms(self) -> float:
        """The median of the turns' medians."""
        return statistics.median(turn.load.p50_ms for turn in self.turns)

    @property
    def p99_ms(self) -> float:
        """The median of the turns' 99th percentiles: a neighbour's burst spoils one turn and not the number."""
        return statistics.median(turn.load.p99_ms for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Job:
    """Load to be made: which target, which body, over how many connections."""

    target: Target
    body: str
    connections: int = 1


@dataclass(slots=True)
class Round:
    """What is known of one run: measurements, seconds to the first answer, memory after each turn."""

    measured: list[Measured] = field(default_factory=list)
    starts_s: dict[str, float] = field(default_factory=dict)
    memory_mib: dict[str, list[float]] = field(default_factory=dict)


def measure(
    jobs: Sequence[Job],
    bodies: dict[str, Path],
    load: Loader,
    *,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Round:
    """Start every target, warm each job up, and go round: each job in each round."""
    result = Round(measured=[Measured(job.target.name, job.body, job.connections) for job in jobs])
    targets = {job.target.name: job.target for job in jobs}
    with ExitStack() as stack:
        served = {name: stack.enter_context(started(target)) for name, target in targets.items()}
        result.starts_s = {name: each.first_answer_s for name, each in served.items()}
        result.memory_mib = {name: [each.resident_mib()] for name, each in served.items()}
        _warm_up(jobs, served, bodies, load, seconds)
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}")
            for job, measured in zip(jobs, result.measured, strict=True):
                turn = _turn(job, served[job.target.name], bodies[job.body], load, seconds)
                measured.turns.append(turn)
                result.memory_mib[job.target.name].append(turn.resident_mib)
    return result


def started(target: Target) -> AbstractContextManager[Running]:
    """The target as a running process."""
    port = free_port()
    return running(target.command(port), port, target.ready, log_of(target), environment=target.settings)


def _warm_up(
    jobs: Sequence[Job], served: dict[str, Running], bodies: dict[str, Path], load: Loader, seconds: float
) -> None:
    heated: set[str] = set()
    for job in jobs:
        address = served[job.target.name].base + job.target.path_for(job.body)
        loader_for(bodies[job.body], load)(
            address, bodies[job.body], 1 if job.target.name in heated else min(job.target.heat_s, 4 * seconds)
        )
        heated.add(job.target.name)


def _turn(job: Job, served: Running, body: Path, load: Loader, seconds: float) -> Turn:
    before = served.cpu_s()
    made = loader_for(body, load)(served.base + job.target.path_for(job.body), body, seconds, job.connections)
    return Turn(made, served.cpu_s() - before, served.resident_mib())


@dataclass(frozen=True, slots=True)
class Fetching:
    """Calls that ask a FHIR server which answers after a delay: the call and its slowest query alone, in ms."""

    delay_ms: float
    queries: int
    call_p50_ms: float
    call_p99_ms: float
    slowest_query_p50_ms: float


def measure_fetching(body_at: Callable[[str], bytes], calls: int, delay_ms: float = _DELAY_MS) -> Fetching:
    """Make calls without prefetch, and each of their queries alone, one after another from this process."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.delayed_fhir", str(port), str(delay_ms)]
    there = {"PYTHONPATH": str(ROOT)}
    with running(command, port, "/metadata", BUILT / "delayed-fhir.log", environment=there) as fhir:
        target = own_service(CDS_ALLOWED_FHIR_SERVERS=fhir.base)
        with started(target) as service, httpx.Client(timeout=60, trust_env=False) as client:
            called = _timed(client, calls, service.base + target.path, body_at(fhir.base))
            alone = [_timed(client, 5, f"{fhir.base}/{query}") for query in _queries()]
    slowest = max(statistics.median(each) for each in alone)
    return Fetching(delay_ms, len(alone), statistics.median(called), p99(called), slowest)


def _queries() -> list[str]:
    return [query.template().replace("{{context.patientId}}", PATIENT) for query in QUERIES]


def _timed(client: httpx.Client, times: int, address: str, body: bytes | None = None) -> list[float]:
    """Milliseconds of each request after three that do not count: a POST of the body, or a GET."""
    headers = {"Content-Type": "application/json"}
    spent: list[float] = []
    for _ in range(times + _COLD):
        began = time.perf_counter()
        answer = client.get(address) if body is None else client.post(address, content=body, headers=headers)
        spent.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    return spent[_COLD:]
