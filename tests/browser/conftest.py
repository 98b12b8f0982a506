"""One browser and one site for the tests of a file, with a patient whose every text is hostile."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests import builders
from tests.browser.visitor import CLOCK, DESKTOP, HOSTILE, chromium, running_site, visitor
from tests.builders import Amount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser

    from tests.browser.visitor import Visit, Visitor


def hostile_chart() -> list[dict[str, Any]]:
    """A patient above the treatment line whose every text tries to get out."""
    sampled = CLOCK - timedelta(hours=1)
    drug = {"text": HOSTILE, "coding": [{"system": builders.RXNORM, "code": "198440", "display": HOSTILE}]}
    units = Amount(120, "mg/L", "mg/L")
    level = builders.observation("x-level", "hostile", builders.APAP_LEVEL, value=units, at=sampled)
    statement = {
        "resourceType": "MedicationStatement",
        "id": "x-drug",
        "status": "completed",
        "medicationCodeableConcept": drug,
        "subject": {"reference": "Patient/hostile"},
        "effectiveDateTime": (sampled - timedelta(hours=8)).isoformat(),
        "dosage": [{"text": HOSTILE}],
    }
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "x-allergy",
        "patient": {"reference": "Patient/hostile"},
        "code": {"text": f"acetylcysteine {HOSTILE}"},
        "reaction": [{"manifestation": [{"text": HOSTILE}]}],
    }
    return [
        builders.patient("hostile", name=HOSTILE, birth_date="1990-05-14", gender="other"),
        level | {"code": level["code"] | {"text": HOSTILE}, "note": [{"text": HOSTILE}]},
        builders.observation("x-alt", "hostile", builders.ALT, value=HOSTILE, at=sampled),
        builders.condition("x-poisoning", "hostile", *builders.SELF_POISONING, text=HOSTILE,
                           onset=sampled - timedelta(hours=8), recorded=sampled),
        statement,
        allergy,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running_site(hostile_chart()) as base:
        yield base


@pytest.fixture
def visit(browser: Browser, site: str) -> Visit:
    """A page at the site that has done nothing it must never do when it is left."""

    def opened(**options: Any) -> AbstractContextManager[Visitor]:
        return visitor(browser, site, **(DESKTOP | options))

    return opened
