"""Every level of the episode, placed."""

from __future__ import annotations

import pytest

from cds_service.clinical.levels import Level, Place, is_detectable, is_detection_limit, leading_level
from cds_service.clinical.nomogram import reaches
from cds_service.clinical.quantity import Bounded, Comparator
from tests.clinical.facts_builders import Ago, Fact, bounded, case_of, chart, level, overdose


def levels(*facts: Fact) -> tuple[Level, ...]:
    return case_of(chart(*facts)).levels


@pytest.mark.parametrize(
    ("ingested", "mg_l", "ago", "place"),
    [
        pytest.param(9, 75, 1, Place.ABOVE, id="on-the-line"),
        pytest.param(9, 74.9, 1, Place.BELOW, id="below"),
        pytest.param(4.9, 200, 1, Place.TOO_EARLY, id="3.9-h"),
        pytest.param(5, 200, 1, Place.ABOVE, id="4-h"),
        pytest.param(25, 5, 1, Place.ABOVE, id="24-h"),
        pytest.param(25.02, 5, 1, Place.BEYOND, id="24.02-h"),
        pytest.param(9, 75, 10, Place.BEFORE_INGESTION, id="before"),
        pytest.param(9, None, 1, Place.UNREADABLE, id="no-value"),
        pytest.param(9, "<10", 1, Place.BELOW, id="limit-under-the-line"),
        pytest.param(23, "<10", 1, Place.WITHIN_DETECTION_LIMIT, id="limit-over-the-line"),
        pytest.param(17, "<30", 1, Place.WITHIN_DETECTION_LIMIT, id="limit-30"),
        pytest.param(17, "<30.1", 1, Place.UNDECIDED, id="limit-30.1-is-no-assay-s"),
        pytest.param(17, "<=30", 1, Place.WITHIN_DETECTION_LIMIT, id="at-most-30"),
        pytest.param(9, ">60", 1, Place.UNDECIDED, id="over-60"),
        pytest.param((9, 3), 40, 1, Place.UNDECIDED, id="2-to-8-h-below-at-8"),
        pytest.param((9, 3), 80, 1, Place.ABOVE, id="2-to-8-h-above-at-8"),
        pytest.param((9, 5), 40, 1, Place.BELOW, id="4-to-8-h"),
        pytest.param((3, 2), 40, 1, Place.TOO_EARLY, id="1-to-2-h"),
        pytest.param((30, 20), 4, 1, Place.BELOW, id="19-to-29-h"),
        pytest.param(9, 40, None, Place.UNDECIDED, id="undated-below"),
        pytest.param(9, 80, None, Place.ABOVE, id="undated-above-at-any-time"),
        pytest.param(3, 300, None, Place.TOO_EARLY, id="undated-3-h-after"),
        pytest.param(9, 40, -2, Place.UNDECIDED, id="from-the-future"),
        pytest.param(9, 75, (1, -5), Place.ABOVE, id="reaching-into-the-future-ends-now"),
        pytest.param(None, 75, 1, Place.UNDECIDED, id="time-unknown"),
    ],
)
def test_place(ingested: Ago, mg_l: float | str | None, ago: Ago, place: Place) -> None:
    (found,) = levels(overdose(ingested), level(mg_l, ago))
    assert found.place is place
    assert (found.point is None) is (place in _UNPLOTTED or ingested is None)


_UNPLOTTED = {Place.TOO_EARLY, Place.BEYOND, Place.BEFORE_INGESTION, Place.UNREADABLE}


@pytest.mark.parametrize(
    ("ingested", "ago", "past"),
    [((30, 20), 1, None), (26, 1, True), (25, 1, False), ((40, 30), 1, True)],
)
def test_past_24_h(ingested: Ago, ago: Ago, *, past: bool | None) -> None:
    (found,) = levels(overdose(ingested), level(5, ago))
    assert found.is_past_24_h is past


def test_levels_of_the_last_7_days_oldest_first() -> None:
    found = levels(level(5, 1), level(6, 30), level(7, 169), level(8, None))
    assert [str(item.reported) for item in found] == ["6", "5", "8"]


@pytest.mark.parametrize(
    ("mg_l", "ago", "readable"), [(75, 1, True), (40, None, False), (None, 1, False), (40, 6, False), (40, 10, False)]
)
def test_what_can_be_interpreted(mg_l: float | None, ago: Ago, *, readable: bool) -> None:
    (found,) = levels(overdose(9), level(mg_l, ago))
    assert found.is_interpretable is readable


@pytest.mark.parametrize(
    ("values", "detected"),
    [
        ((9.9, 10), True),
        ((9.9, "<10"), False),
        ((9.9, "<20"), None),
        ((9.9, None), None),
        ((12, None), True),
        ((), False),
    ],
)
def test_detectable(values: tuple[float | str | None, ...], *, detected: bool | None) -> None:
    found = levels(*(level(value, ago) for ago, value in enumerate(values)))
    assert is_detectable(found, 10) is detected


def test_the_leading_level_lies_highest_against_the_lines() -> None:
    found = levels(overdose(17), level(120, 13), level(60, 5), level(200, 15))
    leading = leading_level(found)
    assert leading is not None
    assert leading.reported == Bounded(60)  # 60 at 12 h is 240 at 4 h; 120 at 4 h is 120; 200 was at 2 h
    assert leading_level(()) is None


def test_inclusive_or_not() -> None:
    assert reaches(Bounded(75), 75, inclusive=True) is True
    assert reaches(Bounded(75), 75, inclusive=False) is False


@pytest.mark.parametrize(
    ("reported", "expected"), [("<10", True), ("<=30", True), ("<31", False), (">10", False), (10, False)]
)
def test_a_detection_limit(reported: float | str, *, expected: bool) -> None:
    value = bounded(reported)
    assert value is not None
    assert is_detection_limit(value) is expected
    assert is_detection_limit(Bounded(10, Comparator.GREATER)) is False
