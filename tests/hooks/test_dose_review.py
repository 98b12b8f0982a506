"""The dose review from draft order to card: what is off, the right numbers, and drafts that are right afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.assess import assess
from cds_service.clinical.order_faults import FaultKind
from cds_service.clinical.profiles import PROFILES, RegimenName
from cds_service.clinical.regimens import DosingPlan, dosing_plan
from cds_service.hooks.cards import cards_for
from cds_service.hooks.dosing import bag_text
from cds_service.hooks.orders import drafts_from_context
from tests.builders import INTRAVENOUS, NAC_INJECTION, medication_request
from tests.clinical.facts_builders import NOW, Fact, alt, born_years_ago, chart, level, overdose, weighs

if TYPE_CHECKING:
    from cds_service.clinical.assessment import Assessment

Json = dict[str, Any]
RIGHT = ("10,500 mg in 200 mL D5W over 1 h", "3,500 mg in 500 mL D5W over 4 h", "7,000 mg in 1 L D5W over 16 h")


def nac(identity: str, *dosages: Json | str) -> Json:
    draft = medication_request(identity, "p", NAC_INJECTION, status="draft", route=INTRAVENOUS)
    route = draft["dosageInstruction"][0]
    read = ({"text": dosage} if isinstance(dosage, str) else dosage for dosage in dosages)
    draft["dosageInstruction"] = [route | dosage for dosage in read]
    return draft


def each(*texts: str) -> list[Json]:
    """One draft a bag."""
    return [nac(f"n{at}", text) for at, text in enumerate(texts, start=1)]


def review(
    orders: list[Json], *weights: Fact, age: float = 35, profile: str = "us-2023", hook: str = "order-sign"
) -> tuple[Assessment, list[Json]]:
    """A patient above the line, and the cards when these drafts are signed."""
    bundle = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    context = {"draftOrders": bundle, "selections": [f"MedicationRequest/{order.get('id')}" for order in orders]}
    drafts = drafts_from_context(context, "p", hook=hook)
    facts = chart(overdose(9), level(120, 1), alt(20, 1), *weights, born=born_years_ago(age))
    assessment = assess(replace(facts, orders=drafts.selected_drugs), PROFILES[profile], NOW)
    zone = ZoneInfo("UTC")
    made = cards_for(assessment, order_context=drafts, base_url="https://nac.example.org", zone=zone)
    return assessment, [each.card for each in made]


def dose_check(cards: list[Json]) -> Json | None:
    return next((card for card in cards if card["source"]["topic"]["code"] == "dose-check"), None)


def kinds(assessment: Assessment) -> set[FaultKind]:
    assert assessment.dose_review is not None
    return {fault.kind for fault in assessment.dose_review.faults}


def verdicts(assessment: Assessment) -> str:
    """The verdicts of F1-F4, such as "MET UNKNOWN NOT_MET NOT_MET"."""
    return " ".join(j.finding.verdict.value for j in assessment.judged if j.rule.id.startswith("F"))


@pytest.mark.parametrize(
    ("texts", "kg"),
    [
        (RIGHT, 70),
        (RIGHT[:1], 70),
        (RIGHT[1:], 70),
        (("150 mg/kg over 60 min",), 70),
        (("12.5 mg/kg/h for 4 h",), 70),
        (("15,000 mg in 200 mL D5W over 1 h",), 120),
        (("150 mg/kg (max 15 g) in 200 mL D5W over 1 h",), 120),
        (("14,000 mg in 1000 mL D5W over 4 h", "7,000 mg in 500 mL D5W over 16 h"), 70),
        (("14,000 mg in 500 mL D5W over 4 h", "7,000 mg in 1000 mL D5W over 16 h"), 70),
        (("100 mg/kg in 200 mL D5W over 2 h", "200 mg/kg in 1000 mL D5W over 10 h"), 70),
        (("11,550 mg in 200 mL D5W over 1 h",), 70),
        (("9,450 mg in 200 mL D5W over 1 h",), 70),
        (("10,500 mg in 220 mL D5W over 66 min",), 70),
    ],
)
@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_a_right_order_gets_no_dose_card(texts: tuple[str, ...], kg: float, hook: str) -> None:
    assessment, cards = review(each(*texts), weighs(kg), hook=hook)
    assert [card["source"]["topic"]["code"] for card in cards] == ["indicated"]
    assert verdicts(assessment).startswith("NOT_MET")


@pytest.mark.parametrize(
    ("texts", "kg", "kind", "indicator", "summary"),
    [
        (("105,000 mg in 200 mL D5W over 1 h",), 70, FaultKind.TENFOLD, "critical",
         "Bag 1 ordered 105,000 mg: ten times the dose for 70 kg (10,500 mg): correct before signing"),
        (("1,050 mg in 200 mL D5W over 1 h",), 70, FaultKind.TENFOLD, "critical", "a tenth of the dose"),
        (("21,000 mg in 200 mL D5W over 1 h",), 70, FaultKind.DOSE, "critical", "twice the dose"),
        (("5,250 mg in 200 mL D5W over 1 h",), 70, FaultKind.DOSE, "critical", "half the dose"),
        (("20,900 mg in 200 mL D5W over 1 h",), 70, FaultKind.DOSE, "warning", "99 % above the dose"),
        (("11,600 mg in 200 mL D5W over 1 h",), 70, FaultKind.DOSE, "warning", "above the dose for 70 kg (10,500 mg)"),
        (("9,400 mg in 200 mL D5W over 1 h",), 70, FaultKind.DOSE, "warning", "below the dose for 70 kg (10,500 mg)"),
        (("50 mg/kg/h over 4 h",), 70, FaultKind.PER_HOUR_FOR_PER_KG, "critical", "mg/kg/h written for mg/kg"),
        (("100 mg/kg/h over 16 h",), 70, FaultKind.PER_HOUR_FOR_PER_KG, "critical", "16 times"),
        (("12.5 mg/kg over 4 h",), 70, FaultKind.PER_KG_FOR_PER_HOUR, "critical", "mg/kg written for mg/kg/h"),
        (("150 mg/kg over 15 min",), 70, FaultKind.DURATION, "critical", "Bag 1 runs over 15 min instead of 1 h"),
        (("150 mg/kg over 45 min",), 70, FaultKind.DURATION, "warning", "Bag 1 runs over 45 min instead of 1 h"),
        (("150 mg/kg in 200 mL D5W",), 70, FaultKind.NO_DURATION, "warning", "states no infusion time (over 1 h)"),
        (("18,000 mg in 200 mL D5W over 1 h",), 120, FaultKind.UNCAPPED, "warning", "(15,000 mg)"),
        (("150 mg/kg over 1 h",), 120, FaultKind.UNCAPPED, "warning", "weight cap not applied (15,000 mg)"),
        (("23,150 mg in 200 mL D5W over 1 h",), 70, FaultKind.POUNDS, "critical", "pounds taken for kg (10,500 mg)"),
        (("150 mg/kg for 439 kg over 1 h",), 43.9, FaultKind.TENFOLD, "critical", "ten times the dose for 43.9 kg"),
        (("3,500 mg in 500 mL D5W over 4 h at 1294 mL/h",), 70, FaultKind.RATE, "critical", "(129.38 mL/h)"),
        (("10,500 mg in 500 mL D5W over 1 h",), 70, FaultKind.DILUENT, "warning", "above the 200 mL for 70 kg"),
        (("10,500 mg in 50 mL D5W over 1 h",), 70, FaultKind.DILUENT, "warning", "below the 200 mL for 70 kg"),
        (("150 mg/kg in 200 mL D5W over 1 h", "200 mg/kg in 1 L D5W over 10 h"), 70, FaultKind.MIXED, "critical",
         "different regimens"),
        (RIGHT[:1] * 2, 70, FaultKind.DUPLICATE, "critical", "Bag 1 is ordered twice"),
        ((*RIGHT, "100 mg in 50 mL D5W over 30 min"), 70, FaultKind.EXTRA_BAG, "critical", "one bag more"),
        (("200 mg/kg in 1 L D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h"), 40.9, FaultKind.TOO_LIGHT, "critical",
         "(three-bag dosing)"),
        (("per protocol",), 70, FaultKind.UNREAD, "warning",
         "The ordered dose cannot be read; no dose with a unit is stated"),
    ],
)  # fmt: skip
def test_what_is_off_is_said_with_the_right_number(
    texts: tuple[str, ...], kg: float, kind: FaultKind, indicator: str, summary: str
) -> None:
    assessment, cards = review(each(*texts), weighs(kg))
    card = dose_check(cards)
    assert card is not None
    assert kind in kinds(assessment)
    assert card["indicator"] == indicator
    assert summary.casefold() in card["summary"].casefold()
    assert len(card["summary"]) <= 139
    assert card["extension"]["org.nac-cds.assessment"]["dosing"]


def test_a_mixed_set_keeps_right_bags_of_two_regimens_apart() -> None:
    right, _ = review(each("200 mg/kg in 1 L D5W over 4 h", "100 mg/kg in 500 mL D5W over 16 h"), weighs(41))
    assert kinds(right) == set()


@pytest.mark.parametrize(
    ("kg", "age", "volume", "indicator"),
    [
        (12, 2, 36, None), (12, 2, 39, None), (12, 2, 40, "critical"), (12, 2, 200, "critical"), (12, 2, 20, "warning"),
        (20, 6, 60, None), (20.1, 6, 100, None), (40.9, 12, 100, None), (41, 12, 200, None), (41, 12, 500, "critical"),
        (41, 30, 500, "warning"),
    ],
)  # fmt: skip
def test_the_diluent_follows_the_weight_band(kg: float, age: float, volume: float, indicator: str | None) -> None:
    text = f"{150 * kg:.0f} mg in {volume} mL D5W over 1 h"
    assessment, cards = review(each(text), weighs(kg), age=age)
    card = dose_check(cards)
    assert (None if card is None else card["indicator"]) == indicator
    if indicator is not None:
        assert "fluid" in {overlay.value for overlay in assessment.overlays}


def test_a_missing_diluent_volume_matters_in_a_child_only() -> None:
    assert dose_check(review(each("150 mg/kg over 1 h"), weighs(70))[1]) is None
    card = dose_check(review(each("150 mg/kg over 1 h"), weighs(12), age=2)[1])
    assert card is not None
    assert "no diluent volume" in card["summary"]


@pytest.mark.parametrize(
    ("weights", "text", "summary"),
    [
        ((), "10,500 mg over 1 h", "no dated body weight is charted: weigh the patient"),
        ((weighs(439),), "15,000 mg over 1 h", "439 kg is not plausible: confirm it"),
        ((weighs(439),), "150 mg/kg over 1 h", "439 kg is not plausible: confirm it"),
        ((weighs(70, 24 * 400),), "10,500 mg over 1 h", "400 days old"),
        ((weighs(70, 30), weighs(100, 2)), "15,000 mg over 1 h", "by more than 20 %"),
    ],
)
def test_without_a_usable_weight_there_are_no_numbers(weights: tuple[Fact, ...], text: str, summary: str) -> None:
    assessment, cards = review(each(text), *weights)
    card = dose_check(cards)
    assert card is not None
    assert verdicts(assessment).endswith(" MET")
    assert summary in card["summary"]
    assert "dosing" not in card["extension"]["org.nac-cds.assessment"]
    assert "suggestions" not in card


def test_without_any_weight_an_order_per_kg_is_compared_per_kg() -> None:
    assert dose_check(review(each("150 mg/kg over 1 h"))[1]) is None
    card = dose_check(review(each("1500 mg/kg over 1 h"))[1])
    assert card is not None
    assert card["indicator"] == "critical"
    assert "(150 mg/kg)" in card["summary"]


def test_without_a_weight_no_patient_gets_more_than_the_cap() -> None:
    card = dose_check(review(each("105,000 mg over 1 h"))[1])
    assert card is not None
    assert card["indicator"] == "critical"
    assert "at most 15,000 mg" in card["summary"]


def applied(orders: list[Json], card: Json) -> list[Json]:
    """The drafts once the suggestion is taken."""
    drafts = {f"{order['resourceType']}/{order['id']}": order for order in orders}
    (suggestion,) = card["suggestions"]
    for at, action in enumerate(suggestion["actions"]):
        if action["type"] == "delete":
            assert "resource" not in action
            del drafts[action["resourceId"]]
        else:
            resource = action["resource"]
            drafts[f"MedicationRequest/{resource.get('id', f'new{at}')}"] = {"id": f"new{at}"} | resource
    return list(drafts.values())


STU3 = {"doseQuantity": {"value": 105000, "unit": "mg"}, "timing": {"repeat": {"duration": 1, "durationUnit": "h"}}}


@pytest.mark.parametrize(
    ("orders", "kg", "types"),
    [
        (each("105,000 mg in 200 mL D5W over 1 h", *RIGHT[1:]), 70, ["update"]),
        ([nac("n1", "105,000 mg in 200 mL D5W over 1 h", *RIGHT[1:])], 70, ["update"]),
        ([nac("n1", "150 mg/kg over 15 min, then 50 mg/kg/h over 4 h, then 100 mg/kg over 16 h")], 70, ["update"]),
        ([nac("n1", STU3)], 70, ["update"]),
        ([nac("n1", STU3) | {"unknownMember": 1}], 70, ["delete", "create"]),
        (each("200 mg/kg over 4 h in 1 L D5W", "100 mg/kg over 16 h in 500 mL D5W"), 35,
         ["delete", "delete", "create", "create", "create"]),
        (each(*RIGHT[:1], *RIGHT), 70, ["delete"] * 4 + ["create"] * 3),
        (each("18,000 mg over 1 h"), 120, ["update"]),
        (each("150 mg/kg in 200 mL D5W over 1 h"), 30, ["update"]),
    ],
)  # fmt: skip
def test_the_drafts_are_right_once_the_suggestion_is_taken(orders: list[Json], kg: float, types: list[str]) -> None:
    _, cards = review(orders, weighs(kg))
    card = dose_check(cards)
    assert card is not None
    assert [action["type"] for action in card["suggestions"][0]["actions"]] == types
    mended = applied(orders, card)
    assert dose_check(review(mended, weighs(kg))[1]) is None
    assert {draft["status"] for draft in mended} == {"draft"}


def test_an_update_is_the_whole_draft_with_the_same_id() -> None:
    (order,) = each("105,000 mg in 200 mL D5W over 1 h")
    card = dose_check(review([order], weighs(70))[1])
    assert card is not None
    resource = card["suggestions"][0]["actions"][0]["resource"]
    changed = {name for name in resource if resource[name] != order.get(name)}
    assert changed == {"dosageInstruction"}
    assert resource["id"] == "n1"


def test_a_draft_without_an_id_can_only_be_talked_about() -> None:
    (order,) = each("105,000 mg in 200 mL D5W over 1 h")
    del order["id"]
    assessment, cards = review([order], weighs(70))
    card = dose_check(cards)
    assert FaultKind.TENFOLD in kinds(assessment)
    assert card is not None
    assert "suggestions" not in card


def test_another_regimen_than_the_sites_is_said_beside_the_primary_card() -> None:
    _, cards = review(each("14,000 mg in 1000 mL D5W over 4 h"), weighs(70))
    assert "two-bag regimen; this site's regimen is three-bag" in cards[0]["detail"]
    _, cards = review(each(RIGHT[0]), weighs(70))
    assert "selected: bag 1 of 3 of the three-bag regimen".casefold() in cards[0]["detail"].casefold()
    assert "bags 2 and 3 not among the selected orders" in cards[0]["detail"]


def test_the_sites_own_regimen_and_cap_are_used() -> None:
    right = each("11,000 mg in 200 mL D5W over 2 h", "22,000 mg in 1000 mL D5W over 10 h")
    assert dose_check(review(right, weighs(120), profile="uk-2012")[1]) is None


@given(
    regimen=st.sampled_from(RegimenName),
    kg=st.floats(30, 200),
    factor=st.sampled_from([1.0, 0.1, 10.0, 2.1, 0.45, 1.2, 0.8]),
    split=st.booleans(),
)
def test_every_regimen_is_right_as_calculated_and_off_when_scaled(
    regimen: RegimenName, kg: float, factor: float, *, split: bool
) -> None:
    plan = dosing_plan(regimen, kg)
    if not isinstance(plan, DosingPlan):
        return
    texts = [bag_text(bag) for bag in plan.bags]
    if factor != 1.0:
        first = plan.bags[0]
        texts[0] = f"bag 1: {first.dose_mg * factor:.1f} mg in {first.diluent_ml:.2f} mL D5W over {first.duration_h} h"
    orders = each(*texts) if split else [nac("n1", *texts)]
    assessment, cards = review(orders, weighs(kg))
    card = dose_check(cards)
    assert (card is None) == (factor == 1.0)
    if card is not None:
        assert verdicts(assessment).startswith("MET")
        assert card["indicator"] == ("critical" if factor in {0.1, 10.0, 2.1, 0.45} else "warning")


@given(
    value=st.one_of(st.none(), st.integers(-1, 10**9), st.floats(), st.text(max_size=5)),
    unit=st.one_of(st.none(), st.sampled_from(["mg", "mg/kg", "mL", "L", "units", "mg/h"]), st.text(max_size=5)),
    text=st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["150 mg/kg", "over 1 h", "x"])),
)
def test_a_dose_that_cannot_be_read_is_never_fine(value: Any, unit: Any, text: Any) -> None:
    dosage = {"text": text, "doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]}
    assessment, cards = review([nac("n1", dosage)], weighs(70))
    is_right_dose = unit in {"mg", "mg/kg", "mg/h", "mL"} and isinstance(value, int | float)
    if not is_right_dose and text != "150 mg/kg":
        assert dose_check(cards) is not None
        assert not verdicts(assessment).startswith("NOT_MET")


@pytest.mark.parametrize(
    ("hook", "dosages", "is_told"),
    [
        pytest.param("order-select", (), False, id="only-begun"),
        pytest.param("order-sign", (), True, id="signed-without-a-dose"),
        pytest.param("order-select", ("per protocol",), True, id="cannot-be-read"),
    ],
)
def test_an_order_that_is_only_begun_gets_no_dose_card_yet(
    hook: str, dosages: tuple[str, ...], *, is_told: bool
) -> None:
    draft = nac("n1", *dosages) if dosages else nac("n1", {})
    _, cards = review([draft], weighs(70), hook=hook)
    assert (dose_check(cards) is not None) is is_told
