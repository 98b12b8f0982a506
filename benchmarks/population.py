"""How many observations a second the population run judges, and in how much memory, on DuckDB and on Spark.

Every figure is of the whole command `cds-service evaluate` in a process of its own: reading, replay, tables and report.
Memory is the largest sum of the proportional set sizes of the command and all its children, sampled. Nothing is
asserted about time: the table has the ratios of one run on one machine.
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
_SAMPLED_EVERY_S = 0.25
_COMMAND = "import sys; from cds_service.cli import app; app(sys.argv[1:])"
_KIB_PER_MIB = 1024
_RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one engine. `start_s`: the same command over one patient, which is mostly starting."""

    engine: str
    observations: int
    instants: int
    seconds: float
    start_s: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Observations a second of the whole command."""
        return self.observations / self.seconds

    @property
    def per_second_started(self) -> float:
        """Observations a second once the engine is up."""
        return self.observations / max(self.seconds - self.start_s, 1e-9)


def main() -> None:
    """Measure and print the table; write it to a folder too."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--observations", type=int, nargs="+", default=list(_SIZES), help="sizes, about")
    options.add_argument("--million", action="store_true", help="measure a million observations too")
    options.add_argument("--engines", nargs="+", choices=_ENGINES, default=list(_ENGINES))
    options.add_argument("--output", type=Path, default=_RESULTS, help="folder for population.md")
    chosen = options.parse_args()
    sizes = [*chosen.observations, *([_MILLION] if chosen.million else [])]
    with tempfile.TemporaryDirectory(prefix="cds-benchmark-") as scratch:
        measured = list(_measured(Path(scratch), sizes, chosen.engines))
    chosen.output.mkdir(parents=True, exist_ok=True)
    table = _table(measured)
    (chosen.output / "population.md").write_text(table, encoding="utf-8")
    sys.stdout.write(table)


def _measured(scratch: Path, sizes: list[int], engines: list[str]) -> Iterator[Measured]:
    """Every size on every engine, the engines in turn."""
    one = _population(scratch, 1)
    starts = {engine: _run(engine, one, scratch / f"start-{engine}")[0] for engine in engines}
    for size in sizes:
        source = _population(scratch, max(round(size / _OBSERVATIONS_PER_PATIENT), 1))
        for engine in engines:
            output = scratch / f"{engine}-{size}"
            seconds, peak = _run(engine, source, output)
            observations, instants = _counted(output)
            sys.stderr.write(f"{engine}: {observations} observations in {seconds:.1f} s\n")
            yield Measured(engine, observations, instants, seconds, starts[engine], peak)


def _population(scratch: Path, patients: int) -> Path:
    folder = scratch / f"source-{patients}"
    write_ndjson(Population(patients, _SEED, _ANCHOR), folder)
    return folder


def _run(engine: str, source: Path, output: Path) -> tuple[float, float]:
    """Seconds and peak MiB of one command."""
    options = ["evaluate", "--input", str(source), "--output", str(output), "--engine", engine]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _COMMAND, *options], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    peak = 0.0
    while True:
        try:
            code = process.wait(_SAMPLED_EVERY_S)
        except subprocess.TimeoutExpired:
            peak = max(peak, _resident_mib(process.pid))
            continue
        if code != 0:
            msg = f"{engine} ended with {code}"
            raise RuntimeError(msg)
        return time.perf_counter() - started, peak


def _resident_mib(root: int) -> float:
    """Memory in RAM of a process and everything it started; what is shared among them counts once."""
    parents = dict(_parents())
    family = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        if not more:
            return sum(map(_own_mib, family))
        family |= more


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile


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
    *("Observations/s", "once started", "Peak MiB"),
)


def _table(measured: list[Measured]) -> str:
    """The figures as Markdown."""
    machine = f"{os.cpu_count()} processors, Python {sys.version.split()[0]}"
    lines = [
        f"The population run on {machine}, seed {_SEED}. Spark is local[2], DuckDB one process.",
        "Start: the same command over one patient.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|---|{'---:|' * (len(_COLUMNS) - 1)}",
        *(f"| {' | '.join(_cells(each))} |" for each in measured),
        "",
        *_growth(measured),
    ]
    return "\n".join(lines) + "\n"


def _cells(each: Measured) -> tuple[str, ...]:
    counted = (f"{each.observations:,}", f"{each.instants:,}", f"{each.seconds:.1f}", f"{each.start_s:.1f}")
    return (
        each.engine,
        *counted,
        *(f"{rate:.0f}" for rate in (each.per_second, each.per_second_started, each.peak_mib)),
    )


def _growth(measured: list[Measured]) -> Iterator[str]:
    """How time grows with size on each engine."""
    for engine in dict.fromkeys(each.engine for each in measured):
        for small, large in pairwise(each for each in measured if each.engine == engine):
            times = large.observations / small.observations
            took = (large.seconds - large.start_s) / (small.seconds - small.start_s)
            yield f"- {engine}: {times:.1f} times the observations took {took:.1f} times the time once started."


if __name__ == "__main__":
    main()
