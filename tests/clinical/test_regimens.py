"""The regimens, checked by hand against their sources."""

from __future__ import annotations

import pytest

from cds_service.clinical.findings import Category, Overlay
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.regimens import REGIMENS, DosingPlan, DosingRefusal, dosing_for_site, dosing_plan
from tests.clinical.facts_builders import alt, assessed, born_years_ago, level, overdose, weighs


def plan(kg: float) -> DosingPlan:
    return planned(RegimenName.THREE_BAG, kg)


def planned(regimen: RegimenName, kg: float, **options: float) -> DosingPlan:
    found = dosing_plan(regimen, kg, **options)
    assert isinstance(found, DosingPlan)
    return found


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


_M = RegimenName


@pytest.mark.parametrize(
    ("regimen", "kg", "doses", "diluent_ml", "hours"),
    [
        pytest.param(_M.TWO_BAG, 41, (8_200, 4_100), (1000, 500), (4, 16), id="two-bag-41-kg"),
        pytest.param(_M.TWO_BAG, 70, (14_000, 7_000), (1000, 500), (4, 16), id="two-bag-70-kg"),
        pytest.param(_M.TWO_BAG, 99.9, (19_980, 9_990), (1000, 500), (4, 16), id="two-bag-99.9-kg"),
        pytest.param(_M.TWO_BAG, 100, (20_000, 10_000), (1000, 500), (4, 16), id="two-bag-100-kg"),
        pytest.param(_M.TWO_BAG, 140, (20_000, 10_000), (1000, 500), (4, 16), id="two-bag-140-kg"),
        pytest.param(_M.TWO_BAG_ANZ, 70, (14_000, 7_000), (500, 1000), (4, 16), id="anz-70-kg"),
        pytest.param(_M.TWO_BAG_ANZ, 109.9, (21_980, 10_990), (500, 1000), (4, 16), id="anz-109.9-kg"),
        pytest.param(_M.TWO_BAG_ANZ, 110, (22_000, 11_000), (500, 1000), (4, 16), id="anz-110-kg"),
        pytest.param(_M.TWO_BAG_ANZ, 150, (22_000, 11_000), (500, 1000), (4, 16), id="anz-150-kg"),
        pytest.param(_M.SNAP, 70, (7_000, 14_000), (200, 1000), (2, 10), id="snap-70-kg"),
        pytest.param(_M.SNAP, 110, (11_000, 22_000), (200, 1000), (2, 10), id="snap-110-kg"),
        pytest.param(_M.SNAP, 130, (11_000, 22_000), (200, 1000), (2, 10), id="snap-130-kg"),
    ],
)
def test_two_bags(
    regimen: RegimenName, kg: float, doses: tuple[float, ...], diluent_ml: tuple[float, ...], hours: tuple[float, ...]
) -> None:
    bags = planned(regimen, kg).bags
    assert [bag.number for bag in bags] == [1, 2]
    assert [bag.dose_mg for bag in bags] == pytest.approx(doses)
    assert [bag.drug_ml for bag in bags] == pytest.approx([dose / 200 for dose in doses])
    assert [bag.diluent_ml for bag in bags] == list(diluent_ml)
    assert [bag.duration_h for bag in bags] == list(hours)


def test_two_bag_rates_at_70_kg() -> None:
    first, second = planned(_M.TWO_BAG, 70).bags
    assert (first.total_ml, second.total_ml) == (1070, 535)
    assert (first.rate_ml_h, second.rate_ml_h) == pytest.approx((267.5, 33.4375))
    assert (first.rate_mg_kg_h, second.rate_mg_kg_h) == pytest.approx((50, 6.25))


@pytest.mark.parametrize("regimen", [_M.TWO_BAG, _M.TWO_BAG_ANZ, _M.SNAP])
@pytest.mark.parametrize(("kg", "is_refused"), [(5, True), (20, True), (40.9, True), (41, False)])
def test_no_volumes_for_children_offer_three_bag(regimen: RegimenName, kg: float, *, is_refused: bool) -> None:
    found = dosing_plan(regimen, kg)
    assert isinstance(found, DosingRefusal) is is_refused
    if isinstance(found, DosingRefusal):
        assert found.instead is _M.THREE_BAG
        assert "41 kg" in found.because
    offered = dosing_for_site(regimen, kg, max_weight_kg=110)
    assert isinstance(offered, DosingPlan)
    assert offered.regimen == ("three-bag" if is_refused else regimen.value)
    assert bool(offered.note) is is_refused


@pytest.mark.parametrize("regimen", list(RegimenName))
@pytest.mark.parametrize("kg", [4.99, 0, -70, float("nan")])
def test_below_5_kg_a_toxicologist_doses(regimen: RegimenName, kg: float) -> None:
    for found in (dosing_plan(regimen, kg), dosing_for_site(regimen, kg, max_weight_kg=100)):
        assert isinstance(found, DosingRefusal)
        assert found.needs_consult
        assert "toxicologist" in found.because


@pytest.mark.parametrize(
    ("regimen", "asked", "dosed"),
    [
        (_M.THREE_BAG, None, 100),
        (_M.THREE_BAG, 110, 110),
        (_M.THREE_BAG, 120, 110),
        (_M.TWO_BAG, 110, 100),
        (_M.TWO_BAG_ANZ, 100, 100),
        (_M.SNAP, None, 110),
    ],
)
def test_the_cap_of_the_site_and_of_the_regimen(regimen: RegimenName, asked: float | None, dosed: float) -> None:
    found = dosing_plan(regimen, 150, max_weight_kg=asked)
    assert isinstance(found, DosingPlan)
    assert found.total_mg == pytest.approx(300 * dosed)
    assert found.is_capped


def test_us_and_anz_volumes_are_the_reverse_of_each_other() -> None:
    us, anz = (REGIMENS[name].recipes for name in (_M.TWO_BAG, _M.TWO_BAG_ANZ))
    assert [r.mg_per_kg for r in us] == [r.mg_per_kg for r in anz]
    assert [r.diluent_ml(70) for r in us] == [r.diluent_ml(70) for r in reversed(anz)]


@pytest.mark.parametrize(("kg", "asks"), [(4.9, True), (5, False)])
def test_below_5_kg_the_poison_centre_is_called(kg: float, *, asks: bool) -> None:
    found = assessed(overdose(9), level(80), weighs(kg), born=None)
    assert isinstance(found.dosing, DosingRefusal) is asks
    said = found.overlay_reasons.get(Overlay.CONSULT, ())
    assert ("a body weight below every regimen's numbers" in said) is asks
