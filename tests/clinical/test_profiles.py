"""The guideline profiles: each key has a row in which changing it alone changes what is said."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.facts import Intent, Problem
from cds_service.clinical.findings import Category, Test
from cds_service.clinical.profile_keys import KEYS, conflicts
from cds_service.clinical.profiles import (
    PROFILES,
    US_2023,
    ErRule,
    NonApapAlf,
    NonNomogramRule,
    Profile,
    RegimenName,
)
from cds_service.clinical.regimens import DosingPlan
from tests.clinical.facts_builders import (
    Fact,
    alert,
    alt,
    amount,
    assessed,
    ast,
    coingestant,
    finding,
    has,
    inr,
    level,
    outcome,
    overdose,
    rules_met,
    took,
    weighs,
)

if TYPE_CHECKING:
    from cds_service.clinical.assessment import Assessment

UK, ANZ, AGA = PROFILES["uk-2012"], PROFILES["anz-2019"], PROFILES["aga-2017"]
NORMAL = (alt(20), ast(20))
TREAT, CONSIDER, REPEAT, NO = (
    Category.INDICATED,
    Category.CONSIDER,
    Category.REPEAT_LEVEL,
    Category.NOT_INDICATED,
)
FAILING = (inr(2.5), has(Problem.ENCEPHALOPATHY))
ER = took(20, 9, is_extended_release=True)

# The 150 line at 8 h is 75, the 100 line 50, the 200 line 100, the 300 line 150 mg/L.
EFFECTS: list[tuple[str, Any, tuple[Fact, ...], Category | None, Category | None]] = [
    ("treatment_line_mg_l", 100, (overdose(9), level(60), *NORMAL), NO, TREAT),
    ("treatment_line_mg_l", 200, (overdose(9), level(80), *NORMAL), TREAT, NO),
    ("line_inclusive", False, (overdose(9), level(75), *NORMAL), TREAT, NO),
    ("acute_span_h", 1, (took(8, 9), took(4, 6), overdose(9), level(20), *NORMAL), NO, TREAT),
    ("episode_days", 2, (overdose(60, charted=60), level(15, 58), alt(20, 1), ast(20, 1)), TREAT, None),
    ("context_free_level_mg_l", 30, (level(25), *NORMAL), TREAT, None),
    ("nonnomogram_rule", NonNomogramRule.AND, (overdose(None), level(25), *NORMAL), TREAT, CONSIDER),
    ("detectable_mg_l", 20, (overdose(None), level(15), *NORMAL), TREAT, NO),
    ("rsi_level_mg_l", 30, (took(8, 60), took(8, 10), overdose(None), level(25), *NORMAL), TREAT, NO),
    ("alt_uln_fallback_u_l", 50, (overdose(9), level(40), alt(45), ast(20)), CONSIDER, NO),
    ("er_rule", ErRule.TREAT_TOXIC_DOSE, (ER, level(40), *NORMAL), REPEAT, TREAT),
    ("er_rule", ErRule.NON_NOMOGRAM, (ER, level(40), *NORMAL), REPEAT, TREAT),
    ("nonapap_alf", NonApapAlf.TRIAL_ONLY, (*FAILING, has(Problem.OTHER_LIVER_CAUSE), level(0)), CONSIDER,
     Category.CAUTION),
    ("inr_alf", 2.0, (inr(1.7), has(Problem.ENCEPHALOPATHY), level(5), alt(200)), CONSIDER, None),
    ("high_risk_dose_g", 20, (amount(25), overdose(9), level(40), *NORMAL), NO, CONSIDER),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "facts", "before", "after"), EFFECTS)
def test_each_key_changes_what_is_said(
    field: str, value: object, facts: tuple[Fact, ...], before: Category | None, after: Category | None
) -> None:
    changes: dict[str, Any] = {field: value}
    assert outcome(*facts) is before
    assert outcome(*facts, profile=replace(US_2023, **changes)) is after


def test_the_high_risk_line_is_the_profiles() -> None:
    facts = (overdose(9), level(160), *NORMAL)
    assert "B2" in rules_met(assessed(*facts))
    assert "B2" not in rules_met(assessed(*facts, profile=replace(US_2023, high_risk_line_mg_l=400)))


def test_the_high_risk_line_obeys_inclusivity() -> None:
    facts = (overdose(9), level(150), *NORMAL)
    assert "B2" in rules_met(assessed(*facts))
    assert "B2" not in rules_met(assessed(*facts, profile=replace(US_2023, line_inclusive=False)))


def test_every_key_is_shown_to_matter() -> None:
    elsewhere = {"high_risk_line_mg_l", "regimen", "max_weight_kg", "allergy_policy"}
    assert {key.field for key in KEYS} == {row[0] for row in EFFECTS} | elsewhere
    described = {"name", "title", "source", "poison_centre"}
    assert {f.name for f in fields(Profile)} == {key.field for key in KEYS} | described


def test_limits_that_are_equal_go_together() -> None:
    assert conflicts(replace(US_2023, detectable_mg_l=15, rsi_level_mg_l=15, context_free_level_mg_l=15)) == ()


SHIPPED = {
    "us-2023": (150, 24, "or", 40, "serial", "show_both", "three-bag", 100, "1-800-222-1222"),
    "uk-2012": (100, 1, "or", 40, "serial", "show_both", "snap", 110, "0344 892 0111"),
    "anz-2019": (150, 24, "or", 50, "treat_toxic_dose", "show_both", "two-bag-anz", 110, "13 11 26"),
    "aga-2017": (150, 24, "and", 40, "non_nomogram", "trial_only", "three-bag", 100, "1-800-222-1222"),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_profiles(name: str) -> None:
    p = PROFILES[name]
    *values, phone = SHIPPED[name]
    assert [p.treatment_line_mg_l, p.acute_span_h, p.nonnomogram_rule, p.alt_uln_fallback_u_l, p.er_rule, p.nonapap_alf,
            p.regimen, p.max_weight_kg] == values  # fmt: skip
    assert phone in p.poison_centre.phone
    assert (p.name, p.high_risk_line_mg_l, p.inr_alf, p.episode_days) == (name, 300, 1.5, 7)
    assert conflicts(p) == ()
    for key in KEYS:
        assert key.read(getattr(p, key.field)) == getattr(p, key.field)


@pytest.mark.parametrize(
    ("profile", "kg", "regimen", "doses"),
    [
        (US_2023, 120, "three-bag", (15_000, 5_000, 10_000)),
        (UK, 70, "snap", (7_000, 14_000)),
        (UK, 120, "snap", (11_000, 22_000)),
        (ANZ, 120, "two-bag-anz", (22_000, 11_000)),
        (AGA, 120, "three-bag", (15_000, 5_000, 10_000)),
        (replace(US_2023, max_weight_kg=110), 120, "three-bag", (16_500, 5_500, 11_000)),
        (replace(US_2023, regimen=RegimenName.TWO_BAG), 70, "two-bag", (14_000, 7_000)),
        (replace(US_2023, regimen=RegimenName.TWO_BAG), 30, "three-bag", (4_500, 1_500, 3_000)),
        (UK, 30, "three-bag", (4_500, 1_500, 3_000)),
    ],
)
def test_the_dose_is_the_profiles(profile: Profile, kg: float, regimen: str, doses: tuple[float, ...]) -> None:
    found = assessed(overdose(9), level(160), *NORMAL, weighs(kg), profile=profile).dosing
    assert isinstance(found, DosingPlan)
    assert found.regimen == regimen
    assert [bag.dose_mg for bag in found.bags] == pytest.approx(doses)


# --- United Kingdom: staggered over more than an hour ---------------------------------------------


def _doses(*ago: float) -> tuple[Fact, ...]:
    return tuple(took(4, each) for each in ago)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((*_doses(9, 8), level(20), *NORMAL, overdose(9)), NO, id="60-min-apart"),
        pytest.param((*_doses(9, 7.9), level(20), *NORMAL, overdose(9)), TREAT, id="66-min-apart"),
        pytest.param((*_doses(9, 2), level(20), *NORMAL, overdose(9)), TREAT, id="sample-1-h-after-the-last"),
        pytest.param((*_doses(5, 2), overdose(5)), TREAT, id="no-level-yet"),
        pytest.param((*_doses(30, 2), level(5), *NORMAL, overdose(30)), NO, id="over-24-h-is-repeated"),
        pytest.param((*_doses(9), level(20), *NORMAL, overdose(9)), NO, id="one-dose"),
        pytest.param((*_doses(40, 36), level(5), *NORMAL, overdose(40)), NO, id="over-and-negative"),
        pytest.param((*_doses(40, 36), level(10), *NORMAL, overdose(40)), TREAT, id="late-and-detectable"),
        pytest.param((*_doses(40, 36), level("<20"), *NORMAL, overdose(40)), TREAT, id="late-detection-limit"),
        pytest.param((*_doses(40, 36), level(5), overdose(40)), TREAT, id="late-without-alt"),
        pytest.param((*_doses(25, 4), level(5, 0.5), *NORMAL, overdose(25)), TREAT, id="late-but-near-the-last-dose"),
        pytest.param(
            (overdose(9, intent=Intent.ACCIDENTAL), overdose(7, intent=Intent.ACCIDENTAL), amount(4), weighs(70)),
            NO,
            id="small-accident",
        ),
    ],
)
def test_uk_staggered(facts: tuple[Fact, ...], expected: Category) -> None:
    assert outcome(*facts, profile=UK) is expected


@pytest.mark.parametrize(
    ("facts", "profile", "treats", "silent"),
    [
        ((*_doses(9, 7), level(20), *NORMAL, overdose(9)), UK, "B15", "B3"),
        ((took(12, 9, is_extended_release=True), overdose(9), level(5), *NORMAL), ANZ, "B5", "B7"),
        ((ER, overdose(9), level(40, 5), level(20, 0.5), *NORMAL), AGA, "B5", "B7"),
    ],
)
def test_no_rule_says_otherwise_beside_the_profiles_own(
    facts: tuple[Fact, ...], profile: Profile, treats: str, silent: str
) -> None:
    assert rules_met(assessed(*facts, profile=profile)) & {treats, silent} == {treats}


def test_us_staggered_is_read_from_the_first_dose() -> None:
    facts = (*_doses(9, 2), level(20), *NORMAL, overdose(9))
    assert outcome(*facts) is REPEAT
    assert "B15" in rules_met(assessed(*facts))


# --- extended release -----------------------------------------------------------------------------


def _er(grams: float | None, **changes: Any) -> Fact:
    return took(grams, 9, is_extended_release=True, **changes)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param((_er(10), level(40), *NORMAL, overdose(9)), TREAT, id="10-g"),
        pytest.param((_er(10), level(5), *NORMAL, overdose(9)), TREAT, id="10-g-level-under-10"),
        pytest.param((_er(10), overdose(9)), TREAT, id="10-g-no-level"),
        pytest.param((_er(9.9), level(40), *NORMAL, weighs(70), overdose(9)), REPEAT, id="9.9-g-at-70-kg"),
        pytest.param((_er(9.9), level(5), *NORMAL, weighs(70), overdose(9)), NO, id="9.9-g-level-under-10"),
        pytest.param((_er(9), level(40), *NORMAL, weighs(45), overdose(9)), TREAT, id="200-mg-per-kg"),
        pytest.param((_er(8.9), level(40), *NORMAL, weighs(45), overdose(9)), REPEAT, id="under-200-mg-per-kg"),
        pytest.param((_er(None), level(40), *NORMAL, overdose(9)), REPEAT, id="amount-unknown"),
        pytest.param((took(12, 40, is_extended_release=True), overdose(40), level(5), *NORMAL), NO, id="long-over"),
        pytest.param((took(12, 40, is_extended_release=True), overdose(40), level(5), alt(60)), TREAT, id="late-alt"),
        pytest.param((_er(None), level(5), *NORMAL, overdose(9)), Category.DATA_NEEDED, id="amount-unknown-under-10"),
    ],
)
def test_anz_extended_release(facts: tuple[Fact, ...], expected: Category) -> None:
    assert outcome(*facts, profile=ANZ) is expected


@pytest.mark.parametrize(
    ("facts", "by_or", "by_and"),
    [
        pytest.param((level(40), *NORMAL), TREAT, CONSIDER, id="level-alone"),
        pytest.param((level(40), alt(60)), TREAT, TREAT, id="both"),
        pytest.param((level(5), alt(60)), TREAT, CONSIDER, id="alt-alone"),
        pytest.param((level(5), *NORMAL), NO, NO, id="neither"),
        pytest.param((level(80), *NORMAL), TREAT, TREAT, id="above-the-line"),
        pytest.param((level("<20"), *NORMAL), REPEAT, REPEAT, id="detection-limit"),
    ],
)
def test_extended_release_off_the_nomogram(facts: tuple[Fact, ...], by_or: Category, by_and: Category) -> None:
    off = replace(US_2023, er_rule=ErRule.NON_NOMOGRAM)
    assert outcome(ER, overdose(9), *facts, profile=off) is by_or
    assert outcome(ER, overdose(9), *facts, profile=AGA) is by_and


def test_coingestants_are_not_extended_release() -> None:
    facts = (overdose(9), coingestant(), level(40), *NORMAL)
    assert outcome(*facts, profile=ANZ) is REPEAT
    assert outcome(*facts, profile=AGA) is REPEAT


def test_a_toxic_extended_release_dose_still_asks_for_the_results() -> None:
    asked = {ask.test for ask in assessed(_er(12), overdose(9), profile=ANZ).asks}
    assert {Test.ACETAMINOPHEN, Test.TRANSAMINASES} <= asked


# --- AGA verbatim: both findings off the nomogram -------------------------------------------------


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        ("B9", (overdose(None), level(25), *NORMAL)),
        ("B9", (overdose(None), level(5), alt(60))),
        ("B10", (overdose(30), level(15), *NORMAL)),
        ("B10", (overdose(30), level(5), alt(60))),
        ("B11", (took(8, 60), took(8, 10), overdose(None), level(25), *NORMAL)),
        ("B17", (overdose((30, 20)), level(2), alt(60))),
    ],
)
def test_positive_by_or_alone_is_considered(number: str, facts: tuple[Fact, ...]) -> None:
    sensitive, verbatim = assessed(*facts), assessed(*facts, profile=AGA)
    assert (sensitive.category, verbatim.category) == (TREAT, CONSIDER)
    for found in (sensitive, verbatim):
        assert _said(found, number)


def _said(found: Assessment, number: str) -> bool:
    because = finding(found, number).because
    return "US practice 2023 treats either finding alone" in because and "AGA 2017 asks for both" in because


def test_both_findings_treat_by_either_reading() -> None:
    assert outcome(overdose(None), level(25), alt(60), profile=AGA) is TREAT


def test_b17_on_the_line_at_24_h_is_the_nomogram_and_treats() -> None:
    assert outcome(overdose((30, 20)), level(5), *NORMAL, alert(), profile=AGA) is TREAT
