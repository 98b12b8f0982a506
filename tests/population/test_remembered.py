"""A chart read at many instants says at each what it says when read afresh, and is mapped only once."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.replay import Standing, known_versions
from cds_service.population.remembered import Remembered
from cds_service.population.synth.writing import Population
from cds_service.sandbox.fixtures import load_cases
from tests.population.populations import ANCHOR

Json = dict[str, Any]
CHARTS = {case.slug: tuple(case.resources()) for case in load_cases()} | {
    patient: tuple(resources) for patient, resources in Population(30, 11, ANCHOR).charts()
}


@pytest.mark.parametrize("patient", CHARTS)
def test_at_every_instant_of_a_chart_the_same_is_read(patient: str) -> None:
    known = known_versions(CHARTS[patient])
    standing, read = Standing(known), Remembered()
    for at in sorted({since for _, since in known if since is not None}):
        resources = standing.at(at)
        assert facts_from_resources(resources, patient, read=read) == facts_from_resources(resources, patient)


def statement(medication: str) -> Json:
    return {
        "resourceType": "MedicationStatement",
        "id": "s",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": medication},
        "effectiveDateTime": "2026-01-01T08:00:00Z",
    }


def drug(name: str) -> Json:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161"}
    return {"resourceType": "Medication", "id": name, "code": {"coding": [coding]}}


def test_what_a_resource_refers_to_is_looked_up_again() -> None:
    """A Medication that comes to be known later, or is another object then, is not overlooked."""
    read, taken = Remembered(), statement("Medication/m")
    without = facts_from_resources([taken], "p", read=read)
    known = facts_from_resources([taken, drug("m")], "p", read=read)
    assert not without.exposures
    assert [each.reference for each in known.exposures] == ["MedicationStatement/s"]
    assert facts_from_resources([taken], "p", read=read) == without


def test_a_resource_is_mapped_once_while_nothing_changes() -> None:
    read, taken, medication = Remembered(), statement("Medication/m"), drug("m")
    first = facts_from_resources([taken, medication], "p", read=read).exposures
    second = facts_from_resources([taken, medication], "p", read=read).exposures
    assert first[0] is second[0]
    assert first[0] is not facts_from_resources([taken, drug("m")], "p", read=read).exposures[0]
