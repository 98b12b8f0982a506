"""Liver injury and failure, with and without acetaminophen (rules A1-A5 and D1-D3)."""

from __future__ import annotations

from tests.builders import (
    APAP_500_TABLET,
    ARTERIAL_PH,
    CREATININE,
    CREATININE_MOLES,
    ICD10CM,
    SELF_POISONING,
    SNOMED,
    Amount,
    Code,
)
from tests.fixture_cases.case import Case, ordering, view
from tests.fixture_cases.chart import (
    accident,
    alt,
    ast,
    g,
    glasgow_coma_score,
    has,
    inr,
    level,
    measured,
    mg_l,
    normal_liver,
    overdose,
    reported_amount,
    takes,
    weighs,
)

_ALF = Code(ICD10CM, "K72.00", "Acute and subacute hepatic failure without coma")
_ALF_WITH_COMA = Code(ICD10CM, "K72.01", "Acute and subacute hepatic failure with coma")
_ENCEPHALOPATHY = Code(ICD10CM, "K76.82", "Hepatic encephalopathy")
_CIRRHOSIS = Code(ICD10CM, "K74.60", "Unspecified cirrhosis of liver")
_HEPATITIS_B = Code(SNOMED, "76795007", "Acute type B viral hepatitis (disorder)")
_RIGHT_UPPER_QUADRANT_PAIN = Code(ICD10CM, "R10.11", "Right upper quadrant pain")
_JAUNDICE = Code(ICD10CM, "R17", "Unspecified jaundice")
_COPD = Code(ICD10CM, "J44.9", "Chronic obstructive pulmonary disease, unspecified")

_encephalopathy = has(_ENCEPHALOPATHY, onset=6, recorded=5)
_encephalopathy_grade_3 = has(_ENCEPHALOPATHY, text="Hepatic encephalopathy, West Haven grade 3", onset=6, recorded=5)


def _ph(value: float) -> Amount:
    return Amount(value, "pH", "[pH]")


_FAILURE = (
    Case(
        slug="a1-alf-100h-after-overdose",
        title="Acute liver failure four days after an overdose, level undetectable",
        chart=(
            overdose(100),
            has(_ALF_WITH_COMA, onset=8, recorded=6),
            level("None detected", 2),
            alt(5200, 2),
            ast(6100, 2),
            inr(4.2, 2),
            weighs(70),
        ),
        calls=(
            view("indicated", overlays=("transplant", "consult"), dose_mg=(10_500, 3_500, 7_000)),
            ordering("iv-nac", "indicated"),
        ),
        rules=("A1", "A2"),
        not_rules=("B12", "D1", "D2", "E5"),
        note="Failure with a history of overdose: treat at any time; late NAC still helps.",
        statements=("S1",),
    ),
    Case(
        slug="alf-with-copd-and-overdose",
        title="Acute liver failure after an overdose in a patient with COPD",
        chart=(
            overdose(60),
            has(_ALF, onset=8, recorded=6),
            _encephalopathy,
            has(_COPD, onset=50_000),
            level(mg_l(10, "<"), 2),
            alt(4100, 2),
            inr(3.1, 2),
        ),
        calls=(view("indicated", overlays=("transplant", "consult")), ordering("iv-nac", "indicated")),
        rules=("A1",),
        not_rules=("D1", "D2", "E1", "E5"),
        note="COPD takes nothing away from the indication.",
        statements=("S1", "S10"),
    ),
    Case(
        slug="a1-inr-1-5-with-encephalopathy",
        title="INR 1.5 with encephalopathy after an overdose is acute liver failure",
        chart=(overdose(60), _encephalopathy, level(mg_l(10, "<"), 2), alt(900, 2), ast(870, 2), inr(1.5, 2)),
        calls=(view("indicated", overlays=("transplant", "consult")),),
        rules=("A1", "B10"),
        not_rules=("A2", "A5"),
        note="1.5 >= 1.5, encephalopathy, no cirrhosis known.",
    ),
    Case(
        slug="a1-inr-1-49-with-encephalopathy",
        title="INR 1.49 with encephalopathy after an overdose is not yet acute liver failure",
        chart=(overdose(60), _encephalopathy, level(mg_l(10, "<"), 2), alt(900, 2), ast(870, 2), inr(1.49, 2)),
        calls=(view("indicated"),),
        rules=("B10",),
        not_rules=("A1", "A2", "A5"),
        note="1.49 < 1.5; the raised ALT 60 h after ingestion treats by itself.",
    ),
    Case(
        slug="a1-alf-with-detectable-level-and-no-history",
        title="Acute liver failure without a history, but acetaminophen detectable",
        chart=(has(_ALF, onset=12, recorded=6), _encephalopathy, level(12, 2), alt(3900, 2), inr(2.8, 2)),
        calls=(view("indicated", overlays=("transplant",)),),
        rules=("A1",),
        not_rules=("D1", "D2"),
        note="12 >= 10: evidence of acetaminophen.",
    ),
    Case(
        slug="a1-alf-with-two-year-old-overdose",
        title="Acute liver failure today with an overdose charted two years ago",
        chart=(
            has(*SELF_POISONING, text="Acetaminophen overdose", onset=17_520, recorded=17_519),
            has(_ALF, onset=12, recorded=6),
            _encephalopathy,
            alt(2900, 2),
            inr(2.6, 2),
        ),
        calls=(view("indicated", overlays=("transplant",)),),
        rules=("A1",),
        not_rules=("D1", "D2"),
        note="Outside the episode it is history, and liver failure today makes that history count.",
    ),
    Case(
        slug="cirrhosis-inr-encephalopathy-silent",
        title="Known cirrhosis explains INR and encephalopathy",
        chart=(has(_CIRRHOSIS, onset=40_000), _encephalopathy, alt(60, 2), inr(1.6, 2)),
        calls=(view(),),
        not_rules=("A1", "A5", "D1", "D2"),
        note="INR 1.6 with encephalopathy and known cirrhosis is not acute liver failure; no exposure, no level.",
    ),
)

_INJURY = (
    Case(
        slug="a2-alt-1001-below-line",
        title="Below the line, but ALT 1001",
        chart=(overdose(9), level(40, 1), alt(1001, 1), inr(1.1, 1)),
        calls=(view("indicated"),),
        rules=("A2",),
        not_rules=("A1", "B1", "B3"),
        note="1001 > 1000 U/L with an exposure.",
        statements=("S4",),
    ),
    Case(
        slug="a2-alt-1000-below-line",
        title="Below the line with ALT exactly 1000",
        chart=(overdose(9), level(40, 1), alt(1000, 1), inr(1.1, 1)),
        calls=(view("consider"),),
        rules=("B4",),
        not_rules=("A2", "B1", "B3"),
        note="1000 is not above 1000: raised, consider.",
    ),
    Case(
        slug="a2-therapeutic-use-with-alt-1200",
        title="Therapeutic use with ALT 1200",
        chart=(takes(APAP_500_TABLET, 120, g(1), 3), level(5, 1), alt(1200, 1), ast(900, 1), inr(1.2, 1)),
        calls=(view("indicated"),),
        rules=("A2",),
        not_rules=("A1", "B12"),
        note="3 g/day is therapeutic, but with ALT 1200 > 1000 it is an exposure.",
    ),
    Case(
        slug="a3-right-upper-quadrant-pain",
        title="Below the line, but with right-upper-quadrant pain",
        chart=(overdose(10), level(30, 1), normal_liver(1), has(_RIGHT_UPPER_QUADRANT_PAIN, onset=2, recorded=1)),
        calls=(view("indicated"),),
        rules=("A3",),
        not_rules=("A1", "A2", "B1"),
        note="line(9) = 63.07: 30 is below, but clinical toxicity after an unknown amount treats.",
    ),
    Case(
        slug="a3-jaundice",
        title="Jaundice 20 h after an overdose",
        chart=(overdose(20), level(mg_l(10, "<"), 1), normal_liver(1), has(_JAUNDICE, onset=3, recorded=1)),
        calls=(view("indicated"),),
        rules=("A3",),
        not_rules=("A1", "A2", "B1"),
        note="line(19) = 11.15; jaundice after an unknown amount treats.",
    ),
    Case(
        slug="a3-pain-after-2g",
        title="Right-upper-quadrant pain after an accidental 2 g",
        chart=(
            accident(3),
            reported_amount(2, 1),
            weighs(70),
            has(_RIGHT_UPPER_QUADRANT_PAIN, onset=2, recorded=1),
        ),
        calls=(view("not-indicated"),),
        rules=("C4",),
        not_rules=("A3", "C2"),
        note="2 g < 10 g and 29 mg/kg < 200 mg/kg: neither a toxic nor an unknown exposure.",
    ),
    Case(
        slug="a5-inr-1-5-mental-status-missing",
        title="INR 1.5 with a raised ALT and no mental status charted",
        chart=(overdose(9), level(40, 1), alt(90, 1), inr(1.5, 1)),
        calls=(view("consider"),),
        rules=("A5", "B4"),
        not_rules=("A1", "A2", "B3"),
        note="1.5 >= 1.5, ALT 90 > 40: ask for an assessment; the level is below the line: consider.",
    ),
    Case(
        slug="a5-inr-1-49",
        title="INR 1.49 with a raised ALT and no mental status charted",
        chart=(overdose(9), level(40, 1), alt(90, 1), inr(1.49, 1)),
        calls=(view("consider"),),
        rules=("B4",),
        not_rules=("A1", "A5"),
        note="1.49 < 1.5.",
    ),
    Case(
        slug="a5-mental-status-recorded",
        title="INR 1.5 with a raised ALT and a Glasgow coma score of 15",
        chart=(overdose(9), level(40, 1), alt(90, 1), inr(1.5, 1), glasgow_coma_score(15, 1)),
        calls=(view("consider"),),
        rules=("B4",),
        not_rules=("A1", "A5"),
        note="The mental status is recorded, and it is normal.",
    ),
)

_KINGS_COLLEGE = (
    Case(
        slug="a4-arterial-ph-7-29",
        title="Arterial pH 7.29 after an overdose",
        chart=(
            overdose(40),
            level(mg_l(10, "<"), 2),
            alt(6000, 2),
            inr(2.0, 2),
            glasgow_coma_score(15, 2),
            measured(ARTERIAL_PH, _ph(7.29), 1, kind="ph"),
        ),
        calls=(view("indicated", overlays=("transplant",)),),
        rules=("A2", "A4"),
        not_rules=("A1",),
        note="7.29 < 7.30.",
    ),
    Case(
        slug="a4-arterial-ph-7-30",
        title="Arterial pH 7.30 after an overdose",
        chart=(
            overdose(40),
            level(mg_l(10, "<"), 2),
            alt(6000, 2),
            inr(2.0, 2),
            glasgow_coma_score(15, 2),
            measured(ARTERIAL_PH, _ph(7.30), 1, kind="ph"),
        ),
        calls=(view("indicated", not_overlays=("transplant",)),),
        rules=("A2",),
        not_rules=("A1", "A4"),
        note="7.30 is not below 7.30; with a normal mental status it is not liver failure either.",
    ),
    Case(
        slug="a4-all-three-criteria",
        title="INR 6.6, creatinine 310 umol/L and encephalopathy grade 3 together",
        chart=(
            overdose(60),
            _encephalopathy_grade_3,
            level(mg_l(10, "<"), 2),
            alt(7000, 2),
            inr(6.6, 2),
            measured(CREATININE_MOLES, Amount(310, "µmol/L", "umol/L"), 2, kind="creatinine"),
        ),
        calls=(view("indicated", overlays=("transplant", "consult")),),
        rules=("A1", "A2", "A4"),
        note="6.6 > 6.5; 310 * 0.011312 = 3.51 mg/dL > 3.4; grade 3.",
    ),
    Case(
        slug="a4-two-of-three-criteria",
        title="INR 6.6 and encephalopathy grade 3, but creatinine exactly 3.4 mg/dL",
        chart=(
            overdose(60),
            _encephalopathy_grade_3,
            level(mg_l(10, "<"), 2),
            alt(7000, 2),
            inr(6.6, 2),
            measured(CREATININE, Amount(3.4, "mg/dL", "mg/dL"), 2, kind="creatinine"),
        ),
        calls=(view("indicated"),),
        rules=("A1", "A2"),
        not_rules=("A4",),
        note="3.4 is not above 3.4: all three are needed, not any.",
    ),
)

_WITHOUT_ACETAMINOPHEN = (
    Case(
        slug="d1-viral-hepatitis-alf",
        title="Acute liver failure from acute hepatitis B, no acetaminophen",
        chart=(
            has(_ALF, onset=30, recorded=20),
            has(_HEPATITIS_B, onset=200, recorded=20),
            _encephalopathy,
            level("None detected", 4),
            alt(2400, 2),
            ast(2100, 2),
            inr(2.4, 2),
        ),
        calls=(view("consider", overlays=("consult",)), ordering("iv-nac", "consider")),
        rules=("D1",),
        not_rules=("A1", "A2", "D2", "D3", "E5"),
        note="Established other cause, acetaminophen undetectable, no history.",
        statements=("S6",),
    ),
    Case(
        slug="d2-indeterminate-alf",
        title="Acute liver failure of indeterminate cause, no level yet",
        chart=(has(_ALF, onset=30, recorded=20), _encephalopathy, alt(3900, 2), ast(4200, 2), inr(3.0, 2)),
        calls=(view("consider", overlays=("consult",)),),
        rules=("D2",),
        not_rules=("A1", "A2", "D1", "D3"),
        note="No cause charted; AST 4200 > 3500 raises the suspicion of acetaminophen.",
        statements=("S5",),
    ),
    Case(
        slug="d3-acute-liver-injury-silent",
        title="Acute liver injury without failure and without any sign of acetaminophen",
        chart=(alt(400, 2), ast(350, 2), inr(1.1, 2)),
        calls=(view(), ordering("amoxicillin")),
        rules=("D3",),
        not_rules=("A1", "A2", "B9", "D1", "D2"),
        note="No exposure, no level, no failure.",
    ),
)

CASES: tuple[Case, ...] = _FAILURE + _INJURY + _KINGS_COLLEGE + _WITHOUT_ACETAMINOPHEN
"""Cases of liver injury and failure."""
