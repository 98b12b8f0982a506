"""What the numbers should be, and how far they are from it. Nothing fails when a bar is missed: the table says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measuring import Fetching, Measured, Round

OWN = "this service"
FLOOR = "floor"
PATIENT_VIEW = "patient-view"
LARGE = "5,000 Observations"

CPU_TO_FLOOR = 3.5
LARGE_CPU_MS = 25.0
P99_TO_P50 = 3.0
START_S = 1.0
FETCH_RATIO, FETCH_MS = 1.3, 5.0
PEERS = {"healthchain, FHIR models": 4.0, "HAPI cds-hooks": 6.0}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is about, the limit in words, what was measured, and whether it is met."""

    about: str
    limit: str
    measured: str
    is_met: bool


def bars(result: Round, fetching: Fetching | None) -> list[Bar]:
    """Every bar for which something was measured."""
    by_name = {(each.target, each.body): each for each in result.measured if each.connections == 1}
    own, floor = by_name[OWN, PATIENT_VIEW], by_name[FLOOR, PATIENT_VIEW]
    start_s = result.starts_s[OWN]
    found = [
        _at_most("CPU of a request, times the floor's", CPU_TO_FLOOR, own.cpu_ms / floor.cpu_ms),
        _at_most("p99 at one connection, times p50", P99_TO_P50, own.p99_ms / own.p50_ms),
        _at_most("seconds from start to first 200", START_S, start_s),
        *(_at_least(f"CPU of {name}, times ours", limit, by_name[name, PATIENT_VIEW].cpu_ms / own.cpu_ms)
          for name, limit in PEERS.items() if (name, PATIENT_VIEW) in by_name),
    ]  # fmt: skip
    if (OWN, LARGE) in by_name:
        found.append(_at_most(f"CPU ms of a call with {LARGE}", LARGE_CPU_MS, by_name[OWN, LARGE].cpu_ms))
    if fetching is not None:
        limit = FETCH_RATIO * fetching.slowest_query_p50_ms + FETCH_MS
        found.append(_at_most("ms of a call that fetches (p50)", limit, fetching.call_p50_ms))
    return found


def _at_most(about: str, limit: float, measured: float) -> Bar:
    return Bar(about, f"≤ {limit:.4g}", f"{measured:.2f}", measured <= limit)


def _at_least(about: str, limit: float, measured: float) -> Bar:
    return Bar(about, f"≥ {limit:.4g}", f"{measured:.2f}", measured >= limit)


def costs_per_observation(measured: list[Measured]) -> dict[str, float]:
    """CPU microseconds per Observation of each large chart of this service: equal numbers mean linear cost."""
    large = [each for each in measured if each.target == OWN and each.body.endswith(" Observations")]
    return {each.body: each.cpu_ms * 1000 / int(each.body.split()[0].replace(",", "")) for each in large}
