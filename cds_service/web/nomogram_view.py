"""What the nomogram page shows of one assessment: lines, levels, clock times, and nothing that names a patient.

Pure. Knows the assessment and the display zone; every number comes from `clinical`. Must not know pixels or HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Test
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Place, is_detection_limit
from cds_service.clinical.nomogram import FIRST_HOUR, LAST_HOUR, hours_on_line
from cds_service.clinical.quantity import Comparator, hours, hours_text, plain
from cds_service.hooks.clock import between, clock_time, span_text
from cds_service.hooks.summary import primary_summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.findings import Ask
    from cds_service.clinical.levels import Level
    from cds_service.clinical.quantity import Bounded

ORIGINAL_LINE_MG_L = 200.0
"""The line of the original publication; shown for comparison only, no rule uses it."""

_OFF_NOMOGRAM = "The nomogram does not apply to repeated ingestion: levels are not judged against the lines."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the nomogram by its level at 4 h (mg/L). `role`: treatment, high-risk or original."""

    role: str
    name: str
    base_mg_l: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One level of the episode. Hours since the first dose are None when they cannot be counted.

    `bound`: "=", "<" or ">". `line_mg_l`: the treatment line at the latest possible time.
    """

    value: str
    level_mg_l: float
    bound: str
    hours_from: float | None
    hours_to: float | None
    sampled: str
    place: str
    is_above: bool | None
    line_mg_l: float | None = None
    is_detection_limit: bool = False
    status: str = "final"

    @property
    def is_drawn(self) -> bool:
        """Whether any part of the level lies between 4 and 24 h."""
        if self.hours_from is None or self.hours_to is None or self.level_mg_l <= 0:
            return False
        return self.hours_to >= FIRST_HOUR and self.hours_from <= LAST_HOUR

    @property
    def hours(self) -> str:
        """The hours since the first dose in words."""
        if self.hours_from is None or self.hours_to is None:
            return "not known"
        first, last = hours_text(self.hours_from), hours_text(self.hours_to)
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something due: in words with its clock time, and in hours since the first dose, if that is known."""

    role: str
    words: str
    hours_from: float | None = None
    hours_to: float | None = None
    level_mg_l: float | None = None
    """Of a crossing: the level that meets the line there."""


@dataclass(frozen=True, slots=True)
class NomogramView:
    """All that one nomogram page shows. `finding` is the summary of the card; `now_hours` may be None."""

    finding: str
    topic: str | None
    profile: str
    ingestion: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    moments: tuple[Moment, ...]
    now: str
    now_hours: float | None = None
    does_not_apply: str = ""
    """Why no level may be judged against the lines; blank when they may."""


def nomogram_view(assessment: Assessment, zone: tzinfo) -> NomogramView:
    """The view of an assessment, with clock times in `zone`."""
    levels = assessment.levels
    category = assessment.category
    return NomogramView(
        finding="No recommendation on these data" if category is None else primary_summary(assessment, zone),
        topic=None if category is None else category.value,
        profile=assessment.profile.title,
        ingestion=_ingestion(assessment, zone),
        lines=tuple(_lines(assessment)),
        marks=tuple(_mark(level, assessment, zone) for level in levels),
        moments=tuple(_moments(assessment, levels, zone)),
        now=clock_time(assessment.now, assessment.now, zone),
        now_hours=_since_first(assessment, assessment.now),
        does_not_apply=_OFF_NOMOGRAM if assessment.ingestion.pattern is Pattern.REPEATED else "",
    )


def has_nomogram(assessment: Assessment) -> bool:
    """Whether there is anything to look at: a level, or an ingestion whose hours can be counted.

    A repeated ingestion has none: drawing its levels against the lines would mislead.
    """
    if assessment.category is None or assessment.ingestion.pattern is Pattern.REPEATED:
        return False
    return assessment.ingestion.first is not None or bool(assessment.levels)


def _ingestion(assessment: Assessment, zone: tzinfo) -> str:
    ingestion = assessment.ingestion
    if ingestion.first is None:
        return ingestion.pattern.value
    return f"{ingestion.pattern.value}, first dose {span_text(ingestion.first, assessment.now, zone)}"


def _lines(assessment: Assessment) -> Iterator[Line]:
    profile = assessment.profile
    yield Line("high-risk", "High-risk line", profile.high_risk_line_mg_l)
    if profile.treatment_line_mg_l < ORIGINAL_LINE_MG_L:
        yield Line("original", "Original line", ORIGINAL_LINE_MG_L)
    yield Line("treatment", "Treatment line", profile.treatment_line_mg_l)


def _mark(level: Level, assessment: Assessment, zone: tzinfo) -> Mark:
    reported, elapsed, point = level.reported, level.elapsed, level.point
    has_time = elapsed is not None and level.sampled is not None
    return Mark(
        value=level.result.charted if reported is None else f"{reported} mg/L",
        level_mg_l=0.0 if reported is None else reported.value,
        bound="=" if reported is None else _bound(reported),
        hours_from=elapsed.shortest_h if elapsed is not None and has_time else None,
        hours_to=elapsed.longest_h if elapsed is not None and has_time else None,
        sampled="not known" if level.sampled is None else span_text(level.sampled, assessment.now, zone),
        place=level.place.value,
        is_above={Place.ABOVE: True, Place.BELOW: False}.get(level.place),
        line_mg_l=point.line_mg_l if point and has_time else None,
        is_detection_limit=reported is not None and is_detection_limit(reported),
        status=level.result.status,
    )


def _bound(reported: Bounded) -> str:
    if reported.comparator is Comparator.EQUAL:
        return "="
    return reported.comparator.value[0]


def _moments(assessment: Assessment, levels: tuple[Level, ...], zone: tzinfo) -> Iterator[Moment]:
    """What is due, most pressing first."""
    now = assessment.now
    if assessment.start_by is not None:
        at = assessment.start_by
        yield _moment("start-by", f"Start NAC by {clock_time(at, now, zone)} if no result is back", assessment, at, at)
    for ask in assessment.asks:
        if ask.test is Test.ACETAMINOPHEN and ask.not_before is not None:
            yield _due(ask, ask.not_before, assessment, zone)
    if assessment.crosses_at is not None:
        yield _crossing(assessment, levels, assessment.crosses_at, zone)


def _due(ask: Ask, start: datetime, assessment: Assessment, zone: tzinfo) -> Moment:
    end = ask.not_after or start
    when = clock_time(start, assessment.now, zone) if end == start else between(start, end, assessment.now, zone)
    return _moment("level-due", f"Next level due {when}", assessment, start, end)


def _moment(role: str, words: str, assessment: Assessment, start: datetime, end: datetime) -> Moment:
    return Moment(role, words, _since_first(assessment, start), _since_first(assessment, end))


def _crossing(assessment: Assessment, levels: tuple[Level, ...], crosses_at: datetime, zone: tzinfo) -> Moment:
    """t_cross: hours since the ingestion at which the level it was found for lies on the treatment line."""
    words = f"On the treatment line if ingested at or before {clock_time(crosses_at, assessment.now, zone)}"
    for level in levels:
        if level.sampled is None or level.reported is None or level.reported.value <= 0:
            continue
        crossing = hours_on_line(assessment.profile.treatment_line_mg_l, level.reported.value)
        if level.sampled.latest - timedelta(hours=crossing) == crosses_at:
            words = f"{words} ({plain(level.reported.value)} mg/L at {hours_text(crossing)})"
            return Moment("crossing", words, crossing, crossing, level.reported.value)
    return Moment("crossing", words)


def _since_first(assessment: Assessment, instant: datetime) -> float | None:
    """Hours since the (earliest possible) first dose; None when that is not known."""
    first = assessment.ingestion.first
    return None if first is None or not assessment.ingestion.is_timed else hours(instant - first.earliest)
