"""The population beyond one machine: Spark shuffles resources to buckets, one task judges one bucket.

Knows Spark (the extra `spark`). The tasks use the reading, the replay and the rows of every other engine; input and
output are folders that all machines see. Patients are not grouped by pandas functions: a task walks its bucket once.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from pyspark import StorageLevel

from cds_service.population.buckets import Chart, bucket_of, judge_bucket
from cds_service.population.intake import IntakeReport, input_files, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyspark import RDD, SparkContext

    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.reading import JsonObject
    from cds_service.population.buckets import Run

# A row on its way: bucket, patient, reference and JSON. Two further kinds travel beside the charts.
Row = "tuple[int, tuple[str, str, bytes]]"
_SHARED, _REPORT = -1, -2


def evaluate_on_spark(
    context: SparkContext, source: Path, run: Run, profile: Profile, *, wanted: Iterable[int] | None = None
) -> IntakeReport:
    """Judge the buckets of a run that are not done (of `wanted`, if given); returns what was read."""
    files, report = input_files(source)
    open_buckets = run.open_buckets(wanted)
    read = _read(context, files, frozenset(open_buckets), run.buckets)
    for told in _of(read, _REPORT):
        report.add(_report_from(told[2]))
    shared = {reference: orjson.loads(json) for _, reference, json in sorted(_of(read, _SHARED))}
    charts = read.filter(lambda row: row[0] >= 0).partitionBy(run.buckets, int)
    is_open = frozenset(open_buckets)
    judged = charts.mapPartitionsWithIndex(
        lambda bucket, rows: _judged(run, bucket, rows, context_shared.value, profile) if bucket in is_open else iter(())
    )
    context_shared = context.broadcast(shared)
    judged.count()
    read.unpersist()
    return report
