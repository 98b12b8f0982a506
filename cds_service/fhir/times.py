"""When a sample was drawn and when something happened: the times of Observations and their Specimens.

Pure. `issued` is when a result was published and never stands for when it was drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.fhir.reading import (
    JsonObject,
    UnusableTimeError,
    choices,
    element,
    recorded_instant,
    span_from_date_time,
    span_from_period,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from cds_service.clinical.quantity import Span
    from cds_service.fhir.chart import Chart


def choice_span(resource: JsonObject, stem: str, zone: tzinfo) -> Span | None:
    """The time in `stem`DateTime, Instant, Period or Timing (one event); None when there is none.

    Raises `UnusableTimeError` when a time is there but cannot be placed. A Period is the interval the event
    lies in and needs both ends: with one end missing there is no knowing how far off the event was.
    """
    for suffix, read in _READERS:
        value = resource.get(stem + suffix)
        if value is not None:
            return read(value, zone)
    unread = choices(resource, stem)
    if not unread:
        return None
    msg = f"the time is given as {next(iter(unread))}, which is not read"
    raise UnusableTimeError(msg)


def _single_event(timing: Any, zone: tzinfo) -> Span:
    events = element(timing).get("event")
    if not isinstance(events, list) or len(events) != 1:
        msg = "the time is a schedule, not one event"
        raise UnusableTimeError(msg)
    return span_from_date_time(events[0], zone)


_READERS: tuple[tuple[str, Callable[[Any, tzinfo], Span]], ...] = (
    ("DateTime", span_from_date_time),
    ("Instant", span_from_date_time),
    ("Period", span_from_period),
    ("Timing", _single_event),
)


def sampled_span(observation: JsonObject, chart: Chart) -> Span | None:
    """When the sample was drawn: its Specimen's collection, else effective[x]; None when neither is charted.

    Raises `UnusableTimeError` when a time is charted and none can be used.
    """
    collected = None
    if observation.get("specimen") is not None:
        specimen = chart.resolve(observation, observation["specimen"]) or {}
        collected = _collected(element(specimen.get("collection")), observation, chart)
    return collected if collected is not None else choice_span(observation, "effective", chart.zone)


def _collected(collection: JsonObject, observation: JsonObject, chart: Chart) -> Span | None:
    try:
        return choice_span(collection, "collected", chart.zone)
    except UnusableTimeError:
        if not choices(observation, "effective"):
            raise
        return None


def lenient_span(observation: JsonObject, chart: Chart) -> Span | None:
    """effective[x], or None where it is missing or unusable."""
    try:
        return choice_span(observation, "effective", chart.zone)
    except UnusableTimeError:
        return None


def recorded_at(observation: JsonObject, chart: Chart) -> datetime | None:
    """When it was written down: `issued`, else the start of effective[x]."""
    issued = recorded_instant(observation.get("issued"), chart.zone)
    effective = lenient_span(observation, chart)
    return issued if issued is not None or effective is None else effective.earliest
