"""The population beyond one machine: Spark shuffles resources to buckets, one task judges one bucket.

Knows Spark (the extra `spark`). The tasks use the reading, the replay and the rows of every other engine; input and
output are folders that all machines see. Patients are not grouped by pandas functions: a task walks its bucket once.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from pyspark import SparkConf, SparkContext, StorageLevel

from cds_service.population.buckets import Chart, bucket_of, judge_bucket
from cds_service.population.intake import IntakeReport, input_files, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark import RDD

    from cds_service.clinical.profiles import Profile
    from cds_service.population.buckets import Run

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_SHARED, _REPORT = -1, -2
"""Beside the rows of buckets travel those of what charts may refer to, and one report of each file."""


@contextmanager
def spark_context(master: str) -> Iterator[SparkContext]:
    """A Spark context on `master` ("local[2]", "spark://…") whose workers import this very package; stopped at the end.

    What spark-defaults.conf says is kept; a local master listens on 127.0.0.1 only.
    """
    conf = SparkConf().setAppName("cds-service evaluate").setMaster(master)
    conf.setIfMissing("spark.ui.enabled", "false")
    if master.startswith("local"):
        conf.setIfMissing("spark.driver.host", "127.0.0.1").setIfMissing("spark.driver.bindAddress", "127.0.0.1")
    context = SparkContext(conf=conf, environment={"PYTHONPATH": str(_PACKAGE_ROOT)})
    if master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable  # not whatever "python3" is on the path
    try:
        yield context
    finally:
        context.stop()


def evaluate_on_spark(
    context: SparkContext, source: Path, run: Run, profile: Profile, *, wanted: Iterable[int] | None = None
) -> IntakeReport:
    """Judge the buckets of a run that are not done (of `wanted`, if given); returns what was read."""
    files, report = input_files(source)
    open_buckets = frozenset(run.open_buckets(wanted))
    read = _read(context, files, open_buckets, run.buckets)
    for told in read.filter(lambda row: row[0] == _REPORT).values().collect():
        report.add(told)
    rows = read.filter(lambda row: row[0] == _SHARED).values().collect()
    shared = context.broadcast({reference: orjson.loads(json) for _, reference, json in sorted(rows)})

    def judged(bucket: int, placed: Iterable[tuple[int, tuple[str, str, bytes]]]) -> Iterator[int]:
        if bucket in open_buckets:
            yield judge_bucket(run, bucket, _charts(placed), shared.value, profile)

    read.filter(lambda row: row[0] >= 0).partitionBy(run.buckets, int).mapPartitionsWithIndex(judged).count()
    read.unpersist()
    return report


def _read(context: SparkContext, files: list[Path], buckets: frozenset[int], count: int) -> RDD[tuple[int, Any]]:
    """Every resource of these buckets by bucket, read once, one task a file; kept on the machines' disks."""

    def placed(path: str) -> Iterator[tuple[int, Any]]:
        report = IntakeReport()
        for each in read_file(Path(path), report):
            bucket = bucket_of(each.patient, count) if each.patient else _SHARED
            if bucket in buckets or bucket == _SHARED:
                yield bucket, (each.patient, each.reference, each.json)
        yield _REPORT, report

    names = context.parallelize([str(path.resolve()) for path in files], max(len(files), 1))
    return names.flatMap(placed).persist(StorageLevel.DISK_ONLY)


def _charts(placed: Iterable[tuple[int, tuple[str, str, bytes]]]) -> Iterator[Chart]:
    """The charts of one bucket in order of patient id, resources in order of reference and content."""
    rows = sorted(row for _, row in placed)
    for patient, own in groupby(rows, key=itemgetter(0)):
        yield Chart(patient, tuple(json for _, _, json in own))
