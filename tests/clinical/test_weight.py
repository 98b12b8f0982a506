"""The weight a dose may be calculated for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.weight import UnusableWeight, UsableWeight, body_of, dosing_weight
from tests.clinical.facts_builders import ADULT_BIRTH, NOW, born_years_ago, chart, weighs

if TYPE_CHECKING:
    from cds_service.clinical.facts import PatientFacts, Weight

DAY = 24


def judged(*weights: Weight, years: float | None = 30) -> UsableWeight | UnusableWeight:
    return dosing_weight(chart(*weights, born=None if years is None else born_years_ago(years)), NOW)


@pytest.mark.parametrize(
    ("weights", "years", "kg"),
    [
        pytest.param((weighs(70),), 30, 70, id="adult"),
        pytest.param((weighs(25),), 30, 25, id="light-adult"),
        pytest.param((weighs(5),), 0.5, 5, id="infant"),
        pytest.param((weighs(300),), 30, 300, id="heaviest"),
        pytest.param((weighs(70, 90 * DAY),), 30, 70, id="90-days"),
        pytest.param((weighs(20, 30 * DAY),), 6, 20, id="child-30-days"),
        pytest.param((weighs(70, 90 * DAY),), None, 70, id="age-unknown"),
        pytest.param((weighs(70), weighs(84, 1)), 30, 84, id="20-percent-more"),
        pytest.param((weighs(70), weighs(56, 1)), 30, 56, id="20-percent-less"),
        pytest.param((weighs(70, 40 * DAY), weighs(71, 1)), 30, 71, id="the-newest"),
        pytest.param((weighs(70), weighs(90, None)), 30, 70, id="an-undated-one-is-passed-over"),
        pytest.param((weighs(70), weighs(71, -48)), 30, 70, id="one-from-the-future-is-passed-over"),
    ],
)
def test_usable(weights: tuple[Weight, ...], years: float | None, kg: float) -> None:
    found = judged(*weights, years=years)
    assert isinstance(found, UsableWeight)
    assert found.weight.kg == kg


@pytest.mark.parametrize(
    ("weights", "years", "because"),
    [
        pytest.param((), 30, "no dated body weight", id="none"),
        pytest.param((weighs(70, None),), 30, "no dated body weight", id="undated"),
        pytest.param((weighs(4.9),), 0.2, "below 5 kg", id="under-5-kg"),
        pytest.param((weighs(24.9),), 30, "not plausible", id="adult-under-25-kg"),
        pytest.param((weighs(439),), 30, "not plausible", id="a-decimal-slip"),
        pytest.param((weighs(21),), 0.5, "not plausible at this age", id="infant-21-kg"),
        pytest.param((weighs(120),), 4, "not plausible at this age", id="child-ten-times"),
        pytest.param((weighs(151),), 12, "not plausible at this age", id="child-of-12"),
        pytest.param((weighs(70, 91 * DAY),), 30, "91 days old", id="91-days"),
        pytest.param((weighs(20, 31 * DAY),), 6, "31 days old", id="child-31-days"),
        pytest.param((weighs(70), weighs(84.1, 1)), 30, "more than 20 %", id="over-20-percent-more"),
        pytest.param((weighs(70), weighs(55.9, 1)), 30, "more than 20 %", id="over-20-percent-less"),
        pytest.param((weighs(154), weighs(70, 1)), 30, "more than 20 %", id="pounds-charted-as-kg"),
        pytest.param((weighs(0), weighs(70, 1)), 30, "more than 20 %", id="nothing-before"),
        pytest.param((weighs(0),), 30, "below 5 kg", id="nothing"),
        pytest.param((weighs(70, -48),), 30, "no dated body weight", id="from-the-future"),
    ],
)
def test_unusable(weights: tuple[Weight, ...], years: float, because: str) -> None:
    found = judged(*weights, years=years)
    assert isinstance(found, UnusableWeight)
    assert because in found.because


def test_a_weight_of_today_without_a_time_of_day_is_usable() -> None:
    assert isinstance(judged(weighs(70, (12, -12))), UsableWeight)


@pytest.mark.parametrize(
    ("facts", "kg", "is_floor"),
    [
        (chart(weighs(70)), 70, False),
        (chart(weighs(70, None)), 25, True),
        (chart(born=born_years_ago(10)), None, True),
        (chart(born=None), None, True),
    ],
)
def test_the_body_knows_at_least_how_heavy(facts: PatientFacts, kg: float | None, *, is_floor: bool) -> None:
    body = body_of(facts, NOW)
    assert (body.weight_kg, body.is_weight_floor) == (kg, is_floor)


def test_age() -> None:
    assert body_of(chart(born=ADULT_BIRTH), NOW).age_years == pytest.approx(35.67, abs=0.01)
    assert body_of(chart(born=date(2026, 1, 15)), NOW).age_years == 0
