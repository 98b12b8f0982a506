"""A run as a table, as JSON and as a plot, with the machine and the versions it was made with.

Knows files and wording. Must not measure anything.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.bars import OWN, PATIENT_VIEW, costs_per_observation
from benchmarks.plot import log_bars
from benchmarks.sizing import sizes

if TYPE_CHECKING:
    from datetime import datetime

    from benchmarks.bars import Bar
    from benchmarks.measuring import Fetching, Measured, Round
    from benchmarks.sizing import Size

_PACKAGES = ("fastapi", "httptools", "httpx", "orjson", "starlette", "uvicorn", "uvloop")


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run found out. `left_out`: peers that could not be had, with the reason."""

    at: datetime
    load: str
    seconds: float
    result: Round
    fetching: Fetching | None
    bars: list[Bar]
    left_out: list[str]


def write(run: Run, folder: Path) -> list[Path]:
    """Write latest.md, latest.json and latest.svg into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"latest.{ending}" for ending in ("md", "json", "svg")]
    paths[0].write_text(as_markdown(run))
    paths[1].write_bytes(orjson.dumps(_as_json(run), option=orjson.OPT_INDENT_2) + b"\n")
    paths[2].write_bytes(_as_svg(run))
    return paths


def as_markdown(run: Run) -> str:
    """The tables."""
    parts = [
        "# Benchmarks\n",
        _made_with(run),
        as_table(("Target", "Body", "Conn.", "CPU ms", "p50 ms", "p99 ms", "1/s", "Requests", "Failed"),
               [_row(each) for each in run.result.measured]),
        as_table(("Bar", "Limit", "Measured", ""),
               [(bar.about, bar.limit, bar.measured, "met" if bar.is_met else "**missed**") for bar in run.bars]),
        as_table(("Target", "First 200 after s", "MiB at start", "MiB at end", "MiB at most"),
               [_memory_row(name, run) for name in run.result.starts_s]),
    ]  # fmt: skip
    costs = costs_per_observation(run.result.measured)
    if costs:
        parts.append(
            as_table(("Chart", "CPU µs per Observation"), [(name, f"{cost:.2f}") for name, cost in costs.items()])
        )
    own = next(each for each in run.result.measured if (each.target, each.body) == (OWN, PATIENT_VIEW))
    parts.append(
        as_table(
            ("Site", "Calls/s", "Processes (cores)", "GiB"),
            [_size_row(size) for size in sizes(own.cpu_ms, max(run.result.memory_mib[OWN]))],
        )
    )
    parts += [_fetching_words(run.fetching)] if run.fetching else []
    parts += [f"Left out: {words}.\n" for words in run.left_out]
    parts.append("Versions: " + ", ".join(f"{name} {each}" for name, each in _versions().items()) + ".\n")
    return "\n".join(parts)


def machine_words() -> str:
    """The machine in words."""
    return str(_machine()["words"])


def _made_with(run: Run) -> str:
    return (
        f"{run.at:%Y-%m-%d}, {machine_words()}; load by {run.load}, turns of {run.seconds:g} s, interleaved."
        " Made by `make bench`. Other work on the machine moves latencies far more than CPU time.\n"
    )


def as_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(each: Measured) -> tuple[str, ...]:
    numbers = (f"{each.cpu_ms:.3f}", f"{each.p50_ms:.2f}", f"{each.p99_ms:.2f}", f"{each.per_second:.0f}")
    return (each.target, each.body, str(each.connections), *numbers, str(each.requests), str(each.failures))


def _memory_row(name: str, run: Run) -> tuple[str, ...]:
    seen = run.result.memory_mib[name]
    return (name, f"{run.result.starts_s[name]:.2f}", f"{seen[0]:.0f}", f"{seen[-1]:.0f}", f"{max(seen):.0f}")


def _size_row(size: Size) -> tuple[str, ...]:
    return (size.site, f"{size.calls_per_s:g}", str(size.processes), f"{size.memory_gib:g}")


def _fetching_words(fetching: Fetching) -> str:
    return (
        f"Fetching: {fetching.queries} queries of a FHIR server that answers after {fetching.delay_ms:g} ms; the"
        f" slowest alone {fetching.slowest_query_p50_ms:.1f} ms, the whole call {fetching.call_p50_ms:.1f} ms"
        f" (p50; p99 {fetching.call_p99_ms:.1f} ms).\n"
    )


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    words = f"{len(models)} x {models[0] if models else platform.machine()}, {kib // 1024 // 1024} GiB"
    return {"words": f"{words}, Linux {platform.release()}", "cpus": len(models), "memory_kib": kib}


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version()} | {name: version(name) for name in (*_PACKAGES, "cds-service")}


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "at": run.at,
        "machine": _machine(),
        "versions": _versions(),
        "load": run.load,
        "turn_seconds": run.seconds,
        "results": [_numbers(each) for each in run.result.measured],
        "first_200_seconds": run.result.starts_s,
        "memory_mib": run.result.memory_mib,
        "fetching": None if run.fetching is None else asdict(run.fetching),
        "bars": [asdict(bar) for bar in run.bars],
        "left_out": run.left_out,
    }


def _numbers(each: Measured) -> dict[str, Any]:
    names = ("target", "body", "connections", "cpu_ms", "p50_ms", "p99_ms", "per_second", "requests", "failures")
    return {name: getattr(each, name) for name in names}


def _as_svg(run: Run) -> bytes:
    """CPU time of each target and body at one connection, on a logarithmic scale."""
    alone = [(f"{each.target}: {each.body}", each.cpu_ms) for each in run.result.measured if each.connections == 1]
    return log_bars("CPU time of one request (ms, logarithmic)", [(name, ms) for name, ms in alone if ms > 0])
