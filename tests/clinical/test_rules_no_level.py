"""Rules C: nothing that can be read against a line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_service.clinical.facts import DataGap, GapKind, Intent, Route
from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from tests.clinical.facts_builders import (
    ADULT_BIRTH,
    NOW,
    Ago,
    Fact,
    alt,
    amount,
    assessed,
    born_years_ago,
    finding,
    given,
    level,
    outcome,
    overdose,
    rules_met,
    took,
    unstated_overdose,
    verdict,
    weighs,
)

INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
ACCIDENT = Intent.ACCIDENTAL


TWENTY_MINUTES_SHORT = 8 - 20 / 60
"""Hours since an ingestion of which a level sent now is back just at 8 h."""


# --- C1, C2 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ingested", "facts", "expected"),
    [
        pytest.param(8, (), INDICATED, id="8-h"),
        pytest.param(7.7, (), INDICATED, id="a-level-would-come-after-8-h"),
        pytest.param(7.6, (), DATA_NEEDED, id="a-level-comes-before-8-h"),
        pytest.param(2, (), DATA_NEEDED, id="2-h"),
        pytest.param(2, (amount(30),), CONSIDER, id="2-h-30-g"),
        pytest.param(2, (amount(29.9),), DATA_NEEDED, id="2-h-29.9-g"),
        pytest.param(9, (alt(20, 0.1),), INDICATED, id="9-h-normal-alt"),
        pytest.param(100, (), INDICATED, id="days-later"),
        pytest.param(9, (level(None),), INDICATED, id="9-h-unreadable-level"),
        pytest.param(5, (level(None),), DATA_NEEDED, id="5-h-unreadable-level"),
        pytest.param(5, (level(None), amount(30)), CONSIDER, id="5-h-unreadable-level-30-g"),
        pytest.param((9, 7), (), INDICATED, id="interval-reaching-8-h"),
        pytest.param((5, 4), (), DATA_NEEDED, id="interval-under-8-h"),
        pytest.param((7, 0.5), (), INDICATED, id="an-interval-that-a-level-waits-out"),
        pytest.param(TWENTY_MINUTES_SHORT, (), DATA_NEEDED, id="a-level-comes-just-at-8-h"),
    ],
)
def test_no_level(ingested: Ago, facts: tuple[Fact, ...], expected: Category) -> None:
    found = assessed(overdose(ingested), *facts)
    assert found.category is expected
    assert ("C1" in rules_met(found)) is (expected is INDICATED)
    assert ("C2" in rules_met(found)) is (expected in {DATA_NEEDED, CONSIDER})


def test_the_level_is_drawn_at_4_h_and_treatment_starts_by_8_h() -> None:
    found = assessed(overdose(2))
    asks = {ask.test: ask for ask in found.asks}
    assert asks[Test.ACETAMINOPHEN].not_before == NOW + timedelta(hours=2)
    assert found.start_by == NOW + timedelta(hours=6)


def test_a_level_that_is_due_is_drawn_now() -> None:
    asks = {ask.test: ask for ask in assessed(overdose(6)).asks}
    assert asks[Test.ACETAMINOPHEN].not_before == NOW


def test_a_large_amount_is_high_risk_before_any_level() -> None:
    found = assessed(overdose(2), amount(32))
    assert Overlay.HIGH_RISK in found.overlays
    assert "32 g reported" in finding(found, "C2").because


def test_a_date_without_a_time_of_day_does_not_reach_into_the_future() -> None:
    """Midnight to midnight, at noon: taken 0-12 h ago; a level could come too late, so it is not waited for."""
    found = assessed(overdose((12, -12)))
    assert found.category is INDICATED
    assert found.ingestion.last is not None
    assert found.ingestion.last.latest == NOW


# --- overdose of an unstated drug -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((unstated_overdose(2),), DATA_NEEDED, id="timed"),
        pytest.param((unstated_overdose(20),), DATA_NEEDED, id="timed-long-ago"),
        pytest.param((unstated_overdose(None),), DATA_NEEDED, id="untimed"),
        pytest.param((unstated_overdose(None), level(None)), DATA_NEEDED, id="unreadable-level"),
        pytest.param((unstated_overdose(9), overdose(None)), INDICATED, id="beside-acetaminophen"),
    ],
)
def test_an_unstated_drug_asks_for_a_level(facts: tuple[Fact, ...], expected: Category) -> None:
    found = assessed(*facts)
    assert found.category is expected
    assert Test.ACETAMINOPHEN in {ask.test for ask in found.asks}


def test_an_unstated_drug_is_drawn_at_4_h_too() -> None:
    asks = {ask.test: ask for ask in assessed(unstated_overdose(1)).asks}
    assert asks[Test.ACETAMINOPHEN].not_before == NOW + timedelta(hours=3)


# --- C3 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((overdose(None),), INDICATED, id="no-time-no-level"),
        pytest.param((overdose(None), alt(20)), INDICATED, id="with-normal-alt"),
        pytest.param((overdose(None, charted=None),), INDICATED, id="entry-without-any-date"),
        pytest.param((overdose(-5),), INDICATED, id="time-in-the-future"),
        pytest.param((overdose(None), level(5), alt(20)), NOT_INDICATED, id="level-and-alt-known"),
        pytest.param((overdose(None), given(0.65, 5)), INDICATED, id="a-labelled-dose-is-not-its-time"),
        pytest.param((overdose(None), took(None, None, is_course=True)), INDICATED, id="home-medication-undated"),
        pytest.param((overdose(None), given(1, 3, route=Route.INTRAVENOUS)), INDICATED, id="iv-dose-on-the-ward"),
    ],
)
def test_time_unknown_without_level(facts: tuple[Fact, ...], expected: Category) -> None:
    found = assessed(*facts)
    assert found.category is expected
    assert ("C3" in rules_met(found)) is (expected is INDICATED)


def test_a_labelled_dose_does_not_put_an_untimed_overdose_on_the_nomogram() -> None:
    """40 mg/L 5 h after a ward dose of 650 mg is not "below the line" of an overdose at an unknown time."""
    assert outcome(overdose(None), given(0.65, 6), level(40), alt(20, 0.1)) is INDICATED


def test_a_home_medication_beside_a_timed_overdose_leaves_it_on_the_nomogram() -> None:
    home = took(None, None, is_course=True)
    assert outcome(overdose(9), home, alt(20, 0.1)) is INDICATED
    assert outcome(overdose(20), home, level(15, 0.1), alt(20, 0.1)) is INDICATED


# --- C4 -------------------------------------------------------------------------------------------


def by_accident(grams: float | None, ago: float | None = 2, *more: Fact) -> tuple[Fact, ...]:
    return (overdose(ago, intent=ACCIDENT), *(() if grams is None else (amount(grams),)), *more)


@pytest.mark.parametrize(
    ("facts", "years", "expected"),
    [
        pytest.param(by_accident(9.9, 2, weighs(70)), None, NOT_INDICATED, id="adult-9.9-g"),
        pytest.param(by_accident(10, 2, weighs(70)), None, DATA_NEEDED, id="adult-10-g"),
        pytest.param(by_accident(8, 2, weighs(40)), None, DATA_NEEDED, id="adult-200-mg-kg"),
        pytest.param(by_accident(7.9, 2, weighs(40)), None, NOT_INDICATED, id="adult-198-mg-kg"),
        pytest.param(by_accident(4.9), None, NOT_INDICATED, id="adult-4.9-g-no-weight"),
        pytest.param(by_accident(9.9), None, DATA_NEEDED, id="adult-9.9-g-no-weight"),
        pytest.param(by_accident(3.9, 2, weighs(20)), 5, NOT_INDICATED, id="child-195-mg-kg"),
        pytest.param(by_accident(4.0, 2, weighs(20)), 5, DATA_NEEDED, id="child-200-mg-kg"),
        pytest.param(by_accident(2.0), 5, DATA_NEEDED, id="child-no-weight"),
        pytest.param(
            by_accident(None, 2, took(1, 2), weighs(12)), 3, NOT_INDICATED, id="toddler-83-mg-kg-in-a-statement"
        ),
        pytest.param(by_accident(None, 2, took(1, 3), weighs(12)), 3, DATA_NEEDED, id="a-dose-at-another-time"),
        pytest.param(by_accident(3.9, 2, weighs(20)), -1, NOT_INDICATED, id="age-unknown-passes-both-sets"),
        pytest.param(by_accident(None), None, DATA_NEEDED, id="amount-unknown"),
        pytest.param(by_accident(2, 2, alt(90)), None, DATA_NEEDED, id="alt-raised"),
        pytest.param(by_accident(2, 2, level(50, 1)), None, REPEAT, id="early-level"),
        pytest.param(by_accident(2, 9, level(40, 1)), None, NOT_INDICATED, id="level-below"),
        pytest.param(by_accident(2, 9, level(80, 1)), None, INDICATED, id="level-above"),
        pytest.param(by_accident(2, 20), None, NOT_INDICATED, id="20-h"),
        pytest.param(by_accident(2, None), None, NOT_INDICATED, id="time-unknown"),
        pytest.param(by_accident(2, None, alt(20)), None, NOT_INDICATED, id="time-unknown-normal-alt"),
        pytest.param((overdose(2, intent=Intent.SELF_HARM), amount(2)), None, DATA_NEEDED, id="self-harm"),
        pytest.param((overdose(2), amount(2)), None, DATA_NEEDED, id="intent-unknown"),
        pytest.param((unstated_overdose(2, intent=ACCIDENT), took(0.65, 3)), None, DATA_NEEDED, id="drug-unstated"),
        pytest.param((overdose(None, intent=ACCIDENT), given(0.65, 3)), None, INDICATED, id="a-ward-dose-is-no-amount"),
    ],
)
def test_c4(facts: tuple[Fact, ...], years: float | None, expected: Category) -> None:
    born = ADULT_BIRTH if years is None else (None if years < 0 else born_years_ago(years))
    found = assessed(*facts, born=born)
    assert found.category is expected


def test_a_daily_amount_over_days_is_compared_per_day() -> None:
    """Under six: 150 mg/kg/day over two days and 100 over three count as well as 200 in one."""

    def doses(grams: float, *ago: float) -> tuple[Fact, ...]:
        return (*(took(grams, a, intent=ACCIDENT) for a in ago), overdose(ago[0], intent=ACCIDENT), weighs(10))

    child = born_years_ago(3)
    assert assessed(*doses(1.5, 40, 12), born=child).ingestion.toxic is True  # 150 mg/kg/day x 2
    assert assessed(*doses(1.4, 40, 12), born=child).ingestion.toxic is False
    assert assessed(*doses(1.4, 60, 36, 12), born=child).ingestion.toxic is True  # 140 mg/kg/day x 3


def test_a_level_that_could_not_be_read_is_not_passed_over_for_a_small_amount() -> None:
    gap = DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in an unknown unit")
    assert verdict("C4", *by_accident(2)) is Verdict.MET
    assert verdict("C4", *by_accident(2), gap) is Verdict.NOT_MET


@pytest.mark.parametrize(
    ("facts", "years", "missing"),
    [
        (by_accident(None), None, ("amount taken",)),
        (by_accident(2), 5, ("body weight",)),
        (by_accident(9.9), -1, ("age", "body weight")),
    ],
)
def test_c4_names_what_is_missing(facts: tuple[Fact, ...], years: float | None, missing: tuple[str, ...]) -> None:
    born = ADULT_BIRTH if years is None else (None if years < 0 else born_years_ago(years))
    assert finding(assessed(*facts, born=born), "C4").missing == missing


# --- C5 -------------------------------------------------------------------------------------------


def test_an_intravenous_overdose_asks_a_toxicologist() -> None:
    found = assessed(given(15, 2, route=Route.INTRAVENOUS))
    assert found.category is DATA_NEEDED
    assert "C5" in rules_met(found)
    assert Overlay.CONSULT in found.overlays
    assert "15 g" in finding(found, "C5").because
    assert Test.ACETAMINOPHEN in {ask.test for ask in found.asks}


def test_an_intravenous_overdose_of_an_unknown_amount() -> None:
    found = assessed(overdose(2), given(None, 2, route=Route.INTRAVENOUS), level(40, 0.1))
    assert "C5" in rules_met(found)
    assert "overdose:" in finding(found, "C5").because


def test_a_small_intravenous_overdose_by_accident_is_not_c4() -> None:
    found = assessed(overdose(2, intent=ACCIDENT), given(2, 2, route=Route.INTRAVENOUS, intent=ACCIDENT))
    assert found.category is DATA_NEEDED
    assert finding(found, "C4").verdict is Verdict.NOT_MET


def test_c_rules_do_not_speak_without_an_exposure() -> None:
    for rule in ("C1", "C2", "C3", "C4", "C5"):
        assert verdict(rule, level(50)) is Verdict.NOT_MET
