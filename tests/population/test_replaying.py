"""One patient through time: which instants, what was known at each, and what became of the patient."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.profiles import US_2023
from cds_service.fhir.replay import chart_at, known_versions
from cds_service.population.replaying import History, history_of
from cds_service.population.rows import INSTANT_COLUMNS, PATIENT_COLUMNS, instant_rows, patient_row
from tests import builders
from tests.builders import Amount

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

ARRIVED = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TAKEN = ARRIVED - timedelta(hours=5)


def hours(after: float) -> datetime:
    """So many hours after arrival."""
    return ARRIVED + timedelta(hours=after)


def overdose() -> Json:
    return builders.condition("overdose", "p", *builders.SELF_POISONING, onset=TAKEN, recorded=ARRIVED)


def level(mg_l: float, drawn: float, resource_id: str = "level", **changes: Any) -> Json:
    made = builders.observation(
        resource_id,
        "p",
        builders.APAP_LEVEL,
        value=Amount(mg_l, "mg/L", "mg/L"),
        at=hours(drawn),
        issued=hours(drawn + 0.5),
    )
    return made | changes


def alt(drawn: float, value: float = 20) -> Json:
    return builders.observation(
        f"alt-{drawn}",
        "p",
        builders.ALT,
        value=Amount(value, "U/L", "U/L"),
        at=hours(drawn),
        issued=hours(drawn + 0.5),
        upper_limit=Amount(40, "U/L", "U/L"),
    )


def nac(
    start: float, code: builders.Code = builders.NAC_INJECTION, route: builders.Code = builders.INTRAVENOUS
) -> Json:
    return builders.medication_administration(
        "nac", "p", code, at=hours(start), until=hours(start + 21), dose=Amount(21000, "mg", "mg"), route=route,
        status="completed",
    )  # fmt: skip


PERSON = builders.patient("p", name="P", birth_date="1990-01-01")


def told(*resources: Json) -> History:
    return history_of("p", [PERSON, *resources], {}, US_2023)


def categories(history: History) -> list[tuple[float, str]]:
    """Hours after arrival and category of each instant."""
    rows = instant_rows(history)
    return [((datetime.fromisoformat(r["judged_at"]) - ARRIVED) / timedelta(hours=1), r["category"]) for r in rows]


def test_each_instant_sees_what_had_been_issued_by_then() -> None:
    history = told(overdose(), level(160, 1), alt(1), nac(3), level(20, 10, "second"))
    assert [(at, instant.events) for (at, _), instant in zip(categories(history), history.instants, strict=True)] == [
        (0, ("exposure",)),
        (1.5, ("result",)),
        (3, ("acetylcysteine",)),
        (10.5, ("result",)),
    ]
    assert [category for _, category in categories(history)][:3] == ["data-needed", "indicated", "continue"]


def test_a_correction_counts_from_when_it_was_written() -> None:
    first = level(12, 1, status="preliminary", meta={"versionId": "1", "lastUpdated": "2026-01-15T13:30:00Z"})
    second = level(160, 1, status="corrected", meta={"versionId": "2", "lastUpdated": "2026-01-15T15:00:00Z"})
    history = told(overdose(), alt(1), second, first)
    assert categories(history) == [(0, "data-needed"), (1.5, "not-indicated"), (3, "indicated")]
    assert (history.corrected, history.duplicates, history.conflicting) == (1, 0, 0)


def test_repetitions_and_contradictions_are_counted() -> None:
    history = told(overdose(), overdose(), level(160, 1), level(10, 1), alt(1))
    assert (history.duplicates, history.conflicting, history.corrected) == (1, 1, 0)
    assert categories(history)[-1] == (1.5, "indicated")


def test_an_event_without_a_time_is_counted_and_known_throughout() -> None:
    timeless = builders.observation("level", "p", builders.APAP_LEVEL, value=Amount(160, "mg/L", "mg/L"), at=None)
    history = told(overdose(), timeless)
    assert history.untimed == 1
    assert [at for at, _ in categories(history)] == [0]


def test_a_drug_is_looked_up_where_the_export_keeps_it() -> None:
    given = nac(3) | {"medicationReference": {"reference": "Medication/m"}}
    del given["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m", "code": builders.concept(builders.NAC_INJECTION)}
    history = history_of("p", [PERSON, overdose(), given], {"Medication/m": medication}, US_2023)
    assert history.nac is not None
    assert history.nac.at == hours(3)


JUDGED = [
    pytest.param([overdose(), level(160, 1), alt(1), nac(3)], (False, False, False, 1.5), id="treated in time"),
    pytest.param([overdose(), level(160, 1), alt(1)], (False, True, False, None), id="missed"),
    pytest.param([overdose(), level(160, 1), alt(1), nac(26)], (False, True, False, 24.5), id="treated too late"),
    pytest.param([overdose(), level(20, 1), alt(1), nac(3)], (True, False, False, None), id="below the line"),
    pytest.param([overdose(), alt(1), nac(2)], (False, False, False, None), id="before the level is back"),
    pytest.param([overdose(), alt(1), alt(3.6), level(20, 5), alt(5)], (False, False, True, None), id="withdrawn"),
    pytest.param([nac(2)], (True, False, False, None), id="no reason on the chart"),
    pytest.param(
        [nac(2, builders.NAC_INHALATION, builders.INHALED)], (False, False, False, None), id="inhaled is no treatment"
    ),
    pytest.param([nac(2, builders.NAC_CAPSULE, builders.ORAL)], (False, False, False, None), id="oral is not needless"),
]


@pytest.mark.parametrize(("resources", "expected"), JUDGED)
def test_what_became_of_the_patient(resources: Sequence[Json], expected: tuple[bool, bool, bool, float | None]) -> None:
    row = patient_row(told(*resources))
    assert (row["is_needless"], row["is_missed"], row["is_withdrawn"], row["hours_to_nac"]) == expected


def test_a_card_is_new_when_category_or_rule_change() -> None:
    rows = instant_rows(told(overdose(), level(160, 1), alt(1), level(120, 3, "second"), alt(9)))
    assert [row["is_new"] for row in rows] == [True, True, False, False]


def test_unknown_codes_and_units_are_named_without_words_of_the_chart() -> None:
    strange = level(160, 1, valueQuantity={"value": 160, "unit": "mcg%"})
    wordy = level(160, 2, "wordy", valueQuantity={"value": 160, "unit": "told by Mr Smith"})
    rows = instant_rows(told(overdose(), strange, wordy))
    assert rows[-1]["unmapped"] == ["mcg%"]
    assert "Smith" not in str(rows)


def test_rows_have_the_columns_of_the_tables() -> None:
    history = told(overdose(), level(160, 1), alt(1))
    assert {name for row in instant_rows(history) for name in row} == set(INSTANT_COLUMNS)
    assert set(patient_row(history)) == set(PATIENT_COLUMNS)


STOOD = [
    pytest.param(
        {"resourceType": "Encounter", "status": "finished", "period": {"start": "2026-01-01", "end": "2026-01-05"}},
        {"resourceType": "Encounter", "status": "in-progress", "period": {"start": "2026-01-01", "end": None}},
        id="a stay",
    ),
    pytest.param(
        {
            "resourceType": "Condition",
            "clinicalStatus": {"coding": [{"code": "resolved"}]},
            "abatementDateTime": "2026-01-05",
        },
        {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
        },
        id="a problem",
    ),
]


@pytest.mark.parametrize(("resource", "earlier"), STOOD)
def test_what_was_over_later_went_on_before(resource: Json, earlier: Json) -> None:
    assert chart_at([resource], datetime(2026, 1, 3, tzinfo=UTC)) == [earlier]
    assert chart_at([resource], datetime(2026, 1, 6, tzinfo=UTC)) == [resource]


def test_versions_without_a_time_of_writing_are_known_from_the_start() -> None:
    first, second = level(1, 1, meta={"versionId": "1"}), level(2, 1, meta={"versionId": "2"})
    assert [since for _, since in known_versions([second, first])] == [hours(1.5), hours(1.5)]
