"""Dates, times, references and the other accessors."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.quantity import Span
from cds_service.fhir.reading import (
    UnusableTimeError,
    birth_date,
    choices,
    element,
    elements,
    number,
    recorded_instant,
    reference_of,
    reference_tail,
    span_from_date_time,
    span_from_period,
    text,
)
from tests.fhir.mapped import at, instant, whole_day


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-15T08:00:00Z", instant(8)),
        ("2026-01-15T08:00:00.000Z", instant(8)),
        ("2026-01-15T08:00Z", instant(8)),
        ("2026-01-15T03:00:00-05:00", instant(8)),
        ("2026-01-15T18:00:00+10:00", instant(8)),
        (" 2026-01-15T08:00:00Z ", instant(8)),
        ("2026-01-15T08:00:00.123456789Z", Span.at(at(8) + timedelta(microseconds=123456))),
        ("2026-01-15T08:00:00.5Z", Span.at(at(8) + timedelta(milliseconds=500))),
        ("2026-01-15", whole_day()),
        ("2026-01", Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))),
        ("2025-12", Span(datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))),
        ("2026", Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))),
        ("2024-02-29", Span(datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))),
    ],
)
def test_fhir_times_are_read_in_utc(written: str, expected: Span) -> None:
    assert span_from_date_time(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-15T08:00:00",  # naive
        "2026-01-15T24:00:00Z",
        "2026-01-15T23:59:60Z",
        "2026-02-30",
        "2026-13-01",
        "2026-02-30T08:00:00Z",
        "2026-01-15 08:00:00Z",
        "2026-01-15T08:00:00+15:00",
        "2026-01-15T8:00:00Z",
        "15/01/2026",
        "yesterday",
        "",
        "0000",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
        "\u0662026-01-15",
        None,
        20260115,
        ["2026-01-15"],
        True,
    ],
)
def test_unusable_times_are_refused(written: Any) -> None:
    with pytest.raises(UnusableTimeError):
        span_from_date_time(written)
    assert recorded_instant(written) is None


def test_a_date_is_the_whole_day_where_it_was_written_even_when_the_clock_changes() -> None:
    day = span_from_date_time("2026-03-08", ZoneInfo("America/New_York"))
    assert day == Span(datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": "2026-01-15T02:00:00Z", "end": "2026-01-15T08:00:00Z"}, Span(at(2), at(8))),
        ({"start": "2026-01-15", "end": "2026-01-15"}, whole_day()),
        ({"start": "2026-01-15T02:00:00Z"}, None),
        ({"end": "2026-01-15T02:00:00Z"}, None),
        ({"start": "2026-01-15T08:00:00Z", "end": "2026-01-15T02:00:00Z"}, None),
        ({"start": "2026-01-15T08:00:00", "end": "2026-01-15T09:00:00"}, None),
        ({}, None),
        ("2026-01-15", None),
        (None, None),
    ],
)
def test_a_period_needs_both_ends(period: Any, expected: Span | None) -> None:
    if expected is None:
        with pytest.raises(UnusableTimeError):
            span_from_period(period)
    else:
        assert span_from_period(period) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1980-05-01", date(1980, 5, 1)),
        ("1980-05", date(1980, 5, 31)),
        ("1980", date(1980, 12, 31)),
        ("1980-02-30", None),
        ("0001", None),
        ("soon", None),
        (1980, None),
        (None, None),
    ],
)
def test_a_partial_birth_date_is_the_youngest_it_can_be(written: Any, expected: date | None) -> None:
    assert birth_date(written) == expected


@pytest.mark.parametrize(
    ("reference", "tail"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1"),
        ("https://ehr.example.org/fhir/Patient/1", "Patient/1"),
        ("#inside", None),
        ("urn:uuid:7f1e2d", None),
        ("Patient/", None),
        ("Patient/a b", None),
        ("1", None),
    ],
)
def test_references_are_read_by_their_tail(reference: str, tail: str | None) -> None:
    assert reference_tail(reference) == tail


def test_accessors_read_wrong_types_as_absent() -> None:
    assert element("x") == {}
    assert elements({"a": 1}) == [{"a": 1}]
    assert elements([1, {"a": 1}, None]) == [{"a": 1}]
    assert elements("x") == []
    assert text(5) is None
    assert text("  ") is None
    assert number(value=True) is None
    assert number("5") is None
    assert number(float("nan")) is None
    assert number(float("inf")) is None
    assert number(10**400) is None
    assert number(5) == 5.0
    assert choices({"value": 1, "valueString": "a", "valued": 2, "valueCode": None}, "value") == {"valueString": "a"}
    assert reference_of({"resourceType": "Observation"}) == "Observation"
    assert reference_of({"id": 5}) == "Resource"
