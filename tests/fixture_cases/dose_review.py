"""Draft orders of IV acetylcysteine with the right and the wrong numbers (rules F1-F4).

Three-bag: 150 mg/kg over 1 h, 50 mg/kg over 4 h, 100 mg/kg over 16 h; at 70 kg 10,500 / 3,500 / 7,000 mg in
200 / 500 / 1000 mL. Within 10 % is right.
"""

from __future__ import annotations

from typing import Any

from tests import builders
from tests.builders import INTRAVENOUS, NAC_INJECTION, Amount, Resource
from tests.fixture_cases.case import Call, Case, Entry, Person, ordering
from tests.fixture_cases.chart import given, infused, level, mg, normal_liver, overdose, together, weighs

_CHILD = Person(birth_date="2023-06-01", birth_date_moves=True)
_above_line = together(overdose(9), level(120, 1), normal_liver(1))
_RIGHT_70 = (10_500.0, 3_500.0, 7_000.0)
_LINE = "8 h: 120 >= 75. "


def _order(slug: str, *dosages: str | Resource) -> Resource:
    """One draft of IV acetylcysteine; each dosage is a text, or the coded members."""
    draft = builders.medication_request(f"{slug}-draft", slug, NAC_INJECTION, status="draft", route=INTRAVENOUS)
    route = draft["dosageInstruction"][0]
    draft["dosageInstruction"] = [
        {"sequence": at, **route, **({"text": dosage} if isinstance(dosage, str) else dosage)}
        for at, dosage in enumerate(dosages, start=1)
    ]
    return draft


def _coded(quantity: Amount, hours: float) -> Resource:
    """A dose and an infusion time in coded members only."""
    repeat = {"count": 1, "duration": hours, "durationUnit": "h"}
    return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": builders.quantity(quantity)}]}


def _case(slug: str, title: str, *dosages: str | Resource, kg: float | None = 70, note: str, **expected: Any) -> Case:
    """A patient above the line for whom these dosages are ordered; `finds`: the rules met, none for a right order."""
    finds: tuple[str, ...] = expected.pop("finds", ())
    says = expected.pop("says", bool(finds))
    chart: tuple[Entry, ...] = (_above_line, *((weighs(kg),) if kg is not None else ()))
    topics = ("indicated", "dose-check") if says else ("indicated",)
    call: Call = ordering(_order(slug, *dosages), *topics, dose_mg=expected.pop("dose_mg", _RIGHT_70))
    return Case(
        slug=slug,
        title=title,
        chart=chart,
        calls=(call,),
        rules=("B1", *finds),
        not_rules=tuple(rule for rule in ("F1", "F2", "F3", "F4") if rule not in finds),
        note=_LINE + note,
        **expected,
    )


_THREE_BAG_TEXTS = (
    "Bag 1: 10,500 mg in 200 mL D5W over 1 h",
    "Bag 2: 3,500 mg in 500 mL D5W over 4 h",
    "Bag 3: 7,000 mg in 1,000 mL D5W over 16 h",
)

CASES: tuple[Case, ...] = (
    _case(
        "f0-three-bag-right", "The whole three-bag regimen, ordered as it should be", *_THREE_BAG_TEXTS,
        note="150, 50 and 100 mg/kg x 70 kg: no dose card.",
    ),
    _case(
        "f0-text-only-per-kg-right", "A right order in words only, in mg/kg",
        "150 mg/kg in 200 mL D5W over 60 min, then 12.5 mg/kg/h for 4 h in 500 mL, then 6.25 mg/kg/hr x 16 h in 1 L",
        note="12.5 x 4 = 50 and 6.25 x 16 = 100 mg/kg: no dose card.",
    ),
    _case(
        "f0-grams-right", "A right first bag in grams", _coded(Amount(10.5, "g", "g"), 1),
        note="10.5 g = 10,500 mg.",
    ),
    _case(
        "f0-mixed-by-volume-right", "A right first bag in mL of the 200 mg/mL concentrate",
        _coded(Amount(52.5, "mL", "mL"), 1),
        note="52.5 mL x 200 mg/mL = 10,500 mg.",
    ),
    _case(
        "f1-within-ten-percent", "A first bag rounded to whole vials", "11,500 mg in 200 mL D5W over 1 h",
        note="11,500 / 10,500 = 1.095: within 10 %.",
    ),
    _case(
        "f1-just-over-ten-percent", "A first bag a little more than 10 % too large", "11,600 mg in 200 mL D5W over 1 h",
        finds=("F1",), note="11,600 / 10,500 = 1.105.",
    ),
    _case(
        "f1-tenfold", "A first bag ten times too large", _coded(Amount(105_000, "mg", "mg"), 1),
        finds=("F1",), note="105,000 / 10,500 = 10.",
    ),
    _case(
        "f1-tenfold-text-only", "A third bag a tenth of what it should be, in words only",
        "Bag 3: 700 mg in 1,000 mL D5W over 16 h",
        finds=("F1",), note="700 / 7,000 = 0.1.",
    ),
    _case(
        "f1-per-hour-for-per-kg", "mg/kg/h written for mg/kg", "100 mg/kg/h in 1000 mL D5W over 16 h",
        finds=("F1",), note="100 x 16 = 1,600 mg/kg instead of 100.",
    ),
    _case(
        "f1-loading-over-15-min", "The first bag over 15 minutes", "150 mg/kg in 200 mL D5W over 15 min",
        finds=("F1",), note="A quarter of an hour instead of one hour: four times the rate.",
    ),
    _case(
        "f1-loading-time-missing", "The first bag without an infusion time", "10,500 mg in 200 mL D5W",
        finds=("F1",), note="Nothing says how fast it runs.",
    ),
    _case(
        "f1-uncapped-120-kg", "120 kg, weight cap not applied", "18,000 mg in 200 mL D5W over 1 h",
        kg=120, dose_mg=(15_000.0, 5_000.0, 10_000.0), finds=("F1",),
        note="150 x 120 = 18,000; from 100 kg 15,000 mg: 20 % above.",
    ),
    _case(
        "f0-capped-120-kg", "120 kg, weight cap applied", "150 mg/kg (max 15,000 mg) in 200 mL D5W over 1 h",
        kg=120, dose_mg=(15_000.0, 5_000.0, 10_000.0), note="18,000 mg is limited to the 15,000 mg of 100 kg.",
    ),
    _case(
        "f1-mixed-regimens", "A first bag of one regimen with the second of another",
        "150 mg/kg in 200 mL D5W over 1 h", "200 mg/kg in 1000 mL D5W over 10 h",
        finds=("F1",), note="150 + 200 = 350 mg/kg: each bag is right only in its own regimen.",
    ),
    _case(
        "f1-dose-not-readable", "An order whose dose cannot be read", "per protocol",
        says=True, note="No amount is stated: said, not passed as fine.",
    ),
    _case(
        "f1-dose-without-unit", "An order whose dose has no unit", _coded(Amount(10_500, None), 1),
        says=True, note="10,500 of what is not said.",
    ),
    _case(
        "f2-adult-volume-for-child", "12 kg, diluent of an adult", "1,800 mg in 200 mL D5W over 1 h",
        kg=12, dose_mg=(1_800.0, 600.0, 1_200.0), person=_CHILD, finds=("F2",),
        note="Up to 20 kg 3 mL/kg: 36 mL, not 200.",
    ),
    _case(
        "f2-child-volume-right", "12 kg, diluent by weight", "1,800 mg in 36 mL D5W over 1 h",
        kg=12, dose_mg=(1_800.0, 600.0, 1_200.0), person=_CHILD, note="150 x 12 = 1,800 mg in 3 x 12 = 36 mL.",
    ),
    _case(
        "f3-two-bag-35-kg", "Two-bag dosing ordered at 35 kg",
        "200 mg/kg in 1000 mL D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h",
        kg=35, dose_mg=(5_250.0, 1_750.0, 3_500.0), person=Person(birth_date="2014-06-01", birth_date_moves=True),
        finds=("F3",), note="Below 41 kg: three-bag numbers 150, 50, 100 x 35 instead.",
    ),
    _case(
        "f3-two-bag-70-kg", "Two-bag dosing ordered at 70 kg",
        "14,000 mg in 1000 mL D5W over 4 h", "7,000 mg in 500 mL D5W over 16 h",
        note="200 and 100 x 70: right for its own regimen, which is not the site's; no dose card.",
    ),
    _case(
        "f4-weight-slip-439-kg", "A weight of 439.0 for 43.9 kg", "15,000 mg in 200 mL D5W over 1 h",
        kg=439, dose_mg=(), finds=("F4",), note="439 kg is not plausible: no numbers, nothing to compare with.",
    ),
    _case(
        "f4-weight-missing", "A dose in mg and no weight", "10,500 mg in 200 mL D5W over 1 h",
        kg=None, dose_mg=(), finds=("F4",), note="Without a weight the dose cannot be checked.",
    ),
    Case(
        slug="f1-tenfold-while-running",
        title="A tenfold second bag ordered while the first one runs",
        chart=(_above_line, weighs(70), given(NAC_INJECTION, 0.5, mg(10_500), status="in-progress")),
        calls=(
            ordering(
                _order("f1-tenfold-while-running", "Bag 2: 35,000 mg in 500 mL D5W over 4 h"),
                "dose-check",
                "continue",
                dose_mg=_RIGHT_70,
                summary_contains=("35,000 mg", "ten times", "3,500 mg"),
            ),
        ),
        rules=("F1",),
        not_rules=("F2", "F3", "F4"),
        note="35,000 / 3,500 = 10: more urgent than to go on.",
    ),
    Case(
        slug="f0-last-bag-while-running",
        title="The third bag ordered alone while the second one runs",
        chart=(_above_line, weighs(70), infused(10_500, 5, 4), infused(3_500, 4, 0, status="in-progress")),
        calls=(ordering(_order("f0-last-bag-while-running", _THREE_BAG_TEXTS[2]), "continue"),),
        not_rules=("F1", "F2", "F3", "F4"),
        note="Bags 1 and 2 were given: nothing is missing from the order.",
    ),
    Case(
        slug="f1-first-bag-again-while-running",
        title="The whole regimen ordered once more while the second bag runs",
        chart=(_above_line, weighs(70), infused(10_500, 5, 4), infused(3_500, 4, 0, status="in-progress")),
        calls=(
            ordering(
                _order("f1-first-bag-again-while-running", *_THREE_BAG_TEXTS),
                "dose-check",
                "continue",
                dose_mg=_RIGHT_70,
                summary_contains=("Bag 1 is ordered again",),
            ),
        ),
        rules=("F1",),
        not_rules=("F2", "F3", "F4"),
        note="Only the third bag is left to give.",
    ),
)  # fmt: skip
"""Cases about the numbers in orders of IV acetylcysteine."""
