"""One chart under several guideline profiles: where they differ, and what each of them says."""

from __future__ import annotations

from tests.builders import APAP_500_TABLET, APAP_EXTENDED_RELEASE, ICD10CM, SNOMED, Code
from tests.fixture_cases.case import Case, Person, view
from tests.fixture_cases.chart import alt, ast, g, has, inr, level, normal_liver, overdose, took, weighs

_ALF_WITH_COMA = Code(ICD10CM, "K72.01", "Acute and subacute hepatic failure with coma")
_HEPATITIS_B = Code(SNOMED, "76795007", "Acute type B viral hepatitis (disorder)")
_THREE_BAG_70_KG = (10_500.0, 3_500.0, 7_000.0)
_ANZ_70_KG = (14_000.0, 7_000.0)
_SNAP_70_KG = (7_000.0, 14_000.0)

CASES: tuple[Case, ...] = (
    Case(
        slug="profile-between-the-lines-60-at-8h",
        title="Between the 100 and the 150 line: treated in the United Kingdom only",
        chart=(overdose(9), level(60, 1), normal_liver(1), weighs(70)),
        calls=(
            view("not-indicated", nomogram=(8.0, 75.0)),
            view("indicated", profile="uk-2012", nomogram=(8.0, 50.0), dose_mg=_SNAP_70_KG),
            view("not-indicated", profile="anz-2019", nomogram=(8.0, 75.0)),
            view("not-indicated", profile="aga-2017"),
        ),
        rules=("B1", "B3"),
        not_rules=("B2", "B4"),
        note="150-line(8) = 75.00 > 60; 100-line(8) = 50.00 <= 60. SNAP at 70 kg: 100 and 200 mg/kg.",
        statements=("S3",),
    ),
    Case(
        slug="profile-on-the-100-line-8h",
        title="Exactly on the 100 line at 8 h: treated in the United Kingdom only, at the ceiling of 110 kg",
        chart=(overdose(9), level(50, 1), normal_liver(1), weighs(110)),
        calls=(
            view("not-indicated"),
            view("indicated", profile="uk-2012", nomogram=(8.0, 50.0), dose_mg=(11_000.0, 22_000.0)),
        ),
        rules=("B1", "B3"),
        not_rules=("B2",),
        note="100-line(8) = 50.00; at the line counts as above. 110 kg is the ceiling: 11 g and 22 g.",
        statements=("S3",),
    ),
    Case(
        slug="profile-staggered-over-2h",
        title="Doses two hours apart, below the line: treated in the United Kingdom, read from the first elsewhere",
        chart=(
            overdose(9),
            took(APAP_500_TABLET, 9, g(6)),
            took(APAP_500_TABLET, 7, g(6)),
            level(20, 1),
            normal_liver(1),
            weighs(70),
        ),
        calls=(
            view("not-indicated"),
            view("indicated", profile="uk-2012", dose_mg=_SNAP_70_KG),
            view("not-indicated", profile="anz-2019"),
        ),
        rules=("B3", "B15"),
        not_rules=("B1", "B11"),
        note="8 h after the first and 6 h after the last dose, 20 < 50 < 75. UK: doses over more than 1 h are treated.",
    ),
    Case(
        slug="profile-extended-release-13g",
        title="13 g extended release, detectable below the line: repeat, treat or consider by guideline",
        chart=(overdose(7), took(APAP_EXTENDED_RELEASE, 7, g(13)), level(40, 1), normal_liver(1), weighs(70)),
        calls=(
            view("repeat-level"),
            view("repeat-level", profile="uk-2012"),
            view("indicated", profile="anz-2019", overlays=("consult",), dose_mg=_ANZ_70_KG),
            view("consider", profile="aga-2017", overlays=("consult",), dose_mg=_THREE_BAG_70_KG),
        ),
        rules=("B5",),
        not_rules=("B1", "B3", "B5d", "B7"),
        note="line(6) = 106.07 (100-line 70.71); 10 <= 40. ANZ: 13 g >= 10 g is treated. AGA: a detectable level "
        "without a raised transaminase.",
        statements=("S4",),
    ),
    Case(
        slug="profile-unknown-time-level-25-normal-alt",
        title="Unknown time, detectable level, normal AST and ALT: treated by US practice, considered by AGA verbatim",
        chart=(overdose(None), level(25, 1), normal_liver(1), weighs(70)),
        calls=(
            view("indicated", dose_mg=_THREE_BAG_70_KG),
            view("indicated", profile="uk-2012", dose_mg=_SNAP_70_KG),
            view("consider", profile="aga-2017", dose_mg=_THREE_BAG_70_KG),
        ),
        rules=("B9",),
        not_rules=("B1", "B12"),
        note="25 >= 10; AGA asks for a detectable level with any transaminase elevation.",
        statements=("S4",),
    ),
    Case(
        slug="profile-alt-45-without-range",
        title="ALT 45 U/L without a range: raised by the US fallback, normal by that of Australia and New Zealand",
        chart=(overdose(9), level(20, 1), alt(45, 1, upper_limit=None), ast(30, 1, upper_limit=None)),
        calls=(view("consider"), view("not-indicated", profile="anz-2019")),
        rules=("B3", "B4"),
        not_rules=("B1",),
        note="line(8) = 75 > 20. 45 > 40 (fallback), 45 <= 50 (ANZ fallback).",
    ),
    Case(
        slug="profile-liver-failure-of-hepatitis-b",
        title="Acute liver failure of hepatitis B: considered, or only in a trial by AGA verbatim",
        chart=(
            has(_ALF_WITH_COMA, onset=12, recorded=6),
            has(_HEPATITIS_B, onset=100, recorded=6),
            inr(3.0, 2),
            alt(2400, 2),
            level(0, 2),
            weighs(70),
        ),
        calls=(view("consider"), view("caution", profile="aga-2017")),
        rules=("D1",),
        not_rules=("A1", "A2", "D2"),
        note="INR 3.0 >= 1.5 with failure charted, an established other cause, level 0, no acetaminophen.",
        statements=("S6",),
    ),
    Case(
        slug="profile-ceilings-120-kg",
        title="120 kg, above the line: each regimen's ceiling",
        chart=(overdose(9), level(120, 1), normal_liver(1), weighs(120)),
        calls=(
            view("indicated", dose_mg=(15_000.0, 5_000.0, 10_000.0)),
            view("indicated", profile="uk-2012", dose_mg=(11_000.0, 22_000.0)),
            view("indicated", profile="anz-2019", dose_mg=(22_000.0, 11_000.0)),
        ),
        rules=("B1",),
        not_rules=("B3",),
        note="line(8) = 75 <= 120. Three-bag is fixed from 100 kg; SNAP and the ANZ two-bag from 110 kg.",
        statements=("S3",),
    ),
    Case(
        slug="profile-child-25-kg",
        title="A child of 25 kg: two-bag regimens give no volumes, three-bag is shown",
        chart=(overdose(9), level(120, 1), normal_liver(1), weighs(25)),
        calls=(
            view("indicated", overlays=("fluid",), dose_mg=(3_750.0, 1_250.0, 2_500.0)),
            view("indicated", profile="uk-2012", overlays=("fluid",), dose_mg=(3_750.0, 1_250.0, 2_500.0)),
            view("indicated", profile="anz-2019", overlays=("fluid",), dose_mg=(3_750.0, 1_250.0, 2_500.0)),
        ),
        rules=("B1",),
        not_rules=("B3",),
        note="25 kg: 150, 50 and 100 mg/kg in 100, 250 and 500 mL.",
        person=Person(birth_date="2018-01-15", birth_date_moves=True),
    ),
)
