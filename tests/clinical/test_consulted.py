"""What a rule may look at is read from its code, and between them the rules look at every number there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical import cautions, order_review, thresholds
from cds_service.clinical.consulted import consulted_by, part_consults, rule_consults
from cds_service.clinical.facts import Problem
from cds_service.clinical.profile_keys import KEYS
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.ruleset import SHIPPED

if TYPE_CHECKING:
    from cds_service.clinical.thresholds import Threshold

RULES = rule_consults()
PARTS = part_consults()
ALL = (*RULES.values(), *PARTS.values())


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("A2-hepatotoxicity-after-exposure", {thresholds.HEPATOTOXICITY, thresholds.CLOCK_TOLERANCE}),
        ("E3-oral-for-eligible-copd", {thresholds.COPD_EXACERBATIONS, thresholds.EXACERBATION_WINDOW}),
        ("O4-consult-young-child", {thresholds.YOUNG_CHILD}),
        ("D2-liver-failure-of-unknown-cause", {thresholds.RAISES_SUSPICION}),
    ],
)
def test_the_thresholds_of_a_rule(rule: str, named: set[Threshold]) -> None:
    assert RULES[rule].thresholds == named


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        ("B2-level-high-risk", {"high_risk_dose_g", "high_risk_line"}),
        ("D1-liver-failure-of-another-cause", {"detectable", "nonapap_alf"}),
    ],
)
def test_the_profile_keys_of_a_rule(rule: str, keys: set[str]) -> None:
    assert RULES[rule].profile_keys == keys


@pytest.mark.parametrize(
    ("rule", "problems", "analytes"),
    [
        ("A3-clinical-toxicity-after-exposure",
         {Problem.RIGHT_UPPER_QUADRANT_PAIN, Problem.JAUNDICE, Problem.PERSISTENT_VOMITING}, set()),
        ("O9-bilirubin-and-the-level", set(), {Analyte.BILIRUBIN}),
        ("A4-kings-college-criteria", set(),
         {Analyte.ARTERIAL_PH, Analyte.CREATININE, Analyte.LACTATE, Analyte.PHOSPHATE}),
    ],
)  # fmt: skip
def test_the_data_of_a_rule(rule: str, problems: set[Problem], analytes: set[Analyte]) -> None:
    assert RULES[rule].problems == problems
    assert RULES[rule].analytes == analytes


def test_every_rule_is_read() -> None:
    rules = (
        *SHIPPED.indications,
        *map(cautions.as_rule, SHIPPED.cautions),
        *map(order_review.as_rule, SHIPPED.reviews),
    )
    assert set(RULES) == {rule.id for rule in rules} | {row.id for row in SHIPPED.overlays}


@pytest.mark.parametrize("name", SHIPPED.thresholds)
def test_every_threshold_is_looked_at_by_some_rule(name: str) -> None:
    assert any(SHIPPED.thresholds[name] in each.thresholds for each in ALL)


def test_every_number_a_site_may_choose_is_looked_at() -> None:
    choices = {key.name for key in KEYS} - {"allergy_policy"}  # it words an overlay and judges nothing
    assert choices <= set().union(*(each.profile_keys for each in ALL))


def test_no_rule_looks_at_sex() -> None:
    assert not any("sex" in each.facts for each in ALL)
    assert any("birth_date" in each.facts for each in ALL)


def test_a_function_outside_the_core_says_nothing() -> None:
    assert consulted_by(test_every_rule_is_read).thresholds == set()
