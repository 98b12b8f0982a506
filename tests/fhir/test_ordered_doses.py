"""Draft orders of IV acetylcysteine read into bags: the shapes real systems write, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.clinical.facts import OrderedSubstance, Route
from cds_service.clinical.ordered import Extent, OrderedBag
from cds_service.clinical.profiles import US_2023, RegimenName
from cds_service.clinical.regimens import DosingPlan, dosing_plan
from cds_service.fhir.chart import Chart
from cds_service.fhir.mapping import drug_order_from_resource
from cds_service.fhir.ordered_doses import bags_of
from cds_service.hooks.dosing import bag_text
from tests.fhir.mapped import RXNORM, SNOMED, coded

Json = dict[str, Any]
CONCENTRATE = coded(RXNORM, "465377")
UNNAMED_STRENGTH = {"text": "acetylcysteine infusion"}


def q(value: Any, unit: str | None = "mg") -> Json:
    return {"value": value} | ({"unit": unit, "code": unit} if unit else {})


def order(*dosages: Json, **members: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "n1",
        "medicationCodeableConcept": CONCENTRATE,
        "dosageInstruction": list(dosages),
    } | members


def read(*dosages: Json, **members: Any) -> tuple[OrderedBag, ...]:
    return bags_of(order(*dosages, **members), Chart(), "MedicationRequest/n1")


def stated(bag: OrderedBag) -> Json:
    """The amounts of a bag that are there, exact ones as a number."""
    names = ("dose_mg", "dose_mg_kg", "rate_mg_h", "rate_mg_kg_h", "rate_ml_h", "duration_h", "diluent_ml",
             "diluent_ml_kg", "total_ml")  # fmt: skip
    amounts = {name: getattr(bag, name) for name in names}
    return {
        name: pytest.approx(amount.high) if amount.is_exact else (amount.low, amount.high)
        for name, amount in amounts.items()
        if amount is not None
    }


ONE_HOUR = {"timing": {"repeat": {"duration": 1, "durationUnit": "h"}}}


@pytest.mark.parametrize(
    ("dosage", "expected"),
    [
        ({"doseAndRate": [{"doseQuantity": q(10500)}]} | ONE_HOUR, {"dose_mg": 10500, "duration_h": 1}),
        ({"doseAndRate": [{"doseQuantity": q(10.5, "g")}]} | ONE_HOUR, {"dose_mg": 10500, "duration_h": 1}),
        ({"doseAndRate": [{"doseQuantity": q(150, "mg/kg")}]}, {"dose_mg_kg": 150}),
        ({"doseAndRate": [{"doseQuantity": q(52.5, "mL")}]}, {"dose_mg": 10500}),
        ({"doseAndRate": [{"rateQuantity": q(12.5, "mg/kg/h")}]}, {"rate_mg_kg_h": 12.5}),
        ({"doseAndRate": [{"rateQuantity": q(12.5, "mg/kg/hr")}]}, {"rate_mg_kg_h": 12.5}),
        ({"doseAndRate": [{"rateQuantity": q(12.5, "mg/kg per hour")}]}, {"rate_mg_kg_h": 12.5}),
        ({"doseAndRate": [{"rateQuantity": q(12.5, "mg.kg-1.h-1")}]}, {"rate_mg_kg_h": 12.5}),
        ({"doseAndRate": [{"rateQuantity": q(12.5, "mg/(kg.h)")}]}, {"rate_mg_kg_h": 12.5}),
        ({"doseAndRate": [{"rateQuantity": q(875, "mg/h")}]}, {"rate_mg_h": 875}),
        ({"doseAndRate": [{"doseRange": {"low": q(9), "high": q(11, "g")}}]}, {"dose_mg": (9, 11000)}),
        ({"doseAndRate": [{"doseRange": {"high": q(10500)}}]}, {"dose_mg": 10500}),
        (
            {"doseAndRate": [{"rateRatio": {"numerator": q(3500), "denominator": q(4, "h")}}]},
            {"rate_mg_h": 875, "duration_h": 4},
        ),
        (
            {"doseQuantity": q(3.5, "g"), "rateRatio": {"numerator": q(875), "denominator": q(1, "h")}},
            {"dose_mg": 3500, "rate_mg_h": 875, "duration_h": 4},
        ),
        (
            {"doseAndRate": [{"doseQuantity": q(150, "mg/kg")}, {"doseQuantity": q(10500)}]} | ONE_HOUR,
            {"dose_mg": 10500, "dose_mg_kg": 150, "duration_h": 1},
        ),
        ({"doseQuantity": q(10500)} | ONE_HOUR, {"dose_mg": 10500, "duration_h": 1}),
        ({"doseSimpleQuantity": q(10500)}, {"dose_mg": 10500}),
        ({"quantity": q(10500), "rateRatio": {"numerator": q(252.5, "mL"), "denominator": q(1, "h")}},
         {"dose_mg": 10500, "rate_ml_h": 252.5}),
        (
            {"doseQuantity": q(10500), "timing": {"repeat": {"boundsDuration": q(60, "min")}}},
            {"dose_mg": 10500, "duration_h": 1},
        ),
        (
            {"doseQuantity": q(10500), "timing": {"repeat": {"boundsQuantity": q(1, "h")}}},
            {"dose_mg": 10500, "duration_h": 1},
        ),
        (
            {"doseQuantity": q(3500), "timing": {"repeat": {"boundsPeriod": {
                "start": "2026-01-15T12:00:00Z", "end": "2026-01-15T16:00:00Z"}}}},
            {"dose_mg": 3500, "duration_h": 4},
        ),
        (
            {"doseQuantity": q(10500),
             "timing": {"repeat": {"duration": 15, "durationMax": 60, "durationUnit": "min"}}},
            {"dose_mg": 10500, "duration_h": (0.25, 1)},
        ),
    ],
)  # fmt: skip
def test_coded_dosages(dosage: Json, expected: Json) -> None:
    (bag,) = read(dosage)
    assert stated(bag) == expected
    assert bag.problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("150 mg/kg over 60 min", {"dose_mg_kg": 150, "duration_h": 1}),
        ("150mg/kg/1h", {"dose_mg_kg": 150, "duration_h": 1}),
        ("10,500 mg in 200 mL D5W over 1 h", {"dose_mg": 10500, "duration_h": 1, "diluent_ml": 200}),
        ("10\u202f500 mg in D5W 200 mL over one hour", {"dose_mg": 10500, "duration_h": 1, "diluent_ml": 200}),
        ("10.5 g IV over an hour", {"dose_mg": 10500, "duration_h": 1}),
        ("12.5 mg/kg/h for 4 h", {"rate_mg_kg_h": 12.5, "duration_h": 4}),
        ("12,5 mg/kg/h x 4 hrs", {"rate_mg_kg_h": 12.5, "duration_h": 4}),
        ("52.5 mL of 200 mg/mL in 200 mL D5W over 1 h", {"dose_mg": 10500, "duration_h": 1, "diluent_ml": 200}),
        ("acetylcysteine 20% (6 g/30 mL) 10.5 g in 200 mL D5W over 1h",
         {"dose_mg": 10500, "duration_h": 1, "diluent_ml": 200}),
        ("150 mg/kg in 3 mL/kg D5W over 1 h", {"dose_mg_kg": 150, "duration_h": 1, "diluent_ml_kg": 3}),
        ("150 mg/kg (max 15,000 mg) over 1 h", {"dose_mg_kg": 150, "duration_h": 1}),
        ("3,500 mg in a total volume of 517.5 mL over 4 h",
         {"dose_mg": 3500, "duration_h": 4, "total_ml": 517.5}),
        ("3500 mg in 500 mL 5% dextrose at 129 mL/hr over 4 hours",
         {"dose_mg": 3500, "duration_h": 4, "diluent_ml": 500, "rate_ml_h": 129}),
        ("10500 mg over 15-30 min", {"dose_mg": 10500, "duration_h": (0.25, 0.5)}),
        ("Acetylcysteine 10500 mg/252.5 mL IV over 60 minutes", {"dose_mg": 10500, "duration_h": 1, "total_ml": 252.5}),
        ("6.25 mg/kg/h x 16 h (total 100 mg/kg)", {"rate_mg_kg_h": 6.25, "duration_h": 16}),
        ("10,500 mg over 1 h; recheck INR after 20 hours", {"dose_mg": 10500, "duration_h": 1}),
    ],
)  # fmt: skip
def test_worded_dosages(text: str, expected: Json) -> None:
    (bag,) = read({"text": text})
    assert stated(bag) == expected
    assert bag.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "150 mg/kg over 1 hour, then 50 mg/kg over 4 hours, then 100 mg/kg over 16 hours",
        "150 mg/kg over 1 h, 50 mg/kg over 4 h, 100 mg/kg over 16 h",
        "Bag 1: 150 mg/kg over 60 min. Bag 2: 50 mg/kg over 4 h. Bag 3: 100 mg/kg over 16 h",
        "150 mg/kg over 1 h, 50 mg/kg over 4 h, 100 mg/kg over 16 h (total 300 mg/kg over 21 hours)",
        "dose 1 150 mg/kg over 1 h dose 2 50 mg/kg over 4 h dose 3 100 mg/kg over 16 h",
        "Loading dose 150 mg/kg over 1 h\n2nd infusion 50 mg/kg over 4 h\n3rd infusion 100 mg/kg over 16 h",
        "first bag 150 mg/kg over 1 h -> second bag 50 mg/kg over 4 h -> third bag 100 mg/kg over 16 h",
    ],
)
def test_a_text_may_hold_the_whole_regimen(text: str) -> None:
    bags = read({"text": text})
    assert [stated(bag) for bag in bags] == [
        {"dose_mg_kg": 150, "duration_h": 1},
        {"dose_mg_kg": 50, "duration_h": 4},
        {"dose_mg_kg": 100, "duration_h": 16},
    ]
    assert {bag.problems for bag in bags} == {()}


@pytest.mark.parametrize(
    "dosage",
    [
        {},
        {"text": "per protocol"},
        {"text": "10500"},
        {"text": "10500 units over 1 h"},
        {"text": "10 500 mg over 1 h"},
        {"text": "10.500 mg over 1 h"},
        {"text": "10,500 mg every 4 hours over 1 h"},
        {"text": "10,500 mg 50 mL over 1 h"},
        {"text": "100 mg/kg/day over 16 h"},
        {"text": "total 300 mg/kg over 21 h"},
        {"doseAndRate": [{"rateQuantity": q(129.4, "mL/h")}]},
        {"doseQuantity": {"value": 10500}},
        {"doseQuantity": q("10500")},
        {"doseQuantity": q(-1)},
        {"doseQuantity": q(0)},
        {"doseQuantity": q(10500) | {"comparator": "<"}},
        {"doseQuantity": q(10500, "mmol")},
        {"doseQuantity": {"value": 150, "unit": "mg/kg", "code": "mg"}},
        {"doseQuantity": "10500 mg"},
        {"doseRange": {"low": q(1), "high": q(150, "mg/kg")}},
        {"doseRange": {}},
        {"doseQuantity": q(10500), "rateRatio": {"numerator": q(1)}},
        {"doseQuantity": q(10500), "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}},
        {"doseQuantity": q(10500), "timing": {"repeat": {"duration": 1, "durationUnit": "fortnight"}}},
        {"text": "10,500 mg over 1 h", "doseQuantity": q(105000)},
    ],
)
def test_what_is_not_clear_is_a_problem(dosage: Json) -> None:
    bags = read(dosage)
    assert any(bag.problems for bag in bags)


def test_ml_without_a_strength_says_nothing_of_the_drug() -> None:
    (bag,) = read({"doseQuantity": q(52.5, "mL")}, medicationCodeableConcept=UNNAMED_STRENGTH)
    assert bag.dose_mg is None
    assert "strength" in bag.problems[0]


def test_two_numbers_that_differ_are_both_kept() -> None:
    (bag,) = read({"text": "10,500 mg over 1 h", "doseQuantity": q(105000)})
    assert bag.dose_mg == Extent(10500, 105000)


def test_the_weight_and_the_caps_of_an_order_are_read() -> None:
    (bag,) = read({"text": "150 mg/kg for 120 kg, max 15 g, over 1 h", "maxDosePerAdministration": q(14, "g")})
    assert (bag.for_kg, bag.cap_mg) == (120, 15000)
    (bag,) = read({"text": "150 mg/kg (max weight 100 kg) over 1 h"})
    assert bag.cap_kg == 100


def mixture(*ingredients: Json) -> tuple[OrderedBag, ...]:
    medication = {"resourceType": "Medication", "id": "mix", "ingredient": list(ingredients)}
    members = {"medicationCodeableConcept": None, "medicationReference": {"reference": "#mix"}}
    return read(ONE_HOUR | {"text": ""}, contained=[medication], **members)


BAG = q(1, "{bag}")


def ingredient(name: str, top: Json, bottom: Json) -> Json:
    return {"itemCodeableConcept": {"text": name}, "strength": {"numerator": top, "denominator": bottom}}


@pytest.mark.parametrize(
    ("ingredients", "expected"),
    [
        (
            [ingredient("acetylcysteine", q(10500), BAG), ingredient("dextrose 5 %", q(200, "mL"), BAG)],
            {"dose_mg": 10500, "diluent_ml": 200, "duration_h": 1},
        ),
        (
            [ingredient("acetylcysteine 200 mg/mL", q(52.5, "mL"), BAG), ingredient("water", q(200, "mL"), BAG)],
            {"dose_mg": 10500, "diluent_ml": 200, "duration_h": 1},
        ),
        (
            [ingredient("acetylcysteine", q(10500), q(252.5, "mL"))],
            {"dose_mg": 10500, "total_ml": 252.5, "duration_h": 1},
        ),
    ],
)  # fmt: skip
def test_ingredients_of_a_contained_medication(ingredients: list[Json], expected: Json) -> None:
    (bag,) = mixture(*ingredients)
    assert stated(bag) == expected


def test_the_strength_of_the_concentrate_is_not_the_content_of_a_bag() -> None:
    (bag,) = mixture(ingredient("acetylcysteine", q(200), q(1, "mL")))
    assert bag.dose_mg is None
    assert bag.problems


@pytest.mark.parametrize(
    "link", [{"groupIdentifier": {"value": "g1"}}, {"basedOn": [{"reference": "MedicationRequest/n1"}]}]
)
def test_a_linked_order_gives_the_diluent(link: Json) -> None:
    nac = order({"text": "10,500 mg over 1 h"}, groupIdentifier={"value": "g1"})
    diluent = {
        "resourceType": "MedicationRequest",
        "id": "d1",
        "medicationCodeableConcept": {"text": "Dextrose 5 % infusion"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": q(200, "mL")}]}],
    } | link
    chart = Chart({"MedicationRequest/n1": nac, "MedicationRequest/d1": diluent})
    (bag,) = bags_of(nac, chart, "MedicationRequest/n1")
    assert bag.diluent_ml == Extent.exactly(200)
    unlinked = {name: value for name, value in diluent.items() if name not in link}
    (bag,) = bags_of(
        nac, Chart({"MedicationRequest/n1": nac, "MedicationRequest/d1": unlinked}), "MedicationRequest/n1"
    )
    assert bag.diluent_ml is None


@given(
    regimen=st.sampled_from(RegimenName),
    weight_kg=st.one_of(st.floats(5, 200), st.integers(5, 200).map(float)),
)
def test_our_own_words_are_read_back(regimen: RegimenName, weight_kg: float) -> None:
    plan = dosing_plan(regimen, weight_kg, max_weight_kg=US_2023.max_weight_kg)
    for right in plan.bags if isinstance(plan, DosingPlan) else ():
        (bag,) = read({"text": bag_text(right)})
        assert bag.problems == ()
        assert bag.number == right.number
        assert bag.dose_mg is not None
        assert bag.dose_mg.high == pytest.approx(right.dose_mg, rel=0.01)
        assert bag.duration_h == Extent.exactly(right.duration_h)
        assert bag.diluent_ml is not None
        assert bag.diluent_ml.high == pytest.approx(right.diluent_ml, rel=0.02)


_leaf = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 200000), st.floats(allow_nan=True), st.text(max_size=12),
    st.sampled_from(["mg", "mg/kg", "h", "mL", "10,500 mg over 1 h", "150 mg/kg", "bag 1", "then"]),
)  # fmt: skip
_names = st.sampled_from(
    ["text", "doseAndRate", "doseQuantity", "doseRange", "rateRatio", "rateQuantity", "value", "unit", "code", "low",
     "high", "numerator", "denominator", "timing", "repeat", "duration", "durationUnit", "boundsDuration", "count",
     "boundsPeriod", "start", "end", "sequence", "comparator", "maxDosePerAdministration", "contained", "ingredient"]
)  # fmt: skip
_json = st.recursive(
    _leaf,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150)
@given(dosages=_json, more=st.dictionaries(_names, _json, max_size=2), written=st.text(max_size=60))
def test_nothing_in_an_order_raises_and_there_is_always_a_bag(dosages: Any, more: Json, written: str) -> None:
    resource = order(**(more | {"dosageInstruction": dosages, "groupIdentifier": dosages, "contained": dosages}))
    for each in (resource, order({"text": written})):
        bags = bags_of(each, Chart({"MedicationRequest/x": resource}), "MedicationRequest/n1")
        assert bags
        assert all(bag.states_a_dose or bag.problems for bag in bags)


def test_only_intravenous_acetylcysteine_has_bags() -> None:
    iv = {"route": coded(SNOMED, "47625008"), "text": "10,500 mg over 1 h"}
    drug = drug_order_from_resource(order(iv), {}, "MedicationRequest/n1")
    assert (drug.substance, drug.route) == (OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS)
    assert len(drug.bags) == 1
    oral = drug_order_from_resource(order({"route": coded(SNOMED, "26643006")}), {}, "MedicationRequest/n1")
    assert oral.bags == ()
