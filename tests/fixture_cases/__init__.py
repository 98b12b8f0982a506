"""The fixture cases, one table a family; `tests/write_fixtures.py` turns them into `fhir_fixtures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fixture_cases import (
    dose_review,
    liver,
    monitoring,
    no_level,
    nomogram,
    off_nomogram,
    orders,
    overlays,
    population,
    profiles,
    reading,
    under_line,
)

if TYPE_CHECKING:
    from tests.fixture_cases.case import Case

ALL_CASES: tuple[Case, ...] = tuple(
    case
    for family in (
        nomogram,
        under_line,
        off_nomogram,
        reading,
        no_level,
        liver,
        population,
        orders,
        dose_review,
        profiles,
        monitoring,
        overlays,
    )
    for case in family.CASES
)
"""Every case, by family."""
