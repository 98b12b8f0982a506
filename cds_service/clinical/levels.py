"""Every acetaminophen level of the episode, placed in time and against the lines.

A level is never dropped: what cannot be settled stays unsettled and keeps "not indicated" from being said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.findings import any_of
from cds_service.clinical.nomogram import NomogramPoint, four_hour_equivalent, plot
from cds_service.clinical.quantity import Analyte, Bounded, Comparator, Elapsed, Span
from cds_service.clinical.thresholds import (
    CLOCK_TOLERANCE,
    DETECTION_LIMIT_MAX,
    NOMOGRAM_END,
    NOMOGRAM_START,
    RESULT_NEAR_EXPOSURE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.facts import LabResult, PatientFacts
    from cds_service.clinical.ingestion import Ingestion
    from cds_service.clinical.profiles import Profile


class Place(StrEnum):
    """Where a timed level lies."""

    ABOVE = "on or above the line"
    BELOW = "below the line"
    WITHIN_DETECTION_LIMIT = "below a detection limit that lies above the line"
    UNDECIDED = "the time or value cannot settle it"
    TOO_EARLY = "before 4 h"
    BEYOND = "after 24 h"
    BEFORE_INGESTION = "before the recorded ingestion"
    UNREADABLE = "no usable value"


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the episode. `elapsed` and `point` only where hours since the first dose can be counted."""

    result: LabResult
    sampled: Span | None
    elapsed: Elapsed | None
    point: NomogramPoint | None
    place: Place
    is_past_24_h: bool | None = None
    """Whether the sample was drawn more than 24 h after the first dose; None when it may have been."""

    @property
    def reported(self) -> Bounded | None:
        """The reported value in mg/L; None when unusable."""
        return self.result.reported

    @property
    def is_interpretable(self) -> bool:
        """Whether the level can be read at all: it has a value, a time, and is not before 4 h."""
        if self.place is Place.UNDECIDED and self.sampled is None:
            return False
        return self.place not in {Place.TOO_EARLY, Place.UNREADABLE, Place.BEFORE_INGESTION}


def levels_of(facts: PatientFacts, ingestion: Ingestion, profile: Profile, now: datetime) -> tuple[Level, ...]:
    """The levels of the episode, oldest first; a level without a usable time may be any time since ingestion."""
    since = profile.episode_start(now)
    results = [r for r in facts.of(Analyte.ACETAMINOPHEN) if r.sampled is None or r.sampled.latest >= since]
    levels = [_level(result, ingestion, profile, now) for result in results]
    return tuple(sorted(levels, key=lambda level: (level.sampled or Span.at(now), level.result.reference)))


def usable_sample_time(sampled: Span | None, now: datetime) -> Span | None:
    """The sample time, not reaching past now; a sample charted in the future has no usable time."""
    if sampled is None or sampled.earliest > now + timedelta(hours=CLOCK_TOLERANCE.value):
        return None
    return sampled.capped(now)


def with_usable_time(result: LabResult, now: datetime) -> LabResult:
    """The result, with its time as far as it can be used."""
    if result.sampled is None or result.sampled.latest <= now:
        return result
    return result._replace(sampled=usable_sample_time(result.sampled, now))


def _level(result: LabResult, ingestion: Ingestion, profile: Profile, now: datetime) -> Level:
    sampled = usable_sample_time(result.sampled, now)
    if result.reported is None:
        return Level(result, sampled, None, None, Place.UNREADABLE)
    if not ingestion.is_timed or ingestion.first is None:
        return Level(result, sampled, None, None, Place.UNDECIDED)
    elapsed = Elapsed.between(ingestion.first, sampled or _since_ingestion(ingestion.first, now))
    return _timed(result, result.reported, sampled, elapsed, profile)


def _since_ingestion(first: Span, now: datetime) -> Span:
    """Any time since the first dose: where a sample without a usable time must lie."""
    return Span(first.earliest, max(now, first.latest))


def _timed(result: LabResult, reported: Bounded, sampled: Span | None, elapsed: Elapsed, profile: Profile) -> Level:
    past = _is_past_24_h(elapsed)
    if elapsed.longest_h < 0:
        return Level(result, sampled, elapsed, None, Place.BEFORE_INGESTION, past)
    if not NOMOGRAM_START.reached_by_number(elapsed.longest_h):
        return Level(result, sampled, elapsed, None, Place.TOO_EARLY, past)
    if past is True:
        return Level(result, sampled, elapsed, None, Place.BEYOND, past)
    point = plot(reported, elapsed, profile)
    return Level(result, sampled, elapsed, point, _place(point, elapsed), past)


def _is_past_24_h(elapsed: Elapsed) -> bool | None:
    if NOMOGRAM_END.reached_by_number(elapsed.shortest_h):
        return True
    return None if NOMOGRAM_END.reached_by_number(elapsed.longest_h) else False


def _place(point: NomogramPoint, elapsed: Elapsed) -> Place:
    reached = point.is_on_or_above_line
    if reached:
        return Place.ABOVE
    if not NOMOGRAM_START.reached_by_number(elapsed.shortest_h):
        return Place.UNDECIDED
    if reached is False:
        return Place.BELOW
    return Place.WITHIN_DETECTION_LIMIT if is_detection_limit(point.level) else Place.UNDECIDED


def is_detection_limit(level: Bounded) -> bool:
    """Whether "<X" can be an assay's reporting limit; "<200" is not, and proves nothing about the line."""
    below = level.comparator in {Comparator.LESS, Comparator.LESS_OR_EQUAL}
    return below and not DETECTION_LIMIT_MAX.reached_by_number(level.value)


def is_shortly_before(level: Level) -> bool:
    """Whether a level from before the recorded ingestion is near enough to cast doubt on its time."""
    return level.elapsed is not None and not RESULT_NEAR_EXPOSURE.reached_by_number(-level.elapsed.longest_h)


def is_detectable(levels: Sequence[Level], threshold_mg_l: float) -> bool | None:
    """Whether any level reaches `threshold_mg_l`; None when one is unreadable or its bound cannot tell."""
    return any_of(None if lv.reported is None else lv.reported.at_least(threshold_mg_l) for lv in levels)


def leading_level(levels: Sequence[Level]) -> Level | None:
    """The level that lies highest against the lines, to be shown on the card; None when none is plotted."""
    plotted = [level for level in levels if level.point is not None]
    return max(plotted, key=_height, default=None)


def _height(level: Level) -> float:
    point = level.point
    return 0.0 if point is None else four_hour_equivalent(point.level.value, point.hours)
