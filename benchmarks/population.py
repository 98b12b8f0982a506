"""How many observations a second the population run judges, and in how much memory, on DuckDB and on Spark.

Every figure is of the whole command `cds-service evaluate` with its children: reading, replay, tables and report.
Memory is the largest sum of proportional set sizes, CPU time the sum over all processes; both are sampled. Nothing is
asserted about time: the table has the ratios of one run on one machine. It is written after every measurement.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.population.synth.writing import Population, write_ndjson
from cds_service.population.tables import figures_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
_SEED = 1
_SIZES = (10_000, 100_000)
_MILLION = 1_000_000
_OBSERVATIONS_PER_PATIENT = 10.9
_ENGINES = ("duckdb", "spark")
_SAMPLED_EVERY_S = 0.5
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_COMMAND = "import sys; from cds_service.cli import app; app(sys.argv[1:])"
_KIB_PER_MIB = 1024
_RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Took:
    """What one command took: seconds by the clock, CPU seconds of all its processes, and memory."""

    seconds: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one engine. `start`: what the same command takes for one patient, which is mostly starting."""

    engine: str
    observations: int
    instants: int
    took: Took
    start: Took

    @property
    def per_second(self) -> float:
        """Observations a second of the whole command."""
        return self.observations / self.took.seconds

    @property
    def per_second_started(self) -> float:
        """Observations a second once the engine is up."""
        return self.observations / max(self.took.seconds - self.start.seconds, 1e-9)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of an observation once the engine is up: about the same on a busy machine."""
        return 1000 * max(self.took.cpu_s - self.start.cpu_s, 0.0) / self.observations


def main() -> None:
    """Measure and print the table; write it to a folder too."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--observations", type=int, nargs="+", default=list(_SIZES), help="sizes, about")
    options.add_argument("--million", action="store_true", help="measure a million observations too")
    options.add_argument("--engines", nargs="+", choices=_ENGINES, default=list(_ENGINES))
    options.add_argument("--output", type=Path, default=_RESULTS, help="folder for population.md")
    chosen = options.parse_args()
    sizes = [*chosen.observations, *([_MILLION] if chosen.million else [])]
    chosen.output.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="cds-benchmark-") as scratch:
        for each in _measured(Path(scratch), sizes, chosen.engines):
            measured.append(each)
            (chosen.output / "population.md").write_text(table(measured), encoding="utf-8")
    sys.stdout.write(table(measured))


def _measured(scratch: Path, sizes: list[int], engines: list[str]) -> Iterator[Measured]:
    """Every size on every engine, the engines in turn."""
    one = _population(scratch, 1)
    starts = {engine: _run(engine, one, scratch / f"start-{engine}") for engine in engines}
    for size in sizes:
        source = _population(scratch, max(round(size / _OBSERVATIONS_PER_PATIENT), 1))
        for engine in engines:
            output = scratch / f"{engine}-{size}"
            took = _run(engine, source, output)
            observations, instants = _counted(output)
            sys.stderr.write(f"{engine}: {observations} observations in {took.seconds:.1f} s\n")
            yield Measured(engine, observations, instants, took, starts[engine])


def _population(scratch: Path, patients: int) -> Path:
    folder = scratch / f"source-{patients}"
    write_ndjson(Population(patients, _SEED, _ANCHOR), folder)
    return folder


def _run(engine: str, source: Path, output: Path) -> Took:
    """One command, watched."""
    options = ["evaluate", "--input", str(source), "--output", str(output), "--engine", engine]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _COMMAND, *options], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    peak = 0.0
    cpu_s: dict[int, float] = {}
    while True:
        try:
            code = process.wait(_SAMPLED_EVERY_S)
        except subprocess.TimeoutExpired:
            family = _family(process.pid)
            peak = max(peak, sum(map(_own_mib, family)))
            cpu_s |= {pid: _own_cpu_s(pid) or cpu_s.get(pid, 0.0) for pid in family}
            continue
        if code != 0:
            msg = f"{engine} ended with {code}"
            raise RuntimeError(msg)
        return Took(time.perf_counter() - started, sum(cpu_s.values()), peak)


def _family(root: int) -> set[int]:
    """A process and everything it started."""
    parents = dict(_parents())
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile


def _own_cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND  # utime and stime, counted behind the name


def _own_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / _KIB_PER_MIB


def _counted(output: Path) -> tuple[int, int]:
    """Observations and instants of an evaluation."""
    totals = figures_of(output).totals
    return totals["observations"], totals["instants"]


_COLUMNS = (
    *("Engine", "Observations", "Instants", "Seconds", "of these start"),
    *("Observations/s", "once started", "CPU ms an observation", "Peak MiB"),
)


def table(measured: list[Measured]) -> str:
    """The figures as Markdown."""
    machine = f"{os.cpu_count()} processors, Python {sys.version.split()[0]}"
    lines = [
        f"The population run on {machine}, seed {_SEED}. DuckDB: a process for each processor; Spark: local[2].",
        "Start: the same command over one patient. CPU time is of all processes, without that of the start.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|---|{'---:|' * (len(_COLUMNS) - 1)}",
        *(f"| {' | '.join(_cells(each))} |" for each in measured),
        "",
        *_growth(measured),
    ]
    return "\n".join(lines) + "\n"


def _cells(each: Measured) -> tuple[str, ...]:
    counted = (f"{each.observations:,}", f"{each.instants:,}", f"{each.took.seconds:.1f}", f"{each.start.seconds:.1f}")
    rates = (f"{each.per_second:.0f}", f"{each.per_second_started:.0f}", f"{each.cpu_ms:.2f}")
    return (each.engine, *counted, *rates, f"{each.took.peak_mib:.0f}")


def _growth(measured: list[Measured]) -> Iterator[str]:
    """How time grows with size on each engine."""
    for engine in dict.fromkeys(each.engine for each in measured):
        for small, large in pairwise(each for each in measured if each.engine == engine):
            times = large.observations / small.observations
            took = (large.took.seconds - large.start.seconds) / max(small.took.seconds - small.start.seconds, 1e-9)
            cpu = times * large.cpu_ms / max(small.cpu_ms, 1e-9)
            yield (
                f"- {engine}: {times:.1f} times the observations took {cpu:.1f} times the CPU time "
                f"and {took:.1f} times the time once started."
            )


if __name__ == "__main__":
    main()
