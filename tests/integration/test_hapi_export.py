"""Bulk export against a real FHIR server: it gives its files, or says in words that it offers none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cds_service.population.export import BulkExport, ExportError, ExportLimits

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.hapi


def test_hapi_exports_its_patients_or_says_that_it_does_not(hapi: str, tmp_path: Path) -> None:
    """A plain HAPI server has no $export; one that has it must give every type in files."""
    bulk = BulkExport(hapi, tmp_path, time.sleep, limits=ExportLimits(first_wait_s=0.5, all_waits_s=120))
    try:
        count = bulk.run()
    except ExportError as error:
        assert "does not offer this export" in str(error)  # noqa: PT017 - either is a right answer
    else:
        assert count == len(list(tmp_path.glob("*.ndjson")))
        assert list(tmp_path.glob("Patient-*.ndjson"))
