"""Acetylcysteine under way (rules G1-G3): 70 kg, three bags of 10,500, 3,500 and 7,000 mg over 1, 4 and 16 h."""

from __future__ import annotations

from tests.builders import (
    APAP_EXTENDED_RELEASE,
    ICD10CM,
    INTRAVENOUS,
    NAC_INJECTION,
    SELF_POISONING,
    Amount,
    Code,
)
from tests.fixture_cases.case import Case, ordering, view
from tests.fixture_cases.chart import (
    alt,
    ast,
    glasgow_coma_score,
    has,
    infused,
    inr,
    level,
    mg,
    normal_liver,
    ordered,
    overdose,
    together,
    took,
    weighs,
)

_COPD = Code(ICD10CM, "J44.9", "Chronic obstructive pulmonary disease, unspecified")
_JAUNDICE = Code(ICD10CM, "R17", "Unspecified jaundice")

# Overdose 30 h ago, 180 mg/L at 4 h (line 150), treated from 24 h ago.
_treated = together(overdose(30), level(180, 26), normal_liver(26), weighs(70, 26))
_first_two_bags = together(infused(10_500, 24, 23), infused(3_500, 23, 19))
_whole_course = together(_treated, _first_two_bags, infused(7_000, 19, 3))
# The same, written down on arrival 2 h after the overdose, so that the case can be watched from there.
_from_arrival = together(
    has(*SELF_POISONING, text="Acetaminophen overdose", onset=30, recorded=28),
    weighs(70, 28),
    level(180, 26),
    normal_liver(26),
    _first_two_bags,
    infused(7_000, 19, 3),
)
_good_end = together(level(4, 3.5), alt(30, 3.5), ast(28, 3.5), inr(1.2, 3.5))

CASES: tuple[Case, ...] = (
    Case(
        slug="g1-criteria-met",
        title="Whole course given, level below 10 mg/L, INR 1.2, AST and ALT normal",
        chart=(_from_arrival, _good_end),
        calls=(
            view("criteria-met", summary_contains=("the clinician decides",)),
            ordering("acetaminophen", "caution"),
        ),
        rules=("G1", "B1"),
        not_rules=("G2", "G3"),
        note="10,500 + 3,500 + 7,000 mg = 21,000 mg = 300 mg/kg. The first level, above its line, restarts nothing.",
    ),
    Case(
        slug="g1-alt-down-a-quarter",
        title="Whole course given, ALT raised but down by 25 % from its peak",
        chart=(_whole_course, alt(1200, 15), ast(30, 3.5), alt(900, 3.5), level(4, 3.5), inr(1.2, 3.5)),
        calls=(view("criteria-met"),),
        rules=("G1",),
        not_rules=("G2", "G3"),
        note="900 = 0.75 x 1200: down by exactly 25 %.",
    ),
    Case(
        slug="g1-capped-at-100-kg",
        title="Whole course of a patient of 120 kg",
        chart=(
            together(overdose(30), level(180, 26), normal_liver(26), weighs(120, 26)),
            together(infused(15_000, 24, 23), infused(5_000, 23, 19), infused(10_000, 19, 3)),
            _good_end,
        ),
        calls=(view("criteria-met"),),
        rules=("G1",),
        not_rules=("G2", "G3"),
        note="From 100 kg on the dose is fixed: 30,000 mg are the whole course, not 250 mg/kg.",
    ),
    Case(
        slug="g1-long-after-the-course",
        title="Course over since 40 h, criteria met at its end",
        chart=(
            together(overdose(66), level(180, 62), normal_liver(62), weighs(70, 62)),
            together(infused(10_500, 61, 60), infused(3_500, 60, 56), infused(7_000, 56, 40)),
            together(level(4, 41), alt(30, 41), ast(28, 41), inr(1.2, 41)),
        ),
        calls=(view("criteria-met"),),
        rules=("G1",),
        not_rules=("G2", "G3"),
        note="The results belong to the end of the course. The old level does not ask for a second course.",
    ),
    Case(
        slug="g2-alt-down-less-than-a-quarter",
        title="Whole course given, ALT down by 24 % only",
        chart=(_whole_course, alt(1200, 15), ast(30, 3.5), alt(912, 3.5), level(4, 3.5), inr(1.2, 3.5)),
        calls=(view("continue", overlays=("consult",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="912 / 1200 = 0.76.",
    ),
    Case(
        slug="g2-alt-still-rising",
        title="Whole course given, ALT rising",
        chart=(_whole_course, alt(300, 15), alt(900, 3.5), ast(30, 3.5), level(4, 3.5), inr(1.2, 3.5)),
        calls=(view("continue", summary_contains=("ALT 900",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="900 is the peak itself.",
    ),
    Case(
        slug="g2-level-still-10",
        title="Whole course given, level still 10 mg/L",
        chart=(_whole_course, level(10, 3.5), alt(30, 3.5), ast(28, 3.5), inr(1.2, 3.5)),
        calls=(view("continue", summary_contains=("level 10 mg/L",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="The criterion is below 10.",
    ),
    Case(
        slug="g2-inr-2",
        title="Whole course given, INR 2.0",
        chart=(_whole_course, level(4, 3.5), alt(30, 3.5), ast(28, 3.5), inr(2.0, 3.5), glasgow_coma_score(15, 3)),
        calls=(view("continue", summary_contains=("INR 2",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="The criterion is below 2.0.",
    ),
    Case(
        slug="g2-jaundice",
        title="Whole course given, results good, jaundice charted",
        chart=(_whole_course, _good_end, has(_JAUNDICE, onset=5, recorded=5)),
        calls=(view("continue", summary_contains=("jaundice",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="A sign of liver injury speaks against being well, whatever the results.",
    ),
    Case(
        slug="g2-confused",
        title="Whole course given, results good, Glasgow coma score 13",
        chart=(_whole_course, _good_end, glasgow_coma_score(13, 2)),
        calls=(view("continue"),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="An altered mental status of any cause speaks against being well.",
    ),
    Case(
        slug="g2-third-bag-runs",
        title="Third bag runs for another 11 h, results good",
        chart=(
            together(overdose(16), level(180, 12), normal_liver(12), weighs(70, 12)),
            together(infused(10_500, 10, 9), infused(3_500, 9, 5), infused(7_000, 5, -11, status="in-progress")),
            together(level(4, 1), alt(30, 1), ast(28, 1), inr(1.2, 1)),
        ),
        calls=(view("continue", summary_contains=("23:00",)),),
        rules=("G2",),
        not_rules=("G1", "G3"),
        note="10,500 + 3,500 + 7,000 x 5/16 = 16,187.5 mg = 231 mg/kg. A low level does not end it; labs by 23:00 UTC.",
    ),
    Case(
        slug="g3-inr-missing",
        title="Whole course given, INR not repeated",
        chart=(_whole_course, level(4, 3.5), alt(30, 3.5), ast(28, 3.5)),
        calls=(view("continue", overlays=("consult",), summary_contains=("INR",)),),
        rules=("G3",),
        not_rules=("G1", "G2"),
        note="The INR of 26 h ago is from before treatment.",
    ),
    Case(
        slug="g3-results-from-before-treatment",
        title="Whole course given, all results from before treatment",
        chart=(_whole_course,),
        calls=(view("continue"),),
        rules=("G3",),
        not_rules=("G1", "G2"),
        note="Results of 26 h ago, treatment from 24 h ago on: nothing says how it went.",
    ),
    Case(
        slug="g3-amount-not-in-mg",
        title="Three infusions charted in millilitres, results good",
        chart=(
            _treated,
            infused(Amount(252.5, "mL", "mL"), 24, 23),
            infused(Amount(517.5, "mL", "mL"), 23, 19),
            infused(Amount(1035, "mL", "mL"), 19, 3),
            _good_end,
        ),
        calls=(view("continue", summary_contains=("300 mg/kg",)),),
        rules=("G3",),
        not_rules=("G1", "G2"),
        note="How much drug a mixed volume holds is not known.",
    ),
    Case(
        slug="g3-long-after-the-course",
        title="Course over since 40 h, no result since it began",
        chart=(
            together(overdose(66), level(180, 62), normal_liver(62), weighs(70, 62)),
            together(infused(10_500, 61, 60), infused(3_500, 60, 56), infused(7_000, 56, 40)),
        ),
        calls=(view("data-needed", summary_contains=("now",)),),
        rules=("G3", "B1"),
        not_rules=("G1", "G2"),
        note="Neither a second start because of the old level, nor 'continue' 40 h after the end.",
    ),
    Case(
        slug="g2-second-level-due-while-running",
        title="Extended release, first level below the line, acetylcysteine runs",
        chart=(
            took(APAP_EXTENDED_RELEASE, 7, mg(13_000)),
            together(level(60, 1), normal_liver(1), weighs(70)),
            infused(10_500, 0.5, -0.5, status="in-progress"),
        ),
        calls=(view("continue"),),
        rules=("B5", "G2"),
        not_rules=("B1", "G1"),
        note="6 h: 60 < 106.07 and >= 10: a second level 4 h after the first, while 75 of 300 mg/kg have run in.",
    ),
    Case(
        slug="g2-line-crossed-while-running",
        title="Extended release, second level above the line while acetylcysteine runs",
        chart=(
            took(APAP_EXTENDED_RELEASE, 12, mg(13_000)),
            together(level(60, 6), normal_liver(6), weighs(70), level(70, 1)),
            together(infused(10_500, 5, 4), infused(3_500, 4, 0, status="in-progress")),
        ),
        calls=(view("continue"),),
        rules=("B1", "G2"),
        not_rules=("B5", "G1"),
        note="6 h: 60 < 106.07; 11 h: 70 >= 44.60.",
    ),
    Case(
        slug="nac-order-for-copd-silences-nothing",
        title="Level above the line, IV NAC already ordered, but for COPD",
        chart=(
            has(_COPD, onset=50_000),
            together(overdose(9), level(120, 1), normal_liver(1), weighs(70)),
            ordered(NAC_INJECTION, 2, INTRAVENOUS, reason="COPD"),
        ),
        calls=(view("indicated"),),
        rules=("B1",),
        not_rules=("G1", "G2", "G3"),
        note="8 h: 120 >= 75. An order whose only reason is COPD is no course of the antidote.",
    ),
)
"""Cases about a course that runs, is ordered or was given."""
