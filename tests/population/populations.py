"""Small populations on disk, and evaluations of them: what the population tests share."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cds_service.clinical.profiles import US_2023
from cds_service.population.buckets import Run
from cds_service.population.on_duckdb import evaluate_on_duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cds_service.population.intake import IntakeReport

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


def write_lines(path: Path, resources: Iterable[Json | str]) -> None:
    """An NDJSON file; a text stands for a line as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [each if isinstance(each, str) else json.dumps(each) for each in resources]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def judged(source: Path, output: Path, buckets: int = 2, processes: int = 1) -> tuple[Run, IntakeReport]:
    """A run that judged every bucket with DuckDB, and what was read."""
    run = Run(output, buckets)
    run.begin()
    return run, evaluate_on_duckdb(source, run, US_2023, processes=processes)


def rows(run: Run, kind: str) -> list[Json]:
    """The rows of every bucket, in order of bucket."""
    parts = [gzip.decompress(run.part(kind, bucket).read_bytes()) for bucket in range(run.buckets)]
    return [json.loads(line) for part in parts for line in part.splitlines()]
