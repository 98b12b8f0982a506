"""Rules B9-B14: time unknown, later than 24 h, repeated ingestion, detection limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.clinical.facts import DataGap, GapKind
from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from cds_service.clinical.profiles import US_2023, NonNomogramRule
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    amount,
    assessed,
    ast,
    finding,
    level,
    outcome,
    overdose,
    rules_met,
    took,
    unstated_overdose,
)

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
NORMAL = (alt(25, 0.1), ast(22, 0.1))
"""AST and ALT after everything else on the chart."""


REPEATED = (took(5, 40), took(5, 28), took(5, 16), took(5, 4))
UNREAD = DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in an unknown unit")


# --- B9, B12, B13, B14: time unknown ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(10), *NORMAL), INDICATED, "B9", id="10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, "B12", id="9.9"),
        pytest.param((level("<10"), *NORMAL), NOT_INDICATED, "B12", id="under-10"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B14", id="under-20"),
        pytest.param((level("<20"),), DATA_NEEDED, "B14", id="under-20-no-enzymes"),
        pytest.param((level("<20"), alt(60)), INDICATED, "B9", id="under-20-raised-alt"),
        pytest.param((level("<200"), *NORMAL), DATA_NEEDED, None, id="under-200"),
        pytest.param((level(5), alt(60)), INDICATED, "B9", id="raised-alt"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param((level(5, 40), *NORMAL), INDICATED, "C3", id="stale-level"),
        pytest.param((level(5), alt(25, 40)), DATA_NEEDED, "B13", id="stale-alt"),
        pytest.param((level(5), level(None, 0.5), *NORMAL), DATA_NEEDED, None, id="another-unreadable"),
        pytest.param((level(5, 0.5), level(12, 40), *NORMAL), INDICATED, "B9", id="detectable-earlier"),
        pytest.param((level(5, None), *NORMAL), INDICATED, "C3", id="level-without-a-time"),
        pytest.param(NORMAL, INDICATED, "C3", id="no-level"),
    ],
)
def test_time_unknown(facts: tuple[Fact, ...], expected: Category, rule: str | None) -> None:
    found = assessed(overdose(None), *facts)
    assert found.category is expected
    assert rule is None or rule in rules_met(found)


def test_a_level_that_could_not_be_read_leaves_the_untimed_overdose_open() -> None:
    said = finding(assessed(overdose(None), UNREAD, *NORMAL), "B9")
    assert (said.verdict, said.because, said.missing) == (UNKNOWN, UNREAD.text, ("acetaminophen level",))
    assert finding(assessed(overdose(None), UNREAD, level(12), *NORMAL), "B9").verdict is MET
    assert finding(assessed(overdose(None), UNREAD, level(5), *NORMAL), "B9").verdict is NOT_MET


def test_an_unstated_drug_needs_the_enzymes_beside_a_low_level() -> None:
    said = finding(assessed(unstated_overdose(None), level(5)), "B9")
    assert (said.verdict, said.missing) == (UNKNOWN, ("AST and ALT",))
    assert finding(assessed(unstated_overdose(None), level(5), alt(90)), "B9").verdict is NOT_MET


def test_the_highest_level_is_the_one_that_is_named() -> None:
    said = finding(assessed(overdose(None), level(12, 3), level(40, 2), level(15, 1), *NORMAL), "B9").because
    assert said.startswith("acetaminophen 40 mg/L is at or above 10 mg/L")


def test_a_missing_test_is_named_and_asked_for() -> None:
    missing_enzymes = assessed(overdose(None), level(5))
    assert finding(missing_enzymes, "B13").missing == ("AST and ALT",)
    assert {ask.test for ask in missing_enzymes.asks} >= {Test.TRANSAMINASES}
    assert finding(missing_enzymes, "B12").missing == ("AST and ALT",)
    assert finding(missing_enzymes, "B9").missing == ("AST and ALT",)


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ((alt(90),), {Test.ACETAMINOPHEN}),
        ((level(40),), {Test.TRANSAMINASES}),
        ((level(40), *NORMAL), set()),
        ((level("<20"), alt(90)), set()),
        ((level(5), alt(90)), set()),
    ],
)
def test_one_finding_asks_for_the_test_that_nobody_has_drawn(facts: tuple[Fact, ...], asked: set[Test]) -> None:
    assert {ask.test for ask in finding(assessed(overdose(None), *facts), "B9").asks} == asked


def test_repeated_doses_with_a_raised_alt_ask_for_the_level() -> None:
    """No other rule does: AST and ALT alone decide to treat."""
    found = assessed(*REPEATED, alt(90))
    assert found.category is INDICATED
    assert Test.ACETAMINOPHEN in {ask.test for ask in found.asks}
    assert Test.ACETAMINOPHEN not in {ask.test for ask in assessed(*REPEATED, level(5), alt(90)).asks}


def test_a_level_on_its_own_still_asks_for_the_other_test() -> None:
    assert {ask.test for ask in assessed(overdose(None), level(40)).asks} == {Test.TRANSAMINASES}
    assert Test.ACETAMINOPHEN in {ask.test for ask in assessed(overdose(None), alt(90)).asks}


@pytest.mark.parametrize(
    ("mg_l", "crosses"),
    [
        (75, 8.0),
        (10, 19.63),
        (150, 4.0),
        (151, None),  # above the line at any time from 4 h on
        (4.6875, None),  # below what counts as detectable
        ("<20", None),
        (0, None),
        (None, None),
    ],
)
def test_the_time_at_which_it_would_have_been_on_the_line(mg_l: float | str | None, crosses: float | None) -> None:
    found = assessed(overdose(None), level(mg_l, 1), alt(90))
    assert found.category is INDICATED
    if crosses is None:
        assert found.crosses_at is None
    else:
        assert found.crosses_at is not None
        assert (NOW - timedelta(hours=1) - found.crosses_at) / timedelta(hours=1) == pytest.approx(crosses, abs=0.005)


def test_a_level_may_lie_on_the_line_as_late_as_24_h() -> None:
    """Five halvings of 150 in the twenty hours after the fourth: 4.6875 mg/L, where so little counts as detectable."""
    found = assessed(overdose(None), level(4.6875, 1), alt(90), profile=replace(US_2023, detectable_mg_l=4.0))
    assert found.crosses_at == NOW - timedelta(hours=25)


def test_no_crossing_without_a_sample_time_or_with_a_known_ingestion() -> None:
    assert assessed(overdose(None), level(75, None)).crosses_at is None
    assert assessed(overdose(9), level(75, 1)).crosses_at is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((level(20), *NORMAL), None, id="20-is-not-beyond"),
        pytest.param((level(20.1), *NORMAL), INDICATED, id="beyond-20"),
        pytest.param((level(">15"), *NORMAL), INDICATED, id="over-15-may-be-beyond"),
        pytest.param((level("<30"), *NORMAL), None, id="under-30-shows-nothing"),
        pytest.param((level(10), alt(41)), INDICATED, id="detectable-with-raised-alt"),
        pytest.param((level(9.9), alt(41)), None, id="undetectable-with-raised-alt"),
        pytest.param((alt(90),), None, id="raised-alt-alone"),
    ],
)
def test_without_any_exposure_on_the_chart(facts: tuple[Fact, ...], expected: Category | None) -> None:
    assert outcome(*facts) is expected


# --- B10: later than 24 h --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(10), *NORMAL), INDICATED, "B10", id="10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, "B12", id="9.9"),
        pytest.param((level(5), alt(41)), INDICATED, "B10", id="raised-alt"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B14", id="under-20"),
        pytest.param((level("<20"),), DATA_NEEDED, "B14", id="under-20-no-enzymes"),
        pytest.param((level("<20"), alt(41)), INDICATED, "B10", id="under-20-raised-alt"),
        pytest.param((level("<20"), alt(25, 20)), DATA_NEEDED, "B14", id="under-20-early-alt"),
        pytest.param((level(5), alt(25, 20)), DATA_NEEDED, "B13", id="normal-alt-only-early"),
        pytest.param((level(5), level(None, 0.5), *NORMAL), DATA_NEEDED, None, id="another-unreadable"),
        pytest.param((level("<200"), *NORMAL), DATA_NEEDED, None, id="a-bound-that-proves-nothing"),
        pytest.param((level(5), UNREAD, *NORMAL), DATA_NEEDED, None, id="another-could-not-be-read"),
        pytest.param((level(40, 25), level(5), *NORMAL), NOT_INDICATED, None, id="below-the-line-at-10-h-too"),
        pytest.param((level(60, 25), level(5), *NORMAL), INDICATED, "B1", id="above-the-line-at-10-h"),
        pytest.param((level(40, 25), alt(41)), INDICATED, "B10", id="below-at-10-h-but-late-alt"),
        pytest.param((level(40, 25), level(12), *NORMAL), INDICATED, "B10", id="detectable-late"),
        pytest.param((alt(41),), INDICATED, "B10", id="only-alt"),
        pytest.param(NORMAL, INDICATED, "C1", id="no-level"),
    ],
)
def test_later_than_24_h(facts: tuple[Fact, ...], expected: Category, rule: str | None) -> None:
    """Ingestion 35 h before NOW, samples 34 h after it unless said otherwise."""
    found = assessed(overdose(35), *facts)
    assert found.category is expected
    assert rule is None or rule in rules_met(found)


@pytest.mark.parametrize(
    ("facts", "expected", "missing"),
    [
        pytest.param((level(5), alt(90, 20)), MET, (), id="raised-at-15-h"),
        pytest.param((level(5),), UNKNOWN, ("AST and ALT",), id="enzymes-not-known"),
        pytest.param((level(5), alt(25, 20)), UNKNOWN, ("AST and ALT",), id="normal-only-early"),
        pytest.param((level(40, 25), level(5), alt(25, 24)), NOT_MET, (), id="below-the-line-and-normal-then"),
    ],
)
def test_b10_and_the_enzymes(facts: tuple[Fact, ...], expected: Verdict, missing: tuple[str, ...]) -> None:
    said = finding(assessed(overdose(35), *facts), "B10")
    assert (said.verdict, said.missing) == (expected, missing)


# --- B11: repeated supratherapeutic ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        pytest.param((level(20), *NORMAL), INDICATED, "B11", id="20"),
        pytest.param((level(19.9), *NORMAL), NOT_INDICATED, "B12", id="19.9"),
        pytest.param((level("<20"), *NORMAL), NOT_INDICATED, "B12", id="under-20"),
        pytest.param((level("<25"), *NORMAL), NOT_INDICATED, "B14", id="under-25"),
        pytest.param((level(5), ast(41)), INDICATED, "B11", id="raised-ast"),
        pytest.param((level(5),), DATA_NEEDED, "B13", id="no-enzymes"),
        pytest.param(NORMAL, DATA_NEEDED, "B13", id="no-level"),
        pytest.param((), INDICATED, "C1", id="nothing-known"),
        pytest.param((level(5, 10), *NORMAL), DATA_NEEDED, "B13", id="level-before-the-last-dose"),
        pytest.param((level(5), alt(25, 10)), DATA_NEEDED, "B13", id="alt-before-the-last-dose"),
    ],
)
def test_repeated_supratherapeutic_ingestion(facts: tuple[Fact, ...], expected: Category, rule: str) -> None:
    found = assessed(*REPEATED, *facts)
    assert found.category is expected
    assert rule in rules_met(found)


# --- B14 on the nomogram ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(NORMAL, NOT_INDICATED, id="normal-enzymes"),
        pytest.param((), DATA_NEEDED, id="no-enzymes"),
        pytest.param((*NORMAL, level(None, 0.4)), DATA_NEEDED, id="another-unreadable"),
        pytest.param((*NORMAL, amount(30)), CONSIDER, id="30-g"),
    ],
)
def test_a_detection_limit_above_the_line(facts: tuple[Fact, ...], expected: Category) -> None:
    """Below 10 at 22 h, where the line is 6.63 mg/L."""
    found = assessed(overdose(22.5), level("<10", 0.5), *facts)
    assert found.category is expected
    assert "B14" in rules_met(found)
    assert Overlay.DETECTION_LIMIT in found.overlays


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((level(80, 14.5),), id="above-the-line-at-8-h"),
        pytest.param((level(20, (20, 12)),), id="perhaps-drawn-before-4-h"),
        pytest.param((level(12, 26),), id="detectable-before-the-recorded-time"),
        pytest.param((took(5, 3),), id="another-dose-2.5-h-before"),
        pytest.param((UNREAD,), id="another-could-not-be-read"),
    ],
)
def test_what_lies_beside_a_detection_limit_keeps_it_open(facts: tuple[Fact, ...]) -> None:
    found = assessed(overdose(22.5), level("<10", 0.5), *facts, *NORMAL)
    assert finding(found, "B14").is_met
    assert finding(found, "B14").category is not NOT_INDICATED
    assert found.category is not NOT_INDICATED


def test_beside_a_detection_limit_only_unknown_enzymes_are_missing() -> None:
    hidden = (overdose(22.5), level("<10", 0.5))
    assert finding(assessed(*hidden), "B14").missing == ("AST and ALT",)
    assert finding(assessed(*hidden, UNREAD, *NORMAL), "B14").missing == ()


def test_a_detection_limit_without_any_exposure_is_no_matter() -> None:
    assert finding(assessed(level("<20"), *NORMAL), "B14").verdict is NOT_MET


@pytest.mark.parametrize(
    ("earlier", "settled"),
    [(5, True), ("<20", True), (12, False), (">5", False), ("<200", False), (None, False)],
)
def test_another_level_beside_a_detection_limit_without_a_time(earlier: float | str | None, *, settled: bool) -> None:
    """Below 20 shows no 10 mg/L; an earlier level has to lie below 10 too, or below a limit like it."""
    found = assessed(overdose(None), level(earlier, 2), level("<20", 1), *NORMAL)
    assert (finding(found, "B14").category is NOT_INDICATED) is settled
    assert (found.category is NOT_INDICATED) is settled


def test_a_detection_limit_that_settles_the_line_is_no_matter() -> None:
    assert "B14" not in rules_met(assessed(overdose(20), level("<10", 0.4), *NORMAL))


def test_raised_enzymes_beside_a_detection_limit_are_left_to_the_other_rules() -> None:
    found = assessed(overdose(22.5), level("<10", 0.5), alt(60))
    assert found.category is CONSIDER
    assert rules_met(found) & {"B4", "B14"} == {"B4"}


# --- the stricter reading --------------------------------------------------------------------------

STRICT = replace(US_2023, nonnomogram_rule=NonNomogramRule.AND)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((level(12), *NORMAL), CONSIDER),
        ((level(5), alt(60)), CONSIDER),
        ((level(12), alt(60)), INDICATED),
        ((level(5), *NORMAL), NOT_INDICATED),
    ],
)
def test_under_the_and_reading_one_finding_is_to_be_considered(facts: tuple[Fact, ...], expected: Category) -> None:
    found = assessed(overdose(None), *facts, profile=STRICT)
    assert found.category is expected
    if expected is CONSIDER:
        assert "AGA 2017 asks for both" in finding(found, "B9").because


# --- doses more than a day apart, the last of them an overdose of its own ---------------------------


@pytest.mark.parametrize(
    ("level_mg_l", "sampled", "expected"),
    [
        # Counted from the second overdose, 20 h before the sample, the line stands at 9.375 mg/L.
        pytest.param(9.375, 0, INDICATED, id="on-the-line-from-the-last"),
        pytest.param(9.3, 0, NOT_INDICATED, id="under-the-line-from-the-last"),
        # 3 h after the second overdose nothing can be called negative yet.
        pytest.param(9.3, 17, DATA_NEEDED, id="too-soon-after-the-last"),
    ],
)
def test_two_overdoses_a_day_apart(level_mg_l: float, sampled: float, expected: Category) -> None:
    found = assessed(overdose(50), overdose(20), level(level_mg_l, sampled), *NORMAL)
    assert found.ingestion.ends_in_overdose
    assert found.category is expected


def test_the_line_from_the_last_overdose_ends_after_24_h() -> None:
    """8 mg/L, 30 h after the last: no line is left, and it is far from the 20 mg/L of repeated doses."""
    found = assessed(overdose(80), overdose(30), level(8, 0), *NORMAL)
    assert found.ingestion.ends_in_overdose
    assert "B11" not in rules_met(found)
    assert found.category is NOT_INDICATED


def test_small_repeated_doses_are_not_counted_from_the_last() -> None:
    found = assessed(took(4, 60), took(4, 50), took(4, 40), took(4, 20), level(15, 0), *NORMAL)
    assert not found.ingestion.ends_in_overdose
    assert found.category is NOT_INDICATED


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [pytest.param(26, INDICATED, id="a-day-before"), pytest.param(80, CONSIDER, id="three-days-before")],
)
def test_a_level_shortly_before_the_ingestion_casts_doubt_on_its_time(sampled: float, expected: Category) -> None:
    found = assessed(overdose(3), amount(30), level(12, sampled), *NORMAL)
    assert found.category is expected


@pytest.mark.parametrize("ago", [None, 30.0])
def test_thirty_grams_off_the_nomogram_is_at_least_considered(ago: float | None) -> None:
    found = assessed(overdose(ago), amount(30), level(5, 0.1), *NORMAL)
    assert found.category is CONSIDER
    assert Overlay.HIGH_RISK in found.overlays
