"""What users tell counts beside the chart until the chart holds it, and never twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.evaluation import ChartSource, identifiers_of, read_chart
from tests import builders
from tests.builders import Amount
from tests.hooks.service import NOW, PATIENT, bundle, prefetch

KEY = {"system": "https://app.test", "value": "key-1"}


def told(resource_id: str = "entered", identifier: Any = (KEY,)) -> dict[str, Any]:
    made = builders.medication_statement(
        resource_id, PATIENT, builders.APAP_500_TABLET, at=NOW - timedelta(hours=8), dose=Amount(12, "g", "g")
    )
    return made | {"identifier": list(identifier)}


@pytest.mark.parametrize(
    ("charted", "read"),
    [
        ((), ["MedicationStatement/entered"]),
        ((told("charted"),), ["MedicationStatement/charted"]),
        (
            (told("charted", [KEY | {"value": "key-2"}]),),
            ["MedicationStatement/charted", "MedicationStatement/entered"],
        ),
        ((told("charted", [KEY | {"system": "x"}]),), ["MedicationStatement/charted", "MedicationStatement/entered"]),
    ],
)
async def test_an_entry_counts_until_the_chart_holds_it(charted: tuple[Any, ...], read: list[str]) -> None:
    source = ChartSource(PATIENT, prefetch(medicationStatements=bundle(*charted)), None, None, 1, entered=(told(),))
    chart = await read_chart(source)
    found = [each.reference for each in chart.facts.exposures if each.reference.startswith("MedicationStatement")]
    assert sorted(found) == read


@pytest.mark.parametrize(
    "identifier", [None, [], "x", [{}], [{"value": "v"}], [{"system": "s"}], [{"system": 1, "value": "v"}]]
)
def test_an_identifier_needs_system_and_value(identifier: Any) -> None:
    assert identifiers_of({"identifier": identifier}) == frozenset()
    assert identifiers_of({"identifier": KEY}) == {("https://app.test", "key-1")}
