"""Who gets a card without an order: silence for everyone else, dosing by weight, NAC that already runs."""

from __future__ import annotations

from tests.builders import (
    APAP_500_TABLET,
    HEMOGLOBIN,
    ICD10CM,
    INTRAVENOUS,
    NAC_CAPSULE,
    NAC_INJECTION,
    ORAL,
    SELF_POISONING,
    SNOMED,
    Amount,
    Code,
)
from tests.fixture_cases.case import Case, Entry, Person, ordering, view
from tests.fixture_cases.chart import (
    accident,
    alt,
    g,
    given,
    has,
    level,
    measured,
    mother_had,
    normal_liver,
    ordered,
    overdose,
    takes,
    weighs,
)

_HYPERTENSION = Code(ICD10CM, "I10", "Essential (primary) hypertension")
_PREGNANT = Code(SNOMED, "77386006", "Pregnant (finding)")
_COPD = Code(ICD10CM, "J44.9", "Chronic obstructive pulmonary disease, unspecified")
_SUBSEQUENT = Code(ICD10CM, "T39.1X1D", "Poisoning by 4-Aminophenol derivatives, accidental, subsequent encounter")
_SEQUELA = Code(ICD10CM, "T39.1X1S", "Poisoning by 4-Aminophenol derivatives, accidental, sequela")
_ADVERSE_EFFECT = Code(ICD10CM, "T39.1X5A", "Adverse effect of 4-Aminophenol derivatives, initial encounter")
_UNDERDOSING = Code(ICD10CM, "T39.1X6A", "Underdosing of 4-Aminophenol derivatives, initial encounter")


def _silent(slug: str, title: str, note: str, *chart: Entry) -> Case:
    """A patient nobody should be told anything about."""
    return Case(
        slug=slug,
        title=title,
        chart=chart,
        calls=(view(), ordering("amoxicillin")),
        not_rules=("A1", "A2", "B1", "B9", "B10", "B11", "C1", "C2", "C3"),
        note=note,
        anchor="2026-03-20T10:00:00-07:00",
    )


_SILENCE = (
    Case(
        slug="unrelated-patient",
        title="A patient with hypertension and nothing to do with acetaminophen",
        chart=(
            has(_HYPERTENSION, onset=30_000),
            normal_liver(3),
            measured(HEMOGLOBIN, Amount(13.9, "g/dL", "g/dL"), 3, kind="hemoglobin"),
            weighs(82),
        ),
        calls=(
            view(),
            ordering("amoxicillin"),
            ordering("acetaminophen"),
            ordering("oral-nac"),
            ordering("iv-nac", "data-needed"),
            ordering("unidentifiable", "data-needed"),
        ),
        not_rules=("A1", "A2", "A3", "B1", "B9", "C1", "C2", "C3", "D1", "D2", "E1", "E2", "E4", "E5", "E6"),
        note="No exposure, no level. IV NAC ordered without any reason charted: ask, do not assume.",
    ),
    _silent(
        "level-15-therapeutic-silent",
        "Therapeutic use with a level of 15 mg/L",
        "3 g/day, 15 <= 20 mg/L, AST/ALT normal.",
        takes(APAP_500_TABLET, 72, g(1), 3),
        level(15, 2),
        normal_liver(2),
    ),
    _silent(
        "context-free-level-20-silent",
        "A level of exactly 20 mg/L and no context",
        "20 is not above 20.",
        level(20, 2),
        normal_liver(2),
    ),
    Case(
        slug="context-free-level-20-1",
        title="A level of 20.1 mg/L and no context",
        chart=(level(20.1, 2), normal_liver(2)),
        calls=(view("indicated"),),
        rules=("B9",),
        not_rules=("B1", "B12"),
        note="20.1 > 20 is beyond therapeutic use: read as an ingestion at an unknown time; 20.1 >= 10.",
    ),
    Case(
        slug="context-free-level-25-therapeutic-list",
        title="A level of 25 mg/L with only therapeutic acetaminophen on the list",
        chart=(takes(APAP_500_TABLET, 72, g(1), 3), level(25, 2), normal_liver(2)),
        calls=(view("indicated"),),
        not_rules=("B1", "B3", "B12"),
        note="25 > 20: beyond therapeutic use, and at or above every threshold without a time (10 and 20).",
    ),
    Case(
        slug="detectable-level-with-raised-alt",
        title="A detectable level with a raised ALT and no context",
        chart=(level(12, 2), alt(60, 2)),
        calls=(view("indicated"),),
        rules=("B9",),
        not_rules=("A2", "B12"),
        note="12 >= 10 and ALT 60 > 40: in the population, time unknown.",
    ),
    _silent(
        "two-year-old-overdose-silent",
        "An overdose on the problem list since two years",
        "17,520 h ago is long outside the episode of 7 days; nothing is wrong with the liver today.",
        has(*SELF_POISONING, text="Acetaminophen overdose", onset=17_520, recorded=17_519),
        normal_liver(3),
    ),
    _silent(
        "eight-day-old-overdose-silent",
        "An overdose eight days ago, liver normal today",
        "192 h > 168 h (7 days).",
        has(*SELF_POISONING, text="Acetaminophen overdose", onset=192, recorded=190),
        normal_liver(3),
    ),
    Case(
        slug="six-day-old-overdose",
        title="An overdose six days ago, ALT raised today",
        chart=(overdose(144), level(2, 2), alt(90, 2)),
        calls=(view("indicated"),),
        rules=("B10",),
        not_rules=("A2", "B12"),
        note="144 h <= 168 h: within the episode; ALT 90 > 40 after more than 24 h.",
    ),
    _silent(
        "resolved-overdose-silent",
        "An overdose three days ago that is charted as resolved",
        "Resolved entries never count.",
        has(*SELF_POISONING, onset=72, recorded=70, clinical_status="resolved"),
        normal_liver(3),
    ),
    _silent(
        "refuted-overdose-silent",
        "A suspected overdose that was refuted, and one entered in error",
        "Refuted and entered-in-error entries never count.",
        has(*SELF_POISONING, onset=10, recorded=9, verification="refuted"),
        has(*SELF_POISONING, onset=10, recorded=9, verification="entered-in-error"),
        normal_liver(3),
    ),
    _silent(
        "family-history-silent",
        "The mother took an overdose, the patient did not",
        "A family history is not an exposure.",
        mother_had(SELF_POISONING[0]),
        has(text="Family history of paracetamol overdose", recorded=40),
        normal_liver(3),
    ),
    _silent(
        "follow-up-and-underdosing-silent",
        "Codes for follow-up, sequela, adverse effect and underdosing",
        "None of these is a poisoning in its initial encounter.",
        has(_SUBSEQUENT, onset=40, recorded=30),
        has(_SEQUELA, onset=40, recorded=30),
        has(_ADVERSE_EFFECT, onset=40, recorded=30),
        has(_UNDERDOSING, onset=40, recorded=30),
        normal_liver(3),
    ),
    _silent(
        "oral-nac-on-the-list-silent",
        "Oral acetylcysteine for COPD on the medication list",
        "Oral acetylcysteine is not the antidote running.",
        has(_COPD, onset=50_000),
        ordered(NAC_CAPSULE, 400, ORAL),
        normal_liver(3),
    ),
)

_RUNNING = (
    Case(
        slug="nac-running-continue",
        title="Above the line, and the infusion already runs",
        chart=(
            overdose(12),
            level(120, 4),
            normal_liver(4),
            weighs(70),
            given(NAC_INJECTION, 2, g(10.5), status="in-progress"),
        ),
        calls=(view("continue"), ordering("acetaminophen", "caution"), ordering("amoxicillin")),
        rules=("B1", "E6"),
        not_rules=("E5",),
        note="8 h: 120 >= 75; started 2 h ago: nothing to start, go on.",
    ),
    Case(
        slug="nac-running-without-context",
        title="An infusion runs and nothing else is charted",
        chart=(given(NAC_INJECTION, 2, g(10.5), status="in-progress"),),
        calls=(view("continue"),),
        not_rules=("B1", "B3", "B12"),
        note="Running NAC alone puts the patient in the population.",
    ),
    Case(
        slug="nac-ordered-continue",
        title="Above the line, and intravenous NAC is already ordered",
        chart=(overdose(9), level(120, 1), normal_liver(1), ordered(NAC_INJECTION, 0.5, INTRAVENOUS)),
        calls=(view("continue"),),
        rules=("B1",),
        note="8 h: 120 >= 75; ordered half an hour ago: no second start.",
    ),
    Case(
        slug="nac-order-cancelled-still-indicated",
        title="Above the line, and the order for intravenous NAC was cancelled",
        chart=(
            overdose(9),
            level(120, 1),
            normal_liver(1),
            ordered(NAC_INJECTION, 0.5, INTRAVENOUS, status="cancelled"),
        ),
        calls=(view("indicated"),),
        rules=("B1",),
        note="A cancelled order treats nobody.",
    ),
)


def _above_line(slug: str, title: str, note: str, dose: tuple[float, ...], *chart: Entry) -> Case:
    """A level above the line where the weight decides the numbers; without a dose the weight must be asked for."""
    overlays = ("weight",) if not dose else ()
    return Case(
        slug=slug,
        title=title,
        chart=(accident(9), level(120, 1), normal_liver(1), *chart),
        calls=(view("indicated", dose_mg=dose, overlays=overlays),),
        rules=("B1",),
        note=f"8 h: 120 >= 75. {note}",
    )


_WEIGHT = (
    _above_line("weight-missing-no-dose", "Above the line, no weight", "No weight, no milligrams.", ()),
    _above_line(
        "weight-105kg-capped",
        "Above the line at 105 kg",
        "From 100 kg the doses are fixed: 15,000/5,000/10,000 mg.",
        (15_000, 5_000, 10_000),
        weighs(105),
    ),
    _above_line(
        "weight-in-pounds",
        "Above the line, weight in pounds",
        "154.324 lb * 0.45359237 = 70.000 kg: 10,500/3,500/7,000 mg.",
        (10_500, 3_500, 7_000),
        weighs(Amount(154.324, "lb", "[lb_av]")),
    ),
    Case(
        slug="weight-child-12kg",
        title="Above the line in a child of 3 years and 12 kg",
        chart=(accident(9), level(120, 1), normal_liver(1), weighs(12)),
        calls=(view("indicated", dose_mg=(1_800, 600, 1_200), overlays=("consult",)),),
        rules=("B1",),
        note="8 h: 120 >= 75. 12 kg: 1,800/600/1,200 mg; under 6 years: consult.",
        person=Person(birth_date="2022-07-01", gender="male", birth_date_moves=True),
    ),
    _above_line(
        "weight-decimal-slip-no-dose",
        "Above the line, 439 kg charted after 43.9 kg",
        "More than 20 % away from the previous weight: confirm first.",
        (),
        weighs(43.9, 400),
        weighs(439.0, 2),
    ),
    _above_line(
        "weight-under-5kg-no-dose",
        "Above the line, 4.9 kg charted for an adult",
        "4.9 kg < 5 kg: no numbers.",
        (),
        weighs(4.9),
    ),
    Case(
        slug="pregnancy-changes-nothing",
        title="Above the line in pregnancy",
        chart=(overdose(9), level(120, 1), normal_liver(1), weighs(70), has(_PREGNANT, onset=2000, recorded=1500)),
        calls=(view("indicated", dose_mg=(10_500, 3_500, 7_000), overlays=("consult",)),),
        rules=("B1",),
        note="8 h: 120 >= 75; same threshold, same dose; consult.",
    ),
)

CASES: tuple[Case, ...] = _SILENCE + _RUNNING + _WEIGHT
"""Cases about the population, running therapy and weight."""
