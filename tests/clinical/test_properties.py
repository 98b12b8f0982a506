"""What must hold for every patient, on bounded random charts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import DataGap, GapKind, Intent, LabResult, PatientFacts, Problem
from cds_service.clinical.findings import Category, Verdict
from cds_service.clinical.nomogram import four_hour_equivalent, hours_on_line, line_at
from cds_service.clinical.profiles import PROFILES, US_2023, AllergyPolicy, Profile, RegimenName
from cds_service.clinical.quantity import Analyte, Bounded, Comparator, Span, in_canonical_unit
from cds_service.clinical.regimens import REGIMENS, DosingRefusal, dosing_plan
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alert,
    alt,
    amount,
    charcoal,
    chart,
    coingestant,
    course,
    has,
    inr,
    level,
    overdose,
    result,
    rules_met,
    took,
    unstated_overdose,
    weighs,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

T = TypeVar("T")

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)

HOURS = st.integers(0, 4 * 160).map(lambda quarters: quarters / 4)
MG_L = st.one_of(st.sampled_from([0.0, 4.69, 9.9, 10.0, 19.9, 20.0, 20.1, 75.0, 150.0]), st.floats(0, 600))
U_L = st.one_of(st.sampled_from([20.0, 40.0, 41.0, 1000.0, 1001.0]), st.floats(1, 5000))
PROFILE = st.sampled_from(list(PROFILES.values()))
FORMS = ["immediate", "extended"]
UNITS = [("mg/L", 1.0), ("ug/mL", 1.0), ("mg/dL", 0.1), ("umol/L", 6.615375), ("g/L", 0.001)]
INRS = st.one_of(st.sampled_from([1.0, 1.49, 1.5]), st.floats(0.8, 10))


def urgency(category: Category | None) -> int:
    """How pressing: silence least, "indicated" most."""
    return -len(Category) if category is None else -category.urgency


def concluded(facts: PatientFacts, profile: Profile = US_2023) -> Category | None:
    return assess(facts, profile, NOW).category


@st.composite
def exposures(draw: st.DrawFn) -> list[Fact]:
    """Every pathway: acute, untimed, staggered, repeated, unstated, none; with amounts and intent."""
    ago = draw(HOURS)
    intent = draw(st.sampled_from(list(Intent)))
    made: list[Fact] = draw(
        st.sampled_from(
            [
                [],
                [overdose(ago, intent=intent)],
                [overdose(None, intent=intent)],
                [overdose((ago + 3, ago), intent=intent)],
                [took(6, ago + 5, intent=intent), took(6, ago, intent=intent)],
                [took(5, ago + 30), took(5, ago + 15), took(5, ago)],
                [course(8, (ago + 60, ago))],
                [took(13, ago, is_extended_release=True)],
                [unstated_overdose(ago)],
                [unstated_overdose(None)],
            ]
        )
    )
    grams = draw(st.sampled_from([None, 2.0, 12.0, 30.0]))
    return made if grams is None or not made else [*made, amount(grams)]


@st.composite
def surroundings(draw: st.DrawFn) -> list[Fact]:
    """What may stand beside it."""
    possible: list[Fact] = [
        coingestant(),
        weighs(70),
        alert(),
        has(Problem.ENCEPHALOPATHY),
        has(Problem.CIRRHOSIS),
        has(Problem.OTHER_LIVER_CAUSE),
        has(Problem.JAUNDICE, 0.5),
        course(3, (140, 1)),
    ]
    return [fact for fact in possible if draw(st.integers(0, 3)) == 0]


@st.composite
def results(draw: st.DrawFn) -> list[Fact]:
    kinds: list[tuple[Callable[..., LabResult], st.SearchStrategy[float]]] = [(level, MG_L), (alt, U_L), (inr, INRS)]
    return [make(draw(values), draw(HOURS)) for make, values in kinds for _ in range(draw(st.integers(0, 2)))]


@st.composite
def charts(draw: st.DrawFn) -> PatientFacts:
    facts = [*draw(exposures()), *draw(surroundings()), *draw(results())]
    return chart(*facts)


@EXAMPLES
@given(charts(), st.sampled_from([Analyte.ACETAMINOPHEN, Analyte.ALT, Analyte.INR]), st.floats(1.001, 20), PROFILE)
def test_a_higher_result_never_lowers_the_category(
    facts: PatientFacts, analyte: Analyte, factor: float, profile: Profile
) -> None:
    def raised(found: LabResult) -> LabResult:
        if found.analyte is not analyte or found.reported is None:
            return found
        return found._replace(reported=Bounded(found.reported.value * factor + 0.01))

    higher = replace(facts, results=tuple(map(raised, facts.results)))
    assert urgency(concluded(higher, profile)) >= urgency(concluded(facts, profile))


@EXAMPLES
@given(
    st.floats(4, 24),
    st.floats(0, 20),
    MG_L,
    st.sampled_from([None, 20.0, 60.0, 1200.0]),
    st.sampled_from(FORMS),
    PROFILE,
)
def test_more_time_on_the_nomogram_never_lowers_the_category(
    hours: float, longer: float, mg_l: float, enzyme: float | None, form: str, profile: Profile
) -> None:
    def at(elapsed: float) -> Category | None:
        enzymes = () if enzyme is None else (alt(enzyme, 0.1),)
        taken = took(13, elapsed + 1, is_extended_release=form == "extended")
        return concluded(chart(taken, level(mg_l, 1), *enzymes), profile)

    assert urgency(at(min(hours + longer, 24))) >= urgency(at(hours))


@EXAMPLES
@given(charts(), st.randoms(use_true_random=False))
def test_the_order_of_facts_never_matters(facts: PatientFacts, chance: random.Random) -> None:
    def mixed(rows: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(chance.sample(rows, len(rows)))

    shuffled = replace(
        facts,
        results=mixed(facts.results),
        exposures=mixed(facts.exposures),
        coingestants=mixed(facts.coingestants),
        diagnoses=mixed(facts.diagnoses),
    )
    one, other = assess(facts, US_2023, NOW), assess(shuffled, US_2023, NOW)
    assert [j.finding.verdict for j in one.judged] == [j.finding.verdict for j in other.judged]
    assert (one.category, one.overlays, one.point) == (other.category, other.overlays, other.point)
    assert (one.asks, one.start_by, one.crosses_at) == (other.asks, other.start_by, other.crosses_at)


@EXAMPLES
@given(charts(), st.integers(-12, 14))
def test_the_time_zone_never_matters(facts: PatientFacts, offset: int) -> None:
    zone = timezone(timedelta(hours=offset))

    def moved(span: Span | None) -> Span | None:
        return None if span is None else Span(span.earliest.astimezone(zone), span.latest.astimezone(zone))

    elsewhere = replace(
        facts,
        results=tuple(r._replace(sampled=moved(r.sampled)) for r in facts.results),
        exposures=tuple(replace(e, taken=moved(e.taken)) for e in facts.exposures),
    )
    assert assess(elsewhere, US_2023, NOW.astimezone(zone)).category is concluded(facts)


@EXAMPLES
@given(MG_L, st.sampled_from(UNITS), HOURS)
def test_the_unit_never_matters(mg_l: float, unit: tuple[str, float], ago: float) -> None:
    name, factor = unit
    value = in_canonical_unit(Analyte.ACETAMINOPHEN, mg_l * factor, name)
    assert value == pytest.approx(mg_l, rel=1e-6)
    here = chart(overdose(ago + 1), level(mg_l, 1), alt(20, 0.1))
    there = chart(overdose(ago + 1), result(Analyte.ACETAMINOPHEN, value, 1), alt(20, 0.1))
    if abs(mg_l - line_at(150, max(ago, 4))) > 1e-3 and abs(mg_l - 10) > 1e-3:
        assert concluded(there) is concluded(here)


@EXAMPLES
@given(charts(), PROFILE, st.sampled_from(AllergyPolicy))
def test_overlays_never_change_the_category(facts: PatientFacts, profile: Profile, policy: AllergyPolicy) -> None:
    chosen = replace(profile, allergy_policy=policy)
    extra = (
        has(Problem.ASTHMA),
        has(Problem.NAC_REACTION),
        has(Problem.PREGNANCY),
        has(Problem.DIALYSIS),
    )
    more = replace(
        facts,
        diagnoses=(*facts.diagnoses, *extra),
        results=(*facts.results, result(Analyte.BILIRUBIN, 20), result(Analyte.ARTERIAL_PH, 7.1)),
        charcoal=(charcoal(),),
    )
    assert concluded(more, chosen) is concluded(facts, profile)


@EXAMPLES
@given(charts(), PROFILE)
def test_without_a_level_only_a_small_accident_is_not_indicated(facts: PatientFacts, profile: Profile) -> None:
    bare = replace(facts, results=tuple(r for r in facts.results if r.analyte is not Analyte.ACETAMINOPHEN))
    found = assess(bare, profile, NOW)
    if found.category is Category.NOT_INDICATED:
        assert rules_met(found) & {"B3", "B7", "B12", "B14"} == set()
        assert "C4" in rules_met(found)


@EXAMPLES
@given(charts(), PROFILE)
def test_without_any_enzyme_only_a_small_accident_is_not_indicated(facts: PatientFacts, profile: Profile) -> None:
    bare = replace(facts, results=tuple(r for r in facts.results if r.analyte is not Analyte.ALT))
    found = assess(bare, profile, NOW)
    assert found.category is not Category.NOT_INDICATED or "C4" in rules_met(found)


@EXAMPLES
@given(charts(), PROFILE)
def test_an_unreadable_level_never_leads_to_not_indicated(facts: PatientFacts, profile: Profile) -> None:
    gap = DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in arbitrary units")
    assert concluded(replace(facts, gaps=(gap,)), profile) is not Category.NOT_INDICATED


@EXAMPLES
@given(charts())
def test_a_treatment_met_is_a_treatment_shown(facts: PatientFacts) -> None:
    """Whatever else holds: where a rule that treats is met in the population, the patient is treated."""
    found = assess(facts, US_2023, NOW)
    treats = [
        j for j in found.judged
        if j.finding.verdict is Verdict.MET and (j.finding.category or j.rule.category) is Category.INDICATED
    ]  # fmt: skip
    if found.membership.is_member:
        assert (found.category is Category.INDICATED) is bool(treats)
    else:
        assert found.category is None


@EXAMPLES
@given(charts())
def test_a_patient_outside_gets_no_indication_by_any_rule(facts: PatientFacts) -> None:
    found = assess(facts, US_2023, NOW)
    treats = rules_met(found) & {"A1", "A2", "A3", "B1", "B9", "B10", "B11", "C1", "C3"}
    assert found.membership.is_member or not treats - {"B9"}


@EXAMPLES
@given(st.sampled_from(RegimenName), st.floats(5, 300), st.sampled_from([None, 100, 110]))
def test_bags_sum_to_300_mg_per_kg_up_to_the_cap(regimen: RegimenName, kg: float, cap: float | None) -> None:
    plan = dosing_plan(regimen, kg, max_weight_kg=cap)
    if isinstance(plan, DosingRefusal):
        assert kg < 41
        assert regimen is not RegimenName.THREE_BAG
        return
    rows = REGIMENS[regimen]
    top = min(rows.cap_kg if cap is None else cap, rows.highest_cap_kg)
    assert plan.total_mg == pytest.approx(300 * min(kg, top))
    assert all(bag.drug_ml * 200 == pytest.approx(bag.dose_mg) for bag in plan.bags)
    assert plan.duration_h == {"three-bag": 21, "two-bag": 20, "two-bag-anz": 20, "snap": 12}[regimen.value]


@EXAMPLES
@given(st.floats(0.5, 2000), st.floats(4, 24))
def test_the_three_forms_of_the_nomogram_agree(mg_l: float, hours: float) -> None:
    """C >= line(t), C4 >= 150 and t >= t_cross are the same statement."""
    margin = four_hour_equivalent(mg_l, hours) - 150
    if abs(margin) > 1e-6:
        assert (mg_l >= line_at(150, hours)) is (margin > 0)
        assert (hours >= hours_on_line(150, mg_l)) is (margin > 0)


@EXAMPLES
@given(st.floats(0, 500), st.floats(0, 500), st.sampled_from(list(Comparator)))
def test_a_bound_never_contradicts_the_number_it_bounds(value: float, threshold: float, sign: Comparator) -> None:
    exact, reported = Bounded(value), Bounded(value, sign)
    if sign in {Comparator.LESS, Comparator.LESS_OR_EQUAL}:
        assert reported.at_least(threshold) is not True
        assert not (exact.at_least(threshold) is False and reported.at_least(threshold) is None)
    if sign in {Comparator.GREATER, Comparator.GREATER_OR_EQUAL}:
        assert reported.at_least(threshold) is not False
        assert (reported.at_least(threshold) is True) is (exact.at_least(threshold) is True)


def test_the_builders_reach_every_category_the_rules_can_give() -> None:
    """The charts above are drawn from these pathways: none of them is dead."""
    seen = {
        concluded(chart(*facts))
        for facts in (
            (overdose(9), level(80)),
            (overdose(9), level(40), alt(60)),
            (took(13, 9, is_extended_release=True), level(40)),
            (overdose(2),),
            (overdose(9), level(40), alt(20, 0.1)),
            (),
        )
    }
    assert seen == {
        Category.INDICATED,
        Category.CONSIDER,
        Category.REPEAT_LEVEL,
        Category.DATA_NEEDED,
        Category.NOT_INDICATED,
        None,
    }
