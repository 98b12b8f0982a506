"""Suspected toxic ingestion without a level, and ingestions too small to matter (rules C1-C5)."""

from __future__ import annotations

from tests.builders import APAP_INJECTION
from tests.fixture_cases.case import Case, Person, ordering, view
from tests.fixture_cases.chart import accident, g, given, normal_liver, overdose, reported_amount, weighs

_TODDLER = Person(birth_date="2022-07-01", gender="male", birth_date_moves=True)

_WAITING = (
    Case(
        slug="c1-no-level-9h",
        title="Overdose 9 h ago and no level, transaminases normal",
        chart=(overdose(9), normal_liver(1)),
        calls=(view("indicated"), ordering("iv-nac", "indicated"), ordering("acetaminophen", "indicated", "caution")),
        rules=("C1", "E6"),
        not_rules=("B3", "B12", "C2", "C3", "C4", "E5"),
        note="9 h >= 8 h: treat now, reassess with the level.",
    ),
    Case(
        slug="c1-no-level-at-8h",
        title="Overdose exactly 8 h ago and no level",
        chart=(overdose(8), normal_liver(1)),
        calls=(view("indicated"),),
        rules=("C1",),
        not_rules=("C2", "C4"),
        note="8.0 h >= 8 h.",
        anchor="2026-04-02T06:45:00+01:00",
    ),
    Case(
        slug="c2-no-level-2h",
        title="Overdose 2 h ago, nothing measured yet",
        chart=(overdose(2),),
        calls=(view("data-needed"), ordering("iv-nac", "data-needed"), ordering("amoxicillin")),
        rules=("C2",),
        not_rules=("B3", "B12", "C1", "C3", "C4", "C5", "E5"),
        note="Draw at 4 h, that is in 2 h; start by 8 h after the ingestion if there is no result.",
    ),
    Case(
        slug="c2-no-level-30g-2h",
        title="Overdose of 30 g 2 h ago, nothing measured yet",
        chart=(overdose(2), reported_amount(30, 0.5)),
        calls=(view("consider", overlays=("high-risk",)),),
        rules=("C2",),
        not_rules=("C1", "C4"),
        note="30 g >= 30 g: consider starting now.",
    ),
    Case(
        slug="c3-unknown-time-no-level",
        title="Overdose at an unknown time, nothing measured yet",
        chart=(overdose(None),),
        calls=(view("indicated"), ordering("iv-nac", "indicated")),
        rules=("C3",),
        not_rules=("B9", "B12", "C2", "C4"),
        note="Treat now; send level, AST/ALT and INR.",
    ),
)

_SMALL = (
    Case(
        slug="c4-accidental-4g",
        title="Accidental 4 g in an adult of 70 kg",
        chart=(accident(3), reported_amount(4, 1), weighs(70)),
        calls=(view("not-indicated", not_overlays=("psychosocial",)),),
        rules=("C4",),
        not_rules=("B8", "C1", "C2", "C3"),
        note="4 g < 10 g and 4000/70 = 57 mg/kg < 200 mg/kg.",
    ),
    Case(
        slug="c4-accidental-10g-is-toxic",
        title="Accidental 10 g in an adult of 70 kg",
        chart=(accident(3), reported_amount(10, 1), weighs(70)),
        calls=(view("data-needed"),),
        rules=("C2",),
        not_rules=("C1", "C4"),
        note="10 g is not below 10 g; 3 h < 8 h: level at 4 h.",
    ),
    Case(
        slug="c4-accidental-9-5g-at-45kg-is-toxic",
        title="Accidental 9.5 g in an adult of 45 kg",
        chart=(accident(3), reported_amount(9.5, 1), weighs(45)),
        calls=(view("data-needed"),),
        rules=("C2",),
        not_rules=("C4",),
        note="9.5 g < 10 g, but 9500/45 = 211 mg/kg >= 200 mg/kg.",
    ),
    Case(
        slug="c4-self-harm-4g-is-not-reliable",
        title="Intentional 4 g: the amount alone does not settle it",
        chart=(overdose(3), reported_amount(4, 1), weighs(70)),
        calls=(view("data-needed", overlays=("psychosocial",)),),
        rules=("C2",),
        not_rules=("C4",),
        note="Not accidental, so a level is due at 4 h.",
    ),
    Case(
        slug="c4-child-187-mg-kg",
        title="Accidental 3 g in a child of 3 years and 16 kg",
        chart=(accident(3), reported_amount(3, 1), weighs(16)),
        calls=(view("not-indicated"),),
        rules=("C4",),
        not_rules=("C1", "C2"),
        note="3000/16 = 187.5 mg/kg < 200 mg/kg (under 6 years).",
        person=_TODDLER,
    ),
    Case(
        slug="c4-child-200-mg-kg-is-toxic",
        title="Accidental 3.2 g in a child of 3 years and 16 kg",
        chart=(accident(3), reported_amount(3.2, 1), weighs(16)),
        calls=(view("data-needed", overlays=("consult",)),),
        rules=("C2",),
        not_rules=("C4",),
        note="3200/16 = 200 mg/kg, not below 200; under 6 years: consult.",
        person=_TODDLER,
    ),
    Case(
        slug="c5-intravenous-acetaminophen-overdose",
        title="Ten times the intravenous dose of acetaminophen was given 3 h ago",
        chart=(accident(3), given(APAP_INJECTION, 3, g(10)), weighs(70)),
        calls=(view("data-needed", overlays=("consult",)),),
        rules=("C5",),
        not_rules=("B3", "C1", "C4"),
        note="The nomogram does not hold for the intravenous route.",
    ),
)

CASES: tuple[Case, ...] = _WAITING + _SMALL
"""Cases without a level."""
