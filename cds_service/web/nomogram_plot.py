"""The nomogram as a drawing: where each line, level and clock time lies, in the units of the SVG.

Pure geometry over a `NomogramView`: linear hours across, logarithmic mg/L upwards. The straight lines it draws are the
exact ones, since an exponential is straight on a logarithmic axis. Must not know the rules, HTML or colours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.nomogram import FIRST_HOUR, LAST_HOUR, line_at
from cds_service.clinical.quantity import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.web.nomogram_view import Line, Mark, Moment, NomogramView

WIDTH, HEIGHT = 720.0, 460.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 706.0, 18.0, 402.0
_LOWEST_MG_L, _HIGHEST_MG_L = 1.0, 1000.0
_GRID_MG_L = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_GRID_HOURS = range(4, 25, 2)
_LABEL_APART = 15.0
_ARROW = 26.0
_WIDE_BAND = 90.0
_LABEL_HOURS = {"high-risk": 11.0, "original": 17.5, "treatment": 14.0}


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A straight line with its name along it, turned by `angle` degrees."""

    role: str
    start: Point
    end: Point
    label: str
    label_at: Point
    angle: float


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A level: a point (`start` == `end`) or a band of possible times. `arrow`: -1 down ("<"), 1 up (">"), 0 none.

    `shape` tells above, below and undecided apart without colour: disc, ring, diamond.
    """

    number: int
    shape: str
    start: Point
    end: Point
    shape_at: Point
    arrow_to: Point | None
    label: str
    label_at: Point
    anchor: str
    is_untimed: bool = False

    @property
    def is_band(self) -> bool:
        """Whether the time is an interval."""
        return self.end.x - self.start.x > 1


@dataclass(frozen=True, slots=True)
class DrawnMoment:
    """A clock time as a vertical line or a band, with its letter at the upper end."""

    letter: str
    role: str
    left: float
    right: float
    label_at: Point


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line with its label."""

    at: float
    label: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything the SVG template draws."""

    hours: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...]
    marks: tuple[DrawnMark, ...]
    moments: tuple[DrawnMoment, ...]
    detection_limits: tuple[Tick, ...]


def plot(view: NomogramView) -> Plot:
    """The drawing of a view."""
    return Plot(
        hours=tuple(Tick(across(hour), f"{hour}", hour % 4 == 0) for hour in _GRID_HOURS),
        levels=tuple(Tick(upwards(level), f"{level}", math.log10(level).is_integer()) for level in _GRID_MG_L),
        lines=tuple(_line(line) for line in view.lines),
        marks=() if view.does_not_apply else tuple(_marks(view)),
        moments=tuple(_moments(view.moments)),
        detection_limits=tuple(
            Tick(upwards(level), f"detection limit {plain(level)}") for level in _detection_limits(view.marks)
        ),
    )


def across(hours: float) -> float:
    """The x of a time, kept inside the axis."""
    share = (min(max(hours, FIRST_HOUR), LAST_HOUR) - FIRST_HOUR) / (LAST_HOUR - FIRST_HOUR)
    return round(LEFT + share * (RIGHT - LEFT), 2)


def upwards(mg_l: float) -> float:
    """The y of a level on the logarithmic axis, kept inside it."""
    inside = min(max(mg_l, _LOWEST_MG_L), _HIGHEST_MG_L)
    share = math.log(inside / _LOWEST_MG_L) / math.log(_HIGHEST_MG_L / _LOWEST_MG_L)
    return round(BOTTOM - share * (BOTTOM - TOP), 2)


def _line(line: Line) -> DrawnLine:
    start = Point(across(FIRST_HOUR), upwards(line.base_mg_l))
    end = Point(across(LAST_HOUR), upwards(line_at(line.base_mg_l, LAST_HOUR)))
    angle = math.degrees(math.atan2(end.y - start.y, end.x - start.x))
    below = line.role == "treatment"
    hour = _LABEL_HOURS[line.role]
    at = Point(across(hour), upwards(line_at(line.base_mg_l, hour)) + (17 if below else -6))
    return DrawnLine(line.role, start, end, f"{line.name} {plain(line.base_mg_l)}", at, round(angle, 2))


def _detection_limits(marks: Iterable[Mark]) -> tuple[float, ...]:
    return tuple(dict.fromkeys(mark.level_mg_l for mark in marks if mark.is_detection_limit and mark.level_mg_l > 0))


def _marks(view: NomogramView) -> Iterator[DrawnMark]:
    """The levels that lie on the nomogram, numbered as in the table beside it."""
    crossings = {moment.level_mg_l: moment.hours_from for moment in view.moments if moment.role == "crossing"}
    for number, mark in enumerate(view.marks, start=1):
        if mark.is_drawn and mark.hours_from is not None and mark.hours_to is not None:
            yield _timed_mark(number, mark, mark.hours_from, mark.hours_to)
        elif mark.hours_from is None and mark.level_mg_l > 0:
            yield _untimed_mark(number, mark, crossings.get(mark.level_mg_l))


def _timed_mark(number: int, mark: Mark, hours_from: float, hours_to: float) -> DrawnMark:
    y = upwards(mark.level_mg_l)
    start, end = Point(across(hours_from), y), Point(across(hours_to), y)
    label_at, anchor = _label_place(start, end)
    return DrawnMark(
        number=number,
        shape={True: "disc", False: "ring", None: "diamond"}[mark.is_above],
        start=start,
        end=end,
        shape_at=end,
        arrow_to=_arrow_to(mark, end),
        label=f"{number}: {mark.value}",
        label_at=label_at,
        anchor=anchor,
    )


def _label_place(start: Point, end: Point) -> tuple[Point, str]:
    """Over the middle of a wide band, else beside the level where there is room."""
    if end.x - start.x > _WIDE_BAND:
        return Point(round((start.x + end.x) / 2, 2), end.y - 12), "middle"
    if end.x > (LEFT + RIGHT) * 0.7:
        return Point(start.x - 11, end.y - 10), "end"
    return Point(end.x + 11, end.y - 10), "start"


def _untimed_mark(number: int, mark: Mark, crossing_hours: float | None) -> DrawnMark:
    """A level that may lie anywhere along the axis; its shape stands where it would meet the treatment line."""
    y = upwards(mark.level_mg_l)
    middle = (FIRST_HOUR + LAST_HOUR) / 2
    shape_at = Point(across(middle if crossing_hours is None else crossing_hours), y)
    return DrawnMark(
        number=number,
        shape="diamond",
        start=Point(LEFT, y),
        end=Point(RIGHT, y),
        shape_at=shape_at,
        arrow_to=_arrow_to(mark, shape_at),
        label=f"{number}: {mark.value}, time unknown",
        label_at=Point(LEFT + 8, y - 8),
        anchor="start",
        is_untimed=True,
    )


def _arrow_to(mark: Mark, start: Point) -> Point | None:
    """Where the arrow of a bound ends: down for "<", up for ">"."""
    direction = {"<": 1, ">": -1}.get(mark.bound)
    return None if direction is None else Point(start.x, min(max(start.y + direction * _ARROW, TOP), BOTTOM))


def _moments(moments: Iterable[Moment]) -> Iterator[DrawnMoment]:
    """The clock times on the axis, lettered as in the list beside it; labels step down where times are near."""
    last_x, step = -_LABEL_APART, 0
    for index, moment in enumerate(moments):
        first, last = moment.hours_from, moment.hours_to
        if first is None or last is None or last < FIRST_HOUR or first > LAST_HOUR:
            continue
        left, right = across(first), across(last)
        step = step + 1 if abs(left - last_x) < _LABEL_APART else 0
        last_x = left
        yield DrawnMoment(letter(index), moment.role, left, right, Point(left + 4, TOP + 13 + step * _LABEL_APART))


def letter(index: int) -> str:
    """A, B, C … for the list of clock times."""
    return chr(ord("A") + index % 26)
