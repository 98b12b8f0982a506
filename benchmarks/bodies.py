"""The hook calls that are measured: bodies as EHRs send them, of synthetic patients whose times end at `now`.

Knows FHIR and CDS Hooks as plain JSON. Must not import the service: every target gets the same bytes.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from tests import builders
from tests.builders import Amount, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

Json = dict[str, Any]

PATIENT = "bench-1"
LABS = 60

# Analyte, unit (UCUM), a plain value and the prefetch key it belongs to.
_PANEL: tuple[tuple[Code, str, float, str], ...] = (
    (builders.ALT, "U/L", 24, "transaminases"),
    (builders.AST, "U/L", 27, "transaminases"),
    (builders.INR, "{INR}", 1.1, "coagulation"),
    (builders.BILIRUBIN, "mg/dL", 0.7, "chemistry"),
    (builders.CREATININE, "mg/dL", 0.9, "chemistry"),
    (builders.HEMOGLOBIN, "g/dL", 13.9, "otherLabs"),
)
_EMPTY_KEYS = (
    "exposures",
    "status",
    "medicationStatements",
    "medicationAdministrations",
    "medicationRequests",
    "allergies",
    "encounter",
)
# What a laboratory system adds to each result beside the number; it brings 60 results to about 95 KB.
_NARRATIVE = (
    '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>Generated narrative: result</b></p><p><b>status</b>: final</p>'
    "<p><b>category</b>: laboratory</p><p><b>method</b>: photometry, analyser 7, verified by the laboratory</p>"
    "<p><b>note</b>: haemolysis, icterus and lipaemia indices within the limits of the method; sample received cooled"
    " and centrifuged within 60 minutes of collection; reference limits are those of adults</p></div>"
)


def patient_view(now: datetime, labs: int = LABS) -> bytes:
    """A patient-view call with a patient, an overdose, a level above the line and this many results in all."""
    return orjson.dumps(_call("patient-view", {}, _prefetch(now, labs, is_dressed=True)))


def order_select(now: datetime) -> bytes:
    """An order-select call about the same patient, with IV NAC drafted and selected."""
    draft = builders.draft_order("iv-nac", PATIENT)
    context = {
        "selections": [f"MedicationRequest/{draft['id']}"],
        "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]},
    }
    return orjson.dumps(_call("order-select", context, _prefetch(now, LABS, is_dressed=True)))


def large_chart(now: datetime, observations: int) -> bytes:
    """A patient-view call with this many Observations in prefetch, each without narrative."""
    return orjson.dumps(_call("patient-view", {}, _prefetch(now, observations, is_dressed=False)))


def fetching(fhir_base: str) -> bytes:
    """A patient-view call without prefetch: everything is to be asked of the FHIR server."""
    return orjson.dumps({**_call("patient-view", {}, None), "fhirServer": fhir_base})


def chart(now: datetime) -> list[Json]:
    """The patient of `patient_view` as the resources that a FHIR server holds."""
    held = _prefetch(now, LABS, is_dressed=True)
    bundled = [entry["resource"] for each in held.values() if each and "entry" in each for entry in each["entry"]]
    return [held["patient"], *bundled]


def _call(hook: str, context: Json, prefetch: Json | None) -> Json:
    call: Json = {
        "hook": hook,
        "hookInstance": "8c2b8dfd-5f3b-4f1c-9d0c-3a4e0f9f1b11",
        "context": {"userId": "Practitioner/bench", "patientId": PATIENT, **context},
    }
    return call if prefetch is None else {**call, "prefetch": prefetch}


def _prefetch(now: datetime, labs: int, *, is_dressed: bool) -> Json:
    sampled = now - timedelta(hours=1)
    overdose = builders.condition(
        "overdose", PATIENT, *builders.SELF_POISONING, onset=sampled - timedelta(hours=8), recorded=sampled
    )
    level = _result("level", builders.APAP_LEVEL, "mg/L", 120.0, sampled)
    weight = builders.observation(
        "weight", PATIENT, builders.BODY_WEIGHT, value=Amount(70, "kg", "kg"), at=sampled, category="vital-signs"
    )
    by_key: dict[str, list[Json]] = {"levels": [level], "weight": [weight], "problems": [overdose]}
    for key, each in islice(_results(sampled), labs - 1):
        by_key.setdefault(key, []).append(each)
    if is_dressed:
        by_key = {key: [_dressed(each) for each in resources] for key, resources in by_key.items()}
    bundles = {key: _bundle(resources) for key, resources in by_key.items()}
    person = builders.patient(PATIENT, name="Bench", birth_date="1990-05-14")
    return {"patient": person} | dict.fromkeys(_EMPTY_KEYS) | bundles


def _results(newest: datetime) -> Iterator[tuple[str, Json]]:
    """Results without end, one panel every six hours back from the newest."""
    number = 0
    while True:
        drawn = newest - timedelta(hours=6 * (number // len(_PANEL)))
        code, unit, value, key = _PANEL[number % len(_PANEL)]
        yield key, _result(f"lab-{number}", code, unit, value, drawn)
        number += 1


def _result(resource_id: str, code: Code, unit: str, value: float, at: datetime) -> Json:
    limit = Amount(round(value * 1.6, 1), unit, unit) if code in (builders.ALT, builders.AST) else None
    return builders.observation(
        resource_id, PATIENT, code, value=Amount(value, unit, unit), at=at, issued=at, upper_limit=limit
    )


def _dressed(resource: Json) -> Json:
    """The resource with the members a hospital's server adds, which no rule reads."""
    laboratory = {"reference": "Organization/central-laboratory", "display": "Central laboratory"}
    return {
        **resource,
        **({"performer": [laboratory]} if resource["resourceType"] == "Observation" else {}),
        "meta": {
            "versionId": "1",
            "lastUpdated": "2026-01-15T12:00:00.000Z",
            "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"],
        },
        "text": {"status": "generated", "div": _NARRATIVE},
        "identifier": [{"system": "https://lab.example.org/accession", "value": f"A-2026-{resource['id']}"}],
    }


def _bundle(resources: Iterable[Json]) -> Json:
    entries = [
        {"fullUrl": f"https://ehr.example.org/fhir/{each['resourceType']}/{each['id']}", "resource": each}
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
