"""The calculator: what may be typed, what each problem is called, and that the same chart gives the same answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.clinical.findings import Category
from cds_service.clinical.profiles import PROFILES, US_2023
from cds_service.embedded import in_process
from cds_service.hooks.cards import cards_for
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings
from cds_service.web.calculator import (
    INTENTS,
    LEVEL_UNITS,
    PATIENT_ID,
    PRODUCTS,
    WEIGHT_UNITS,
    Entry,
    assessed,
    chart_of,
    entry_from_form,
)
from cds_service.web.entry import EntryError

if TYPE_CHECKING:
    from cds_service.clinical.assessment import Assessment

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
NUMBER = "Must be a number, with < or > in front where the laboratory reports a limit"


def result(**members: str) -> Assessment:
    return assessed(Entry(**members), US_2023, NOW)


def problems(**members: str) -> dict[str, str]:
    with pytest.raises(EntryError) as caught:
        chart_of(Entry(**members), NOW)
    assert str(caught.value) == "; ".join(caught.value.problems.values())
    return dict(caught.value.problems)


@pytest.mark.parametrize(
    ("members", "category", "rule"),
    [
        ({"level": "75", "hours_from": "8", "alt": "20"}, Category.INDICATED, "B1"),
        ({"level": "74.9", "hours_from": "8", "alt": "20"}, Category.NOT_INDICATED, "B3"),
        ({"level": "74,9", "hours_from": "8,0", "alt": "20"}, Category.NOT_INDICATED, "B3"),
        ({"level": "75", "level_unit": "ug/mL", "hours_from": "8"}, Category.INDICATED, "B1"),
        ({"level": "7.5", "level_unit": "mg/dL", "hours_from": "8"}, Category.INDICATED, "B1"),
        ({"level": "7.49", "level_unit": "mg/dL", "hours_from": "8", "alt": "20"}, Category.NOT_INDICATED, "B3"),
        # 75 mg/L are 496.2 umol/L (151.16 g/mol).
        ({"level": "497", "level_unit": "umol/L", "hours_from": "8"}, Category.INDICATED, "B1"),
        ({"level": "496", "level_unit": "umol/L", "hours_from": "8", "alt": "20"}, Category.NOT_INDICATED, "B3"),
        ({"level": "0.497", "level_unit": "mmol/L", "hours_from": "8"}, Category.INDICATED, "B1"),
        ({"level": "60", "hours_from": "6", "hours_to": "10"}, Category.INDICATED, "B16"),
        ({"level": "50", "hours_from": "6", "hours_to": "10", "alt": "20"}, Category.NOT_INDICATED, "B3"),
        ({"level": "10", "alt": "20"}, Category.INDICATED, "B9"),
        ({"level": "9.9", "alt": "20"}, Category.NOT_INDICATED, "B12"),
        ({"level": "60", "hours_from": "3.9"}, Category.REPEAT_LEVEL, "B8"),
        ({"hours_from": "2"}, Category.DATA_NEEDED, "C2"),
        ({"hours_from": "8", "intent": "self-harm"}, Category.INDICATED, "C1"),
        ({"level": "60", "hours_from": "8", "alt": "1001"}, Category.INDICATED, "A2"),
        ({"level": "60", "hours_from": "8", "product": "extended", "alt": "20"}, Category.REPEAT_LEVEL, "B5"),
        ({"level": "60", "hours_from": "8", "product": "opioid", "alt": "20"}, Category.REPEAT_LEVEL, "B6"),
        ({"level": "60", "hours_from": "8", "product": "anticholinergic", "alt": "20"}, Category.REPEAT_LEVEL, "B6"),
        ({"level": "60", "hours_from": "8", "amount_g": "30", "alt": "20"}, Category.CONSIDER, "B2b"),
    ],
)
def test_typed_numbers_are_judged_by_the_rules(members: dict[str, str], category: Category, rule: str) -> None:
    found = result(**members)
    assert found.category is category
    assert rule in {judged.rule.id.split("-")[0] for judged in found.judged if judged.finding.is_met}


@pytest.mark.parametrize(
    ("members", "pattern"),
    [
        ({"hours_from": "8"}, "acute ingestion at a known time"),
        ({"hours_from": "6", "hours_to": "10"}, "acute ingestion at a known time"),
        ({"hours_from": "8", "hours_to": "8"}, "acute ingestion at a known time"),
        ({"hours_from": "10", "last_hours": "8"}, "staggered over up to 24 h"),
        ({"hours_from": "48", "last_hours": "4"}, "repeated supratherapeutic ingestion"),
        ({"hours_from": "8", "product": "intravenous"}, "intravenous overdose"),
        ({}, "time unknown"),
    ],
)
def test_hours_and_product_make_the_pattern(members: dict[str, str], pattern: str) -> None:
    assert result(level="60", **members).ingestion.pattern.value == pattern


@pytest.mark.parametrize(
    ("weight", "unit", "first_bag_mg"),
    [("70", "kg", 10_500.0), ("70,0", "kg", 10_500.0), ("70000", "g", 10_500.0), ("154.32358", "lb", 10_500.0)],
)
def test_the_dose_is_for_the_typed_weight(weight: str, unit: str, first_bag_mg: float) -> None:
    dosing = result(level="75", hours_from="8", weight=weight, weight_unit=unit).dosing
    assert dosing is not None
    assert dosing.bags[0].dose_mg == pytest.approx(first_bag_mg, abs=0.1)  # type: ignore[union-attr]


# 151 mg/L at 4 h lies between the lines of the profiles; 60 mg/L at 8 h above the 100 line alone.
@pytest.mark.parametrize(
    ("profile", "category"),
    [
        ("us-2023", Category.NOT_INDICATED),
        ("uk-2012", Category.INDICATED),
        ("anz-2019", Category.NOT_INDICATED),
        ("not-a-profile", Category.NOT_INDICATED),
        ("", Category.NOT_INDICATED),
    ],
)
def test_the_chosen_profile_judges_and_an_unknown_one_is_the_sites_own(profile: str, category: Category) -> None:
    assert result(level="60", hours_from="8", alt="20", profile=profile).category is category


def test_the_sites_own_profile_is_kept_when_it_has_a_name_of_its_own() -> None:
    own = replace(PROFILES["uk-2012"], name="st-elsewhere")
    entry = Entry(level="60", hours_from="8", alt="20", profile="st-elsewhere")
    assert assessed(entry, own, NOW).category is Category.INDICATED


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("level", "alt", "ast", "inr") for text in ("0", "9999999", "<10", ">= 300", "1,5")),
        *((name, text) for name in ("hours_from", "amount_g", "weight", "age") for text in ("0", "1,5", "007")),
        ("hours_from", "168"),
        ("amount_g", "1000"),
        ("weight", "1000000"),
        ("age", "120"),
    ],
)
def test_a_field_at_its_limit_is_taken(name: str, text: str) -> None:
    assert len(chart_of(Entry(**{name: text}), NOW)) >= 3


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        *(
            (name, text, NUMBER)
            for name in ("level", "alt", "ast", "inr")
            for text in ("-1", "abc", "12345678", "1.2.3", "NaN", "~10", "1e5", "10 mg/L", "\u0663", "<", "<script>")
        ),
        *(
            (name, text, f"Must be a number from 0 to {most}")
            for name, most in (
                ("hours_from", "168"),
                ("amount_g", "1000"),
                ("weight", "1e+06"),
                ("age", "120"),
            )
            for text in ("-0.1", "x", "nan", "inf", "1000001", "1 2", "1e1", "\u0663")
        ),
        ("hours_from", "168.1", "Must be a number from 0 to 168"),
        ("amount_g", "1000.1", "Must be a number from 0 to 1000"),
        ("age", "120.1", "Must be a number from 0 to 120"),
        ("level_unit", "furlong", "Must be one of the list"),
        ("weight_unit", "stone", "Must be one of the list"),
        ("product", "", "Must be one of the list"),
        ("intent", "malice", "Must be one of the list"),
    ],
)
def test_every_problem_is_named_at_its_field(name: str, text: str, problem: str) -> None:
    assert problems(**{name: text}) == {name: problem}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"hours_to": "8"}, {"hours_from": "Needed when the most hours are given"}),
        ({"hours_from": "8", "hours_to": "7.9"}, {"hours_to": "Must not be less than the least hours"}),
        ({"hours_from": "8", "last_hours": "8.1"}, {"last_hours": "Must not be longer ago than the first dose"}),
        ({"last_hours": "2"}, {"last_hours": "Must not be longer ago than the first dose"}),
        (
            {"level": "x", "alt": "y", "age": "z"},
            {"level": NUMBER, "alt": NUMBER, "age": "Must be a number from 0 to 120"},
        ),
    ],
)
def test_problems_between_fields_and_all_at_once(members: dict[str, str], expected: dict[str, str]) -> None:
    assert problems(**members) == expected


def test_a_form_becomes_an_entry_without_what_it_does_not_know() -> None:
    entry = entry_from_form({"level": " 75 ", "unknown": "x", "alt": "1" * 100})
    assert entry == Entry(level="75", alt="1" * 40)
    assert entry_from_form({}) == Entry()


ENTRIES = [
    Entry(level="182", hours_from="8", alt="25", weight="70", age="35"),
    Entry(level="74.9", hours_from="8", alt="25", ast="22", inr="1.0"),
    Entry(level="<10", hours_from="19", hours_to="23", alt="25"),
    Entry(level="60", hours_from="48", last_hours="4", alt="300", amount_g="10"),
    Entry(level="500", level_unit="umol/L", hours_from="8", product="extended", intent="self-harm"),
    Entry(level="10"),
    Entry(hours_from="2", amount_g="15"),
    Entry(),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
async def test_the_hook_says_the_same_of_the_same_chart(entry: Entry) -> None:
    """One engine: the cards of the calculator are those of a patient-view call on a server that holds this chart."""
    settings = Settings(database_url="")
    assessment = assessed(entry, settings.clinical_profile, NOW)
    expected = cards_for(assessment, order_context=None, base_url=settings.base_url, zone=UTC)
    request = {
        "hook": "patient-view",
        "hookInstance": "6f6fbc54-6a1f-4b37-9a19-0d7a2f3a9a10",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT_ID},
    }
    store = ResourceStore(chart_of(entry, NOW))
    async with in_process(settings, store, lambda: NOW) as client:
        answer = await client.post("/cds-services/iv-nac-patient-view", json=request)
    assert answer.status_code == 200
    told = [without_identity(card) for card in answer.json()["cards"]]
    assert told == [without_identity(made.card) for made in expected]
    assert told


def without_identity(card: dict[str, Any]) -> dict[str, Any]:
    """A card without uuids, and without the link that only the service seals."""
    links = [link for link in card.get("links", ()) if "/nomogram/" not in link["url"]]
    return {"links": links, **{name: card[name] for name in ("summary", "detail", "indicator", "source", "extension")}}


@pytest.mark.parametrize("unit", LEVEL_UNITS)
@pytest.mark.parametrize("weight_unit", WEIGHT_UNITS)
def test_every_unit_of_the_lists_is_read(unit: str, weight_unit: str) -> None:
    found = result(level="0.5", level_unit=unit, weight="70", weight_unit=weight_unit, hours_from="8")
    assert not [gap for gap in found.gaps if gap.about in {"acetaminophen", "weight"} and "unit" in gap.text]
    assert found.facts.results[0].reported is not None


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("intent", INTENTS)
def test_every_choice_is_read_as_acetaminophen(product: str, intent: str) -> None:
    found = result(level="80", hours_from="8", product=product, intent=intent)
    assert found.membership.is_member
    assert found.ingestion.has_any_acetaminophen


def test_the_calculator_resets_nothing_between_two_entries() -> None:
    """Hours count from the clock given, not from an earlier call."""
    later = NOW + timedelta(days=300)
    first, second = (assessed(Entry(level="75", hours_from="8"), US_2023, at) for at in (NOW, later))
    assert first.category is second.category is Category.INDICATED
    assert second.now - first.now == timedelta(days=300)
