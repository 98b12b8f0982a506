"""Rules F1-F4 on bags as facts: every limit with a row at, just under and just over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import DrugOrder, OrderedSubstance, Route
from cds_service.clinical.findings import Overlay
from cds_service.clinical.order_faults import FaultKind
from cds_service.clinical.ordered import Extent, OrderedBag
from cds_service.clinical.profiles import US_2023, RegimenName
from cds_service.clinical.regimens import DosingPlan, DosingRefusal
from tests.clinical.facts_builders import NOW, alt, born_years_ago, chart, level, overdose, weighs

if TYPE_CHECKING:
    from datetime import date

    from cds_service.clinical.order_review import DoseReview

ADULT, CHILD = born_years_ago(35), born_years_ago(10)
# mg/kg, hours and adult diluent of the three bags.
BAGS = ((150, 1, 200), (50, 4, 500), (100, 16, 1000))


def one(value: float) -> Extent:
    return Extent.exactly(value)


def bag(number: int | None = None, /, **amounts: float) -> OrderedBag:
    stated: dict[str, Any] = {name: one(value) for name, value in amounts.items()}
    return OrderedBag(reference=f"MedicationRequest/n{number or ''}", number=number, **stated)


def three_bags(kg: float, **changed: float) -> list[OrderedBag]:
    """The regimen for this weight up to the cap, with the first bag changed."""
    dosed = min(kg, 100)
    right = [
        {"dose_mg": per_kg * dosed, "duration_h": float(hours), "diluent_ml": float(ml)} for per_kg, hours, ml in BAGS
    ]
    right[0] |= changed
    return [bag(at, **amounts) for at, amounts in enumerate(right, start=1)]


def review(
    *bags: OrderedBag, kg: float | None = 70, born: date | None = ADULT, regimen: RegimenName = RegimenName.THREE_BAG
) -> DoseReview:
    orders = tuple(
        DrugOrder(each.reference, "NAC", OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS, bags=(each,))
        for each in bags
    )
    weights = () if kg is None else (weighs(kg),)
    facts = chart(overdose(9), level(120, 1), alt(20, 1), *weights, born=born)
    profile = replace(US_2023, regimen=regimen)
    found = assess(replace(facts, orders=orders), profile, NOW).dose_review
    assert found is not None
    return found


def faults(found: DoseReview) -> dict[FaultKind, bool]:
    """Kinds of errors, and whether each is critical."""
    return {fault.kind: fault.is_critical for fault in found.faults}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (1.0, {}),
        (1.1, {}),
        (1.1001, {FaultKind.DOSE: False}),
        (0.9, {}),
        (0.8999, {FaultKind.DOSE: False}),
        (1.9999, {FaultKind.DOSE: False}),
        (2.0, {FaultKind.DOSE: True}),
        (0.5001, {FaultKind.DOSE: False}),
        (0.5, {FaultKind.DOSE: True}),
        (10.0, {FaultKind.TENFOLD: True}),
        (0.1, {FaultKind.TENFOLD: True}),
        (100.0, {FaultKind.TENFOLD: True}),
        (2.2046, {FaultKind.POUNDS: True}),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_dose_of_each_bag(number: int, times: float, expected: dict[FaultKind, bool]) -> None:
    bags = three_bags(70)
    dose = bags[number - 1].dose_mg
    assert dose is not None
    bags[number - 1] = replace(bags[number - 1], dose_mg=dose.times(times))
    assert faults(review(*bags)) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (1.1, {}),
        (1.1001, {FaultKind.DURATION: False}),
        (0.9, {}),
        (0.8999, {FaultKind.DURATION: False}),
        (0.5001, {FaultKind.DURATION: False}),
        (0.5, {FaultKind.DURATION: True}),
        (0.25, {FaultKind.DURATION: True}),
        (1.9999, {FaultKind.DURATION: False}),
        (2.0, {FaultKind.DURATION: True}),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_time_of_each_bag(number: int, times: float, expected: dict[FaultKind, bool]) -> None:
    bags = three_bags(70)
    length = bags[number - 1].duration_h
    assert length is not None
    bags[number - 1] = replace(bags[number - 1], duration_h=length.times(times))
    assert faults(review(*bags)) == expected


def test_a_load_over_15_minutes_is_critical_and_one_without_a_time_a_warning() -> None:
    assert faults(review(bag(1, dose_mg=10_500, duration_h=0.25))) == {FaultKind.DURATION: True}
    assert faults(review(bag(1, dose_mg=10_500))) == {FaultKind.NO_DURATION: False}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"rate_mg_kg_h": 12.5, "duration_h": 4}, {}),
        ({"rate_mg_kg_h": 13.75, "duration_h": 4}, {}),
        ({"rate_mg_kg_h": 13.76, "duration_h": 4}, {FaultKind.DOSE: False}),
        ({"rate_mg_kg_h": 50, "duration_h": 4}, {FaultKind.PER_HOUR_FOR_PER_KG: True}),
        ({"rate_mg_kg_h": 100, "duration_h": 16}, {FaultKind.PER_HOUR_FOR_PER_KG: True}),
        ({"rate_mg_kg_h": 150, "duration_h": 1}, {}),
        ({"dose_mg_kg": 12.5, "duration_h": 4}, {FaultKind.PER_KG_FOR_PER_HOUR: True}),
        ({"dose_mg_kg": 6.25, "duration_h": 16}, {FaultKind.PER_KG_FOR_PER_HOUR: True}),
    ],
)
def test_mg_per_kg_and_mg_per_kg_and_hour(stated: dict[str, float], expected: dict[FaultKind, bool]) -> None:
    assert faults(review(bag(**stated))) == expected


@pytest.mark.parametrize(
    ("kg", "first_mg", "expected"),
    [
        (99.9, 14_985, {}),
        (100, 15_000, {}),
        (100.1, 15_000, {}),
        (100.1, 15_015, {}),
        (110, 16_500, {}),
        (110.1, 16_515, {FaultKind.UNCAPPED: False}),
        (150, 22_500, {FaultKind.UNCAPPED: False}),
        (200, 30_000, {FaultKind.UNCAPPED: True}),
        (150, 15_000, {}),
    ],
)
def test_the_cap_of_100_kg(kg: float, first_mg: float, expected: dict[FaultKind, bool]) -> None:
    """Up to 110 kg an uncapped dose lies within the 10 % of the capped one."""
    assert faults(review(*three_bags(kg, dose_mg=first_mg), kg=kg)) == expected


@pytest.mark.parametrize(
    ("kg", "diluent_ml"),
    [(5, 15), (12, 36), (20, 60), (20.1, 100), (40, 100), (40.9, 100), (41, 200), (70, 200), (120, 200)],
)
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (1.0, {}),
        (1.1, {}),
        (0.9, {}),
        (1.11, {FaultKind.DILUENT: True}),
        (0.89, {FaultKind.DILUENT: False}),
    ],
)
def test_the_diluent_of_each_weight_band(
    kg: float, diluent_ml: float, times: float, expected: dict[FaultKind, bool]
) -> None:
    """Too much is critical in a child, too little is off."""
    first = bag(1, dose_mg=150 * min(kg, 100), duration_h=1, diluent_ml=diluent_ml * times)
    found = review(first, kg=kg, born=CHILD)
    assert faults(found) == expected
    assert (Overlay.FLUID in found.overlays) is bool(expected)


@pytest.mark.parametrize(("born", "is_critical"), [(born_years_ago(17.9), True), (born_years_ago(18.1), False)])
def test_too_much_diluent_is_critical_under_18(born: date, *, is_critical: bool) -> None:
    assert faults(review(bag(1, dose_mg=10_500, duration_h=1, diluent_ml=500), born=born)) == {
        FaultKind.DILUENT: is_critical
    }


@pytest.mark.parametrize(
    ("kg", "is_too_light", "right"),
    [(40.9, True, "three-bag"), (41, False, "two-bag"), (70, False, "two-bag")],
)
@pytest.mark.parametrize("site", [RegimenName.TWO_BAG, RegimenName.THREE_BAG])
def test_two_bag_dosing_begins_at_41_kg(kg: float, right: str, site: RegimenName, *, is_too_light: bool) -> None:
    bags = (
        bag(1, dose_mg=200 * kg, duration_h=4, diluent_ml=1000),
        bag(2, dose_mg=100 * kg, duration_h=16, diluent_ml=500),
    )
    found = review(*bags, kg=kg, regimen=site)
    assert (FaultKind.TOO_LIGHT in faults(found)) is is_too_light
    assert isinstance(found.right, DosingPlan)
    assert found.right.regimen == right


@pytest.mark.parametrize(("kg", "has_numbers"), [(4.9, False), (5, True)])
def test_below_5_kg_there_are_no_numbers(kg: float, *, has_numbers: bool) -> None:
    found = review(bag(1, dose_mg=150 * kg, duration_h=1, diluent_ml=3 * kg), kg=kg, born=born_years_ago(0.2))
    assert isinstance(found.right, DosingPlan) is has_numbers
    assert (found.weight_problem is None) is has_numbers


@pytest.mark.parametrize("kg", [None, 439])
def test_without_a_usable_weight_there_are_no_numbers(kg: float | None) -> None:
    found = review(bag(1, dose_mg=10_500, duration_h=1), kg=kg)
    assert isinstance(found.right, DosingRefusal)
    assert found.weight_problem is not None
    assert found.needs_card


@pytest.mark.parametrize(
    ("mg", "is_told"),
    [(16_500, False), (16_501, True)],
)
def test_without_a_weight_more_than_any_patient_gets_is_off(mg: float, *, is_told: bool) -> None:
    found = review(bag(1, dose_mg=mg, duration_h=1), kg=None)
    assert (faults(found) == {FaultKind.ABOVE_ANY_DOSE: True}) is is_told


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_same_bag_twice_is_critical(number: int) -> None:
    bags = three_bags(70)
    again = replace(bags[number - 1], reference="MedicationRequest/again", number=None)
    assert faults(review(*bags, again)) == {FaultKind.DUPLICATE: True}
