"""Lenient accessors for JSON that may hold anything, and the one reader of FHIR dates and times.

Pure. Whatever has the wrong type reads as absent; no function here raises for any JSON value. Inbound
resources stay plain dicts: validating them against FHIR models costs a hundred times more than reading. The many plain
results of a prefetch do not even become that (`plain_results.py`).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from cds_service.clinical.quantity import QuantityError, Span

JsonObject = dict[str, Any]
"""A FHIR resource or element as parsed JSON."""

LARGEST_NUMBER = 1e15
"""No charted number is as large as this, or as far below nothing."""
_NUMBERS = (int, float)
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2200
_WIDEST_OFFSET = timedelta(hours=14)
_LONGEST_TEXT = 500
_LONGEST_TIME = 40
_LONGEST_REFERENCE = 2000

_DATE_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
# The form of most times, of which reading part by part costs ten times as much as the language's own reader.
_TO_SHAPE = str.maketrans("123456789", "000000000")
_PLAIN_INSTANTS = frozenset({"0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z", "0000-00-00T00:00:00.000000Z"})
_BARE_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_REFERENCE = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-._]{1,64})(?:/_history/[^/]+)?$", re.ASCII)


class UnusableTimeError(ValueError):
    """A charted time that cannot be placed on the time line; the message says why, in words for a card."""


def element(value: Any) -> JsonObject:
    """The value when it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def elements(value: Any) -> list[JsonObject]:
    """The objects in a list; a lone object stands for a list of one."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, dict)]
    return [value] if isinstance(value, dict) else []


def text(value: Any) -> str | None:
    """A text that is not blank, trimmed and cut at a length no card needs."""
    if not isinstance(value, str):
        return None
    trimmed = value.strip()
    return (trimmed if len(trimmed) <= _LONGEST_TEXT else trimmed[:_LONGEST_TEXT].strip()) or None


def token(value: Any) -> str:
    """A FHIR code in lower case; empty when absent."""
    return (text(value) or "").casefold()


def number(value: Any) -> float | None:
    """A finite JSON number of a sane size; True, "5" and NaN are not numbers."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    return float(value) if -LARGEST_NUMBER < value < LARGEST_NUMBER else None


def choices(resource: JsonObject, stem: str) -> dict[str, Any]:
    """The members of a choice element `stem[x]` that are there: {"valueQuantity": ...}."""
    size = len(stem)
    found: dict[str, Any] = {}
    for name in [name for name in resource if name.startswith(stem)]:
        value = resource[name]
        if value is not None and name[size : size + 1].isupper():
            found[name] = value
    return found


def reference_of(resource: JsonObject) -> str:
    """The "Type/id" of a resource; the type alone when it has no id."""
    logical_id, resource_type = text(resource.get("id")), text(resource.get("resourceType")) or "Resource"
    return f"{resource_type}/{logical_id}" if logical_id else resource_type


def reference_tail(reference: str) -> str | None:
    """The "Type/id" of a relative or absolute literal reference, versioned or not; None for any other."""
    return _reference_tail(reference) if len(reference) <= _LONGEST_REFERENCE else None


@lru_cache(maxsize=8192)
def _reference_tail(reference: str) -> str | None:
    found = _REFERENCE.search(reference.strip())
    return f"{found['type']}/{found['id']}" if found else None


def target_of(value: Any) -> str | None:
    """What a Reference points to, as written; a bare text is taken for the reference itself."""
    return text(value) if isinstance(value, str) else text(element(value).get("reference"))


def subject_named(value: Any) -> str | None:
    """The "Type/id" a subject names, a bare id being a patient's.

    None for one that cannot be compared: absent, blank, no reference, a urn, a contained resource, an identifier.
    """
    target = target_of(value) or ""
    return reference_tail(target) or (f"Patient/{target}" if _BARE_ID.fullmatch(target) else None)


# Dates and times


def span_from_date_time(value: Any, zone: tzinfo = UTC) -> Span:
    """The instant, or the interval a partial date stands for: that whole day, month or year in `zone`.

    Raises `UnusableTimeError` for anything else: no time zone beside a time of day, 24:00, a leap
    second, years outside 1900-2200, other types.
    """
    if not isinstance(value, str):
        msg = "the time is not a text"
        raise UnusableTimeError(msg)
    written = value.strip()
    if len(written) > _LONGEST_TIME:
        msg = f"{written[:_LONGEST_TIME]!r} is not a FHIR date or time"
        raise UnusableTimeError(msg)
    return _span_from_text(written, zone)


@lru_cache(maxsize=8192)
def _span_from_text(value: str, zone: tzinfo) -> Span:
    if value.translate(_TO_SHAPE) in _PLAIN_INSTANTS and _EARLIEST_YEAR <= int(value[:4]) <= _LATEST_YEAR:
        with suppress(ValueError):  # of which the words are found below
            return Span.at(datetime.fromisoformat(value))
    parts = _DATE_TIME.fullmatch(value)
    if parts is None:
        msg = f"{value!r} is not a FHIR date or time"
        raise UnusableTimeError(msg)
    if not _EARLIEST_YEAR <= int(parts["year"]) <= _LATEST_YEAR:
        msg = f"{value!r} is not a plausible date"
        raise UnusableTimeError(msg)
    try:
        return Span.at(_instant(parts)) if parts["clock"] else _days(parts, zone)
    except QuantityError:
        msg = f"{value!r} has no time zone"
        raise UnusableTimeError(msg) from None
    except ValueError:
        msg = f"{value!r} is not a possible date or time"
        raise UnusableTimeError(msg) from None


def _instant(parts: re.Match[str]) -> datetime:
    hour, minute = (int(number_text) for number_text in parts["clock"].split(":"))
    microsecond = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    day = int(parts["year"]), int(parts["month"]), int(parts["day"])
    return datetime(*day, hour, minute, int(parts["second"] or 0), microsecond, tzinfo=_offset(parts["zone"]))


def _offset(written: str | None) -> tzinfo | None:
    if written is None:
        return None
    if written == "Z":
        return UTC
    size = timedelta(hours=int(written[1:3]), minutes=int(written[4:6]))
    if size > _WIDEST_OFFSET:
        msg = "no place on earth has this offset"
        raise ValueError(msg)
    return timezone(-size if written[0] == "-" else size)


def _days(parts: re.Match[str], zone: tzinfo) -> Span:
    first, last = _first_and_last_day(parts)
    return Span(_midnight(first, zone), _midnight(last + timedelta(days=1), zone))


def _first_and_last_day(parts: re.Match[str]) -> tuple[date, date]:
    year, month, day = int(parts["year"]), int(parts["month"] or 1), int(parts["day"] or 1)
    first = date(year, month, day)
    if parts["day"]:
        return first, first
    following = date(year + 1, 1, 1) if parts["month"] is None or month == 12 else date(year, month + 1, 1)  # noqa: PLR2004 -- December
    return first, following - timedelta(days=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def span_from_period(value: Any, zone: tzinfo = UTC) -> Span:
    """From the start of a Period (its earliest reading) to its end (its latest).

    Raises `UnusableTimeError` when either end is missing: what lies beyond is not known.
    """
    period = element(value)
    if period.get("start") is None or period.get("end") is None:
        msg = "the period is open"
        raise UnusableTimeError(msg)
    start, end = span_from_date_time(period["start"], zone), span_from_date_time(period["end"], zone)
    if end.latest < start.earliest:
        msg = "the period ends before it starts"
        raise UnusableTimeError(msg)
    return Span(start.earliest, end.latest)


def recorded_instant(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """The earliest instant a record's date stands for; None when absent or unusable."""
    try:
        return span_from_date_time(value, zone).earliest
    except UnusableTimeError:
        return None


def birth_date(value: Any) -> date | None:
    """A birth date; of a partial one the latest day it can be (the youngest age). None when unusable."""
    parts = _DATE_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None or not _EARLIEST_YEAR <= int(parts["year"]) <= _LATEST_YEAR:
        return None
    try:
        return _first_and_last_day(parts)[1]
    except ValueError:
        return None
