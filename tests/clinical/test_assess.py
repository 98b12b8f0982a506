"""The fold: which category wins, what is asked, what is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.clinical.assess import asks_of, assess
from cds_service.clinical.assessment import Judged
from cds_service.clinical.facts import DataGap, GapKind, NacSource, Problem
from cds_service.clinical.findings import Ask, Category, Overlay, Test, Verdict, all_of, any_of, met, unknown
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.profiles import PROFILES, US_2023
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.thresholds import HEPATOTOXICITY, KINGS_PH, NOMOGRAM_START
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alert,
    alt,
    amount,
    assessed,
    ast,
    chart,
    finding,
    has,
    hours_ago,
    inr,
    level,
    nac,
    numbers,
    order,
    overdose,
    result,
    rules_met,
    took,
    unstated_overdose,
    weighs,
)


@pytest.mark.parametrize(
    ("facts", "category", "primary"),
    [
        pytest.param((has(Problem.ACUTE_LIVER_FAILURE), overdose(9), level(80)), "indicated", "A1", id="A-before-B"),
        pytest.param((overdose(9), level(160, 4), alt(1200)), "indicated", "A2", id="A2-before-B1"),
        pytest.param((overdose(9), level(182)), "indicated", "B1", id="B1-before-B2"),
        pytest.param((overdose(9), level(40), alt(60), inr(1.6)), "consider", "B4", id="consider-before-data-needed"),
        pytest.param(
            (took(13, 9, is_extended_release=True), level(40), amount(32)),
            "consider",
            "B2b",
            id="consider-before-repeat",
        ),
        pytest.param((took(13, 9, is_extended_release=True), level(40)), "repeat-level", "B5", id="repeat-before-data"),
        pytest.param((overdose(9), level(40), alt(20, 0.1)), "not-indicated", "B3", id="nothing-more-pressing"),
        pytest.param((overdose(9), level(40)), "data-needed", "B3", id="the-open-question"),
    ],
)
def test_the_most_pressing_category_wins(facts: tuple[Fact, ...], category: str, primary: str) -> None:
    found = assessed(*facts)
    assert found.category is Category(category)
    assert found.primary is not None
    assert numbers([found.primary.rule.id]) == [primary]


def test_a_possible_liver_failure_is_the_question_before_not_indicated() -> None:
    found = assessed(overdose(9), level(40), alt(20, 0.1), has(Problem.ENCEPHALOPATHY))
    assert found.category is Category.DATA_NEEDED
    assert found.primary is not None
    assert found.primary.rule.id.startswith("A1-")
    assert Test.INR in {ask.test for ask in found.asks}


def test_every_rule_is_judged_whatever_the_outcome() -> None:
    for facts in ((), (overdose(9), level(80)), (overdose(9), level(40), alt(20, 0.1))):
        assert [j.rule for j in assessed(*facts).judged] == list(INDICATIONS)


def test_an_unreadable_level_alone_is_data_needed() -> None:
    found = assessed(DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in arbitrary units"))
    assert found.category is Category.DATA_NEEDED
    assert found.primary is not None
    assert found.primary.finding.verdict is Verdict.UNKNOWN


def test_an_overdose_with_nothing_open_still_needs_data() -> None:
    found = assessed(unstated_overdose(None), level("<20"), alt(60), inr(1.0), alert())
    assert found.category is Category.DATA_NEEDED


@pytest.mark.parametrize(
    ("facts", "point"),
    [
        ((overdose(9), level(80)), (8.0, 75.0)),
        ((overdose((9, 5)), level(80)), (8.0, 75.0)),
        ((overdose(None), level(80)), None),
        ((overdose(2), level(80)), None),
    ],
)
def test_the_plotted_point(facts: tuple[Fact, ...], point: tuple[float, float] | None) -> None:
    found = assessed(*facts).point
    if point is None:
        assert found is None
    else:
        assert found is not None
        assert (found.hours, found.line_mg_l) == pytest.approx(point)


def test_the_earliest_sensible_time_of_a_test_is_asked_for() -> None:
    """Two staggered doses: 4 h after the last one, though the other rules would have the level now."""
    found = assessed(took(6, 9), took(6, 3), level(40, 1))
    asks = [ask.not_before for ask in found.asks if ask.test is Test.ACETAMINOPHEN]
    assert asks == [NOW + timedelta(hours=1)]


def test_of_two_stated_times_the_sooner_is_asked_for() -> None:
    """B4 would repeat 4 h after the sample, B15 4 h after the last dose."""
    found = assessed(took(13, 9, is_extended_release=True), took(6, 3), level(40, 0.5), alt(20, 0.1))
    assert rules_met(found) >= {"B5", "B15"}
    assert [a.not_before for a in found.asks if a.test is Test.ACETAMINOPHEN] == [NOW + timedelta(hours=1)]


def test_the_time_to_start_by_is_given_while_waiting_only() -> None:
    assert assessed(overdose(2)).start_by == hours_ago(-6)
    assert assessed(overdose(2), amount(30)).start_by == hours_ago(-6)
    assert assessed(overdose(9)).start_by is None


def test_inputs_show_what_was_looked_at_once() -> None:
    found = assessed(
        overdose(9),
        amount(12),
        level(80, status="preliminary"),
        level(None, 2, charted="hemolysed"),
        alt(300, 20),
        alt(60),
        inr(1.1),
        weighs(72, 30),
        weighs(70),
        nac(NacSource.REQUEST, "active"),
        has(Problem.ASTHMA),
    )
    shown = {(i.label, i.value, i.unit, i.status) for i in found.inputs}
    assert shown >= {
        ("acetaminophen", "80", "mg/L", "preliminary"),
        ("acetaminophen", "hemolysed", None, "final"),
        ("ALT", "60", "U/L", "final"),
        ("ALT", "300", "U/L", "final"),
        ("INR", "1.1", None, "final"),
        ("weight", "70", "kg", "measured"),
        ("reported amount", "Reported amount, 12 g", None, None),
        ("acetylcysteine", "acetylcysteine", None, "active"),
        ("asthma", "asthma", None, None),
    }
    assert len(found.inputs) == len(set(found.inputs))
    assert not [i for i in found.inputs if i.label == "weight" and i.value == "72"]


@pytest.mark.parametrize(
    ("days_ago", "is_shown"), [pytest.param(6, True, id="in-it"), pytest.param(8, False, id="before")]
)
def test_inputs_show_only_chemistry_of_the_episode(days_ago: float, *, is_shown: bool) -> None:
    found = assessed(overdose(9), level(80, 1), result(Analyte.BILIRUBIN, 3.5, 24 * days_ago))
    assert ("bilirubin" in {shown.label for shown in found.inputs}) is is_shown


def test_what_is_missing_is_named_as_a_gap() -> None:
    about = {(gap.kind, gap.about) for gap in assessed(overdose(9)).gaps}
    assert about >= {(GapKind.MISSING, "acetaminophen"), (GapKind.MISSING, "ALT"), (GapKind.MISSING, "weight")}
    assert assessed().gaps == ()


@pytest.mark.parametrize("fact", [overdose(-5), level(80, -5)])
def test_a_time_in_the_future_is_named_as_a_gap(fact: Fact) -> None:
    found = assessed(overdose(9), fact)
    assert GapKind.UNUSABLE_TIME in {gap.kind for gap in found.gaps}


def test_an_order_changes_no_category() -> None:
    for facts in ((), (overdose(9), level(80)), (overdose(9), level(40), alt(20, 0.1))):
        assert assessed(*facts, order()).category is assessed(*facts).category


def test_high_risk_is_said_with_the_rule_that_found_it() -> None:
    reasons = assessed(overdose(9), level(182), weighs(70)).overlay_reasons[Overlay.HIGH_RISK]
    assert any("182 mg/L" in reason for reason in reasons)


# --- the pieces -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "either", "both"),
    [
        ([True, False], True, False),
        ([True, None], True, None),
        ([False, None], None, False),
        ([None], None, None),
        ([False], False, False),
        ([True], True, True),
        ([], False, True),
    ],
)
def test_three_valued_logic(answers: list[bool | None], *, either: bool | None, both: bool | None) -> None:
    assert any_of(answers) is either
    assert all_of(answers) is both


def test_thresholds_are_written_as_on_a_card() -> None:
    assert str(HEPATOTOXICITY) == ">1000 U/L"
    assert str(KINGS_PH) == "<7.3"
    assert str(NOMOGRAM_START) == ">=4 h"


def test_the_shipped_profile() -> None:
    assert PROFILES["us-2023"] is US_2023
    assert (US_2023.treatment_line_mg_l, US_2023.high_risk_line_mg_l) == (150, 300)
    assert US_2023.poison_centre.phone == "1-800-222-1222"
    assert finding(assessed(), "B1").verdict is Verdict.NOT_MET


@pytest.mark.parametrize(("ahead", "is_said"), [(5 / 60, False), (5 / 60 + 1 / 3600, True), (0, False), (2, True)])
def test_a_time_ahead_of_the_clock_is_said_with_its_reference(ahead: float, *, is_said: bool) -> None:
    ahead_of_us = level(90, -ahead)
    found = assessed(overdose(9), level(80), ahead_of_us)
    told = [gap.reference for gap in found.gaps if gap.kind is GapKind.UNUSABLE_TIME]
    assert told == ([ahead_of_us.reference] if is_said else [])


@pytest.mark.parametrize(
    ("ask", "known", "is_sooner"),
    [
        (Ask(Test.INR), Ask(Test.INR), False),
        (Ask(Test.INR, NOW), Ask(Test.INR), True),
        (Ask(Test.INR, None, NOW), Ask(Test.INR), True),
        (Ask(Test.INR), Ask(Test.INR, None, NOW), False),
        (Ask(Test.INR, None, NOW), Ask(Test.INR, None, NOW), False),
        (Ask(Test.INR), Ask(Test.INR, NOW), False),
        (Ask(Test.INR, hours_ago(1)), Ask(Test.INR, NOW), True),
        (Ask(Test.INR, NOW), Ask(Test.INR, NOW), False),
        (Ask(Test.INR, NOW), Ask(Test.INR, hours_ago(1)), False),
    ],
)
def test_a_stated_time_is_kept_over_now_and_the_sooner_of_two(ask: Ask, known: Ask, *, is_sooner: bool) -> None:
    """As rules would ask one after the other: what stands at the end is the known one unless the new one is sooner."""
    rules = [Judged(INDICATIONS[0], met("", asks=(each,))) for each in (known, ask)]
    assert asks_of(rules, Category.INDICATED) == ((ask,) if is_sooner else (known,))


def test_open_questions_are_not_asked_beside_not_indicated() -> None:
    rules = [Judged(INDICATIONS[0], unknown("", "INR", asks=(Ask(Test.INR),)))]
    assert asks_of(rules, Category.NOT_INDICATED) == ()
    assert asks_of(rules, Category.DATA_NEEDED) == (Ask(Test.INR),)


def test_the_bilirubin_of_the_episode_counts_to_the_hour() -> None:
    week = 7 * 24
    assert Overlay.ASSAY_BILIRUBIN in assessed(overdose(9), level(80), result(Analyte.BILIRUBIN, 12, week)).overlays
    later = result(Analyte.BILIRUBIN, 12, week + 1 / 60)
    assert Overlay.ASSAY_BILIRUBIN not in assessed(overdose(9), level(80), later).overlays


@pytest.mark.parametrize(
    ("mg_l", "is_unread", "category", "below_line"),
    [
        (40, False, Category.NOT_INDICATED, Verdict.MET),
        (40, True, Category.DATA_NEEDED, Verdict.UNKNOWN),
        (120, True, Category.INDICATED, Verdict.NOT_MET),
    ],
)
def test_unread_drugs_keep_not_indicated_from_being_said_and_nothing_else(
    mg_l: float, category: Category, below_line: Verdict, *, is_unread: bool
) -> None:
    """8 h after the ingestion, where the line lies at 75 mg/L."""
    facts = replace(chart(overdose(9), level(mg_l, 1), alt(20, 1), ast(20, 1)), medications_unread=is_unread)
    found = assess(facts, US_2023, NOW)
    below = finding(found, "B3")
    assert (found.category, below.verdict) == (category, below_line)
    if below.verdict is Verdict.UNKNOWN:
        assert below.because.endswith("; but the drugs taken or given could not be read and may change this")
        assert below.because.startswith(
            finding(assess(replace(facts, medications_unread=False), US_2023, NOW), "B3").because
        )
        assert below.missing == ("the list of drugs taken or given",)
