"""Buckets: which patients one task judges, where it puts its rows, and how a later run knows that it is done.

Knows files. A bucket's part files appear whole or not at all, and are the same bytes under every engine.
"""

from __future__ import annotations

import gzip
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.population.replaying import history_of
from cds_service.population.rows import instant_rows, order_rows, patient_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.reading import JsonObject
    from cds_service.population.replaying import History

ROWS: Mapping[str, Callable[[History], list[dict[str, Any]]]] = {
    "instants": instant_rows,
    "orders": order_rows,
    "patients": lambda history: [patient_row(history)],
}
"""The kinds of rows of a patient, and what makes them."""

_PARTS = "parts"
_MANIFEST = "run.json"
_DIGEST_BYTES = 8


class RunError(Exception):
    """A run that cannot be begun, resumed or finished; the message says why."""


def bucket_of(patient_id: str, count: int) -> int:
    """The bucket (0 to `count` - 1) of a patient: the same on every machine and in every run."""
    digest = sha256(patient_id.encode()).digest()
    return int.from_bytes(digest[:_DIGEST_BYTES], "big") % count


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation of one input: where its rows go, in how many buckets, and what must be the same to resume it."""

    output: Path
    buckets: int
    identity: Mapping[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """Write down what is evaluated; raises `RunError` where the folder holds rows of something else."""
        self.parts.mkdir(parents=True, exist_ok=True)
        told = {**self.identity, "buckets": self.buckets}
        path = self.output / _MANIFEST
        if not path.exists():
            _put(path, orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
        elif (known := orjson.loads(path.read_bytes())) != told:
            differing = sorted(name for name in {*known, *told} if known.get(name) != told.get(name))
            msg = f"{self.output} holds another run ({', '.join(differing)} differ): choose another folder or empty it"
            raise RunError(msg)

    @property
    def parts(self) -> Path:
        """The folder of part files."""
        return self.output / _PARTS

    def part(self, kind: str, bucket: int) -> Path:
        """The file of one bucket's rows; `kind`: one of `ROWS`."""
        return self.parts / f"{kind}-{bucket:05}-of-{self.buckets:05}.ndjson.gz"

    def all_parts(self, kind: str) -> str:
        """A pattern that stands for the part files of every bucket."""
        return str(self.parts / f"{kind}-*-of-{self.buckets:05}.ndjson.gz")

    def is_done(self, bucket: int) -> bool:
        """Whether a bucket's rows are there in full."""
        return self._marker(bucket).exists()

    def open_buckets(self, wanted: Iterable[int] | None = None) -> list[int]:
        """The buckets that are still to be judged."""
        return [bucket for bucket in (range(self.buckets) if wanted is None else wanted) if not self.is_done(bucket)]

    def mark_done(self, bucket: int) -> None:
        """Say that a bucket's rows are there in full."""
        _put(self._marker(bucket), b"")

    def _marker(self, bucket: int) -> Path:
        return self.parts / f"bucket-{bucket:05}-of-{self.buckets:05}.done"


def _put(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient's resources as JSON."""

    patient_id: str
    resources: tuple[bytes, ...]


def judge_bucket(
    run: Run, bucket: int, charts: Iterable[Chart], shared: Mapping[str, JsonObject], profile: Profile
) -> int:
    """Replay the patients of one bucket and write its part files; returns how many patients it had.

    `charts`: in order of patient id, each patient once.
    """
    count = 0
    paths = {kind: run.part(kind, bucket) for kind in ROWS}
    unfinished = {kind: path.with_name(f".{path.name}.unfinished") for kind, path in paths.items()}
    with ExitStack() as stack:
        parts = {kind: stack.enter_context(compressed(path)) for kind, path in unfinished.items()}
        for chart in charts:
            history = history_of(chart.patient_id, map(orjson.loads, chart.resources), shared, profile)
            for kind, rows_of in ROWS.items():
                parts[kind].writelines(_lines(rows_of(history)))
            count += 1
    for kind, path in paths.items():
        unfinished[kind].replace(path)
    run.mark_done(bucket)
    return count


@contextmanager
def compressed(path: Path) -> Iterator[gzip.GzipFile]:
    """A gzip file to write that holds no name and no time: equal contents give equal files."""
    with path.open("wb") as plain, gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as zipped:
        yield zipped


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    return (orjson.dumps(row, option=orjson.OPT_SORT_KEYS) + b"\n" for row in rows)
