"""A number that was read second-hand says so where a card shows it."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.profiles import PROFILES, US_2023, PoisonCentre, Profile, RegimenName
from cds_service.hooks.cards import cards_for
from tests.clinical.facts_builders import Fact, alt, assessed, ast, course, level, overdose, weighs
from tests.hooks.test_dose_review import each, review

ABOVE: tuple[Fact, ...] = (overdose(9), level(120, 1), alt(20, 1), weighs(70))
TWO_BAG = replace(US_2023, regimen=RegimenName.TWO_BAG)
REPEATED: tuple[Fact, ...] = (course(8, (72, 30)), alt(20, 1), ast(20, 1))


def detail_of(*facts: Fact, profile: Profile = US_2023) -> str:
    found = assessed(*facts, profile=profile)
    cards = cards_for(found, order_context=None, base_url="https://nac.example.org", zone=ZoneInfo("UTC"))
    detail: str = cards[0].card["detail"]
    return detail


@pytest.mark.parametrize(
    ("profile", "is_marked"),
    [
        pytest.param(US_2023, False, id="us"),
        pytest.param(PROFILES["uk-2012"], True, id="uk"),
        pytest.param(PROFILES["anz-2019"], True, id="anz"),
        pytest.param(replace(US_2023, poison_centre=PoisonCentre("Ours", "555-0100")), False, id="a-site's-own"),
    ],
)
def test_a_poison_centre_number(profile: Profile, *, is_marked: bool) -> None:
    (line,) = [line for line in detail_of(*ABOVE, profile=profile).splitlines() if profile.poison_centre.name in line]
    assert ("read second-hand: verify locally" in line) is is_marked


@pytest.mark.parametrize(
    ("profile", "is_marked"),
    [
        pytest.param(US_2023, False, id="three-bag-label"),
        pytest.param(TWO_BAG, True, id="two-bag-label"),
        pytest.param(PROFILES["uk-2012"], True, id="snap"),
        pytest.param(PROFILES["anz-2019"], True, id="two-bag-anz"),
    ],
)
def test_the_doses_of_a_regimen(profile: Profile, *, is_marked: bool) -> None:
    assert ("verify these numbers locally" in detail_of(*ABOVE, profile=profile)) is is_marked


def test_the_right_doses_of_the_dose_review() -> None:
    texts = ("140,000 mg in 1000 mL D5W over 4 h", "7,000 mg in 500 mL D5W over 16 h")
    _, cards = review(each(*texts), weighs(70))
    details = {card["source"]["topic"]["code"]: card["detail"] for card in cards}
    assert "verify these numbers locally" in details["dose-check"]
    assert "verify these numbers locally" not in details["indicated"]


@pytest.mark.parametrize("mg_l", [pytest.param(20, id="treated"), pytest.param(19, id="not-treated")])
def test_the_level_for_repeated_ingestion(mg_l: float) -> None:
    detail = detail_of(*REPEATED, level(mg_l, 1))
    assert "20 mg/L" in detail
    assert "verify locally)" in detail
