"""The hook, DuckDB and Spark say the same of the same chart at the same instant, byte for byte."""

from __future__ import annotations

import shutil
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.clinical.assess import assess
from cds_service.clinical.profiles import US_2023
from cds_service.embedded import in_process
from cds_service.fhir.mapping import facts_from_resources, version_of
from cds_service.fhir.queries import QUERIES
from cds_service.fhir.replay import chart_at, known_versions, standing_at
from cds_service.hooks.extension import NAME
from cds_service.population.buckets import ROWS, Run
from cds_service.population.canonical import assessment_bytes, extension_bytes
from cds_service.population.intake import patient_of
from cds_service.population.on_spark import evaluate_on_spark, spark_context
from cds_service.population.synth.writing import Population, write_ndjson
from cds_service.sandbox.fixtures import load_cases
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from tests.population.populations import ANCHOR, judged, rows, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import httpx

Json = dict[str, Any]
CASES = load_cases()


class Instants:
    """A clock that shows the instant it was last set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


async def extensions(client: httpx.AsyncClient, patient_id: str, **prefetched: Json) -> list[Json]:
    """The extension of each card that the hook answers a look at this patient with."""
    call = {
        "hook": "patient-view",
        "hookInstance": "4e8a1b6c-7d0f-4f3e-9a41-2f0c5f6c7a10",
        "context": {"userId": "Practitioner/example", "patientId": patient_id},
        "prefetch": prefetched,
    }
    answer = await client.post("/cds-services/iv-nac-patient-view", json=call)
    assert answer.status_code == 200, answer.text
    return [card["extension"][NAME] for card in answer.json()["cards"]]


def prefetched(resources: Iterable[Json]) -> dict[str, Json]:
    """Every key of the query table: the resources of its type, and what they may refer to."""
    known = tuple(resources)
    referable = [each for each in known if each["resourceType"] in {"Medication", "Specimen"}]
    pages = {
        query.key: [*(each for each in known if each["resourceType"] == query.resource_type), *referable]
        for query in QUERIES
    }
    bundles = {
        key: {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in page]}
        for key, page in pages.items()
    }
    return bundles | {"patient": next(each for each in known if each["resourceType"] == "Patient")}


def replayed(resources: Iterable[Json], patient_id: str, at: datetime) -> bytes:
    """What a replay makes of a chart at an instant."""
    standing = standing_at(known_versions(tuple(resources)), at)
    return assessment_bytes(assess(facts_from_resources(standing, patient_id), US_2023, at))


async def test_every_fixture_reads_alike_in_the_hook_and_in_a_replay() -> None:
    """At its anchor, the hook given its chart as prefetch. Silence is silence in both."""
    clock = Instants(CASES[0].anchor)
    compared = 0
    async with in_process(Settings(database_url=""), ResourceStore(), clock, is_internal=True) as client:
        for case in CASES:
            clock.at = case.anchor
            told = await extensions(client, case.slug, **prefetched(case.resources()))
            expected = replayed(case.resources(), case.slug, case.anchor)
            if told:
                assert extension_bytes(told[0]) == expected, case.slug
                compared += 1
            else:
                assert "category" not in orjson.loads(expected), case.slug
    assert compared > len(CASES) // 2


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fixture and a generated population, split without any order."""
    folder = tmp_path_factory.mktemp("source")
    resources = [resource for case in CASES for resource in case.resources()]
    for number in range(3):
        write_lines(folder / f"mixed-{number}.ndjson", resources[number::3])
    write_ndjson(Population(25, 7, ANCHOR), folder / "generated", is_gzip=True)
    return folder


@pytest.fixture(scope="module")
def on_duckdb(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return judged(source, tmp_path_factory.mktemp("duckdb"))[0]


def charts() -> dict[str, tuple[Json, ...]]:
    """Every patient's resources as an export tells them apart: by whom they say they are about, never by the file."""
    found: dict[str, list[Json]] = {}
    for case in CASES:
        for resource in case.resources():
            owner = case.slug if resource["resourceType"] in {"Medication", "Specimen"} else patient_of(resource)
            found.setdefault(owner or "", []).append(resource)
    generated = {patient: tuple(resources) for patient, resources in Population(25, 7, ANCHOR).charts()}
    return {patient: tuple(resources) for patient, resources in found.items()} | generated


def test_duckdb_says_what_a_replay_says(on_duckdb: Run) -> None:
    """At every instant of every fixture and of every generated patient."""
    by_patient = charts()
    judged_rows = rows(on_duckdb, "instants")
    for row in judged_rows:
        at = datetime.fromisoformat(row["judged_at"])
        said = replayed(by_patient[row["patient"]], row["patient"], at)
        assert row["assessment_sha256"] == sha256(said).hexdigest(), row["patient"]
    assert len({row["patient"] for row in judged_rows}) > len(CASES) // 2


async def test_duckdb_says_what_the_hook_says(on_duckdb: Run) -> None:
    """At the last instant of each generated patient; the hook searches a server that has the chart as it stood."""
    by_patient = {patient: chart for patient, chart in charts().items() if patient.startswith("synth-")}
    last = {row["patient"]: row for row in rows(on_duckdb, "instants") if row["patient"] in by_patient}
    at = {patient: datetime.fromisoformat(row["judged_at"]) for patient, row in last.items()}
    store = ResourceStore()
    for patient, instant in at.items():
        for resource in sorted(chart_at(by_patient[patient], instant), key=version_of):
            store.put(resource)
    clock = Instants(ANCHOR)
    async with in_process(Settings(database_url=""), store, clock, is_internal=True) as client:
        for patient, row in last.items():
            clock.at = at[patient]
            told = [sha256(extension_bytes(each)).hexdigest() for each in await extensions(client, patient)]
            assert told[:1] == ([] if row["category"] == "none" else [row["assessment_sha256"]]), patient
    assert last


def before(chart: Iterable[Json], at: datetime) -> list[Json]:
    """The chart at an instant, without what became known of drugs at that very instant."""
    known = [(each, since) for each, since in known_versions(tuple(chart)) if since is None or since <= at]
    return standing_at([row for row in known if row[1] != at or not row[0]["resourceType"].startswith("Medic")], at)


async def test_duckdb_says_of_orders_what_the_hook_says(on_duckdb: Run) -> None:
    """At every signing in the generated charts: the same cards in the same order, and the same assessment."""
    by_patient = {patient: chart for patient, chart in charts().items() if patient.startswith("synth-")}
    signed = [row for row in rows(on_duckdb, "orders") if row["patient"] in by_patient and row["was_ordered"]]
    clock = Instants(ANCHOR)
    for row in signed:
        chart, clock.at = by_patient[row["patient"]], datetime.fromisoformat(row["signed_at"])
        store = ResourceStore()
        for resource in sorted(before(chart, clock.at), key=version_of):
            store.put(resource)
        orders = [each for each in chart if f"{each['resourceType']}/{each['id']}" in row["orders"]]
        async with in_process(Settings(database_url=""), store, clock, is_internal=True) as client:
            cards = await signing(client, row["patient"], orders)
        assert [card["source"]["topic"]["code"] for card in cards] == row["topics"], row["patient"]
        told = [card["extension"][NAME] for card in cards]
        primary = [sha256(extension_bytes(each)).hexdigest() for each in told if each["category"] == row["category"]]
        assert primary == [row["assessment_sha256"]] or row["category"] not in row["topics"]
    assert len(signed) > 3


async def signing(client: httpx.AsyncClient, patient_id: str, orders: Iterable[Json]) -> list[Json]:
    """The cards that the hook answers the signing of these orders with."""
    drafts = {"resourceType": "Bundle", "entry": [{"resource": each | {"status": "draft"}} for each in orders]}
    call = {
        "hook": "order-sign",
        "hookInstance": "4e8a1b6c-7d0f-4f3e-9a41-2f0c5f6c7a11",
        "context": {"userId": "Practitioner/example", "patientId": patient_id, "draftOrders": drafts},
    }
    answer = await client.post("/cds-services/iv-nac-order-sign", json=call)
    assert answer.status_code == 200, answer.text
    cards: list[Json] = answer.json()["cards"]
    return cards


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
def test_spark_writes_the_bytes_duckdb_writes(source: Path, on_duckdb: Run, tmp_path: Path) -> None:
    """The same part files and the same account of the input; what is done already is not judged again."""
    run = Run(tmp_path, on_duckdb.buckets)
    run.begin()
    with spark_context("local[2]") as context:
        report = evaluate_on_spark(context, source, run, US_2023)
        again = evaluate_on_spark(context, source, run, US_2023)
    for kind in ROWS:
        for bucket in range(run.buckets):
            assert run.part(kind, bucket).read_bytes() == on_duckdb.part(kind, bucket).read_bytes()
    assert report.as_json() == judged(source, tmp_path / "again")[1].as_json() == again.as_json()
