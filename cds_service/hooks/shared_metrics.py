"""Metrics of several worker processes as one: the folder in which the Prometheus library keeps their numbers.

Knows that folder and which of its files belong to processes that are gone. Must not know what is counted.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by the Prometheus library when it is first imported: set before the workers start, or without effect."""

INTERNAL_PREFIX = "internal_"
_OF_A_PROCESS = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


def shared_folder() -> Path | None:
    """The folder shared by the workers; None where one process serves alone."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


def shared_registry(folder: Path) -> CollectorRegistry:
    """The numbers of all workers: counts of dead ones included, their gauges (calls in flight, canaries) not."""
    for process_id in _dead_processes(folder):
        mark_process_dead(process_id, str(folder))  # type: ignore[no-untyped-call] # untyped there
    registry = CollectorRegistry()
    registry.register(_OwnMetrics(folder))
    return registry


class _OwnMetrics(Collector):
    """The workers' numbers without those of internal applications, which write to the same files."""

    def __init__(self, folder: Path) -> None:
        # The library leaves these functions untyped.
        self._all = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        families = self._all.collect()  # type: ignore[no-untyped-call]
        yield from (each for each in families if not each.name.startswith(INTERNAL_PREFIX))


def _dead_processes(folder: Path) -> set[int]:
    """Processes that kept gauges here and run no longer; a worker that is killed cannot remove its own."""
    found = {int(named[1]) for path in folder.iterdir() if (named := _OF_A_PROCESS.fullmatch(path.name))}
    return {process_id for process_id in found if not _runs(process_id)}


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
