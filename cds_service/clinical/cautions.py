"""The caution policy: rules E, about a selected draft order.

A caution never stands against a treatment: where a rule treats or asks to consider, E1-E5 do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.assessment import Judged, OrderCaution
from cds_service.clinical.evidence import (
    CFF_2013,
    CHEST_CTS_2015,
    ERS_ATS_2017,
    FDA_LABEL,
    SERVICE_ASSUMPTION,
    US_CONSENSUS_2023,
    Evidence,
)
from cds_service.clinical.facts import Diagnosis, DrugOrder, OrderedSubstance, Problem, Route, Severity
from cds_service.clinical.findings import Category, Finding, Rule, met, not_met, unknown
from cds_service.clinical.thresholds import COPD_EXACERBATIONS, EXACERBATION_WINDOW, FIBROSIS_AGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.case import Case


@dataclass(frozen=True, slots=True)
class Standing:
    """What the indication rules concluded: the category (None: outside the population) and the rules met."""

    category: Category | None
    met_rules: frozenset[str]

    @property
    def calls_for_nac(self) -> bool:
        """Whether any rule treats, asks to consider, or treatment is under way or just completed."""
        return self.category in {Category.INDICATED, Category.CONSIDER, Category.CONTINUE, Category.CRITERIA_MET}

    @property
    def is_open(self) -> bool:
        """Whether data are missing that could still show an indication."""
        return self.category in {Category.DATA_NEEDED, Category.REPEAT_LEVEL}


@dataclass(frozen=True, slots=True)
class CautionRule:
    """A row of the caution table; `judge` sees the case, one selected order and the standing of the indication."""

    id: str
    statement: str
    judge: Callable[[Case, DrugOrder, Standing], Finding]
    evidence: tuple[Evidence, ...]
    statements: tuple[str, ...] = ()
    warns: bool = True
    """False: the rule only records that the order needs no card."""


_RESPIRATORY = frozenset({Problem.COPD, Problem.COPD_EXACERBATION, Problem.CHRONIC_BRONCHITIS, Problem.MUCOLYTIC_USE})
_FIBROSIS = frozenset({Problem.CYSTIC_FIBROSIS})
_CONTRAST = frozenset({Problem.CONTRAST_PROPHYLAXIS})
_TOXICOLOGICAL = frozenset({Problem.ACETAMINOPHEN_TOXICITY, Problem.ACUTE_LIVER_FAILURE})


def is_iv_nac(order: DrugOrder) -> bool:
    """Whether the order is acetylcysteine into a vein."""
    return order.substance is OrderedSubstance.ACETYLCYSTEINE and order.route is Route.INTRAVENOUS


def _only_for(case: Case, order: DrugOrder, standing: Standing, problems: frozenset[Problem], words: str) -> Finding:
    """IV NAC whose only indication is one of these problems: stated on the order, or the only one on the chart."""
    if not is_iv_nac(order):
        return not_met("no intravenous acetylcysteine is ordered")
    if standing.calls_for_nac or order.reasons & _TOXICOLOGICAL:
        return not_met("another indication is charted or under way")
    stated = order.reasons & problems
    charted = not order.reasons and standing.category is None and case.facts.having(*problems)
    if not stated and not charted:
        return not_met(f"{words} is not why it is ordered")
    if standing.is_open:
        return unknown("acetaminophen toxicity is not excluded", "the data named on the main card")
    return met(f"intravenous acetylcysteine is ordered, and {words} is the only indication found")


def for_airway_disease(case: Case, order: DrugOrder, standing: Standing) -> Finding:
    """E1: IV NAC for COPD, chronic bronchitis or mucolysis only."""
    return _only_for(case, order, standing, _RESPIRATORY, "chronic airway disease or mucolysis")


def for_cystic_fibrosis(case: Case, order: DrugOrder, standing: Standing) -> Finding:
    """E2: IV NAC for cystic fibrosis only; the evidence about other routes is for six years and older."""
    finding = _only_for(case, order, standing, _FIBROSIS, "cystic fibrosis")
    return finding._replace(because=f"{finding.because}{_fibrosis_age(case)}") if finding.is_met else finding


def _fibrosis_age(case: Case) -> str:
    """That the evidence is not about this patient's age; empty where it is."""
    from_age = f"the evidence about inhaled or oral acetylcysteine is from {FIBROSIS_AGE.value:g} years of age"
    if case.age_years is None:
        return f"; {from_age}, and the age is not charted"
    return "" if FIBROSIS_AGE.reached_by_number(case.age_years) else f"; {from_age}, and this patient is younger"


def for_contrast(case: Case, order: DrugOrder, standing: Standing) -> Finding:
    """E4: IV NAC as prophylaxis of contrast nephropathy only."""
    return _only_for(case, order, standing, _CONTRAST, "contrast prophylaxis")


def oral_for_copd(case: Case, order: DrugOrder, _standing: Standing) -> Finding:
    """E3: oral NAC for an eligible COPD patient needs no card."""
    if order.substance is not OrderedSubstance.ACETYLCYSTEINE or order.route is not Route.ORAL:
        return not_met("no oral acetylcysteine is ordered")
    return copd_eligible_for_oral_nac(case)


def copd_eligible_for_oral_nac(case: Case) -> Finding:
    """S7: moderate-severe COPD with two or more exacerbations in the previous two years."""
    copd = case.facts.having(Problem.COPD, Problem.COPD_EXACERBATION)
    if not copd:
        return not_met("COPD is not charted")
    since = case.now - timedelta(days=EXACERBATION_WINDOW.value)
    charted = map(_happened_at, case.facts.having(Problem.COPD_EXACERBATION))
    exacerbations = {happened.date() for happened in charted if happened is not None and since <= happened <= case.now}
    if not COPD_EXACERBATIONS.reached_by_number(len(exacerbations)):
        return unknown("fewer than two dated exacerbations are charted in two years", "exacerbations in two years")
    severities = {d.severity for d in copd if d.severity is not None}
    if not severities:
        return unknown("the severity of COPD is not charted", "severity of COPD")
    if severities == {Severity.MILD}:
        return not_met("COPD is charted as mild")
    return met(f"moderate to severe COPD with {len(exacerbations)} exacerbations in two years")


def _happened_at(diagnosis: Diagnosis) -> datetime | None:
    return diagnosis.onset.earliest if diagnosis.onset is not None else diagnosis.recorded_at


def not_indicated_on_current_data(_case: Case, order: DrugOrder, standing: Standing) -> Finding:
    """E5: IV NAC ordered while B3 or B12 holds."""
    if not is_iv_nac(order):
        return not_met("no intravenous acetylcysteine is ordered")
    holding = sorted(rule for rule in standing.met_rules if rule.partition("-")[0] in {"B3", "B12"})
    if standing.category is not Category.NOT_INDICATED or not holding:
        return not_met("no rule shows that it is not indicated")
    return met(f"intravenous acetylcysteine is ordered, but rule {holding[0].partition('-')[0]} holds on current data")


def acetaminophen_during_toxicity(_case: Case, order: DrugOrder, standing: Standing) -> Finding:
    """E6: acetaminophen ordered while a rule treats or asks to consider, or acetylcysteine is under way."""
    if order.substance is not OrderedSubstance.ACETAMINOPHEN:
        return not_met("no acetaminophen is ordered")
    if not standing.calls_for_nac:
        return not_met("no rule for treatment is met")
    return met("acetaminophen is ordered while acetylcysteine is indicated, considered or running")


CAUTIONS: tuple[CautionRule, ...] = (
    CautionRule(
        "E1-iv-for-airway-disease",
        "IV acetylcysteine ordered for COPD, chronic bronchitis or mucolysis only: caution against IV; oral "
        "acetylcysteine 600 mg twice daily where the COPD criteria are met",
        for_airway_disease,
        (CHEST_CTS_2015, ERS_ATS_2017),
        ("S7", "S9", "S10"),
    ),
    CautionRule(
        "E2-iv-for-cystic-fibrosis",
        "IV acetylcysteine ordered for cystic fibrosis only: caution; no net benefit even inhaled or oral (evidence "
        "from 6 years of age)",
        for_cystic_fibrosis,
        (CFF_2013,),
        ("S8", "S10"),
    ),
    CautionRule(
        "E3-oral-for-eligible-copd",
        "Oral acetylcysteine for moderate-severe COPD with two or more exacerbations in two years: no card",
        oral_for_copd,
        (CHEST_CTS_2015,),
        ("S7",),
        warns=False,
    ),
    CautionRule(
        "E4-iv-for-contrast-prophylaxis",
        "IV acetylcysteine ordered as contrast prophylaxis only: caution against IV",
        for_contrast,
        (FDA_LABEL, SERVICE_ASSUMPTION),
        ("S10",),
    ),
    CautionRule(
        "E5-iv-not-indicated-on-current-data",
        "IV acetylcysteine ordered while B3 or B12 holds: caution, not indicated on current data",
        not_indicated_on_current_data,
        (US_CONSENSUS_2023,),
        ("S3", "S4"),
    ),
    CautionRule(
        "E6-acetaminophen-during-toxicity",
        "Acetaminophen ordered while a rule treats or asks to consider, or acetylcysteine is running: review the order",
        acetaminophen_during_toxicity,
        (US_CONSENSUS_2023,),
        ("S10",),
    ),
)


def cautions_on(case: Case, standing: Standing) -> tuple[tuple[Judged, ...], tuple[OrderCaution, ...]]:
    """Every caution rule judged on every selected order; one caution an order, the first that holds."""
    judged: list[Judged] = []
    cautions: list[OrderCaution] = []
    for order in case.facts.orders:
        rows = [Judged(_RULES[row.id], row.judge(case, order, standing)) for row in CAUTIONS]
        judged += rows
        warning = next(
            (row for row, rule in zip(rows, CAUTIONS, strict=True) if rule.warns and row.finding.is_met), None
        )
        if warning is not None:
            cautions.append(_caution(case, order, warning))
    return tuple(judged), tuple(cautions)


def _caution(case: Case, order: DrugOrder, warning: Judged) -> OrderCaution:
    offers_oral = warning.rule.id.startswith("E1-") and copd_eligible_for_oral_nac(case).is_met
    return OrderCaution(warning, order, is_critical=False, alternative_is_oral_nac=offers_oral)


def as_rule(row: CautionRule) -> Rule:
    """A caution row in the shape of every other rule, for cards and reports."""
    return Rule(row.id, row.statement, Category.CAUTION if row.warns else None, _never_judged_alone, row.evidence,
                statements=row.statements)  # fmt: skip


def _never_judged_alone(_case: Case) -> Finding:
    """A caution is judged on an order; without one its condition does not hold."""
    return not_met("no order is selected")


_RULES = {row.id: as_rule(row) for row in CAUTIONS}
