"""Acute ingestions at a known time that the treatment line does not treat, or cannot yet judge (B3, B4, B8, B15).

The line at t hours is 150 * 2^(-(t-4)/4) mg/L: 8 h 75.00, 13 h 31.53; before 4 h there is none.
"""

from __future__ import annotations

from datetime import timedelta

from tests.builders import APAP_500_TABLET, Amount
from tests.fixture_cases.case import Case, Entry, ordering, view
from tests.fixture_cases.chart import alt, ast, g, inr, level, normal_liver, overdose, reported_amount, took, weighs


def _at_8h(value: float, *more: Entry) -> tuple[Entry, ...]:
    """One overdose, one level 8 h after it and an hour before the anchor; then the rest of the chart."""
    return (overdose(9), level(value, 1), *more)


_BELOW = (
    Case(
        slug="b3-below-line-8h-normal-alt",
        title="Below the line after one immediate-release ingestion, transaminases normal",
        chart=_at_8h(40.0, normal_liver(1), weighs(70)),
        calls=(
            view("not-indicated", nomogram=(8.0, 75.0), summary_contains=("40 mg/L",)),
            ordering("iv-nac", "caution"),
            ordering("amoxicillin"),
            ordering("acetaminophen"),
        ),
        rules=("B3", "E5"),
        not_rules=("B1", "B4", "E1", "E6"),
        note="40 < 75. IV NAC on these data: caution. Acetaminophen ordered: no treat or consider rule holds.",
    ),
    Case(
        slug="b3-ast-alone-normal",
        title="Below the line, only AST known and normal",
        chart=(overdose(9), level(40, 1), ast(24, 1)),
        calls=(view("not-indicated"),),
        rules=("B3",),
        note="40 < 75; one of AST and ALT known and normal is enough.",
    ),
    Case(
        slug="b3-alt-within-the-labs-own-limit",
        title="ALT above the usual 40 but within this laboratory's limit of 55",
        chart=_at_8h(40.0, alt(52, 1, upper_limit=Amount(55, "U/L", "U/L"))),
        calls=(view("not-indicated"),),
        rules=("B3",),
        not_rules=("B4",),
        note="52 <= 55, the laboratory's own upper limit, which outranks the fallback of 40.",
    ),
    Case(
        slug="b4-raised-alt-below-line",
        title="Below the line with a raised ALT",
        chart=_at_8h(40.0, alt(65, 1), inr(1.0, 1)),
        calls=(view("consider"), ordering("iv-nac", "consider")),
        rules=("B4",),
        not_rules=("A2", "A5", "B1", "B3", "E5"),
        note="40 < 75; ALT 65 > 40 and <= 1000.",
    ),
    Case(
        slug="b4-alt-at-the-limit-is-normal",
        title="ALT exactly at the upper limit is not raised",
        chart=_at_8h(40.0, alt(40, 1)),
        calls=(view("not-indicated"),),
        rules=("B3",),
        not_rules=("B4",),
        note="40 is not above 40.",
    ),
    Case(
        slug="b4-raised-alt-by-fallback-limit",
        title="No reference range: the profile's fallback limit decides",
        chart=_at_8h(40.0, alt(41, 1, upper_limit=None)),
        calls=(view("consider"),),
        rules=("B4",),
        not_rules=("B3",),
        note="41 > 40 (fallback U/L).",
    ),
    Case(
        slug="b4-alt-in-microkatal",
        title="ALT in microkatal per litre, raised by the laboratory's own limit",
        chart=_at_8h(40.0, alt(Amount(0.9, "µkat/L", "ukat/L"), 1, upper_limit=Amount(0.75, "µkat/L", "ukat/L"))),
        calls=(view("consider"),),
        rules=("B4",),
        not_rules=("A2", "B3"),
        note="0.9 * 60 = 54 U/L; limit 0.75 * 60 = 45 U/L.",
        anchor="2026-06-18T18:00:00+02:00",
    ),
    Case(
        slug="below-line-transaminases-missing",
        title="Below the line, but nobody measured AST or ALT",
        chart=_at_8h(40.0),
        calls=(view("data-needed"), ordering("iv-nac", "data-needed")),
        not_rules=("B1", "B3", "B4", "E5"),
        note="40 < 75; B3 needs normal AST/ALT and B4 raised ones: neither is known.",
    ),
    Case(
        slug="below-line-alt-from-before-ingestion",
        title="The only ALT is older than the ingestion",
        chart=_at_8h(40.0, alt(24, 30)),
        calls=(view("data-needed"),),
        not_rules=("B1", "B3", "B4"),
        note="Ingestion 9 h ago, ALT 30 h ago: it says nothing about this ingestion.",
    ),
)

_EARLY = (
    Case(
        slug="b8-sample-before-4h",
        title="A high level drawn 3 h 59 min after ingestion cannot be plotted",
        chart=(overdose(timedelta(hours=4, minutes=29)), level(200, 0.5), normal_liver(0.5)),
        calls=(view("repeat-level"), ordering("iv-nac", "repeat-level"), ordering("amoxicillin")),
        rules=("B8",),
        not_rules=("B1", "B2", "B3", "C1", "E5"),
        note="4 h 29 min - 30 min = 3 h 59 min < 4 h.",
    ),
    Case(
        slug="b8-early-low-level-is-not-below",
        title="A low level drawn 2 h after ingestion proves nothing",
        chart=(overdose(3), level(12, 1), normal_liver(1)),
        calls=(view("repeat-level"),),
        rules=("B8",),
        not_rules=("B1", "B3"),
        note="2 h < 4 h: not interpretable however low.",
    ),
    Case(
        slug="b8-early-sample-30g",
        title="Sample before 4 h after a reported 32 g",
        chart=(overdose(3), level(90, 1), normal_liver(1), reported_amount(32, 1)),
        calls=(view("consider", overlays=("high-risk",)),),
        rules=("B8",),
        not_rules=("B1", "B3"),
        note="2 h < 4 h; 32 g >= 30 g: consider starting, high risk.",
    ),
    Case(
        slug="c1-early-sample-and-8h-passed",
        title="The only sample is too early and 8 h have passed",
        chart=(overdose(8.5), level(60, 5.5), normal_liver(5.5)),
        calls=(view("indicated"),),
        rules=("C1",),
        not_rules=("B1", "B3"),
        note="Sample at 3 h cannot be plotted; 8.5 h >= 8 h since ingestion: treat, do not wait for another level.",
    ),
    Case(
        slug="issued-is-not-the-sample-time",
        title="Drawn at 3 h 30 min, released after 4 h: still an early sample",
        chart=(overdose(timedelta(hours=4, minutes=15)), level(200, timedelta(minutes=45)), normal_liver(0.5)),
        calls=(view("repeat-level"),),
        rules=("B8",),
        not_rules=("B1",),
        note="Sample 3 h 30 min after ingestion; the result was released at 4 h 10 min.",
    ),
)

_STAGGERED = (
    Case(
        slug="b15-staggered-sample-3h-after-last-dose",
        title="Two doses; below the line from the first, but drawn 3 h after the last",
        chart=(
            overdose(9),
            took(APAP_500_TABLET, 9, g(8)),
            took(APAP_500_TABLET, 4, g(6)),
            level(50, 1),
            normal_liver(1),
        ),
        calls=(view("repeat-level"),),
        rules=("B15",),
        not_rules=("B1", "B3", "B11", "E5"),
        note="First dose 8 h before the sample: 50 < 75. Last dose 3 h before it: < 4 h, so not accepted.",
    ),
    Case(
        slug="b15-staggered-sample-4h-after-last-dose",
        title="Two doses; below the line from the first, and drawn 4 h after the last",
        chart=(
            overdose(9),
            took(APAP_500_TABLET, 9, g(8)),
            took(APAP_500_TABLET, 5, g(6)),
            level(50, 1),
            normal_liver(1),
        ),
        calls=(view("not-indicated"),),
        not_rules=("B1", "B11", "B15"),
        note="First dose 8 h before the sample: 50 < 75. Last dose exactly 4 h before it: accepted.",
    ),
    Case(
        slug="b1-staggered-above-line",
        title="Two doses; above the line plotted from the first",
        chart=(
            overdose(9),
            took(APAP_500_TABLET, 9, g(8)),
            took(APAP_500_TABLET, 4, g(6)),
            level(80, 1),
            normal_liver(1),
        ),
        calls=(view("indicated"),),
        rules=("B1",),
        not_rules=("B11",),
        note="8 h after the first dose: 80 >= 75, whatever the last dose.",
    ),
)

CASES: tuple[Case, ...] = _BELOW + _EARLY + _STAGGERED
"""Cases under the line, before it, and with a staggered ingestion."""
