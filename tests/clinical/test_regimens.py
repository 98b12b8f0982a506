"""The three-bag regimen, checked by hand against the label."""

from __future__ import annotations

import pytest

from cds_service.clinical.findings import Category, Overlay
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.regimens import DosingPlan, DosingRefusal, dosing_plan
from tests.clinical.facts_builders import alt, assessed, born_years_ago, level, overdose, weighs


def plan(kg: float) -> DosingPlan:
    return dosing_plan(RegimenName.THREE_BAG, kg, max_weight_kg=100)


@pytest.mark.parametrize(
    ("kg", "doses", "drug_ml", "diluent_ml"),
    [
        pytest.param(70, (10_500, 3_500, 7_000), (52.5, 17.5, 35), (200, 500, 1000), id="70-kg"),
        pytest.param(41, (6_150, 2_050, 4_100), (30.75, 10.25, 20.5), (200, 500, 1000), id="41-kg"),
        pytest.param(40.9, (6_135, 2_045, 4_090), (30.675, 10.225, 20.45), (100, 250, 500), id="40.9-kg"),
        pytest.param(20.1, (3_015, 1_005, 2_010), (15.075, 5.025, 10.05), (100, 250, 500), id="20.1-kg"),
        pytest.param(20, (3_000, 1_000, 2_000), (15, 5, 10), (60, 140, 280), id="20-kg"),
        pytest.param(10, (1_500, 500, 1_000), (7.5, 2.5, 5), (30, 70, 140), id="10-kg"),
        pytest.param(5, (750, 250, 500), (3.75, 1.25, 2.5), (15, 35, 70), id="5-kg"),
        pytest.param(99.9, (14_985, 4_995, 9_990), (74.925, 24.975, 49.95), (200, 500, 1000), id="99.9-kg"),
        pytest.param(100, (15_000, 5_000, 10_000), (75, 25, 50), (200, 500, 1000), id="100-kg"),
        pytest.param(140, (15_000, 5_000, 10_000), (75, 25, 50), (200, 500, 1000), id="140-kg"),
    ],
)
def test_three_bags(
    kg: float, doses: tuple[float, ...], drug_ml: tuple[float, ...], diluent_ml: tuple[float, ...]
) -> None:
    bags = plan(kg).bags
    assert [bag.dose_mg for bag in bags] == pytest.approx(doses)
    assert [bag.drug_ml for bag in bags] == pytest.approx(drug_ml)
    assert [bag.diluent_ml for bag in bags] == pytest.approx(diluent_ml)
    assert [bag.duration_h for bag in bags] == [1, 4, 16]


def test_rates_at_70_kg() -> None:
    first, second, third = plan(70).bags
    assert first.total_ml == 252.5
    assert (first.rate_ml_h, second.rate_ml_h, third.rate_ml_h) == pytest.approx((252.5, 129.375, 64.6875))
    assert (first.rate_mg_kg_h, second.rate_mg_kg_h, third.rate_mg_kg_h) == pytest.approx((150, 12.5, 6.25))


@pytest.mark.parametrize(("kg", "capped"), [(99.9, False), (100, True), (140, True)])
def test_the_cap(kg: float, *, capped: bool) -> None:
    assert plan(kg).is_capped is capped


@pytest.mark.parametrize(("kg", "warned"), [(39.9, True), (40, False)])
def test_fluid_below_40_kg(kg: float, *, warned: bool) -> None:
    found = assessed(overdose(9), level(80), weighs(kg), born=born_years_ago(11))
    assert found.category is Category.INDICATED
    assert (Overlay.FLUID in found.overlays) is warned


def test_no_milligrams_without_a_usable_weight() -> None:
    found = assessed(overdose(9), level(80))
    assert isinstance(found.dosing, DosingRefusal)
    assert Overlay.WEIGHT in found.overlays


def test_doses_only_where_treatment_is_in_question() -> None:
    assert isinstance(assessed(overdose(9), level(80), weighs(70)).dosing, DosingPlan)
    assert isinstance(assessed(overdose(9), level(40), alt(60), weighs(70)).dosing, DosingPlan)
    assert assessed(overdose(9), level(40), alt(20, 0.1), weighs(70)).dosing is None
