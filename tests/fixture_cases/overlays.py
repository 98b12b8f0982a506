"""Advice beside the category: reactions, charcoal, volume, extracorporeal treatment (rules F5-F7)."""

from __future__ import annotations

from tests.builders import (
    ARTERIAL_PH,
    ICD10CM,
    LOINC,
    NAC_CAPSULE,
    ORAL,
    RXNORM,
    SNOMED,
    Amount,
    Code,
    Resource,
    medication_request,
)
from tests.fixture_cases.case import Case, Entry, Person, ordering, view
from tests.fixture_cases.chart import (
    g,
    given,
    glasgow_coma_score,
    has,
    infused,
    level,
    measured,
    mg,
    normal_liver,
    overdose,
    together,
    weighs,
)

_ASTHMA = Code(SNOMED, "195967001", "Asthma (disorder)")
_HEART_FAILURE = Code(ICD10CM, "I50.9", "Heart failure, unspecified")
_DIALYSIS = Code(ICD10CM, "Z99.2", "Dependence on renal dialysis")
_CHARCOAL = Code(RXNORM, "272", "activated charcoal")
_LACTATE = Code(LOINC, "2524-7", "Lactate [Moles/volume] in Serum or Plasma")

_above = together(overdose(9), level(120, 1), normal_liver(1), weighs(70))


def _massive(mg_l: float) -> Entry:
    """A level at 5 h."""
    return together(overdose(6), level(mg_l, 1), normal_liver(1), weighs(70))


def _dysfunction(*, ph: float) -> Entry:
    return together(
        glasgow_coma_score(9, 1),
        measured(ARTERIAL_PH, Amount(ph, "[pH]", "[pH]"), 1, kind="ph"),
        measured(_LACTATE, Amount(6, "mmol/L", "mmol/L"), 1, kind="lactate"),
    )


_running = infused(10_500, 0.5, -0.5, status="in-progress")


def _charcoal_draft(slug: str) -> Resource:
    return medication_request(
        f"{slug}-draft", slug, _CHARCOAL, status="draft", route=ORAL, dose_text="50 g by mouth once"
    )


CASES: tuple[Case, ...] = (
    Case(
        slug="f5-asthma",
        title="Above the line with asthma",
        chart=(_above, has(_ASTHMA, onset=50_000)),
        calls=(view("indicated", overlays=("allergy",)),),
        rules=("B1",),
        note="Asthma slows the first bag and takes nothing away.",
    ),
    Case(
        slug="f5-previous-reaction",
        title="Above the line with an earlier anaphylactoid reaction to acetylcysteine",
        chart=(_above, has(text="Anaphylactoid reaction to acetylcysteine", onset=9_000)),
        calls=(view("indicated", overlays=("allergy", "consult")),),
        rules=("B1",),
        note="An earlier reaction is a reason to call, not to withhold.",
    ),
    Case(
        slug="f6-oral-nac-with-charcoal",
        title="Oral acetylcysteine given after activated charcoal",
        chart=(_above, given(_CHARCOAL, 3, g(50), route=ORAL), given(NAC_CAPSULE, 1, mg(9_800), route=ORAL)),
        calls=(view("indicated", overlays=()),),
        rules=("B1",),
        not_rules=("G1", "G2", "G3"),
        note="Charcoal may adsorb up to 96 % of it; oral treatment does not stand in for the intravenous one.",
    ),
    Case(
        slug="f6-oral-nac-ordered-after-charcoal",
        title="Oral acetylcysteine selected after activated charcoal",
        chart=(_above, given(_CHARCOAL, 3, g(50), route=ORAL)),
        calls=(
            view("indicated", not_overlays=()),
            ordering("oral-nac", "indicated", overlays=()),
        ),
        rules=("B1",),
        note="Said where the oral order is selected.",
    ),
    Case(
        slug="f6-charcoal-ordered-beside-oral-nac",
        title="Activated charcoal selected while oral acetylcysteine is given, no level yet",
        chart=(overdose(2), weighs(70), given(NAC_CAPSULE, 1, mg(9_800), route=ORAL)),
        calls=(
            ordering(_charcoal_draft("f6-charcoal-ordered-beside-oral-nac"), "data-needed"),
            ordering("amoxicillin"),
        ),
        rules=("C2",),
        not_rules=("B1", "G1", "G2", "G3"),
        note="Said beside the order that makes the two meet, whatever the card; another order stays silent.",
    ),
    Case(
        slug="f6-charcoal-long-ago",
        title="Oral acetylcysteine given a day and more after activated charcoal",
        chart=(_above, given(_CHARCOAL, 30, g(50), route=ORAL), given(NAC_CAPSULE, 1, mg(9_800), route=ORAL)),
        calls=(view("indicated", not_overlays=()),),
        rules=("B1",),
        note="30 h > 24 h.",
    ),
    Case(
        slug="f7-above-1000-untreated",
        title="Level 1001 mg/L, no acetylcysteine given",
        chart=(_massive(1001),),
        calls=(view("indicated", overlays=("ectr", "consult", "high-risk")),),
        rules=("B1", "B2"),
        note="1001 > 1000, whatever the clinical state.",
    ),
    Case(
        slug="f7-1000-untreated",
        title="Level 1000 mg/L, no acetylcysteine given, patient alert",
        chart=(_massive(1000), glasgow_coma_score(15, 0.5)),
        calls=(view("indicated", not_overlays=("ectr",)),),
        rules=("B1", "B2"),
        note="The limit is above 1000; above 700 needs mental status, acidosis and lactate together.",
    ),
    Case(
        slug="f7-above-700-with-dysfunction",
        title="Level 800 mg/L, untreated, Glasgow coma score 9, pH 7.20, lactate 6",
        chart=(_massive(800), _dysfunction(ph=7.20)),
        calls=(view("indicated", overlays=("ectr", "consult", "transplant")),),
        rules=("B1", "B2", "A4"),
        note="800 > 700 with all three signs; pH below 7.30 is a King's College criterion too.",
    ),
    Case(
        slug="f7-above-700-without-acidosis",
        title="Level 800 mg/L, untreated, Glasgow coma score 9, pH 7.30, lactate 6",
        chart=(_massive(800), _dysfunction(ph=7.30)),
        calls=(view("indicated", not_overlays=("ectr",)),),
        rules=("B1", "B2"),
        note="7.30 is not below 7.30.",
    ),
    Case(
        slug="f7-above-700-signs-unknown",
        title="Level 800 mg/L, untreated, pH, lactate and mental status not charted",
        chart=(_massive(800),),
        calls=(view("indicated", overlays=("consult",), not_overlays=("ectr",)),),
        rules=("B1", "B2"),
        note="What is not known is asked for.",
    ),
    Case(
        slug="f7-above-900-during-nac",
        title="Level 950 mg/L while acetylcysteine runs, with coma, acidosis and lactate",
        chart=(_massive(950), _dysfunction(ph=7.10), _running),
        calls=(view("continue", overlays=("ectr", "consult")),),
        rules=("G2",),
        note="950 > 900 with all three signs while it runs.",
    ),
    Case(
        slug="f7-below-900-during-nac",
        title="Level 850 mg/L while acetylcysteine runs, with coma, acidosis and lactate",
        chart=(_massive(850), _dysfunction(ph=7.10), _running),
        calls=(view("continue", not_overlays=("ectr",)),),
        rules=("G2",),
        note="850 would reach the limit without acetylcysteine (700), not with it (900).",
    ),
    Case(
        slug="overlay-heart-failure",
        title="Above the line with heart failure",
        chart=(_above, has(_HEART_FAILURE, onset=20_000)),
        calls=(view("indicated", overlays=("fluid",), dose_mg=(10_500, 3_500, 7_000)),),
        rules=("B1",),
        note="The volume is to be agreed, the dose stays.",
    ),
    Case(
        slug="overlay-dialysis",
        title="Above the line on dialysis",
        chart=(_above, has(_DIALYSIS, onset=20_000)),
        calls=(view("indicated", overlays=("consult",)),),
        rules=("B1",),
        note="On the consult list.",
    ),
    Case(
        slug="overlay-small-child-while-running",
        title="Child of 15 kg while acetylcysteine runs",
        chart=(
            together(overdose(9), level(120, 5), normal_liver(5), weighs(15)),
            infused(2_250, 0.5, -0.5, status="in-progress"),
        ),
        person=Person(birth_date="2022-03-01", birth_date_moves=True),
        calls=(view("continue", overlays=("fluid", "consult", "psychosocial")),),
        rules=("G2",),
        note="150 mg/kg x 15 kg = 2,250 mg. Hyponatraemia is a danger while the bag runs, not only when it is ordered.",
    ),
)
"""Cases about overlays."""
