"""From what a call costs to how many processes a site needs. Pure arithmetic; docs/sizing.md explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass

BUSY_SHARE = 0.6
"""Of a core, as the autoscaler holds it: the rest is for bursts and for a replica that is gone."""

SITES: tuple[tuple[str, float], ...] = (
    ("an emergency department", 1),
    ("a hospital", 20),
    ("a large hospital", 100),
    ("a hospital group", 500),
)
"""Hook calls a second in the busiest minute."""

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Size:
    """What a rate of calls needs: processes of one core each, and their memory in GiB."""

    site: str
    calls_per_s: float
    processes: int
    memory_gib: float


def sizes(cpu_ms: float, process_mib: float) -> list[Size]:
    """For each kind of site: never fewer than two processes, so that one may go."""
    found = []
    for site, rate in SITES:
        processes = max(_FEWEST, math.ceil(rate * cpu_ms / 1000 / BUSY_SHARE))
        found.append(Size(site, rate, processes, round(processes * process_mib / 1024, 1)))
    return found
