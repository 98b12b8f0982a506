"""Rules G: what is said of a course that runs, is ordered or was given. Never "stop", never a second start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import DataGap, GapKind, NacSource, NacTherapy, Problem
from cds_service.clinical.findings import Category, Overlay, Test
from cds_service.clinical.profiles import US_2023
from cds_service.clinical.quantity import Analyte, Bounded
from tests.clinical.facts_builders import (
    NOW,
    Fact,
    alert,
    alt,
    assessed,
    ast,
    chart,
    finding,
    has,
    hours_ago,
    infused,
    inr,
    level,
    nac,
    overdose,
    result,
    rules_met,
    took,
    weighs,
)

if TYPE_CHECKING:
    import random

    from cds_service.clinical.assessment import Assessment

G_RULES = {"G1", "G2", "G3"}
TREATED = (overdose(30), level(180, 26), weighs(70, 26))
BAGS = (infused(10_500, 24, 23), infused(3_500, 23, 19), infused(7_000, 19, 3))
ENDED = (*TREATED, *BAGS)
GOOD: dict[str, Fact] = {"level": level(4, 4), "inr": inr(1.2, 4), "alt": alt(30, 4), "ast": ast(28, 4)}


def good(**changed: Fact | None) -> tuple[Fact, ...]:
    """Results that meet every criterion, except for those changed (None: left out)."""
    return tuple(fact for fact in {**GOOD, **changed}.values() if fact is not None)


def monitored(found: Assessment) -> set[str]:
    return rules_met(found) & G_RULES


def test_every_criterion_met_is_for_the_clinician_to_decide() -> None:
    found = assessed(*ENDED, *good())
    assert (found.category, monitored(found)) == (Category.CRITERIA_MET, {"G1"})
    assert found.asks == ()
    because = finding(found, "G1").because
    assert "clinician decides" in because
    assert "the clinician confirms" in because
    assert "stop" not in because


@pytest.mark.parametrize(
    ("changed", "rule", "says"),
    [
        pytest.param({"level": level(9.99, 4)}, "G1", "level 9.99", id="level-just-below"),
        pytest.param({"level": level("<10", 4)}, "G1", "level <10", id="level-below-the-reporting-limit"),
        pytest.param({"level": level(10, 4)}, "G2", "level 10 mg/L", id="level-on"),
        pytest.param({"level": level("<20", 4)}, "G3", "acetaminophen level", id="level-bound-too-high"),
        pytest.param({"level": None}, "G3", "acetaminophen level", id="no-level-since"),
        pytest.param({"level": level(4, None)}, "G3", "acetaminophen level", id="level-undated"),
        pytest.param({"level": level(4, 25)}, "G3", "acetaminophen level", id="level-from-before"),
        pytest.param({"level": level(4, 15.1)}, "G3", "acetaminophen level", id="level-too-long-before-the-end"),
        pytest.param({"level": level(4, 14.9)}, "G1", "level 4", id="level-near-enough-to-the-end"),
        pytest.param({"level": level(50, 20)}, "G2", "level 50 mg/L", id="an-older-high-level-still-counts-against"),
        pytest.param({"inr": inr(1.99, 4)}, "G1", "INR 1.99", id="inr-just-below"),
        pytest.param({"inr": inr(2.0, 4)}, "G2", "INR 2", id="inr-on"),
        pytest.param({"inr": None}, "G3", "INR", id="no-inr"),
        pytest.param({"inr": inr(1.1, 25)}, "G3", "INR", id="inr-from-before"),
        pytest.param({"alt": alt(40, 4)}, "G1", "ALT 40", id="alt-at-the-upper-limit"),
        pytest.param({"alt": alt(41, 4)}, "G2", "ALT 41 U/L", id="alt-just-above-and-the-peak"),
        pytest.param({"alt": alt(None, 4), "ast": None}, "G3", "AST and ALT", id="alt-unreadable"),
        pytest.param({"alt": None, "ast": None}, "G3", "AST and ALT", id="no-enzyme"),
        pytest.param({"alt": None}, "G1", "AST 28", id="one-enzyme-is-enough"),
        pytest.param({"ast": ast(90, 4)}, "G2", "AST 90 U/L", id="each-enzyme-measured-counts"),
        pytest.param({"ast": ast("<50", 4)}, "G3", "AST and ALT", id="enzyme-bound-too-high"),
    ],
)
def test_each_criterion(changed: dict[str, Fact | None], rule: str, says: str) -> None:
    found = assessed(*ENDED, *good(**changed))
    assert monitored(found) == {rule}
    assert says in finding(found, rule).because


@pytest.mark.parametrize(
    ("peak", "now", "rule"),
    [
        pytest.param(1200, 900, "G1", id="down-by-25-percent"),
        pytest.param(1200, 901, "G2", id="down-by-less"),
        pytest.param(1200, 1300, "G2", id="rising"),
        pytest.param(1200, 100, "G1", id="down-by-more-than-50"),
        pytest.param(">1200", 900, "G1", id="peak-is-a-lower-bound"),
        pytest.param(1200, ">800", "G3", id="newest-is-a-lower-bound"),
    ],
)
def test_alt_is_measured_against_the_peak_of_the_episode(peak: float | str, now: float | str, rule: str) -> None:
    found = assessed(*ENDED, alt(peak, 25), *good(alt=alt(now, 4)))
    assert monitored(found) == {rule}


def test_the_fall_is_shown_with_the_range_the_guidelines_give() -> None:
    steep = finding(assessed(*ENDED, alt(1200, 15), *good(alt=alt(300, 4))), "G1").because
    assert "(peak 1200, down 75 %;" in steep
    because = finding(assessed(*ENDED, alt(1200, 15), *good(alt=alt(840, 4))), "G1").because
    assert "ALT 840 U/L (peak 1200, down 30 %; guidelines ask for 25 to 50 %)" in because


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (has(Problem.JAUNDICE, 5), "jaundice"),
        (has(Problem.PERSISTENT_VOMITING, 5), "persistent vomiting"),
        (has(Problem.ENCEPHALOPATHY, 5), "hepatic encephalopathy"),
        (has(Problem.ALTERED_MENTAL_STATUS, 5), "altered mental status"),
        (has(Problem.ACUTE_LIVER_FAILURE, 5), "acute liver failure"),
        (result(Analyte.ARTERIAL_PH, 7.2, 5), "King's College"),
    ],
)
def test_what_speaks_against_being_well(fact: Fact, says: str) -> None:
    found = assessed(*ENDED, *good(), fact)
    assert (found.category, monitored(found)) == (Category.CONTINUE, {"G2"})
    assert says in finding(found, "G2").because


def test_a_full_coma_score_afterwards_clears_an_altered_mental_status() -> None:
    confused = has(Problem.ALTERED_MENTAL_STATUS, 20)
    assert monitored(assessed(*ENDED, *good(), confused, alert(21))) == {"G2"}
    assert monitored(assessed(*ENDED, *good(), confused, alert(4))) == {"G1"}


@pytest.mark.parametrize(
    ("gap", "rule"),
    [
        (DataGap(GapKind.NOT_FETCHED, "problems", "the problem list could not be read"), "G3"),
        (DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "a level in arbitrary units"), "G3"),
        (DataGap(GapKind.MISSING, "weight", "no weight"), "G1"),
    ],
)
def test_a_gap_that_may_hide_a_criterion_keeps_it_open(gap: DataGap, rule: str) -> None:
    assert monitored(assessed(*ENDED, *good(), gap)) == {rule}


def test_a_pending_newer_level_keeps_the_level_open() -> None:
    assert monitored(assessed(*ENDED, *good(), level(None, 1))) == {"G3"}


@pytest.mark.parametrize(
    ("bags", "rule", "says"),
    [
        pytest.param(BAGS[:2], "G2", "200 of 300 mg/kg", id="two-bags-only"),
        pytest.param((*BAGS[:2], infused(6_999, 19, 3)), "G2", "299.9 of 300", id="a-milligram-short"),
        pytest.param((*BAGS[:2], infused(None, 19, 3)), "G3", "300 mg/kg have been given", id="dose-not-charted"),
        pytest.param((*BAGS, infused(None, 2, 1)), "G1", "at least 300", id="more-than-the-course-of-unknown-dose"),
        pytest.param((*BAGS[:2], infused(7_000, 19, 3, "stopped")), "G3", "stopped", id="stopped-early"),
        pytest.param((*BAGS[:2], BAGS[1], infused(3_500, 23, 19)), "G2", "200 of 300", id="the-same-bag-twice"),
        pytest.param(
            (
                infused(None, 24, 23, dose_mg_kg=150),
                infused(None, 23, 19, dose_mg_kg=50),
                infused(None, 19, 3, dose_mg_kg=100),
            ),
            "G1",
            "300 of 300",
            id="per-kg",
        ),
    ],
)
def test_how_much_was_given(bags: tuple[NacTherapy, ...], rule: str, says: str) -> None:
    found = assessed(*TREATED, *bags, *good())
    assert monitored(found) == {rule}
    assert says in finding(found, rule).because


@pytest.mark.parametrize(
    "bags",
    [
        pytest.param((infused(10_500, 24, 23), infused(10_500, 23.5, 22.5)), id="overlapping"),
        pytest.param((infused(21_000, 24, 3), infused(10_500, 24, 23)), id="whole-and-bag"),
        pytest.param(
            tuple(nac(NacSource.ADMINISTRATION, "completed", ago, dose_mg=10_500.0) for ago in (24, 23.5)), id="starts"
        ),
    ],
)
def test_infusions_that_overlap_are_not_added_up(bags: tuple[NacTherapy, ...]) -> None:
    found = assessed(*TREATED, *bags, *good())
    assert "G1" not in monitored(found) or bags[0].dose_mg == 21_000
    assert found.nac is not None
    assert any("overlapping" in words for words in found.nac.still_open)


def begun(ago: float | None, mg: float) -> NacTherapy:
    return nac(NacSource.ADMINISTRATION, "completed", ago, dose_mg=mg, reference=f"MedicationAdministration/{ago}-{mg}")


@pytest.mark.parametrize(
    "bags",
    [
        pytest.param((infused(10_500, 24, 23), infused(3_500, 23.25, 19)), id="a-quarter-of-an-hour"),
        pytest.param((begun(24, 10_500), begun(23.5, 3_500)), id="another-dose"),
        pytest.param((begun(24, 10_500), begun(23, 10_500)), id="an-hour-later"),
        pytest.param((begun(24, 10_500), begun(22.5, 10_500)), id="later-still"),
        pytest.param((begun(24, 10_500), begun(None, 10_500)), id="undated"),
    ],
)
def test_infusions_that_do_not_overlap(bags: tuple[NacTherapy, ...]) -> None:
    found = assessed(*TREATED, *bags, *good())
    assert found.nac is not None
    assert not any("overlapping" in words for words in found.nac.still_open)


def test_undated_or_future_infusions_count_for_nothing() -> None:
    undated = [nac(NacSource.ADMINISTRATION, "in-progress", None, dose_mg=10_500.0, reference=f"M/{n}") for n in (1, 2)]
    found = assessed(*TREATED, *undated)
    assert found.nac is not None
    assert (found.nac.since, found.nac.given_mg_kg) == (None, None)
    future = assessed(*ENDED, infused(7_000, -2, -3), *good())
    assert future.nac is not None
    assert "an infusion is charted in the future" in future.nac.still_open


@pytest.mark.parametrize(("drawn", "rule"), [(12.1, "G3"), (11.9, "G1")])
def test_without_a_charted_end_results_must_be_near_the_latest_it_can_be(drawn: float, rule: str) -> None:
    starts = ((10_500.0, 24), (3_500.0, 23), (7_000.0, 19))
    bags = [nac(NacSource.ADMINISTRATION, "completed", ago, dose_mg=dose) for dose, ago in starts]
    results = (level(4, drawn), inr(1.2, drawn), alt(30, drawn), ast(28, drawn))
    assert monitored(assessed(*TREATED, *bags, *results)) == {rule}


@pytest.mark.parametrize("weights", [(), (weighs(439, 26),), (weighs(70, 24 * 100),)])
def test_without_a_usable_weight_the_amount_stays_open(weights: tuple[Fact, ...]) -> None:
    found = assessed(overdose(30), level(180, 26), *weights, *BAGS, *good())
    assert monitored(found) == {"G3"}
    assert "body weight" in finding(found, "G3").because


def test_above_the_cap_the_fixed_dose_is_the_whole_course() -> None:
    bags = (infused(15_000, 24, 23), infused(5_000, 23, 19), infused(10_000, 19, 3))
    assert monitored(assessed(overdose(30), level(180, 26), weighs(140, 26), *bags, *good())) == {"G1"}


def test_the_running_bag_and_its_end() -> None:
    found = assessed(*TREATED, BAGS[0], infused(3_500, 23, -1, "in-progress"))
    progress = found.nac
    assert progress is not None
    assert progress.running is not None
    assert (progress.running.number, progress.running.of) == (2, 3)
    assert progress.running.ends_at == hours_ago(-1)
    assert progress.running.ends_course_at == hours_ago(-17)
    assert progress.since == hours_ago(24)
    assert progress.given_mg_kg == pytest.approx(150 + 50 * 23 / 24)
    asked = {ask.test: ask.not_after for ask in found.asks}
    assert asked[Test.ACETAMINOPHEN] == asked[Test.INR] == hours_ago(-17)


def test_the_end_of_a_bag_without_a_planned_end_is_that_of_the_regimen() -> None:
    third = nac(NacSource.ADMINISTRATION, "in-progress", 2, dose_mg=7_000.0)
    found = assessed(*TREATED, infused(10_500, 7, 6), infused(3_500, 6, 2), third)
    assert found.nac is not None
    assert found.nac.running is not None
    assert (found.nac.running.number, found.nac.running.is_expected) == (3, True)
    assert found.nac.running.ends_course_at == hours_ago(-14)
    assert monitored(found) == {"G3"}
    assert "how much of the running infusion" in finding(found, "G3").because


@pytest.mark.parametrize("dose", [{"dose_mg": 7_300.0}, {"dose_mg": 6_400.0}, {"dose_mg_kg": 100.0}])
def test_a_dose_within_a_tenth_of_a_bag_is_that_bag(dose: dict[str, Any]) -> None:
    found = assessed(*TREATED, nac(NacSource.ADMINISTRATION, "in-progress", 2, **dose))
    assert found.nac is not None
    assert found.nac.running is not None
    assert found.nac.running.number == 3


@pytest.mark.parametrize(("ago", "rule"), [(15, "G1"), (15.01, "G3")])
def test_a_result_counts_from_12_h_before_the_course_ended(ago: float, rule: str) -> None:
    """The last bag ended 3 h before NOW."""
    assert monitored(assessed(*ENDED, *good(inr=inr(1.2, ago)))) == {rule}


@pytest.mark.parametrize("milligrams", [None, 1_000.0, 9_000.0])
def test_a_dose_that_is_no_bag_of_the_regimen_has_no_expected_end(milligrams: float | None) -> None:
    found = assessed(*TREATED, nac(NacSource.ADMINISTRATION, "in-progress", 2, dose_mg=milligrams))
    assert found.nac is not None
    assert found.nac.running is not None
    assert (found.nac.running.number, found.nac.running.ends_at) == (None, None)
    assert {ask.not_after for ask in found.asks} == {None}


def test_past_its_planned_end_the_tests_are_due_now() -> None:
    found = assessed(*TREATED, *BAGS[:2], infused(7_000, 19, 3, "in-progress"), *good())
    assert monitored(found) == {"G3"}
    assert {ask.not_before for ask in found.asks if ask.test is not Test.WEIGHT} == {NOW}


def test_low_results_while_the_bag_runs_do_not_end_it() -> None:
    now_good = (level(4, 1), inr(1.1, 1), alt(20, 1), ast(20, 1))
    found = assessed(*TREATED, *BAGS[:2], infused(7_000, 12, -4, "in-progress"), *now_good)
    assert (found.category, monitored(found)) == (Category.CONTINUE, {"G2"})
    assert "275 of 300 mg/kg" in finding(found, "G2").because


OVER = (overdose(66), level(180, 62), weighs(70, 62))
OVER_BAGS = (infused(10_500, 61, 60), infused(3_500, 60, 56), infused(7_000, 56, 40))


def test_a_course_long_over_neither_starts_again_nor_continues() -> None:
    found = assessed(*OVER, *OVER_BAGS)
    assert (found.category, monitored(found)) == (Category.DATA_NEEDED, {"G3"})
    assert found.start_by is None
    assert {ask.not_before for ask in found.asks if ask.test in {Test.ACETAMINOPHEN, Test.INR}} == {NOW}
    at_its_end = (level(4, 41), inr(1.2, 41), alt(30, 41), ast(28, 41))
    assert assessed(*OVER, *OVER_BAGS, *at_its_end).category is Category.CRITERIA_MET
    assert assessed(*OVER, *OVER_BAGS, *at_its_end, alt(300, 2)).category is Category.CONSIDER


@pytest.mark.parametrize(("ended", "category"), [(23.9, Category.CONTINUE), (24.1, Category.DATA_NEEDED)])
def test_long_over_begins_at_24_h(ended: float, category: Category) -> None:
    bags = (*OVER_BAGS[:2], infused(7_000, 56, ended))
    assert assessed(*OVER, *bags).category is category


def test_a_new_ingestion_after_the_course_is_judged_on_its_own() -> None:
    found = assessed(*OVER_BAGS, overdose(9, charted=0.5), level(120, 1), weighs(70, 62))
    assert found.category is Category.INDICATED
    assert found.nac is None


def test_a_line_crossed_and_a_second_level_due_are_mentioned() -> None:
    running = infused(10_500, 0.5, -0.5, "in-progress")
    due = assessed(took(13, 7, is_extended_release=True), level(60, 1), weighs(70), running)
    assert due.category is Category.CONTINUE
    assert "a second level is due" in finding(due, "G2").because
    assert {ask.not_before for ask in due.asks if ask.test is Test.ACETAMINOPHEN} == {hours_ago(-3)}
    bags = (infused(10_500, 5, 4), infused(3_500, 4, -0.5, "in-progress"))
    crossed = assessed(took(13, 12, is_extended_release=True), level(60, 6), level(70, 1), weighs(70), *bags)
    assert crossed.category is Category.CONTINUE
    assert "drawn since it began" in finding(crossed, "G2").because


def test_an_order_alone_says_that_nothing_is_charted_as_given() -> None:
    found = assessed(overdose(9), weighs(70), nac(NacSource.REQUEST, "active", 1))
    assert monitored(found) == {"G3"}
    assert "no administration" in finding(found, "G3").because


@pytest.mark.parametrize("source", list(NacSource))
def test_acetylcysteine_for_lungs_or_contrast_silences_no_treatment(source: NacSource) -> None:
    above = (overdose(9), level(120, 1), weighs(70))
    for reasons, category in (
        ({Problem.COPD}, Category.INDICATED),
        ({Problem.CYSTIC_FIBROSIS, Problem.MUCOLYTIC_USE}, Category.INDICATED),
        ({Problem.CONTRAST_PROPHYLAXIS}, Category.INDICATED),
        ({Problem.COPD, Problem.ACETAMINOPHEN_TOXICITY}, Category.CONTINUE),
        (set[Problem](), Category.CONTINUE),
    ):
        therapy = nac(source, "active" if source is not NacSource.ADMINISTRATION else "completed", 1)
        found = assessed(*above, replace(therapy, reasons=frozenset(reasons)))
        assert found.category is category


def test_doubt_about_ending_a_whole_course_is_a_case_for_the_poison_centre() -> None:
    assert Overlay.CONSULT in assessed(*ENDED, *good(inr=None)).overlays
    assert Overlay.CONSULT in assessed(*ENDED, *good(inr=inr(2.5, 4)), alert(4)).overlays
    assert Overlay.CONSULT not in assessed(*TREATED, *BAGS[:2], *good()).overlays


def test_acetaminophen_is_cautioned_against_while_the_criteria_are_met() -> None:
    from cds_service.clinical.facts import OrderedSubstance, Route  # noqa: PLC0415 -- used in this test only
    from tests.clinical.facts_builders import order  # noqa: PLC0415

    found = assessed(*ENDED, *good(), order(OrderedSubstance.ACETAMINOPHEN, Route.ORAL))
    assert [caution.judged.rule.id[:2] for caution in found.cautions] == ["E6"]


# --- properties

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
STATUSES = st.sampled_from(["completed", "in-progress", "on-hold", "stopped", "unknown"])


@st.composite
def courses(draw: st.DrawFn) -> tuple[Fact, ...]:
    """Courses of any shape, with results of any age."""
    facts: list[Fact] = [overdose(draw(st.sampled_from([30.0, 66.0])))]
    for _ in range(draw(st.integers(0, 3))):
        began = draw(st.floats(1, 60))
        dose = draw(st.sampled_from([None, 3_500.0, 7_000.0, 10_500.0, 21_000.0]))
        facts.append(infused(dose, began, began - draw(st.floats(0, 16)), draw(STATUSES)))
    facts += [weighs(70)] if draw(st.booleans()) else []
    for make, values in ((level, [4, 10, 180, None]), (inr, [1.0, 2.0]), (alt, [20, 900, 1200]), (ast, [20, 90])):
        facts += [make(draw(st.sampled_from(values)), draw(st.floats(0, 40))) for _ in range(draw(st.integers(0, 2)))]
    return tuple(facts)


@EXAMPLES
@drawn_from(courses())
def test_exactly_one_rule_speaks_of_a_course(facts: tuple[Fact, ...]) -> None:
    found = assessed(*facts)
    assert len(monitored(found)) == (1 if found.nac is not None else 0)
    if found.nac is not None:
        going_on = Category.CONSIDER if "more than 24 h ago" in finding(found, "G2").because else Category.CONTINUE
        assert found.category in {going_on, Category.CRITERIA_MET, Category.DATA_NEEDED}
        assert found.primary is not None
        assert found.primary.rule.id[:2] in G_RULES
        assert "stop" not in found.primary.finding.because.replace("stopped", "")


@EXAMPLES
@drawn_from(courses(), st.sampled_from([Analyte.ACETAMINOPHEN, Analyte.ALT, Analyte.INR]), st.floats(1.01, 20))
def test_a_higher_newest_result_never_completes_a_course(
    facts: tuple[Fact, ...], analyte: Analyte, factor: float
) -> None:
    before = chart(*facts)
    usable = [r for r in before.results if r.analyte is analyte and r.reported is not None and r.sampled is not None]
    if not usable or assess(before, US_2023, NOW).category is Category.CRITERIA_MET:
        return
    last = max(usable, key=lambda r: r.sampled.latest if r.sampled else NOW)
    assert last.reported is not None
    higher = last._replace(reported=Bounded(last.reported.value * factor))
    after = replace(before, results=tuple(higher if r is last else r for r in before.results))
    assert assess(after, US_2023, NOW).category is not Category.CRITERIA_MET


@EXAMPLES
@drawn_from(courses(), st.randoms(use_true_random=False))
def test_the_order_of_records_never_matters(facts: tuple[Fact, ...], chance: random.Random) -> None:
    one, other = assessed(*facts), assessed(*chance.sample(facts, len(facts)))
    assert (one.category, one.nac, one.asks, one.overlays) == (other.category, other.nac, other.asks, other.overlays)


@EXAMPLES
@drawn_from(courses())
def test_criteria_are_met_only_with_the_whole_course_charted(facts: tuple[Fact, ...]) -> None:
    found = assessed(*facts)
    if found.category is Category.CRITERIA_MET:
        assert found.nac is not None
        assert found.nac.given_mg_kg is not None
        assert found.nac.given_mg_kg >= 300 * (1 - 1e-9)
