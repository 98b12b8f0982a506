"""What the nomogram cannot judge alone: extended release, co-ingestants, unknown time, late, repeated (B5-B13)."""

from __future__ import annotations

from datetime import timedelta

from tests.builders import (
    ACCIDENTAL_POISONING,
    APAP_500_TABLET,
    APAP_DIPHENHYDRAMINE,
    APAP_EXTENDED_RELEASE,
    APAP_HYDROCODONE,
)
from tests.fixture_cases.case import Ago, Case, Entry, ordering, view
from tests.fixture_cases.chart import alt, ast, g, has, level, mg_l, normal_liver, overdose, takes, together, took

_EXTENDED_RELEASE = (
    Case(
        slug="b5-extended-release-below-line",
        title="Extended release, detectable and below the line: a second level is due",
        chart=(overdose(7), took(APAP_EXTENDED_RELEASE, 7, g(13)), level(40, 1), normal_liver(1)),
        calls=(view("repeat-level", overlays=("consult",)), ordering("iv-nac", "repeat-level")),
        rules=("B5",),
        not_rules=("B1", "B3", "B5d", "B7", "E5"),
        note="line(6) = 106.07; 10 <= 40 < 106.07; AST/ALT normal. Second level 4-6 h after the first.",
    ),
    Case(
        slug="b5-extended-release-level-10",
        title="Extended release, exactly 10 mg/L",
        chart=(overdose(13), took(APAP_EXTENDED_RELEASE, 13, g(13)), level(10, 1), normal_liver(1)),
        calls=(view("repeat-level"),),
        rules=("B5",),
        not_rules=("B3", "B7"),
        note="line(12) = 37.5; 10 >= 10, detectable.",
    ),
    Case(
        slug="b7-extended-release-level-9-9",
        title="Extended release, but no longer detectable: no repeat",
        chart=(overdose(13), took(APAP_EXTENDED_RELEASE, 13, g(13)), level(9.9, 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        rules=("B7",),
        not_rules=("B1", "B5", "B5d"),
        note="line(12) = 37.5; 9.9 < 10; AST/ALT normal.",
    ),
    Case(
        slug="b5-extended-release-second-level-crosses",
        title="Extended release: the second level crosses the line",
        chart=(overdose(13), took(APAP_EXTENDED_RELEASE, 13, g(13)), level(40, 7), level(45, 1), normal_liver(1)),
        calls=(view("indicated"),),
        rules=("B1",),
        note="6 h: 40 < 106.07. 12 h: 45 >= 37.5.",
    ),
    Case(
        slug="b5-extended-release-second-level-below",
        title="Extended release: two levels 5 h apart, both below the line",
        chart=(overdose(12), took(APAP_EXTENDED_RELEASE, 12, g(13)), level(40, 6), level(20, 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        not_rules=("B1", "B5", "B5d"),
        note="6 h: 40 < 106.07. 11 h: 20 < 44.60, drawn 5 h (>= 4 h) after the first.",
    ),
    Case(
        slug="b5d-extended-release-raised-alt",
        title="Extended release below the line with a raised ALT",
        chart=(overdose(7), took(APAP_EXTENDED_RELEASE, 7, g(13)), level(40, 1), alt(80, 1), ast(70, 1)),
        calls=(view("indicated", overlays=("consult",)),),
        rules=("B5d",),
        not_rules=("B1", "B3"),
        note="10 <= 40 < 106.07 at 6 h; ALT 80 > 40: detectable with a transaminase elevation, not stratifiable.",
        statements=("S4",),
    ),
    Case(
        slug="b6-opioid-combination-below-line",
        title="Taken with hydrocodone, detectable and below the line",
        chart=(overdose(7), took(APAP_HYDROCODONE, 7), level(40, 1), normal_liver(1)),
        calls=(view("repeat-level", overlays=("consult",)),),
        rules=("B6",),
        not_rules=("B1", "B3", "B5d", "B7"),
        note="line(6) = 106.07; 10 <= 40 < 106.07; an opioid delays absorption.",
    ),
    Case(
        slug="b6-anticholinergic-combination-below-line",
        title="Taken with diphenhydramine, detectable and below the line",
        chart=(overdose(7), took(APAP_DIPHENHYDRAMINE, 7), level(40, 1), normal_liver(1)),
        calls=(view("repeat-level"),),
        rules=("B6",),
        not_rules=("B3", "B7"),
        note="line(6) = 106.07; 10 <= 40 < 106.07; an anticholinergic delays absorption.",
    ),
    Case(
        slug="b7-opioid-combination-undetectable",
        title="Taken with hydrocodone, undetectable: no repeat",
        chart=(overdose(9), took(APAP_HYDROCODONE, 9), level(mg_l(10, "<"), 1), normal_liver(1)),
        calls=(view("not-indicated"), ordering("amoxicillin")),
        rules=("B7",),
        not_rules=("B5", "B5d", "B6"),
        note='"<10" at 8 h (line 75); AST/ALT normal.',
    ),
)

_UNKNOWN_TIME = (
    Case(
        slug="b9-unknown-time-level-10",
        title="Time unknown, exactly 10 mg/L",
        chart=(overdose(None), level(10, 1), normal_liver(1)),
        calls=(view("indicated"), ordering("iv-nac", "indicated")),
        rules=("B9",),
        not_rules=("B1", "B12", "B13", "C3", "E5"),
        note="10 >= 10. It would meet the 150 line at 4 + 4 * log2(150/10) = 19.63 h.",
        statements=("S4",),
    ),
    Case(
        slug="b12-unknown-time-level-9-9",
        title="Time unknown, 9.9 mg/L and normal transaminases",
        chart=(overdose(None), level(9.9, 1), normal_liver(1)),
        calls=(view("not-indicated"), ordering("iv-nac", "caution")),
        rules=("B12", "E5"),
        not_rules=("B9", "B13", "C3"),
        note="9.9 < 10, AST/ALT normal. IV NAC on these data: caution.",
    ),
    Case(
        slug="b9-unknown-time-raised-ast",
        title="Time unknown, undetectable level, AST raised",
        chart=(overdose(None), level(mg_l(10, "<"), 1), ast(72, 1), alt(30, 1)),
        calls=(view("indicated", overlays=("consult",)),),
        rules=("B9",),
        not_rules=("A2", "B12"),
        note="AST 72 > 40, whatever the level; unknown time with injury: consult.",
    ),
    Case(
        slug="b13-unknown-time-transaminases-missing",
        title="Time unknown, level low, nobody measured AST or ALT",
        chart=(overdose(None), level(5, 1)),
        calls=(view("data-needed"), ordering("iv-nac", "data-needed")),
        rules=("B13",),
        not_rules=("B9", "B12", "C3", "E5"),
        note="5 < 10: the level is negative, the other test is missing.",
    ),
)

_LATE = (
    Case(
        slug="b12-24h01-level-5",
        title="One minute past 24 h the line no longer applies",
        chart=(overdose(timedelta(hours=25, minutes=1)), level(5, 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        rules=("B12",),
        not_rules=("B1", "B10"),
        note="24 h 01 min > 24 h: 5 < 10 and AST/ALT normal (at 24 h, line 4.69, it would be above).",
    ),
    Case(
        slug="b10-30h-level-10",
        title="30 h after ingestion, exactly 10 mg/L",
        chart=(overdose(31), level(10, 1), normal_liver(1)),
        calls=(view("indicated"),),
        rules=("B10",),
        not_rules=("B1", "B12"),
        note="30 h > 24 h; 10 >= 10.",
    ),
    Case(
        slug="b10-30h-level-9-9",
        title="30 h after ingestion, 9.9 mg/L and normal transaminases",
        chart=(overdose(31), level(9.9, 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        rules=("B12",),
        not_rules=("B1", "B10", "B13"),
        note="30 h > 24 h; 9.9 < 10; AST/ALT normal.",
    ),
    Case(
        slug="b10-30h-raised-alt",
        title="30 h after ingestion, undetectable level, ALT raised",
        chart=(overdose(31), level(mg_l(10, "<"), 1), alt(85, 1), ast(60, 1)),
        calls=(view("indicated"),),
        rules=("B10",),
        not_rules=("A2", "B12"),
        note="30 h > 24 h; ALT 85 > 40.",
    ),
)


def _doses(*ago: Ago) -> Entry:
    """Five grams at each of these times."""
    return together(*(took(APAP_500_TABLET, each, g(5)) for each in ago))


_REPEATED = has(*ACCIDENTAL_POISONING, text="Repeated supratherapeutic ingestion of acetaminophen", recorded=0.25)

_RSI = (
    Case(
        slug="rsi-level-20-treat",
        title="Repeated supratherapeutic ingestion, exactly 20 mg/L",
        chart=(_REPEATED, _doses(40, 28, 16, 4), level(20, 1), normal_liver(1)),
        calls=(view("indicated"), ordering("iv-nac", "indicated")),
        rules=("B11",),
        not_rules=("B1", "B9", "B12"),
        note="Four doses of 5 g over 36 h; 20 >= 20.",
        statements=("S2", "S4"),
    ),
    Case(
        slug="rsi-level-19-9-not-indicated",
        title="Repeated supratherapeutic ingestion, 19.9 mg/L and normal transaminases",
        chart=(_REPEATED, _doses(40, 28, 16, 4), level(19.9, 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        rules=("B12",),
        not_rules=("B9", "B11", "B13", "C1"),
        note="19.9 < 20 (10 would be the threshold at an unknown time); AST/ALT normal.",
    ),
    Case(
        slug="rsi-raised-alt-treat",
        title="Repeated supratherapeutic ingestion, low level, ALT raised",
        chart=(_REPEATED, _doses(40, 28, 16, 4), level(5, 1), alt(95, 1), ast(88, 1)),
        calls=(view("indicated", overlays=("consult",)),),
        rules=("B11",),
        not_rules=("A2", "B12"),
        note="ALT 95 > 40.",
    ),
    Case(
        slug="rsi-doses-alone-make-it-repeated",
        title="Several doses over more than 24 h, though the diagnosis says only overdose",
        chart=(overdose(40), _doses(40, 28, 16, 4), level(25, 1), normal_liver(1)),
        calls=(view("indicated"),),
        rules=("B11",),
        not_rules=("B15",),
        note="36 h from first to last dose; 25 >= 20.",
    ),
    Case(
        slug="rsi-course-of-8g-a-day",
        title="A course of 8 g a day over three days, without a poisoning diagnosis",
        chart=(takes(APAP_500_TABLET, 72, g(2), 4), level(5, 1), alt(90, 1), ast(75, 1)),
        calls=(view("indicated"),),
        rules=("B11",),
        not_rules=("A2", "B12"),
        note="4 * 2 g = 8 g/day >= 6 g/day for 48 h: repeated supratherapeutic; ALT 90 > 40.",
    ),
    Case(
        slug="rsi-limit-20-settles",
        title='Repeated supratherapeutic ingestion, "<20" and normal transaminases',
        chart=(_REPEATED, _doses(40, 28, 16, 4), level(mg_l(20, "<"), 1), normal_liver(1)),
        calls=(view("not-indicated"),),
        rules=("B12",),
        not_rules=("B11", "B13"),
        note='"<20" settles the threshold of 20.',
    ),
    Case(
        slug="b13-rsi-transaminases-missing",
        title="Repeated supratherapeutic ingestion, level low, nobody measured AST or ALT",
        chart=(_REPEATED, _doses(40, 28, 16, 4), level(5, 1)),
        calls=(view("data-needed"),),
        rules=("B13",),
        not_rules=("B11", "B12"),
        note="5 < 20; the other test is missing.",
    ),
    Case(
        slug="b13-rsi-level-missing",
        title="Repeated supratherapeutic ingestion, transaminases normal, no level",
        chart=(_REPEATED, _doses(40, 28, 16, 4), normal_liver(1)),
        calls=(view("data-needed"),),
        rules=("B13",),
        not_rules=("B11", "B12"),
        note="AST/ALT normal; the level is missing.",
    ),
    Case(
        slug="c1-rsi-nothing-known",
        title="Repeated supratherapeutic ingestion, neither level nor transaminases",
        chart=(_REPEATED, _doses(40, 28, 16, 4)),
        calls=(view("indicated"),),
        not_rules=("B11", "B12"),
        note="Suspected toxic ingestion, no level, more than 8 h since the first dose: treat now.",
    ),
)

CASES: tuple[Case, ...] = _EXTENDED_RELEASE + _UNKNOWN_TIME + _LATE + _RSI
"""Cases off the nomogram."""
