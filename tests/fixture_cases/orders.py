"""Acetylcysteine ordered for something else than acetaminophen (rules E1-E4)."""

from __future__ import annotations

from tests.builders import ICD10CM, SNOMED, Code, draft_order
from tests.fixture_cases.case import Case, Entry, ordering, view
from tests.fixture_cases.chart import has, level, normal_liver, overdose, together, weighs

_COPD = Code(ICD10CM, "J44.9", "Chronic obstructive pulmonary disease, unspecified")
_MODERATE_COPD = Code(SNOMED, "313297008", "Moderate chronic obstructive pulmonary disease (disorder)")
_EXACERBATION = Code(ICD10CM, "J44.1", "Chronic obstructive pulmonary disease with (acute) exacerbation")
_CHRONIC_BRONCHITIS = Code(ICD10CM, "J42", "Unspecified chronic bronchitis")
_CYSTIC_FIBROSIS = Code(ICD10CM, "E84.0", "Cystic fibrosis with pulmonary manifestations")
_CONTRAST_NEPHROPATHY = Code(ICD10CM, "N14.11", "Contrast-induced nephropathy")


def _exacerbation(days_ago: int) -> Entry:
    """An exacerbation of COPD that is over."""
    return has(_EXACERBATION, onset=24 * days_ago, recorded=24 * days_ago, clinical_status="resolved")


_eligible_for_oral = together(has(_MODERATE_COPD, onset=60_000), _exacerbation(100), _exacerbation(400))

CASES: tuple[Case, ...] = (
    Case(
        slug="copd-iv-nac-ordered",
        title="IV NAC ordered for a patient whose only reason is COPD",
        chart=(has(_COPD, onset=50_000), weighs(70)),
        calls=(view(), ordering("iv-nac", "caution", alternative_oral_nac=False), ordering("amoxicillin")),
        rules=("E1",),
        not_rules=("A1", "B1", "C1", "C3", "E2", "E3", "E4", "E5", "E6"),
        note="IV NAC is no treatment of COPD; severity and exacerbations are not charted, so no oral offer.",
        statements=("S9", "S10"),
    ),
    Case(
        slug="e1-copd-eligible-for-oral-nac",
        title="IV NAC ordered in moderate COPD with two exacerbations in two years",
        chart=(_eligible_for_oral,),
        calls=(view(), ordering("iv-nac", "caution", alternative_oral_nac=True)),
        rules=("E1",),
        not_rules=("E2", "E3", "E4"),
        note="Exacerbations 100 and 400 days ago, both within 730 days: oral 600 mg twice daily instead.",
        statements=("S7",),
    ),
    Case(
        slug="e1-copd-one-exacerbation-too-old",
        title="IV NAC ordered in moderate COPD with only one exacerbation in two years",
        chart=(has(_MODERATE_COPD, onset=60_000), _exacerbation(100), _exacerbation(800)),
        calls=(ordering("iv-nac", "caution", alternative_oral_nac=False),),
        rules=("E1",),
        not_rules=("E3",),
        note="800 days > 730 days: one exacerbation only.",
    ),
    Case(
        slug="e3-oral-nac-for-eligible-copd",
        title="Oral NAC ordered in moderate COPD with two exacerbations in two years",
        chart=(_eligible_for_oral,),
        calls=(view(), ordering("oral-nac"), ordering("nebulised-nac")),
        rules=("E3",),
        not_rules=("E1", "E2", "E4", "E5"),
        note="The right drug by the right route needs no card.",
        statements=("S7",),
    ),
    Case(
        slug="e1-chronic-bronchitis-iv-nac-ordered",
        title="IV NAC ordered for chronic bronchitis",
        chart=(has(_CHRONIC_BRONCHITIS, onset=40_000),),
        calls=(ordering("iv-nac", "caution", alternative_oral_nac=False),),
        rules=("E1",),
        not_rules=("E2", "E3", "E4"),
        note="Mucolytic use is nebulised or oral.",
        statements=("S9",),
    ),
    Case(
        slug="e1-mucolysis-as-reason",
        title="IV NAC ordered as a mucolytic",
        chart=(normal_liver(5),),
        calls=(ordering(draft_order("iv-nac", "e1-mucolysis-as-reason", reason="Mucolytic therapy"), "caution"),),
        rules=("E1",),
        not_rules=("E2", "E3", "E4"),
        note="The order's own reason is mucolysis.",
        statements=("S9",),
    ),
    Case(
        slug="e2-cystic-fibrosis-iv-nac-ordered",
        title="IV NAC ordered for cystic fibrosis",
        chart=(has(_CYSTIC_FIBROSIS, onset=90_000),),
        calls=(view(), ordering("iv-nac", "caution")),
        rules=("E2",),
        not_rules=("E1", "E3", "E4"),
        note="Evidence insufficient for or against inhaled or oral, none for IV.",
        statements=("S8",),
    ),
    Case(
        slug="e4-contrast-nephropathy-iv-nac-ordered",
        title="IV NAC ordered for contrast-induced nephropathy",
        chart=(has(_CONTRAST_NEPHROPATHY, onset=24, recorded=20),),
        calls=(view(), ordering("iv-nac", "caution")),
        rules=("E4",),
        not_rules=("E1", "E2", "E3"),
        note="Not an indication for IV NAC.",
    ),
    Case(
        slug="e4-contrast-prophylaxis-as-reason",
        title="IV NAC ordered before contrast",
        chart=(normal_liver(5),),
        calls=(
            ordering(
                draft_order("iv-nac", "e4-contrast-prophylaxis-as-reason", reason="Contrast nephropathy prophylaxis"),
                "caution",
            ),
        ),
        rules=("E4",),
        not_rules=("E1", "E2", "E3"),
        note="The order's own reason is contrast prophylaxis.",
    ),
    Case(
        slug="e1-copd-and-above-line",
        title="IV NAC ordered for a patient with COPD and a level above the line",
        chart=(has(_COPD, onset=50_000), overdose(9), level(120, 1), normal_liver(1), weighs(70)),
        calls=(view("indicated"), ordering("iv-nac", "indicated")),
        rules=("B1",),
        not_rules=("E1", "E5"),
        note="8 h: 120 >= 75. COPD is not the only indication.",
    ),
)
"""Cases about orders of acetylcysteine outside acetaminophen toxicity."""
