"""Infusions charted as a rate or in millilitres: 70 kg, three bags of 150, 50 and 100 mg/kg over 1, 4 and 16 h."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.clinical.facts import NacSource, NacTherapy
from cds_service.clinical.nac_progress import NacProgress, progress_of
from tests.clinical.facts_builders import Fact, case_of, chart, hours_ago, infused, level, nac, overdose, weighs

BEFORE = (overdose(30), level(180, 26))
BAGS = ((24, 23), (23, 19), (19, 3))


def charted(began: float, ended: float, status: str = "completed", /, **amounts: Any) -> NacTherapy:
    """An infusion with a period, and with these amounts instead of a dose."""
    return replace(infused(None, began, ended, status), started_at=hours_ago(began), **amounts)


def running_since(began: float, **amounts: Any) -> NacTherapy:
    """An infusion that runs, without a planned end."""
    return nac(NacSource.ADMINISTRATION, "in-progress", began, started_at=hours_ago(began), **amounts)


def course(*amounts: dict[str, Any], kg: float | None = 70) -> NacProgress:
    """Three bags, each charted by these amounts."""
    bags = [charted(*period, **each) for period, each in zip(BAGS, amounts, strict=True)]
    return progress(*bags, kg=kg)


def progress(*records: NacTherapy, kg: float | None = 70) -> NacProgress:
    weight: tuple[Fact, ...] = () if kg is None else (weighs(kg, 26),)
    return progress_of(case_of(chart(*BEFORE, *weight, *records)))


@pytest.mark.parametrize(
    ("amounts", "mg"),
    [
        ([{"rate_mg_kg_h": 150}, {"rate_mg_kg_h": 12.5}, {"rate_mg_kg_h": 6.25}], None),
        ([{"rate_mg_h": 10_500}, {"rate_mg_h": 875}, {"rate_mg_h": 437.5}], 21_000),
        ([{"concentrate_ml": 52.5}, {"concentrate_ml": 17.5}, {"concentrate_ml": 35}], 21_000),
        ([{"dose_mg": 10_500}, {"rate_mg_h": 875}, {"rate_mg_h": 437.5}], 21_000),
    ],
)
def test_a_whole_course_however_it_is_charted(amounts: list[dict[str, Any]], mg: float | None) -> None:
    found = course(*amounts)
    assert found.given_mg_kg == pytest.approx(300)
    assert found.given_mg == (None if mg is None else pytest.approx(mg))
    assert (found.is_whole_course, found.still_open, found.is_estimate) == (True, (), False)


def test_a_volume_a_little_off_is_that_of_its_bag() -> None:
    """50 mL for 52.5, 18 for 17.5 and 35 for 35, of 200 mg/mL."""
    found = course({"concentrate_ml": 50}, {"concentrate_ml": 18}, {"concentrate_ml": 35})
    assert found.given_mg == pytest.approx(20_600)
    assert found.still_open == ()


@pytest.mark.parametrize(
    ("amounts", "says"),
    [
        pytest.param([252.5, 517.5, 1035], "252 mL are charted, of the concentrate or of a mixed bag", id="mixed"),
        pytest.param([52.5, 17.5, 1035], "1035 mL are charted", id="one-of-them-mixed"),
        pytest.param([52.5, 17.5, 52.5], "52.5 mL are charted", id="not-in-the-time-of-its-bag"),
        pytest.param([52.5, 17.5, 38.6], "38.6 mL are charted", id="ten-percent-over"),
    ],
)
def test_a_volume_that_is_no_bag_of_the_regimen_stays_open(amounts: list[float], says: str) -> None:
    found = course(*({"concentrate_ml": ml} for ml in amounts))
    assert (found.given_mg_kg, found.is_whole_course) == (None, None)
    assert any(says in words for words in found.still_open)


@pytest.mark.parametrize(
    ("records", "counted"),
    [
        # The mixed third bag of 90 kg gives 65.3 mL an hour, as if it were the 67.5 mL of drug in the first.
        pytest.param([infused(13_500, 24, 23), charted(19, 18, concentrate_ml=65.3)], 150, id="hour-beside-a-dose"),
        pytest.param(
            [charted(19, 18, concentrate_ml=65.3), charted(18, 17, concentrate_ml=65.3)], None, id="hour-after-hour"
        ),
        pytest.param([nac(NacSource.ADMINISTRATION, "completed", 23, concentrate_ml=67.5)], None, id="no-period"),
    ],
)
def test_hours_of_a_mixed_bag_are_no_bags_of_drug(records: list[NacTherapy], counted: float | None) -> None:
    found = progress(*records, kg=90)
    assert found.given_mg_kg == (None if counted is None else pytest.approx(counted))
    assert any("of the concentrate or of a mixed bag" in words for words in found.still_open)


@pytest.mark.parametrize(
    ("amounts", "says"),
    [
        ({"concentrate_ml": 52.5}, "52.5 mL are charted"),
        ({"rate_mg_h": 10_500}, "a usable body weight"),
    ],
)
def test_without_a_weight_neither_volumes_nor_rates_tell(amounts: dict[str, Any], says: str) -> None:
    found = progress(charted(24, 23, **amounts), kg=None)
    assert found.given_mg_kg is None
    assert says in found.still_open[0]


def test_a_rate_per_kg_needs_no_weight() -> None:
    found = progress(charted(24, 23, rate_mg_kg_h=150), kg=None)
    assert found.given_mg_kg == pytest.approx(150)


@pytest.mark.parametrize(
    ("record", "mg_kg", "is_estimate"),
    [
        pytest.param(running_since(4, rate_mg_kg_h=6.25), 25, True, id="by-the-clock"),
        pytest.param(running_since(4, rate_mg_h=437.5), 25, True, id="in-mg"),
        pytest.param(running_since(16, rate_mg_kg_h=6.25), 100, True, id="to-the-end-of-its-bag"),
        pytest.param(running_since(16.1, rate_mg_kg_h=6.25), None, False, id="past-the-end-of-its-bag"),
        pytest.param(running_since(4, rate_mg_kg_h=9), None, False, id="a-rate-of-no-bag"),
        pytest.param(charted(4, -12, "in-progress", rate_mg_kg_h=6.25), 25, True, id="with-a-planned-end"),
        pytest.param(charted(4, 2, "stopped", rate_mg_kg_h=6.25), 12.5, False, id="stopped-by-the-clock"),
        pytest.param(charted(4, 2, "stopped", dose_mg_kg=100), None, False, id="stopped-amid-a-dose"),
        pytest.param(charted(4, 2, unread="a named reason"), None, False, id="unread"),
        pytest.param(
            replace(running_since(4, rate_mg_kg_h=6.25), started_at=None), None, False, id="start-not-certain"
        ),
        pytest.param(
            nac(NacSource.ADMINISTRATION, "completed", 4, rate_mg_kg_h=6.25), None, False, id="no-end"
        ),
    ],
)  # fmt: skip
def test_a_rate_counts_for_the_time_that_is_charted(
    record: NacTherapy, mg_kg: float | None, *, is_estimate: bool
) -> None:
    found = progress(infused(10_500, 24, 23), record)
    assert found.given_mg_kg == pytest.approx(150 + (mg_kg or 0))
    assert found.is_estimate is is_estimate
    assert bool(found.still_open) is (mg_kg is None)
    if mg_kg is not None and record.infused is None:
        assert found.given_mg == pytest.approx(10_500 + mg_kg * 70)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (nac(NacSource.ADMINISTRATION, "completed", 4, rate_mg_h=875), "a rate without its start and end"),
        (running_since(4, rate_mg_h=875), "a rate without its start and end"),
        (charted(4, 2, unread="how much drug 500 mL hold is not charted"), "how much drug 500 mL hold"),
        (charted(4, 2), "the dose of an infusion is not charted"),
    ],
)
def test_what_is_missing_is_named(record: NacTherapy, says: str) -> None:
    (words,) = progress(record, kg=None).still_open
    assert says in words


def test_one_infusion_charted_twice_counts_once() -> None:
    once = charted(24, 23, rate_mg_kg_h=150)
    found = progress(once, replace(once, reference="MedicationAdministration/again"))
    assert found.given_mg_kg == pytest.approx(150)
    assert found.still_open == ()
