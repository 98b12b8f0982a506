"""Clock times as a clinician reads them. Knows the display zone; reads no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from cds_service.clinical.quantity import Span

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clock_time(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """Such as "14:00 EST", with the date when it is not today in that zone."""
    local, today = instant.astimezone(zone), now.astimezone(zone)
    text = f"{local.hour:02}:{local.minute:02} {local.tzname()}".strip()
    return text if local.date() == today.date() else f"{text} on {day(local, today)}"


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
