"""Acute ingestions at a known time: on, just under and over the treatment line (rules B1-B3 and B2b).

Line of the US profile: 150 * 2^(-(t-4)/4) mg/L at t hours, so 4 h 150, 6 h 106.07, 7 h 89.19, 8 h 75.00,
9 h 63.07, 12 h 37.50, 16 h 18.75, 20 h 9.375, 24 h 4.6875; the high-risk (300) line is exactly double.
"""

from __future__ import annotations

from datetime import timedelta

from tests.builders import APAP_LEVEL_MOLES, Amount
from tests.fixture_cases.case import Ago, Case, Entry, ordering, view
from tests.fixture_cases.chart import (
    level,
    measured,
    mg_l,
    normal_liver,
    overdose,
    reported_amount,
    weighs,
)

_DOSE_70_KG = (10_500.0, 3_500.0, 7_000.0)
_70_KG_NOTE = "70 kg: 150/50/100 mg/kg = 10,500/3,500/7,000 mg; bag 1 at 200 mg/mL = 52.5 mL drug + 200 mL diluent."

# Hours, line rounded as a laboratory reports, the smallest such value on the line, the largest under it.
_ON_AND_UNDER = (
    (4, 150.0, 150.0, 149.9),
    (6, 106.07, 106.07, 106.06),
    (8, 75.0, 75.0, 74.9),
    (12, 37.5, 37.5, 37.49),
    (16, 18.75, 18.75, 18.74),
    (20, 9.375, 9.38, 9.37),
    (24, 4.6875, 4.69, 4.68),
)


def _single(value: float | str | Amount, hours: Ago, *more: Entry) -> tuple[Entry, ...]:
    """One overdose, one level this long after it and an hour before the anchor; then the rest of the chart."""
    after = hours if isinstance(hours, timedelta) else timedelta(hours=hours)
    return (overdose(after + timedelta(hours=1)), level(value, 1), *more)


def _on_the_line(hours: int, line: float, value: float) -> Case:
    """A level that is on the line must be treated: at or above counts as above."""
    return Case(
        slug=f"b1-on-line-{hours:02}h",
        title=f"Level {value} mg/L at {hours} h is on the treatment line",
        chart=_single(value, hours, normal_liver(1), weighs(70)),
        calls=(view("indicated", nomogram=(float(hours), line), dose_mg=_DOSE_70_KG),),
        rules=("B1",),
        not_rules=("B2", "B3", "B8", "B10"),
        note=f"line({hours}) = 150 * 2^-({hours}-4)/4 = {line} mg/L; {value} >= {line}. {_70_KG_NOTE}",
        anchor="2026-01-15T12:00:00Z",
    )


def _just_under(hours: int, line: float, value: float) -> Case:
    """A level just under the line, with normal transaminases, is not indicated."""
    return Case(
        slug=f"b3-just-under-line-{hours:02}h",
        title=f"Level {value} mg/L at {hours} h is just under the treatment line",
        chart=_single(value, hours, normal_liver(1)),
        calls=(view("not-indicated", nomogram=(float(hours), line)),),
        rules=("B3",),
        not_rules=("B1", "B4", "B8", "C1"),
        note=f"line({hours}) = {line} mg/L; {value} < {line}; ALT 24 and AST 22 are within the limit of 40.",
        anchor="2026-01-20T21:30:00-05:00",
    )


_LINE_CASES = tuple(_on_the_line(hours, line, on) for hours, line, on, _ in _ON_AND_UNDER) + tuple(
    _just_under(hours, line, under) for hours, line, _, under in _ON_AND_UNDER
)

_ABOVE = (
    Case(
        slug="b1-above-line-8h",
        title="Clearly above the treatment line 8 h after a single overdose",
        chart=_single(120.0, 8, normal_liver(1), weighs(70)),
        calls=(
            view(
                "indicated",
                nomogram=(8.0, 75.0),
                dose_mg=_DOSE_70_KG,
                overlays=("psychosocial",),
                not_overlays=("high-risk", "weight"),
                summary_contains=("120 mg/L", "8.0 h", "75"),
            ),
            ordering("iv-nac", "indicated", dose_mg=_DOSE_70_KG),
            ordering("oral-nac", "indicated"),
            ordering("amoxicillin", "indicated"),
            ordering("acetaminophen", "indicated", "caution"),
        ),
        rules=("B1", "E6"),
        not_rules=("B2", "B2b", "B3", "B12", "E1", "E5"),
        note=f"line(8) = 75.00, 120 >= 75 and < 150 (300 line at 8 h). {_70_KG_NOTE}",
        statements=("S2", "S3"),
    ),
    Case(
        slug="b2-high-risk-182-at-8h",
        title="Above the high-risk line 8 h after a single overdose",
        chart=_single(182.0, 8, normal_liver(1), weighs(70)),
        calls=(
            view(
                "indicated",
                nomogram=(8.0, 75.0),
                overlays=("high-risk", "consult"),
                summary_contains=("182 mg/L", "8.0 h", "75"),
            ),
        ),
        rules=("B1", "B2"),
        not_rules=("B2b", "B3"),
        note="300 line at 8 h = 2 * 75 = 150; 182 >= 150.",
        anchor="2026-02-03T09:15:00+10:00",
    ),
    Case(
        slug="b2-on-300-line-8h",
        title="Exactly on the high-risk line",
        chart=_single(150.0, 8, normal_liver(1)),
        calls=(view("indicated", overlays=("high-risk",)),),
        rules=("B1", "B2"),
        note="300 * 2^-1 = 150.00 at 8 h; 150.0 is on it.",
    ),
    Case(
        slug="b2-just-under-300-line-8h",
        title="Just under the high-risk line",
        chart=_single(149.9, 8, normal_liver(1)),
        calls=(view("indicated", not_overlays=("high-risk",)),),
        rules=("B1",),
        not_rules=("B2", "B2b"),
        note="149.9 < 150.00 and >= 75.00.",
    ),
    Case(
        slug="b2-30g-reported-above-line",
        title="30 g reported and the level above the treatment line but under the high-risk line",
        chart=_single(100.0, 8, normal_liver(1), reported_amount(30, 1)),
        calls=(view("indicated", overlays=("high-risk", "consult")),),
        rules=("B1", "B2"),
        not_rules=("B2b",),
        note="100 >= 75 and < 150; 30 g >= 30 g.",
    ),
    Case(
        slug="b2b-30g-below-line",
        title="30 g reported, level below the line",
        chart=_single(60.0, 8, normal_liver(1), reported_amount(30, 1)),
        calls=(
            view("consider", overlays=("high-risk", "consult")),
            ordering("iv-nac", "consider"),
            ordering("acetaminophen", "caution"),
            ordering("amoxicillin"),
        ),
        rules=("B2b", "E6"),
        not_rules=("B1", "B2", "E5"),
        note="60 < 75; 30 g >= 30 g: consider, and repeat in 4-6 h.",
    ),
    Case(
        slug="b2b-29-9g-below-line",
        title="29.9 g reported, level below the line",
        chart=_single(60.0, 8, normal_liver(1), reported_amount(29.9, 1)),
        calls=(view("not-indicated", not_overlays=("high-risk",)),),
        rules=("B3",),
        not_rules=("B1", "B2", "B2b"),
        note="60 < 75; 29.9 g < 30 g.",
    ),
    Case(
        slug="b1-linear-interpolation-trap-6h",
        title="Between nomogram points the line is a curve, not a straight line",
        chart=_single(108.0, 6, normal_liver(1)),
        calls=(view("indicated", nomogram=(6.0, 106.07)),),
        rules=("B1",),
        note="106.07 at 6 h; a straight line between 150 (4 h) and 75 (8 h) would wrongly give 112.5.",
    ),
    Case(
        slug="b1-later-lower-level-never-cancels",
        title="A later level under the line does not cancel an earlier one above it",
        chart=(overdose(14), level(120, 6), level(20, 1), normal_liver(1)),
        calls=(view("indicated"), ordering("iv-nac", "indicated")),
        rules=("B1",),
        not_rules=("E5",),
        note="8 h: 120 >= 75. 13 h: 20 < 31.53. One on or above the line keeps the recommendation.",
    ),
    Case(
        slug="b1-line-crossed-by-second-level",
        title="The second level crosses the line",
        chart=(overdose(13), level(70, 5), level(40, 1), normal_liver(1)),
        calls=(view("indicated"),),
        rules=("B1",),
        not_rules=("B3",),
        note="8 h: 70 < 75. 12 h: 40 >= 37.5.",
    ),
    Case(
        slug="b1-above-300-by-comparator",
        title="A level reported as above the assay's range",
        chart=_single(mg_l(300, ">"), 8, normal_liver(1)),
        calls=(view("indicated", overlays=("high-risk",)),),
        rules=("B1", "B2"),
        note='">300" is above 75 and above 150.',
    ),
    Case(
        slug="b1-level-in-umol-l",
        title="A level in umol/L above the line",
        chart=(
            overdose(9),
            measured(APAP_LEVEL_MOLES, Amount(800, "µmol/L", "umol/L"), 1, kind="level"),
            normal_liver(1),
        ),
        calls=(view("indicated", nomogram=(8.0, 75.0)),),
        rules=("B1",),
        not_rules=("B2",),
        note="800 / 6.6154 = 120.9 mg/L; 75 <= 120.9 < 150.",
    ),
    Case(
        slug="b3-level-in-umol-l-under-line",
        title="A level in umol/L under the line",
        chart=(
            overdose(9),
            measured(APAP_LEVEL_MOLES, Amount(490, "µmol/L", "umol/L"), 1, kind="level"),
            normal_liver(1),
        ),
        calls=(view("not-indicated", nomogram=(8.0, 75.0)),),
        rules=("B3",),
        not_rules=("B1",),
        note="490 / 6.6154 = 74.07 mg/L < 75.",
    ),
    Case(
        slug="b1-level-in-mg-dl-on-line",
        title="A level in mg/dL exactly on the line",
        chart=_single(Amount(7.5, "mg/dL", "mg/dL"), 8, normal_liver(1)),
        calls=(view("indicated", nomogram=(8.0, 75.0)),),
        rules=("B1",),
        note="7.5 mg/dL = 75 mg/L, on the line at 8 h.",
    ),
    Case(
        slug="b1-level-in-mcg-ml-text",
        title="A level in mcg/mL, written only as text",
        chart=_single(Amount(120, "mcg/mL"), 8, normal_liver(1)),
        calls=(view("indicated", nomogram=(8.0, 75.0)),),
        rules=("B1",),
        not_rules=("B2",),
        note="mcg/mL = ug/mL = mg/L: 120 >= 75.",
    ),
)

CASES: tuple[Case, ...] = _LINE_CASES + _ABOVE
"""Cases on, just under and over the line."""
