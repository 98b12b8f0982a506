from __future__ import annotations

import pytest

from cds_service.clinical.nomogram import four_hour_equivalent, hours_on_line, line_at, plot
from cds_service.clinical.profiles import US_2023
from cds_service.clinical.quantity import Bounded, Comparator, Elapsed


@pytest.mark.parametrize(
    ("hours", "line"),
    [(4, 150.00), (6, 106.07), (8, 75.00), (12, 37.50), (16, 18.75), (20, 9.38), (24, 4.69)],
)
def test_the_150_line(hours: float, line: float) -> None:
    assert line_at(150, hours) == pytest.approx(line, abs=0.006)
    assert line_at(300, hours) == pytest.approx(2 * line, abs=0.012)


def test_the_line_is_neither_linear_nor_a_power_law() -> None:
    assert line_at(150, 6) != pytest.approx(112.5, abs=1)
    assert line_at(150, 8) != pytest.approx(150 * (4 / 8) ** 0.785, abs=1)


@pytest.mark.parametrize(
    ("level", "hours", "equivalent"), [(75, 8, 150), (37.5, 12, 150), (150, 4, 150), (182, 8, 364), (10, 24, 320)]
)
def test_four_hour_equivalent(level: float, hours: float, equivalent: float) -> None:
    assert four_hour_equivalent(level, hours) == pytest.approx(equivalent, abs=0.005)


@pytest.mark.parametrize(
    ("level", "hours"), [(0.5, 36.92), (1, 32.92), (10, 19.63), (150, 4.0), (75, 8.0), (18.75, 16.0), (4.6875, 24.0)]
)
def test_the_time_at_which_a_level_meets_the_line(level: float, hours: float) -> None:
    assert hours_on_line(150, level) == pytest.approx(hours, abs=0.005)


@pytest.mark.parametrize("level", [0, -1])
def test_a_level_of_nothing_meets_no_line(level: float) -> None:
    with pytest.raises(ValueError, match=r"^a level of zero meets no line$"):
        hours_on_line(150, level)


@pytest.mark.parametrize(
    ("level", "above", "high"),
    [
        (Bounded(75.0), True, False),
        (Bounded(74.99), False, False),
        (Bounded(150.0), True, True),
        (Bounded(149.9), True, False),
        (Bounded(100, Comparator.LESS), None, False),
        (Bounded(75, Comparator.LESS), False, False),
        (Bounded(160, Comparator.GREATER), True, True),
        (Bounded(80, Comparator.GREATER), True, None),
    ],
)
def test_a_plotted_level_counts_from_the_line_on(level: Bounded, *, above: bool | None, high: bool | None) -> None:
    point = plot(level, Elapsed(8, 8), US_2023)
    assert point.is_on_or_above_line is above
    assert point.is_on_or_above_high_risk_line is high


@pytest.mark.parametrize(
    ("elapsed", "hours", "line"),
    [
        (Elapsed(5, 8), 8, 75.0),
        (Elapsed(1, 2), 4, 150.0),
        (Elapsed(20, 40), 24, 4.6875),
    ],
)
def test_an_interval_is_plotted_where_the_line_is_lowest(elapsed: Elapsed, hours: float, line: float) -> None:
    point = plot(Bounded(50), elapsed, US_2023)
    assert point.hours == hours
    assert point.line_mg_l == pytest.approx(line)
