"""The population on one machine: DuckDB groups the resources by patient and spills to disk what memory cannot hold.

Knows DuckDB. Reads each input line once into a table on disk and hands out one bucket's charts at a time, so that
memory is bounded whatever the size of the export.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import orjson

from cds_service.population.buckets import Chart, bucket_of, judge_bucket
from cds_service.population.intake import IntakeReport, input_files, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cds_service.clinical.profiles import Profile
    from cds_service.population.buckets import Run
    from cds_service.population.intake import Placed

_MEMORY = "512MB"
_FETCHED = 2000
_SHARED = -1
# More than the longest line that is read.
_LONGEST_ROW = 6 * 1024 * 1024
_TABLE = f"""
CREATE TABLE chart AS SELECT * FROM read_csv(
  ?, delim = '\t', quote = '', escape = '', header = false, auto_detect = false, max_line_size = {_LONGEST_ROW},
  columns = {{'bucket': 'INTEGER', 'patient': 'VARCHAR', 'reference': 'VARCHAR', 'json': 'VARCHAR'}})
"""  # noqa: S608 -- the one number in it is ours


def evaluate_on_duckdb(
    source: Path,
    run: Run,
    profile: Profile,
    *,
    wanted: Iterable[int] | None = None,
    on_bucket: Callable[[int], None] = lambda _: None,
) -> IntakeReport:
    """Judge the buckets of a run that are not done (of `wanted`, if given); returns what was read.

    `on_bucket` is told how many patients each bucket had.
    """
    open_buckets = run.open_buckets(wanted)
    with tempfile.TemporaryDirectory(prefix="cds-population-") as scratch:
        report = _spool(source, Path(scratch) / "chart.tsv", frozenset(open_buckets), run.buckets)
        with _database(Path(scratch)) as connection:
            shared = {reference: orjson.loads(json) for _, reference, json in _rows(connection, _SHARED)}
            for bucket in open_buckets:
                on_bucket(judge_bucket(run, bucket, _charts(connection, bucket), shared, profile))
    return report


def _spool(source: Path, spool: Path, buckets: frozenset[int], count: int) -> IntakeReport:
    """Read every line of the input and keep those of these buckets, with what charts may refer to."""
    files, report = input_files(source)
    with spool.open("wb") as kept:
        for path in files:
            for placed in read_file(path, report):
                bucket = bucket_of(placed.patient, count) if placed.patient else _SHARED
                if bucket in buckets or bucket == _SHARED:
                    kept.write(_row(bucket, placed))
    return report


def _row(bucket: int, placed: Placed) -> bytes:
    """A row of tab-separated text; compact JSON holds neither tabs nor line breaks, and ids neither."""
    reference = " ".join(placed.reference.split())
    return b"%d\t%s\t%s\t%s\n" % (bucket, placed.patient.encode(), reference.encode(), placed.json)


@contextmanager
def _database(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The table of the spooled rows, in a database on disk."""
    with duckdb.connect(scratch / "chart.duckdb") as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET temp_directory = ?", [str(scratch / "spill")])
        connection.execute(_TABLE, [str(scratch / "chart.tsv")])
        yield connection


def _charts(connection: duckdb.DuckDBPyConnection, bucket: int) -> Iterator[Chart]:
    """The charts of one bucket in order of patient id, resources in order of reference and content."""
    for patient, rows in groupby(_rows(connection, bucket), key=itemgetter(0)):
        yield Chart(patient, tuple(json.encode() for _, _, json in rows))


def _rows(connection: duckdb.DuckDBPyConnection, bucket: int) -> Iterator[tuple[str, str, str]]:
    found = connection.execute(
        "SELECT patient, reference, json FROM chart WHERE bucket = ? ORDER BY patient, reference, json", [bucket]
    )
    while rows := found.fetchmany(_FETCHED):
        yield from rows
