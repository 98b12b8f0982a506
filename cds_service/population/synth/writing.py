"""Writing synthetic patients: Bulk NDJSON, one file per resource type, or one transaction Bundle per patient.

Deterministic: the same seed, number and anchor give the same bytes in every process. Reads no clock.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from cds_service.population.buckets import compressed
from cds_service.population.synth.draws import Draws
from cds_service.population.synth.laboratory import Laboratory
from cds_service.population.synth.resources import ChartWriter
from cds_service.population.synth.stories import STORIES, Telling

if TYPE_CHECKING:
    import gzip
    from collections.abc import Iterator
    from io import BufferedWriter
    from pathlib import Path

    from cds_service.fhir.reading import JsonObject

    Writable = gzip.GzipFile | BufferedWriter

_OFFSETS_HOURS = ((0, 40.0), (-5, 25.0), (-8, 10.0), (1, 15.0), (10, 10.0))
_SENT_TWICE = 0.02
_STAY_H = 80.0
_YEAR_H = 365 * 24


@dataclass(frozen=True, slots=True)
class Population:
    """Which patients: how many, from which seed, and the instant before which all of it happened (a year back)."""

    patients: int
    seed: int
    anchor: datetime

    def charts(self) -> Iterator[tuple[str, list[JsonObject]]]:
        """Each patient's id and resources, in order of number."""
        for number in range(1, self.patients + 1):
            patient_id = f"synth-{self.seed}-{number:07}"
            yield patient_id, _chart(patient_id, self.seed, self.anchor)


def _chart(patient_id: str, seed: int, anchor: datetime) -> list[JsonObject]:
    """One patient's resources, a few of them sent twice."""
    draws = Draws(seed, patient_id)
    arrived_at = anchor - timedelta(hours=_STAY_H + draws.between(0, _YEAR_H))
    arrived_at = arrived_at.replace(second=0, microsecond=0)
    chart = ChartWriter(patient_id, draws.weighted(_OFFSETS_HOURS))
    born = date(arrived_at.year - draws.whole(16, 80), draws.whole(1, 12), draws.whole(1, 28))
    chart.patient(born.isoformat(), draws.one_of(("female", "male")))
    weight_kg = float(round(draws.between(48, 105)))
    chart.encounter(arrived_at, arrived_at + timedelta(hours=_STAY_H))
    if draws.happens(0.9):
        chart.weight(weight_kg, arrived_at)
    telling = Telling(draws, chart, Laboratory.drawn(draws), weight_kg, arrived_at)
    draws.weighted(STORIES)(telling)
    return [each for each in chart.resources for _ in range(2 if draws.happens(_SENT_TWICE) else 1)]


def write_ndjson(population: Population, folder: Path, *, is_gzip: bool = False) -> dict[str, int]:
    """Write one file per resource type; returns the lines of each type. Bounded memory."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, int] = {}
    with ExitStack() as stack:
        files: dict[str, Writable] = {}
        for _, resources in population.charts():
            for resource in resources:
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = _opened(stack, folder / f"{kind}.ndjson", is_gzip=is_gzip)
                files[kind].write(orjson.dumps(resource) + b"\n")
                lines[kind] = lines.get(kind, 0) + 1
    return lines


def _opened(stack: ExitStack, path: Path, *, is_gzip: bool) -> Writable:
    """The file to write to; a compressed one carries neither name nor time."""
    if is_gzip:
        return stack.enter_context(compressed(path.with_name(f"{path.name}.gz")))
    return stack.enter_context(path.open("wb"))


def write_bundles(population: Population, folder: Path) -> dict[str, int]:
    """Write one transaction Bundle of PUT entries per patient; of each resource the newest version only."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    for patient_id, resources in population.charts():
        newest = _newest(resources)
        entries = [{"resource": each, "request": {"method": "PUT", "url": url}} for url, each in newest.items()]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        (folder / f"{patient_id}.json").write_bytes(orjson.dumps(bundle))
        for resource in newest.values():
            written[resource["resourceType"]] = written.get(resource["resourceType"], 0) + 1
    return written


def _newest(resources: list[JsonObject]) -> dict[str, JsonObject]:
    """Each resource once; a first version stands behind the one that corrected it."""
    newest: dict[str, JsonObject] = {}
    for resource in resources:
        newest.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
    return newest
