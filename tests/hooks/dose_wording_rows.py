"""Ordered bags, right and wrong, for reading what the dose review says: how far off, the right number, how grave."""

from __future__ import annotations

from tests.clinical.facts_builders import weighs
from tests.hooks.test_dose_review import each, review


def said(kg: float | None, *texts: str) -> list[str]:
    """Each error with its right number, then what F1 to F4 say; a light patient is two years old."""
    assessment, _ = review(each(*texts), *(() if kg is None else (weighs(kg),)), age=35 if kg is None or kg > 25 else 2)
    assert assessment.dose_review is not None
    faults = (
        f"{fault.rule} {fault.kind}, {'critical' if fault.is_critical else 'warning'}, bag {fault.bag} "
        f"({fault.reference}){', too much' if fault.is_high else ''}: {fault.words} [{fault.right}]"
        for fault in assessment.dose_review.faults
    )
    rules = (j for j in assessment.judged if j.rule.id.startswith("F"))
    return [*faults, *(f"{j.rule.id[:2]} {j.finding.verdict}: {j.finding.because}" for j in rules)]


DOSE_ROWS: dict[str, tuple[float | None, tuple[str, ...]]] = {
    "tenfold": (70, ("105,000 mg in 200 mL D5W over 1 h",)),
    "a-third-of-a-bag": (
        70,
        ("10,500 mg in 200 mL D5W over 1 h", "3,500 mg in 500 mL D5W over 4 h", "2,300 mg in 1 L D5W over 16 h"),
    ),
    "nine-times": (70, ("95,550 mg in 200 mL D5W over 1 h",)),
    "91-times": (70, ("955,500 mg in 200 mL D5W over 1 h",)),
    "910-times": (70, ("9,555,000 mg in 200 mL D5W over 1 h",)),
    "a-tenth": (70, ("1,050 mg in 200 mL D5W over 1 h", "3,500 mg over 4 h", "7,000 mg over 16 h")),
    "11-percent": (70, ("11,655 mg in 200 mL D5W over 1 h",)),
    "10.2-percent": (70, ("11,571 mg in 200 mL D5W over 1 h",)),
    "half": (70, ("5,250 mg in 200 mL D5W over 1 h",)),
    "three-times": (70, ("450 mg/kg over 1 h",)),
    "per-hour-for-per-kg": (70, ("150 mg/kg over 1 h", "50 mg/kg over 4 h", "100 mg/kg/h over 16 h")),
    "per-kg-for-per-hour": (70, ("12.5 mg/kg over 4 h",)),
    "pounds": (70, ("23,150 mg in 200 mL D5W over 1 h",)),
    "uncapped": (120, ("18,000 mg in 200 mL D5W over 1 h",)),
    "capped-and-more": (120, ("22,000 mg in 200 mL D5W over 1 h",)),
    "without-a-weight": (None, ("17,000 mg in 200 mL D5W over 1 h",)),
    "per-kg-without-a-weight": (None, ("1500 mg/kg over 1 h",)),
    "15-min": (70, ("150 mg/kg over 15 min",)),
    "45-min": (70, ("150 mg/kg over 45 min",)),
    "bag-2-too-slow": (70, ("10,500 mg in 200 mL D5W over 1 h", "3,500 mg in 500 mL D5W over 6 h")),
    "no-time": (70, ("150 mg/kg in 200 mL D5W",)),
    "rate": (70, ("3,500 mg in 500 mL D5W over 4 h at 1294 mL/h",)),
    "rate-too-slow": (70, ("3,500 mg in 500 mL D5W over 4 h at 60 mL/h",)),
    "too-much-diluent": (70, ("10,500 mg in 500 mL D5W over 1 h",)),
    "too-little-diluent": (70, ("10,500 mg in 50 mL D5W over 1 h",)),
    "no-diluent-for-a-child": (12, ("1,800 mg over 1 h",)),
    "too-much-for-a-child": (12, ("1,800 mg in 200 mL D5W over 1 h",)),
    "mixed": (70, ("150 mg/kg in 200 mL D5W over 1 h", "200 mg/kg in 1 L D5W over 10 h")),
    "twice": (70, ("10,500 mg in 200 mL D5W over 1 h", "10,500 mg in 200 mL D5W over 1 h")),
    "one-too-many": (
        70,
        (
            "10,500 mg in 200 mL D5W over 1 h",
            "3,500 mg in 500 mL D5W over 4 h",
            "7,000 mg in 1 L D5W over 16 h",
            "100 mg in 50 mL D5W over 30 min",
        ),
    ),
    "two-bag-too-light": (40.9, ("200 mg/kg in 1 L D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h")),
    "two-bag-without-a-weight": (None, ("200 mg/kg in 1 L D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h")),
    "too-light-for-any": (4.5, ("200 mg/kg in 1 L D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h")),
    "unreadable": (70, ("per protocol",)),
    "a-bag-not-clear": (70, ("10,500 mg in 200 mL D5W over 1 h or 2 h",)),
    "ambiguous-dose": (70, ("150 mg/kg or 10,500 mg or 12,000 mg over 1 h",)),
    "right": (
        70,
        ("10,500 mg in 200 mL D5W over 1 h", "3,500 mg in 500 mL D5W over 4 h", "7,000 mg in 1 L D5W over 16 h"),
    ),
}


def dose_review_text() -> str:
    """What the dose review says of each row."""
    blocks = (
        f"## {name}\n\n" + "".join(f"- {line}\n" for line in said(kg, *texts))
        for name, (kg, texts) in DOSE_ROWS.items()
    )
    return "\n".join(blocks)
