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
from pyspark import SparkConf, SparkContext

from cds_service.population.buckets import Chart, bucket_of, judge_bucket
from cds_service.population.intake import IntakeReport, input_files, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.clinical.profiles import Profile
    from cds_service.population.buckets import Run

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


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
    """Judge the buckets of a run that are not done (of `wanted`, if given); returns what was read.

    One job: a task for each file, one shuffle, a task for each bucket. What charts may refer to goes to every open
    bucket; what each file was like goes to a partition of its own, behind the buckets.
    """
    files, report = input_files(source)
    open_buckets = frozenset(run.open_buckets(wanted))
    count = run.buckets

    def placed(file: tuple[int, str]) -> Iterator[tuple[int, Any]]:
        number, path = file
        own = IntakeReport()
        for each in read_file(Path(path), own):
            row = (each.patient, each.reference, each.json)
            buckets = {bucket_of(each.patient, count)} if each.patient else open_buckets
            yield from ((bucket, row) for bucket in buckets & open_buckets)
        yield count, (number, own)

    def judged(bucket: int, rows: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, IntakeReport]]:
        if bucket == count:
            yield from (row for _, row in rows)
        elif bucket in open_buckets:
            _judge(run, bucket, [row for _, row in rows], profile)

    names = [(number, str(path.resolve())) for number, path in enumerate(files)]
    read = context.parallelize(names, max(len(names), 1)).flatMap(placed)
    told = read.partitionBy(count + 1, int).mapPartitionsWithIndex(judged).collect()
    for _, each in sorted(told, key=itemgetter(0)):
        report.add(each)
    return report


def _judge(run: Run, bucket: int, rows: list[tuple[str, str, bytes]], profile: Profile) -> None:
    """One bucket: charts in order of patient id, resources in order of reference and content."""
    rows.sort()
    shared = {reference: orjson.loads(json) for patient, reference, json in rows if not patient}
    own = groupby((row for row in rows if row[0]), key=itemgetter(0))
    charts = (Chart(patient, tuple(json for _, _, json in chart)) for patient, chart in own)
    judge_bucket(run, bucket, charts, shared, profile)
