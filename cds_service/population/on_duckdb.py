"""The population on one machine: DuckDB groups the resources by patient and spills to disk what memory cannot hold.

Knows DuckDB and processes. Reads each input line once into a table on disk; then each process judges one bucket at a
time, so that memory is bounded whatever the size of the export.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import orjson

from cds_service.population.buckets import Chart, RunError, bucket_of, judge_bucket
from cds_service.population.intake import IntakeReport, input_files, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cds_service.clinical.profiles import Profile
    from cds_service.population.buckets import Run
    from cds_service.population.intake import Placed

_MEMORY_MB = 512
_SPOOL = "chart.tsv"
_DATABASE = "chart.duckdb"
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
    processes: int = 1,
    on_bucket: Callable[[int], None] = lambda _: None,
) -> IntakeReport:
    """Judge the buckets of a run that are not done (of `wanted`, if given); returns what was read.

    `processes`: how many judge side by side; 1: this one alone. `on_bucket` is told how many patients each bucket had.
    Raises `RunError` when a process was killed; the buckets that are done stay done.
    """
    open_buckets = run.open_buckets(wanted)
    with tempfile.TemporaryDirectory(prefix="cds-population-") as scratch:
        report = _spool(source, Path(scratch) / _SPOOL, frozenset(open_buckets), run.buckets)
        _make_table(Path(scratch))
        task = _Task(Path(scratch), run, profile, max(min(processes, len(open_buckets)), 1))
        for count in _counts(task, open_buckets):
            on_bucket(count)
    return report


@dataclass(frozen=True, slots=True)
class _Task:
    """What a process needs to know to judge any bucket: the table lies in `scratch`."""

    scratch: Path
    run: Run
    profile: Profile
    processes: int

    def judge(self, buckets: Iterable[int]) -> Iterator[int]:
        """Judge these buckets one after another; how many patients each had."""
        with _opened(self.scratch, self.processes) as connection:
            shared = {reference: orjson.loads(json) for _, reference, json in _rows(connection, _SHARED)}
            for bucket in buckets:
                yield judge_bucket(self.run, bucket, _charts(connection, bucket), shared, self.profile)

    def judge_one(self, bucket: int) -> int:
        """Judge one bucket, in a process that may judge others."""
        return next(self.judge([bucket]))


def _counts(task: _Task, buckets: list[int]) -> Iterator[int]:
    """How many patients each bucket had, as they get done."""
    if task.processes == 1:
        yield from task.judge(buckets)
        return
    # Started afresh: a copy of this process would hold copies of threads that do not run.
    with ProcessPoolExecutor(task.processes, mp_context=get_context("spawn")) as pool:
        begun = [pool.submit(task.judge_one, bucket) for bucket in buckets]
        try:
            for done in as_completed(begun):
                yield done.result()
        except BrokenProcessPool:
            msg = "a process that judged patients was killed: call again to go on, with fewer --processes"
            raise RunError(msg) from None
        finally:
            pool.shutdown(cancel_futures=True)


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


def _make_table(scratch: Path) -> None:
    """Put the spooled rows into a database on disk."""
    with duckdb.connect(scratch / _DATABASE) as connection:
        _limit(connection, scratch, 1)
        connection.execute(_TABLE, [str(scratch / _SPOOL)])
    (scratch / _SPOOL).unlink()


@contextmanager
def _opened(scratch: Path, processes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database, for reading beside as many processes."""
    with duckdb.connect(scratch / _DATABASE, read_only=True) as connection:
        _limit(connection, scratch, processes)
        yield connection


def _limit(connection: duckdb.DuckDBPyConnection, scratch: Path, processes: int) -> None:
    connection.execute(f"SET memory_limit = '{_MEMORY_MB // processes}MB'")
    connection.execute("SET temp_directory = ?", [str(scratch / f"spill-{os.getpid()}")])
    connection.execute("SET enable_progress_bar = false")
    if processes > 1:
        connection.execute("SET threads = 1")


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
