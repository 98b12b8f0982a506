"""Clock times and durations as a clinician reads them. Knows the display zone; reads no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from cds_service.clinical.quantity import Span

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Hours at which the guidance changes; a rounded number must not seem to lie on the other side.
_TURNING_HOURS = (1.0, 4.0, 8.0, 24.0)
_ON_THE_HOUR = 3e-6


def clock_time(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """Such as "14:00 EST", with the date when it is not today in that zone."""
    local = instant.astimezone(zone)
    text = f"{local:%H:%M} {local.tzname()}".strip()
    return text if local.date() == now.astimezone(zone).date() else f"{text} on {day(local, now.astimezone(zone))}"


def day(local: datetime, today: datetime) -> str:
    """Such as "16 Jan", with the year when it is not this year."""
    text = f"{local.day} {_MONTHS[local.month - 1]}"
    return text if local.year == today.year else f"{text} {local.year}"


def between(start: datetime, end: datetime, now: datetime, zone: tzinfo) -> str:
    """Such as "between 14:00 and 16:00 EST"; zone and date are said once when they are the same."""
    first, last = clock_time(start, now, zone), clock_time(end, now, zone)
    return f"between {first[:5] if first[5:] == last[5:] else first} and {last}"


def span_text(span: Span, now: datetime, zone: tzinfo) -> str:
    """An instant as a clock time, an interval as "between ... and ..."."""
    if span.is_exact:
        return clock_time(span.earliest, now, zone)
    return between(span.earliest, span.latest, now, zone)


def hours_text(hours: float) -> str:
    """Hours to one decimal, to more where rounding would cross 1, 4, 8 or 24 h."""
    for digits in (1, 2, 3):
        shown = round(hours, digits)
        if all(_side(hours, turn) == _side(shown, turn) for turn in _TURNING_HOURS):
            return f"{shown:.{digits}f} h"
    turn = min(_TURNING_HOURS, key=lambda turning: abs(turning - hours))
    return f"just {'under' if hours < turn else 'over'} {turn:g} h"


def _side(hours: float, turn: float) -> int:
    """-1 before the turning hour, 0 on it (to a hundredth of a second), 1 after it."""
    return 0 if abs(hours - turn) < _ON_THE_HOUR else (1 if hours > turn else -1)
