"""The drawing of the nomogram against numbers worked out by hand.

x = 62 + (h - 4) / 20 * 644, y = 402 - lg(mg/L) / 3 * 384.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from cds_service.web.nomogram_plot import BOTTOM, LEFT, RIGHT, TOP, across, letter, plot, upwards
from cds_service.web.nomogram_view import nomogram_view
from tests.clinical.facts_builders import alt, assessed, level, overdose, took

if TYPE_CHECKING:
    from cds_service.web.nomogram_plot import DrawnLine, Plot
    from tests.clinical.facts_builders import Fact


def drawn(*facts: Fact) -> Plot:
    return plot(nomogram_view(assessed(*facts), UTC))


@pytest.mark.parametrize(
    ("hours", "x"),
    [(4, 62.0), (24, 706.0), (14, 384.0), (8, 190.8), (5.5, 110.3), (3.9, 62.0), (24.1, 706.0), (-2, 62.0)],
)
def test_hours_lie_evenly_across_and_stay_on_the_axis(hours: float, x: float) -> None:
    assert across(hours) == x


@pytest.mark.parametrize(
    ("mg_l", "y"),
    [(1, 402.0), (1000, 18.0), (10, 274.0), (100, 146.0), (150, 123.46), (75, 161.99), (0.5, 402.0), (2000, 18.0)],
)
def test_levels_lie_upwards_by_their_logarithm_and_stay_on_the_axis(mg_l: float, y: float) -> None:
    assert upwards(mg_l) == y


def line_named(found: Plot, role: str) -> DrawnLine:
    (line,) = (each for each in found.lines if each.role == role)
    return line


def test_the_lines_run_from_4_to_24_hours() -> None:
    found = drawn(overdose(8), level(75, 0))
    treatment = line_named(found, "treatment")
    assert (treatment.start.x, treatment.start.y, treatment.end.x, treatment.end.y) == (62.0, 123.46, 706.0, 316.12)
    high = line_named(found, "high-risk")
    assert (high.start.y, high.end.y) == (upwards(300), upwards(9.375))
    assert [line.label for line in found.lines] == ["High-risk line 300", "Original line 200", "Treatment line 150"]


@pytest.mark.parametrize(
    ("hours", "printed"), [(6, 106.07), (8, 75.0), (12, 37.5), (16, 18.75), (20, 9.38), (24, 4.69)]
)
def test_a_level_on_the_printed_line_lies_on_the_drawn_one(hours: float, printed: float) -> None:
    line = line_named(drawn(overdose(8), level(75, 0)), "treatment")
    share = (across(hours) - line.start.x) / (line.end.x - line.start.x)
    assert line.start.y + share * (line.end.y - line.start.y) == pytest.approx(upwards(printed), abs=0.1)


def test_the_lines_are_parallel_and_the_labels_run_along_them() -> None:
    found = drawn(overdose(8), level(75, 0))
    assert {line.angle for line in found.lines} == {16.66}


def test_a_level_at_8_h_is_a_disc_where_75_mg_l_meets_8_h() -> None:
    (mark,) = drawn(overdose(8), level(75, 0)).marks
    assert (mark.shape, mark.start.x, mark.start.y, mark.is_band, mark.arrow_to) == ("disc", 190.8, 161.99, False, None)
    assert mark.label == "1: 75 mg/L"


@pytest.mark.parametrize(
    ("facts", "shape"),
    [
        ((overdose(8), level(74.9, 0)), "ring"),
        ((overdose(8), level(75, 0)), "disc"),
        ((overdose((10, 6)), level(60, 0)), "disc"),  # 53 mg/L is the line at 10 h
        ((overdose((10, 6)), level(50, 0)), "ring"),
        ((overdose((10, 3)), level(50, 0)), "diamond"),  # reaches under 4 h: not yet below
        ((overdose(22), level("<10", 0)), "diamond"),  # 6.63 mg/L is the line at 22 h
        ((overdose(19), level("<10", 0)), "ring"),  # 11.15 mg/L is the line at 19 h
    ],
)
def test_the_shape_says_where_a_level_lies_without_colour(facts: tuple[Fact, ...], shape: str) -> None:
    (mark,) = drawn(*facts).marks
    assert mark.shape == shape


def test_an_uncertain_time_is_a_band() -> None:
    (mark,) = drawn(overdose((10, 6)), level(60, 0)).marks
    assert (mark.start.x, mark.end.x, mark.is_band) == (across(6), across(10), True)
    assert mark.start.y == mark.end.y == upwards(60)


@pytest.mark.parametrize(("reported", "below"), [("<10", 26.0), (">300", -26.0)])
def test_an_arrow_points_where_the_true_value_may_lie(reported: str, below: float) -> None:
    (mark,) = drawn(overdose(12), level(reported, 0)).marks
    assert mark.arrow_to is not None
    assert mark.arrow_to.y - mark.shape_at.y == pytest.approx(below)


@pytest.mark.parametrize(
    "facts", [(overdose(3), level(60, 0)), (overdose(30), level(60, 0)), (overdose(8), level(0, 0))]
)
def test_a_level_off_the_axis_is_not_drawn(facts: tuple[Fact, ...]) -> None:
    assert drawn(*facts).marks == ()


def test_a_level_of_unknown_time_spans_the_axis_and_its_shape_stands_at_t_cross() -> None:
    (mark,) = drawn(overdose(None), level(10, 0), alt(20)).marks
    assert (mark.start.x, mark.end.x, mark.is_untimed) == (LEFT, RIGHT, True)
    assert mark.shape_at.x == pytest.approx(565.3, abs=0.1)  # 4 + 4 * log2(15) = 19.63 h
    assert mark.shape_at.y == 274.0


def test_nothing_is_judged_against_the_lines_after_repeated_ingestion() -> None:
    view = nomogram_view(assessed(took(8, 30), took(8, 4), overdose(30), level(40, 0)), UTC)
    assert view.ingestion.startswith("repeated")
    assert view.does_not_apply
    assert plot(view).marks == ()


def test_detection_limits_are_lines_of_their_own() -> None:
    found = drawn(overdose(12), level("<10", 0), level("<10", 1), level("<5", 2))
    assert [(tick.at, tick.label) for tick in found.detection_limits] == [
        (upwards(5), "detection limit 5"),
        (upwards(10), "detection limit 10"),
    ]


def test_every_place_lies_inside_the_plot() -> None:
    found = drawn(overdose((10, 6)), level(">990", 0), level("<1", 0.5))
    points = [point for mark in found.marks for point in (mark.start, mark.end, mark.arrow_to) if point]
    assert points
    assert all(LEFT <= point.x <= RIGHT and TOP <= point.y <= BOTTOM for point in points)


def test_clock_times_are_lettered_in_order() -> None:
    assert [letter(index) for index in (0, 1, 25, 26)] == ["A", "B", "Z", "A"]


def test_the_next_level_due_is_a_lettered_moment() -> None:
    (moment,) = drawn(overdose(3), level(60, 0)).moments
    assert (moment.letter, moment.role, moment.left) == ("A", "level-due", across(4))
