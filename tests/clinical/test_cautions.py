"""Rules E: a caution about a selected draft order, and never against a treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.cautions import CAUTIONS, as_rule
from cds_service.clinical.facts import Diagnosis, NacSource, OrderedSubstance, Problem, Route, Severity
from cds_service.clinical.findings import Category, Verdict, not_met
from tests.clinical.facts_builders import (
    Fact,
    alt,
    assessed,
    born_years_ago,
    case_of,
    chart,
    finding,
    has,
    hours_ago,
    level,
    nac,
    numbers,
    order,
    overdose,
)

if TYPE_CHECKING:
    from datetime import date

IV, ORAL, INHALED, UNKNOWN_ROUTE = Route.INTRAVENOUS, Route.ORAL, Route.INHALED, Route.UNKNOWN
NAC, APAP = OrderedSubstance.ACETYLCYSTEINE, OrderedSubstance.ACETAMINOPHEN
IV_NAC = order()
ABOVE = (overdose(9), level(80))
BELOW = (overdose(9), level(40), alt(20, 0.1))
LOW_UNTIMED = (overdose(None), level(5), alt(20))
OPEN = (overdose(9), level(40))
YEAR_H = 8766


def exacerbation(years_ago: float, **changes: Any) -> Diagnosis:
    return has(Problem.COPD_EXACERBATION, years_ago * YEAR_H, **changes)


SEVERE_COPD = has(Problem.COPD, 5 * YEAR_H, severity=Severity.SEVERE)
ELIGIBLE = (SEVERE_COPD, exacerbation(0.5), exacerbation(1.5))


def cautioned(*facts: Fact) -> list[str]:
    return numbers(caution.judged.rule.id for caution in assessed(*facts).cautions)


@pytest.mark.parametrize(
    ("problem", "rule"),
    [
        (Problem.COPD, "E1"),
        (Problem.COPD_EXACERBATION, "E1"),
        (Problem.CHRONIC_BRONCHITIS, "E1"),
        (Problem.MUCOLYTIC_USE, "E1"),
        (Problem.CYSTIC_FIBROSIS, "E2"),
        (Problem.CONTRAST_PROPHYLAXIS, "E4"),
    ],
)
def test_iv_nac_for_something_else(problem: Problem, rule: str) -> None:
    """Charted as the order's reason, or the only reason on the chart."""
    assert cautioned(order(NAC, IV, problem)) == [rule]
    assert cautioned(has(problem), IV_NAC) == [rule]
    assert cautioned(*BELOW, order(NAC, IV, problem)) == [rule]
    assert cautioned(has(problem), order(NAC, ORAL)) == []
    assert cautioned(has(problem), order(NAC, INHALED)) == []
    assert cautioned(has(problem), order(NAC, UNKNOWN_ROUTE)) == []
    assert cautioned(has(problem), order(OrderedSubstance.OTHER, IV)) == []


@pytest.mark.parametrize(
    ("born", "says"),
    [
        pytest.param(born_years_ago(30), "", id="adult"),
        pytest.param(born_years_ago(6.01), "", id="six"),
        pytest.param(born_years_ago(5.99), "this patient is younger", id="just-under-six"),
        pytest.param(None, "the age is not charted", id="age-unknown"),
    ],
)
def test_the_evidence_about_cystic_fibrosis_is_for_six_years_and_older(born: date | None, says: str) -> None:
    (caution,) = assessed(has(Problem.CYSTIC_FIBROSIS), IV_NAC, born=born).cautions
    because = caution.judged.finding.because
    assert says in because
    assert ("from 6 years of age" in because) is bool(says)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((*ABOVE, order(NAC, IV, Problem.COPD)), id="treatment-indicated"),
        pytest.param((overdose(9), level(40), alt(60), order(NAC, IV, Problem.COPD)), id="to-be-considered"),
        pytest.param((nac(NacSource.ADMINISTRATION, "in-progress"), order(NAC, IV, Problem.COPD)), id="running"),
        pytest.param((has(Problem.COPD), order(NAC, IV, Problem.ACETAMINOPHEN_TOXICITY)), id="ordered-for-poisoning"),
        pytest.param(
            (has(Problem.COPD), order(NAC, IV, Problem.COPD, Problem.ACUTE_LIVER_FAILURE)), id="ordered-for-alf-as-well"
        ),
        pytest.param((IV_NAC,), id="no-reason-anywhere"),
        pytest.param((has(Problem.COPD), *BELOW[:1], level(200, 6), IV_NAC), id="still-open"),
    ],
)
def test_no_respiratory_caution_beside_another_indication(facts: tuple[Fact, ...]) -> None:
    assert cautioned(*facts) == []


def test_while_data_are_missing_the_caution_is_open() -> None:
    found = assessed(*OPEN, order(NAC, IV, Problem.COPD))
    assert found.category is Category.DATA_NEEDED
    assert finding(found, "E1").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("copd", "expected"),
    [
        pytest.param(ELIGIBLE, Verdict.MET, id="severe-with-two"),
        pytest.param((has(Problem.COPD, severity=Severity.MODERATE), *ELIGIBLE[1:]), Verdict.MET, id="moderate"),
        pytest.param((has(Problem.COPD, severity=Severity.MILD), *ELIGIBLE[1:]), Verdict.NOT_MET, id="mild"),
        pytest.param((has(Problem.COPD), *ELIGIBLE[1:]), Verdict.UNKNOWN, id="severity-unknown"),
        pytest.param((SEVERE_COPD, exacerbation(0.5)), Verdict.UNKNOWN, id="one-exacerbation"),
        pytest.param((SEVERE_COPD, exacerbation(0.5), exacerbation(2.01)), Verdict.UNKNOWN, id="one-too-old"),
        pytest.param((SEVERE_COPD, exacerbation(0.5), exacerbation(1.99)), Verdict.MET, id="one-just-in-time"),
        pytest.param(
            (SEVERE_COPD, exacerbation(0.5), exacerbation(0.5, reference="Condition/again")),
            Verdict.UNKNOWN,
            id="one-charted-twice",
        ),
        pytest.param(
            (SEVERE_COPD, exacerbation(0.5), has(Problem.COPD_EXACERBATION, 730 * 24)), Verdict.MET, id="730-days"
        ),
        pytest.param((SEVERE_COPD, exacerbation(0.5), has(Problem.COPD_EXACERBATION, 0)), Verdict.MET, id="one-now"),
        pytest.param(
            (
                has(Problem.COPD_EXACERBATION, 900, severity=Severity.MODERATE),
                has(Problem.COPD_EXACERBATION, 1800, severity=Severity.MILD),
            ),
            Verdict.MET,
            id="charted-as-exacerbations-only",
        ),
        pytest.param((SEVERE_COPD, exacerbation(0.5), exacerbation(-0.5)), Verdict.UNKNOWN, id="one-in-the-future"),
        pytest.param(
            (SEVERE_COPD, exacerbation(0.5), has(Problem.COPD_EXACERBATION, None)), Verdict.UNKNOWN, id="one-undated"
        ),
        pytest.param(
            (
                SEVERE_COPD,
                exacerbation(0.5),
                has(Problem.COPD_EXACERBATION, None, recorded_at=hours_ago(YEAR_H)),
            ),
            Verdict.MET,
            id="one-dated-by-its-charting",
        ),
        pytest.param((), Verdict.NOT_MET, id="no-copd"),
    ],
)
def test_oral_nac_for_an_eligible_patient(copd: tuple[Fact, ...], expected: Verdict) -> None:
    oral = assessed(*copd, order(NAC, ORAL))
    assert finding(oral, "E3").verdict is expected
    assert oral.cautions == ()
    instead = assessed(*copd, order(NAC, IV, Problem.COPD)).cautions
    assert [caution.alternative_is_oral_nac for caution in instead] == [expected is Verdict.MET]


def test_the_oral_alternative_is_for_airway_disease() -> None:
    assert not assessed(*ELIGIBLE, order(NAC, IV, Problem.CYSTIC_FIBROSIS)).cautions[0].alternative_is_oral_nac
    assert finding(assessed(*ELIGIBLE, IV_NAC), "E3").verdict is Verdict.NOT_MET


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(BELOW, ["E5"], id="B3"),
        pytest.param(LOW_UNTIMED, ["E5"], id="B12"),
        pytest.param(ABOVE, [], id="B1"),
        pytest.param(OPEN, [], id="data-needed"),
        pytest.param((overdose(3), level(80, 1)), [], id="B8"),
        pytest.param((overdose(None), level("<20"), alt(20)), [], id="B14"),
        pytest.param((), [], id="unrelated"),
    ],
)
def test_iv_nac_that_is_not_indicated(facts: tuple[Fact, ...], expected: list[str]) -> None:
    assert cautioned(*facts, IV_NAC) == expected
    assert cautioned(*facts, order(NAC, ORAL)) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(ABOVE, ["E6"], id="indicated"),
        pytest.param((overdose(9), level(40), alt(60)), ["E6"], id="to-be-considered"),
        pytest.param((nac(NacSource.ADMINISTRATION, "in-progress"),), ["E6"], id="running"),
        pytest.param(BELOW, [], id="not-indicated"),
        pytest.param((), [], id="unrelated"),
    ],
)
def test_acetaminophen_ordered(facts: tuple[Fact, ...], expected: list[str]) -> None:
    assert cautioned(*facts, order(APAP, ORAL)) == expected


def test_every_order_is_judged_and_gets_one_caution() -> None:
    found = assessed(*BELOW, order(NAC, IV, Problem.COPD), order(APAP, ORAL))
    assert numbers(caution.judged.rule.id for caution in found.cautions) == ["E1"]
    assert sum(j.rule.id.startswith("E1-") for j in found.judged) == 2


def test_a_caution_is_judged_on_an_order_only() -> None:
    found = assessed(*BELOW, IV_NAC)
    row = next(j for j in found.judged if j.rule.id.startswith("E5-"))
    assert row.finding.is_met
    assert row.rule.judge(case_of(chart(*BELOW, IV_NAC))) == not_met("no order is selected")


def test_a_row_keeps_its_statements_and_warns_as_a_caution() -> None:
    assert {row.id[:2]: (as_rule(row).category, as_rule(row).statements) for row in CAUTIONS} == {
        "E1": (Category.CAUTION, ("S7", "S9", "S10")),
        "E2": (Category.CAUTION, ("S8", "S10")),
        "E3": (None, ("S7",)),
        "E4": (Category.CAUTION, ("S10",)),
        "E5": (Category.CAUTION, ("S3", "S4")),
        "E6": (Category.CAUTION, ("S10",)),
    }


def test_no_caution_is_critical_by_itself() -> None:
    assert [caution.is_critical for caution in assessed(*BELOW, IV_NAC).cautions] == [False]
