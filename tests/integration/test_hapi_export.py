"""Bulk export against a real FHIR server: every fixture patient comes out of it and can be judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cds_service.population.export import BulkExport, ExportLimits
from cds_service.population.intake import IntakeFault
from tests.population.populations import judged, rows

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.sandbox.fixtures import FixtureCase

pytestmark = pytest.mark.hapi
_ASK_AGAIN_S = 3.0


def test_hapi_exports_its_patients_and_they_are_judged(
    hapi: str, cases: dict[str, FixtureCase], tmp_path: Path
) -> None:
    """HAPI prepares an export in a job of its own and says to ask again in two minutes; it is asked sooner here.

    One fixture has a level that is about a group of people: it is exported, belongs to nobody, and is named.
    """
    folder = tmp_path / "exported"
    bulk = BulkExport(
        hapi,
        folder,
        lambda told_s: time.sleep(min(told_s, _ASK_AGAIN_S)),
        limits=ExportLimits(first_wait_s=0.5, all_waits_s=24_000),
    )
    assert bulk.run() == len(list(folder.iterdir()))
    run, report = judged(folder, tmp_path / "judged")
    ((fault, where),) = report.examples
    assert fault == IntakeFault.NO_PATIENT
    assert where.startswith("Observation/foreign-level-is-not-mine-level-1 ")
    assert cases.keys() <= {row["patient"] for row in rows(run, "patients")}
    assert {"Condition", "MedicationAdministration", "Observation", "Patient"} <= report.resources.keys()
