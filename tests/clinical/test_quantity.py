from __future__ import annotations

import math
import operator
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.quantity import (
    Analyte,
    Bounded,
    Comparator,
    Elapsed,
    QuantityError,
    Span,
    apart,
    hours,
    hours_text,
    in_canonical_unit,
    plain,
    unit_factor,
)
from tests.clinical.facts_builders import bounded

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "canonical"),
    [
        (Analyte.ACETAMINOPHEN, 150, "mg/L", 150),
        (Analyte.ACETAMINOPHEN, 150, "ug/mL", 150),
        (Analyte.ACETAMINOPHEN, 150, "mcg/mL", 150),
        (Analyte.ACETAMINOPHEN, 150, "\u00b5g/mL", 150),
        (Analyte.ACETAMINOPHEN, 150, "\u03bcg/mL", 150),
        (Analyte.ACETAMINOPHEN, 15, "mg/dL", 150),
        (Analyte.ACETAMINOPHEN, 0.15, "g/L", 150),
        (Analyte.ACETAMINOPHEN, 6.6154, "umol/L", 1.0),
        (Analyte.ACETAMINOPHEN, 992.31, "\u00b5mol/L", 150.0),
        (Analyte.ACETAMINOPHEN, 0.99231, "mmol/L", 150.0),
        (Analyte.ACETAMINOPHEN, 150_000, "ng/mL", 150),
        (Analyte.ACETAMINOPHEN, 150_000, "ug/L", 150),
        (Analyte.ACETAMINOPHEN, 150, " MG/L ", 150),
        (Analyte.ALT, 40, "U/L", 40),
        (Analyte.ALT, 40, "IU/L", 40),
        (Analyte.ALT, 40, "[iU]/L", 40),
        (Analyte.AST, 17, "ukat/L", 1020),
        (Analyte.AST, 17, "\u00b5kat/L", 1020),
        (Analyte.AST, 17_000, "nkat/L", 1020),
        (Analyte.INR, 1.5, None, 1.5),
        (Analyte.INR, 1.5, "{INR}", 1.5),
        (Analyte.INR, 1.5, "1", 1.5),
        (Analyte.ARTERIAL_PH, 7.29, "[pH]", 7.29),
        (Analyte.BILIRUBIN, 171.0, "umol/L", 9.998),
        (Analyte.CREATININE, 300.56, "umol/L", 3.400),
        (Analyte.LACTATE, 31.53, "mg/dL", 3.500),
        (Analyte.PHOSPHATE, 1.2107, "mmol/L", 3.750),
        (Analyte.WEIGHT, 154.324, "lb", 70.0),
        (Analyte.WEIGHT, 154.324, "[lb_av]", 70.0),
        (Analyte.WEIGHT, 4200, "g", 4.2),
        (Analyte.DOSE, 10, "g", 10_000),
        (Analyte.DURATION, 90, "min", 1.5),
    ],
)
def test_units_are_converted(analyte: Analyte, value: float, unit: str | None, canonical: float) -> None:
    assert in_canonical_unit(analyte, value, unit) == pytest.approx(canonical, rel=1e-4)


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "says"),
    [
        (Analyte.ACETAMINOPHEN, 150, None, "no unit"),
        (Analyte.ACETAMINOPHEN, 150, "", "no unit"),
        (Analyte.ACETAMINOPHEN, 150, "  ", "no unit"),
        (Analyte.ACETAMINOPHEN, 150, "U/L", "unknown unit"),
        (Analyte.ACETAMINOPHEN, 150, "mg", "unknown unit"),
        (Analyte.ACETAMINOPHEN, 150, "mg/m3", "unknown unit"),
        (Analyte.ALT, 40, "mg/L", "unknown unit"),
        (Analyte.WEIGHT, 70, None, "no unit"),
        (Analyte.WEIGHT, 11, "[stone_av]", "unknown unit"),
        (Analyte.ACETAMINOPHEN, -1, "mg/L", "not a possible value"),
        (Analyte.ACETAMINOPHEN, math.nan, "mg/L", "not a possible value"),
        (Analyte.ACETAMINOPHEN, math.inf, "mg/L", "not a possible value"),
        (Analyte.ACETAMINOPHEN, 1e308, "g/L", "not a possible value"),
    ],
)
def test_what_cannot_be_read_is_refused(analyte: Analyte, value: float, unit: str | None, says: str) -> None:
    with pytest.raises(QuantityError, match=says):
        in_canonical_unit(analyte, value, unit)


def test_an_unknown_unit_has_no_factor() -> None:
    assert unit_factor(Analyte.ACETAMINOPHEN, "furlong") is None


@pytest.mark.parametrize(
    ("reported", "threshold", "at_least", "above"),
    [
        (10, 10, True, False),
        (9.9, 10, False, False),
        (10.1, 10, True, True),
        (10 * (1 - 1e-12), 10, True, False),
        (10 * (1 + 1e-12), 10, True, False),
        ("<10", 10, False, False),
        ("<10", 9, None, None),
        ("<10", 11, False, False),
        ("<=10", 10, None, False),
        ("<=10", 9, None, None),
        ("<=10", 11, False, False),
        (">10", 10, True, True),
        (">10", 9, True, True),
        (">10", 11, None, None),
        (">=10", 10, True, None),
        (">=10", 9, True, True),
        (">=10", 11, None, None),
    ],
)
def test_a_bound_settles_only_what_it_proves(
    reported: float | str, threshold: float, *, at_least: bool | None, above: bool | None
) -> None:
    value = bounded(reported)
    assert value is not None
    assert value.at_least(threshold) is at_least
    assert value.above(threshold) is above
    assert value.below(threshold) is (None if at_least is None else not at_least)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (182.4, "182"),
        (75.0, "75"),
        (74.96, "75"),
        (106.07, "106"),
        (99.96, "100"),
        (9.375, "9.38"),
        (0.5, "0.5"),
        (0, "0"),
        (0.00001, "0.00001"),
        (1_000_000, "1000000"),
    ],
)
def test_numbers_are_written_plainly(value: float, shown: str) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8.0, "8.0 h"),
        (8.04, "8.04 h"),
        (3.99, "3.99 h"),
        (3.96, "3.96 h"),
        (3.9999, "just under 4 h"),
        (24.0001, "just over 24 h"),
        (23.999_999_9, "24.0 h"),
        (6.26, "6.3 h"),
    ],
)
def test_hours_are_not_rounded_over_a_limit(value: float, shown: str) -> None:
    assert hours_text(value) == shown


@pytest.mark.parametrize("compared", [operator.lt, operator.le, operator.gt, operator.ge])
def test_what_may_be_a_bound_has_no_order(compared: Callable[[Bounded, Bounded], bool]) -> None:
    with pytest.raises(TypeError, match="ask at_least"):
        compared(Bounded(1.0), Bounded(2.0))


def test_a_bound_is_written_with_its_sign() -> None:
    assert str(Bounded(10, Comparator.LESS)) == "<10"
    assert str(Bounded(182)) == "182"


# --- spans ----------------------------------------------------------------------------------------

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(QuantityError, match="time zone"):
        Span.at(datetime(2026, 1, 15, 12))  # noqa: DTZ001 -- the naive time is the point
    with pytest.raises(QuantityError, match="time zone"):
        Span(NOON, datetime(2026, 1, 15, 13))  # noqa: DTZ001


def test_an_interval_that_runs_backwards_is_refused() -> None:
    with pytest.raises(QuantityError, match="ends before"):
        Span(NOON, NOON - timedelta(minutes=1))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_leaves_the_calendar_in_utc_is_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="outside the calendar"):
        Span.at(datetime.fromisoformat(text))


def test_spans_are_kept_in_utc() -> None:
    brisbane = timezone(timedelta(hours=10))
    assert Span.at(datetime(2026, 1, 15, 22, tzinfo=brisbane)) == Span.at(NOON)


def test_elapsed_time_counts_instants_over_a_clock_change() -> None:
    """02:00-05:00 and 02:00-04:00 offsets on the day clocks go back in New York: 8 h, not 7."""
    before = datetime.fromisoformat("2026-11-01T00:30:00-04:00")
    after = datetime.fromisoformat("2026-11-01T07:30:00-05:00")
    assert hours(after - before) == 8
    assert Elapsed.between(Span.at(before), Span.at(after)) == Elapsed(8, 8)


def test_elapsed_is_a_range_when_a_time_is_an_interval() -> None:
    start = Span(NOON, NOON + timedelta(hours=2))
    elapsed = Elapsed.between(start, Span.at(NOON + timedelta(hours=6)))
    assert (elapsed.shortest_h, elapsed.longest_h, elapsed.is_exact) == (4, 6, False)
    assert not start.is_exact


def test_a_span_contains_a_narrower_one() -> None:
    day = Span(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
    assert day.contains(Span.at(NOON))
    assert day.contains(day)
    assert day.contains(Span.at(day.earliest))
    assert day.contains(Span.at(day.latest))
    assert not Span.at(NOON).contains(day)


@pytest.mark.parametrize(
    ("latest", "capped"),
    [
        (NOON + timedelta(hours=1), Span(NOON, NOON + timedelta(hours=1))),
        (NOON + timedelta(hours=3), Span(NOON, NOON + timedelta(hours=2))),
        (NOON - timedelta(hours=1), Span(NOON, NOON + timedelta(hours=2))),
    ],
)
def test_a_span_does_not_reach_past_the_present(latest: datetime, capped: Span) -> None:
    assert Span(NOON, NOON + timedelta(hours=2)).capped(latest) == capped


@pytest.mark.parametrize(
    ("level_mg_l", "line_mg_l", "shown"),
    [
        pytest.param(120.0, 75.0, ("120", "75"), id="far-apart"),
        pytest.param(75.0, 75.0, ("75", "75"), id="on-the-line"),
        pytest.param(74.96, 75.0, ("74.96", "75"), id="hundredths-under"),
        pytest.param(106.07, 106.066017, ("106.07", "106.066"), id="thousandths-over"),
        pytest.param(75.0000004, 75.0, ("75.000000", "75.000000"), id="nearly-noise"),
    ],
)
def test_a_level_beside_the_line_never_looks_equal_to_it(
    level_mg_l: float, line_mg_l: float, shown: tuple[str, str]
) -> None:
    assert apart(level_mg_l, line_mg_l) == shown
