"""The chart on one time axis: ingestion, levels, AST and ALT, INR, acetylcysteine.

Pure. Knows the facts of a patient and the geometry of the drawing; the same events make a table. Must not know rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import NacSource
from cds_service.clinical.quantity import CANONICAL_UNIT, Analyte, Span, plain
from cds_service.hooks.clock import clock_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, tzinfo

    from cds_service.clinical.facts import Exposure, LabResult, NacTherapy, PatientFacts

WIDTH, LEFT, RIGHT, TOP, LANE_HEIGHT = 960.0, 128.0, 918.0, 26.0, 58.0
LANES = ("Ingestion", "Acetaminophen", "AST and ALT", "INR", "Acetylcysteine")

_LANE_OF = {Analyte.ACETAMINOPHEN: 1, Analyte.ALT: 2, Analyte.AST: 2, Analyte.INR: 3}
_SHOWN_BEFORE = timedelta(days=7)
_SHOWN_AFTER = timedelta(hours=48)
_PAD = timedelta(hours=1)
_SHORTEST = timedelta(hours=6)
_STEPS_H = (1, 2, 4, 6, 12, 24)
_MOST_TICKS = 12
_LABEL_WIDTH = 86.0
_LONGEST_LABEL = 16


SIZE = {"width": WIDTH, "left": LEFT, "right": RIGHT, "top": TOP}
"""The measures the template needs."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at an instant, or within or over an interval. `lane` counts from 0 in `LANES`."""

    lane: int
    start: datetime
    end: datetime
    label: str
    words: str
    reference: str


@dataclass(frozen=True, slots=True)
class DrawnEvent:
    """An event in the drawing: a dot, or a bar from `left` to `right`; the label stands above or below it."""

    left: float
    right: float
    y: float
    label: str
    label_y: float
    words: str

    @property
    def is_bar(self) -> bool:
        """Whether it spans time."""
        return self.right - self.left > 1


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A grid line with its clock time."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One event as a row of the table."""

    lane: str
    when: str
    words: str
    reference: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing and its table. `now_x` is where the present stands."""

    height: float
    lanes: tuple[tuple[float, str], ...]
    ticks: tuple[TimeTick, ...]
    events: tuple[DrawnEvent, ...]
    now_x: float
    rows: tuple[TimelineRow, ...]


def timeline(facts: PatientFacts, now: datetime, zone: tzinfo, *, shown: Span | None = None) -> Timeline:
    """The timeline of a patient as of `now`, with clock times in `zone`; the last seven days of it.

    `shown`: what the axis covers at least, so that it stays where it is while "now" moves.
    """
    events = sorted(_recent(_events(facts, now, zone), now), key=lambda event: (event.lane, event.start))
    least = Span.at(now) if shown is None else shown
    first = min([least.earliest, now, *(event.start for event in events)]) - _PAD
    last = max([least.latest, now, *(event.end for event in events)]) + _PAD
    last = max(last, first + _SHORTEST)
    axis = _Axis(first, last)
    return Timeline(
        height=TOP + LANE_HEIGHT * len(LANES) + 30,
        lanes=tuple((_lane_y(lane), name) for lane, name in enumerate(LANES)),
        ticks=tuple(_ticks(axis, now, zone)),
        events=tuple(_drawn(events, axis)),
        now_x=axis.at(now),
        rows=tuple(_row(event, now, zone) for event in sorted(events, key=lambda event: event.start)),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    first: datetime
    last: datetime

    def at(self, instant: datetime) -> float:
        share = (instant - self.first) / (self.last - self.first)
        return round(LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT), 2)


def _lane_y(lane: int) -> float:
    return TOP + LANE_HEIGHT * (lane + 0.5)


def _recent(events: Iterable[Event], now: datetime) -> Iterator[Event]:
    for event in events:
        if event.end >= now - _SHOWN_BEFORE and event.start <= now + _SHOWN_AFTER:
            yield event


def _events(facts: PatientFacts, now: datetime, zone: tzinfo) -> Iterator[Event]:
    yield from (_exposure(each, each.taken) for each in facts.exposures if each.taken is not None)
    for result in facts.results:
        lane = _LANE_OF.get(result.analyte)
        if lane is not None and result.sampled is not None:
            yield _result(result, result.sampled, lane)
    for therapy in facts.nac:
        span = therapy.infused or therapy.given
        if span is not None and therapy.source is NacSource.ADMINISTRATION:
            yield _therapy(therapy, span, now, zone)


def _exposure(exposure: Exposure, taken: Span) -> Event:
    amount = "" if exposure.amount_mg is None else f"{plain(exposure.amount_mg / 1000)} g"
    words = f"{exposure.name}{f', {amount}' if amount else ''}"
    return Event(0, taken.earliest, taken.latest, amount or exposure.kind.value, words, exposure.reference)


def _result(result: LabResult, sampled: Span, lane: int) -> Event:
    name = "" if result.analyte in {Analyte.ACETAMINOPHEN, Analyte.INR} else f"{result.analyte.value} "
    value = result.charted if result.reported is None else str(result.reported)
    unit = CANONICAL_UNIT[result.analyte] if result.reported is not None else ""
    words = f"{result.analyte.value} {value} {unit}".strip() + (
        "" if result.status == "final" else f", {result.status}"
    )
    return Event(lane, sampled.earliest, sampled.latest, f"{name}{value}", words, result.reference)


def _therapy(therapy: NacTherapy, span: Span, now: datetime, zone: tzinfo) -> Event:
    dose = "" if therapy.dose_mg is None else f"{therapy.dose_mg:,.0f} mg"
    until = f", until {clock_time(span.latest, now, zone)}" if not span.is_exact else ""
    words = f"{therapy.name} {dose}".strip() + f", {therapy.status}{until}"
    return Event(4, span.earliest, span.latest, dose or therapy.status, words, therapy.reference)


def _ticks(axis: _Axis, now: datetime, zone: tzinfo) -> Iterator[TimeTick]:
    """Full hours of the display zone, as many as can be read; the date where it changes."""
    length_h = (axis.last - axis.first) / timedelta(hours=1)
    step = next((step for step in _STEPS_H if length_h / step <= _MOST_TICKS), _STEPS_H[-1])
    local = axis.first.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    at = local.replace(hour=local.hour - local.hour % step)
    day = None
    while at <= axis.last:
        if at >= axis.first:
            label = f"{at:%H:%M}" if at.date() == day else f"{at:%H:%M} {at.day}/{at.month}"
            day = at.date()
            yield TimeTick(axis.at(at), label)
        at = (at.astimezone(now.tzinfo) + timedelta(hours=step)).astimezone(zone)


def _drawn(events: Iterable[Event], axis: _Axis) -> Iterator[DrawnEvent]:
    """Labels of neighbours that would overlap stand above and below in turn."""
    lane, last_x, is_below = -1, 0.0, False
    for event in events:
        left, right, y = axis.at(event.start), axis.at(event.end), _lane_y(event.lane)
        is_near = event.lane == lane and left - last_x < _LABEL_WIDTH
        is_below = is_near and not is_below
        lane, last_x = event.lane, left
        yield DrawnEvent(left, right, y, _short(event.label), y + (19 if is_below else -10), event.words)


def _short(label: str) -> str:
    """A label that leaves room for its neighbours; the table has the whole of it."""
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def _row(event: Event, now: datetime, zone: tzinfo) -> TimelineRow:
    if event.start == event.end:
        when = clock_time(event.start, now, zone)
    else:
        when = f"{clock_time(event.start, now, zone)} to {clock_time(event.end, now, zone)}"
    return TimelineRow(LANES[event.lane], when, event.words, event.reference)
