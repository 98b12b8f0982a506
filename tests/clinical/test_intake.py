"""How much was taken, and whether that is toxic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.intake import Body, Intake, intake_of, is_toxic, is_toxic_within_a_day
from tests.clinical.facts_builders import amount, course, given, took

if TYPE_CHECKING:
    from cds_service.clinical.facts import Exposure

ADULT, CHILD, AGELESS = Body(30, 70), Body(4, 16), Body(None, 16)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], Intake(), id="nothing"),
        pytest.param([amount(12)], Intake(12_000, 12_000, 12_000, is_complete=True), id="reported-total"),
        pytest.param([took(12, 9)], Intake(12_000, 12_000, 12_000, is_complete=True), id="one-dose"),
        pytest.param([took(None, 9)], Intake(), id="one-dose-of-an-unknown-amount"),
        pytest.param([took(12, 9), took(None, 5)], Intake(12_000, 12_000, 12_000), id="one-of-two-unknown"),
        pytest.param([took(5, 30), took(5, 6)], Intake(10_000, 10_000, 10_000, is_complete=True), id="24-h-apart"),
        pytest.param([took(5, 31), took(5, 6)], Intake(5_000, 10_000, 10_000, is_complete=True), id="25-h-apart"),
        pytest.param([took(5, 31), took(5, None)], Intake(10_000, 10_000, 10_000, is_complete=True), id="one-undated"),
        pytest.param([course(6, (96, 1))], Intake(6_000, 12_000, 18_000, is_complete=True), id="course"),
        pytest.param([course(6, 96)], Intake(6_000, 12_000, 18_000, is_complete=True), id="open-course"),
        pytest.param([course(6, (30, 0))], Intake(6_000, 7_500, 7_500, is_complete=True), id="course-of-30-h"),
        pytest.param([course(6, (10, 0))], Intake(6_000, 6_000, 6_000, is_complete=True), id="course-of-10-h"),
        pytest.param(
            [took(2, (96, 1), is_course=True)], Intake(2_000, 2_000, 2_000, is_complete=True), id="course-of-one-amount"
        ),
        pytest.param([took(None, 9, is_course=True)], Intake(), id="course-of-an-unknown-amount"),
        pytest.param([took(0, 9, is_course=True)], Intake(0, 0, 0, is_complete=True), id="course-of-nothing"),
        pytest.param([took(None, 9, daily_amount_mg=4_000)], Intake(0, 0, 0, is_complete=True), id="a-dose-by-the-day"),
        pytest.param(
            [took(12, 9), given(12, 9)], Intake(12_000, 12_000, 12_000, is_complete=True), id="told-twice-counted-once"
        ),
        pytest.param(
            [took(5, 9), amount(12)], Intake(12_000, 12_000, 12_000, is_complete=True), id="the-larger-counts"
        ),
    ],
)
def test_intake(records: list[Exposure], expected: Intake) -> None:
    assert intake_of(records) == expected


def test_grams() -> None:
    assert Intake(12_000).in_24h_g == 12
    assert Intake().in_24h_g is None


def whole(day_g: float, two_g: float | None = None, three_g: float | None = None) -> Intake:
    two = day_g if two_g is None else two_g
    return Intake(day_g * 1000, two * 1000, (two if three_g is None else three_g) * 1000, is_complete=True)


@pytest.mark.parametrize(
    ("intake", "body", "toxic"),
    [
        pytest.param(whole(10), ADULT, True, id="adult-10-g"),
        pytest.param(whole(9.99), ADULT, False, id="adult-9.99-g"),
        pytest.param(whole(9.99), Body(30, 50), False, id="adult-199.8-mg-kg"),
        pytest.param(whole(9.99), Body(30, 49.9), True, id="adult-200.2-mg-kg"),
        pytest.param(whole(6, 12), ADULT, True, id="adult-6-g-a-day"),
        pytest.param(whole(6, 11.9), ADULT, False, id="adult-5.95-g-a-day"),
        pytest.param(whole(5.9, 9), Body(30, 30), True, id="adult-150-mg-kg-a-day"),
        pytest.param(whole(5, 9, 14), ADULT, False, id="adult-three-days-do-not-count"),
        pytest.param(whole(3.2), CHILD, True, id="child-200-mg-kg"),
        pytest.param(whole(3.19), CHILD, False, id="child-199-mg-kg"),
        pytest.param(whole(2.5, 4.8), CHILD, True, id="child-150-mg-kg-a-day"),
        pytest.param(whole(2.5, 4.7, 4.7), CHILD, False, id="child-147-mg-kg-a-day"),
        pytest.param(whole(1.6, 3.2, 4.8), CHILD, True, id="child-100-mg-kg-a-day-for-three"),
        pytest.param(whole(1.6, 3.2, 4.79), CHILD, False, id="child-99.8-mg-kg-a-day-for-three"),
        pytest.param(whole(11), Body(4, 60), False, id="10-g-is-for-six-years-on"),
        pytest.param(whole(11), Body(6, 60), True, id="six-years"),
        pytest.param(whole(1.6, 3.2, 4.8), AGELESS, True, id="unknown-age-passes-the-child-s-set"),
        pytest.param(whole(10), Body(None, 100), True, id="unknown-age-passes-the-adult-s-set"),
        pytest.param(whole(2), Body(4, None), None, id="no-weight"),
        pytest.param(whole(12), Body(30, None), True, id="no-weight-but-12-g"),
        pytest.param(whole(4.9), Body(30, 25, is_weight_floor=True), False, id="harmless-at-the-lightest"),
        pytest.param(whole(5), Body(30, 25, is_weight_floor=True), None, id="a-floor-does-not-prove-toxic"),
        pytest.param(whole(10), Body(30, 25, is_weight_floor=True), True, id="10-g-at-any-weight"),
        pytest.param(Intake(), ADULT, None, id="nothing-known"),
        pytest.param(Intake(2_000, 2_000, 2_000), ADULT, None, id="incomplete-and-small"),
        pytest.param(Intake(12_000, 12_000, 12_000), ADULT, True, id="incomplete-and-large"),
    ],
)
def test_toxic(intake: Intake, body: Body, *, toxic: bool | None) -> None:
    assert is_toxic(intake, body) is toxic


@pytest.mark.parametrize(
    ("intake", "toxic"),
    [
        (whole(10), True),
        (whole(9.99), False),
        (whole(6, 12), False),
        (Intake(9_990), None),
        (Intake(10_000), True),
        (Intake(), None),
    ],
)
def test_toxic_within_a_day(intake: Intake, *, toxic: bool | None) -> None:
    assert is_toxic_within_a_day(intake, ADULT) is toxic


def test_a_young_child() -> None:
    assert Body(5.99, None).is_young_child is True
    assert Body(6, None).is_young_child is False
    assert Body(None, None).is_young_child is None
