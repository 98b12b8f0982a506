"""Rules B5-B7: what slows absorption asks for a second level."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.clinical.findings import Category, Overlay, Test, Verdict
from cds_service.clinical.profiles import PROFILES
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alt,
    assessed,
    ast,
    coingestant,
    finding,
    level,
    overdose,
    rules_met,
    took,
    verdict,
)

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
INDICATED, CONSIDER, REPEAT = Category.INDICATED, Category.CONSIDER, Category.REPEAT_LEVEL
DATA_NEEDED, NOT_INDICATED = Category.DATA_NEEDED, Category.NOT_INDICATED
NORMAL = (alt(25, 0.1), ast(22, 0.1))
"""AST and ALT after everything else on the chart."""


ER = took(13, 9, is_extended_release=True)
WITH_OPIOID = took(13, 9, delaying_ingredients=frozenset({"hydrocodone"}))


@pytest.mark.parametrize(
    ("exposure", "rule"),
    [
        pytest.param((ER,), "B5", id="extended-release"),
        pytest.param((WITH_OPIOID,), "B6", id="opioid-in-the-product"),
        pytest.param((overdose(9), coingestant()), "B6", id="opioid-beside-it"),
        pytest.param((overdose(9), coingestant("anticholinergic")), "B6", id="anticholinergic-beside-it"),
    ],
)
@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param((level(40), *NORMAL), REPEAT, id="below"),
        pytest.param((level(10), *NORMAL), REPEAT, id="at-10"),
        pytest.param((level(9.9), *NORMAL), NOT_INDICATED, id="under-10"),
        pytest.param((level("<10"), *NORMAL), NOT_INDICATED, id="below-a-limit-of-10"),
        pytest.param((level("<20"), *NORMAL), REPEAT, id="below-a-limit-of-20"),
        pytest.param((level(75), *NORMAL), INDICATED, id="on-the-line"),
        pytest.param((level(40), alt(60)), INDICATED, id="below-with-raised-alt"),
        pytest.param((level(9.9), alt(60)), CONSIDER, id="under-10-with-raised-alt"),
        pytest.param((level(40),), REPEAT, id="no-enzymes"),
        pytest.param((level(40, 4.5), level(20, 0.5), *NORMAL), NOT_INDICATED, id="second-level-4-h-later"),
        pytest.param((level(40, 4.4), level(20, 0.5), *NORMAL), REPEAT, id="second-level-3-9-h-later"),
        pytest.param((level(40, 4.5), level(80, 0.5), *NORMAL), INDICATED, id="second-level-crosses"),
        pytest.param((level(40, 4.5), level(20, 0.5), alt(60)), INDICATED, id="second-level-with-raised-alt"),
    ],
)
def test_delayed_absorption(
    exposure: tuple[Fact, ...], rule: str, results: tuple[Fact, ...], expected: Category
) -> None:
    found = assessed(*exposure, *results)
    assert found.category is expected
    if expected in {REPEAT, NOT_INDICATED}:
        assert (rule in rules_met(found)) is (expected is REPEAT)
    assert "B3" not in rules_met(found)
    assert Overlay.CONSULT in found.overlays


def test_the_second_level_is_asked_for_4_to_6_h_after_the_first() -> None:
    ask = next(ask for ask in assessed(ER, level(40), *NORMAL).asks if ask.test is Test.ACETAMINOPHEN)
    assert (ask.not_before, ask.not_after) == (NOW + timedelta(hours=3), NOW + timedelta(hours=5))


def test_b5d_names_and_asks_for_the_enzymes_it_hinges_on() -> None:
    said = finding(assessed(ER, level(40)), "B5d")
    assert (said.because, said.missing) == ("AST and ALT are not known", ("AST and ALT",))
    assert [ask.test for ask in said.asks] == [Test.TRANSAMINASES]


def test_a_second_level_that_is_overdue_is_asked_for_now() -> None:
    ask = next(
        ask
        for ask in assessed(took(13, 20, is_extended_release=True), level(40, 9), *NORMAL).asks
        if ask.test is Test.ACETAMINOPHEN
    )
    assert (ask.not_before, ask.not_after) == (NOW, None)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((level(40), alt(60)), MET),
        ((level("<20"), alt(60)), UNKNOWN),
        ((level(40),), UNKNOWN),
        ((level(40), *NORMAL), NOT_MET),
        ((level(9), alt(60)), NOT_MET),
    ],
)
def test_b5d(results: tuple[Fact, ...], expected: Verdict) -> None:
    assert verdict("B5d", ER, *results) is expected


@pytest.mark.parametrize(
    ("results", "asked"),
    [
        ((), {Test.ACETAMINOPHEN, Test.TRANSAMINASES}),
        ((level(40),), {Test.TRANSAMINASES}),
        (NORMAL, {Test.ACETAMINOPHEN}),
        ((level(40), *NORMAL), set()),
    ],
)
def test_a_toxic_dose_that_is_treated_at_once_asks_for_what_is_missing(
    results: tuple[Fact, ...], asked: set[Test]
) -> None:
    found = assessed(ER, *results, profile=PROFILES["anz-2019"])
    assert {ask.test for ask in finding(found, "B5").asks} == asked


@pytest.mark.parametrize(
    ("ingested", "results", "expected"),
    [
        pytest.param(12, (level(40, 6), level(30, 4), level(20, 1)), NOT_MET, id="third-level-5-h-after-the-first"),
        pytest.param(12, (level(40, 6), level(30, 4), level(20, 2.1)), MET, id="third-level-3.9-h-after-the-first"),
        pytest.param(30, (level(10.5, 11), level(5, 5)), NOT_MET, id="second-level-after-24-h"),
        pytest.param(30, (level(10.5, 11),), MET, id="the-first-of-them-alone"),
        pytest.param(9, (level(80, 1), level(40, 0.5)), NOT_MET, id="one-above-the-line"),
        pytest.param(17, (level("<20", 1),), MET, id="below-a-limit-over-the-line"),
    ],
)
def test_b5_looks_for_a_second_level(ingested: float, results: tuple[Fact, ...], expected: Verdict) -> None:
    assert verdict("B5", took(13, ingested, is_extended_release=True), *results, *NORMAL) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((ER, level(80), alt(60)), NOT_MET, id="above-the-line"),
        pytest.param((ER, level(40), alt(60)), MET, id="below-it"),
        pytest.param((overdose(None), replace(ER, taken=None), alt(60)), NOT_MET, id="time-unknown"),
    ],
)
def test_b5_without_the_line_leaves_the_rest_to_other_rules(facts: tuple[Fact, ...], expected: Verdict) -> None:
    assert verdict("B5", *facts, profile=PROFILES["aga-2017"]) is expected


def test_both_findings_without_the_line_are_named() -> None:
    said = finding(assessed(ER, level(40), alt(60), profile=PROFILES["aga-2017"]), "B5").because
    assert "acetaminophen 40 mg/L at 8.0 h and ALT 60 U/L raised" in said


@pytest.mark.parametrize(
    ("facts", "profile", "expected"),
    [
        pytest.param((overdose(9), replace(ER, amount_mg=None)), "us-2023", MET, id="the-amount-of-no-matter"),
        pytest.param((overdose(9), coingestant()), "anz-2019", MET, id="no-extended-release"),
        pytest.param(
            (overdose(9), replace(ER, amount_mg=None)), "anz-2019", UNKNOWN, id="a-toxic-dose-would-be-treated"
        ),
    ],
)
def test_b7_hinges_on_the_amount_where_a_dose_is_treated(
    facts: tuple[Fact, ...], profile: str, expected: Verdict
) -> None:
    assert verdict("B7", *facts, level(9), *NORMAL, profile=PROFILES[profile]) is expected


def test_delayed_absorption_off_the_nomogram_is_left_to_the_other_rules() -> None:
    found = assessed(overdose(None), took(None, None, is_extended_release=True), level(40), *NORMAL)
    assert found.category is INDICATED
    assert rules_met(found) & {"B5", "B5d", "B7"} == set()
