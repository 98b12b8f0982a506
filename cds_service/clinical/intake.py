"""How much acetaminophen was taken, and whether that is a toxic amount.

Amounts are known only as charted: `is_complete` says whether every counted record gave one, without
which an amount is a lower bound and can prove "toxic" but never "below the toxic threshold".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Exposure, ExposureKind
from cds_service.clinical.findings import any_of
from cds_service.clinical.quantity import hours
from cds_service.clinical.thresholds import (
    TOXIC_DAILY_48H_MG_KG,
    TOXIC_DAILY_72H_MG_KG,
    TOXIC_DAILY_G,
    TOXIC_SINGLE_DOSE_G,
    TOXIC_SINGLE_DOSE_MG_KG,
    YOUNG_CHILD,
    Threshold,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DAY_H, _TWO_DAYS_H, _THREE_DAYS_H = 24.0, 48.0, 72.0


@dataclass(frozen=True, slots=True)
class Intake:
    """Reported acetaminophen: the largest amounts in any 24, 48 and 72 h, in mg; None when nothing is reported."""

    in_24h_mg: float | None = None
    in_48h_mg: float | None = None
    in_72h_mg: float | None = None
    is_complete: bool = False

    @property
    def in_24h_g(self) -> float | None:
        """The largest amount in any 24 h, in g."""
        return None if self.in_24h_mg is None else self.in_24h_mg / 1000


@dataclass(frozen=True, slots=True)
class Body:
    """Age and weight as far as the toxic thresholds need them.

    `is_weight_floor`: the weight is only a lower bound, which can prove an amount harmless but not toxic.
    """

    age_years: float | None
    weight_kg: float | None
    is_weight_floor: bool = False

    @property
    def is_young_child(self) -> bool | None:
        """Under six years; None when the age is not known."""
        return None if self.age_years is None else YOUNG_CHILD.reached_by_number(self.age_years)


def intake_of(records: Sequence[Exposure]) -> Intake:
    """The amounts these exposures add up to; a reported total and the single records are not added together."""
    reported = [r.amount_mg for r in records if r.kind is ExposureKind.REPORTED_AMOUNT and r.amount_mg is not None]
    medications = [r for r in records if r.kind is ExposureKind.MEDICATION]
    windows = [_peak(medications, window_h) for window_h in (_DAY_H, _TWO_DAYS_H, _THREE_DAYS_H)]
    top = max(reported, default=None)
    day, two_days, three_days = (_larger(top, peak) for peak in windows)
    every_amount = all(r.amount_mg is not None or r.daily_amount_mg is not None for r in medications)
    return Intake(day, two_days, three_days, is_complete=bool(reported) or (bool(medications) and every_amount))


def _larger(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _peak(records: Sequence[Exposure], window_h: float) -> float | None:
    """The largest amount in any window (mg).

    Statements and administrations may tell of the same doses: the larger account counts, not their sum.
    """
    if not records:
        return None
    known = [r for r in records if r.amount_mg is not None or r.daily_amount_mg is not None]
    accounts = {r.reference.partition("/")[0] for r in known}
    return max(
        (_peak_of([r for r in known if r.reference.partition("/")[0] == account], window_h) for account in accounts),
        default=None,
    )


def _peak_of(known: Sequence[Exposure], window_h: float) -> float:
    """The largest sum of single doses in any window, plus what courses give in that time (mg)."""
    courses = sum(_course_mg(r, window_h) for r in known if r.is_course)
    single = [r for r in known if not r.is_course]
    return courses + max((_sum_from(start, single, window_h) for start in single), default=0.0)


def _course_mg(record: Exposure, window_h: float) -> float:
    if record.daily_amount_mg is None:
        return record.amount_mg or 0.0
    length_h = window_h
    if record.taken is not None and not record.taken.is_exact:
        length_h = min(window_h, max(hours(record.taken.latest - record.taken.earliest), _DAY_H))
    return record.daily_amount_mg * length_h / _DAY_H


def _sum_from(start: Exposure, records: Iterable[Exposure], window_h: float) -> float:
    """Doses from `start` on within the window; a dose without a time is counted in every window."""
    return sum(record.amount_mg or 0.0 for record in records if _falls_within(start, record, window_h))


def _falls_within(start: Exposure, record: Exposure, window_h: float) -> bool:
    if start.taken is None or record.taken is None:
        return True
    return record.taken.latest >= start.taken.earliest and record.taken.earliest - start.taken.earliest <= timedelta(
        hours=window_h
    )


def is_toxic(intake: Intake, body: Body) -> bool | None:
    """Whether the amount reaches a toxic threshold; None when amount, age or weight cannot settle it."""
    reached = any_of(_reached(amount, days, limit, body) for amount, days, limit in _limits(intake, body))
    return None if reached is False and not intake.is_complete else reached


def is_toxic_within_a_day(intake: Intake, body: Body) -> bool | None:
    """Whether the amount of any 24 h reaches 10 g or 200 mg/kg; None when amount or weight cannot settle it."""
    limits = (TOXIC_SINGLE_DOSE_G, TOXIC_SINGLE_DOSE_MG_KG)
    reached = any_of(_reached(intake.in_24h_mg, 1, limit, body) for limit in limits)
    return None if reached is False and not intake.is_complete else reached


def _limits(intake: Intake, body: Body) -> list[tuple[float | None, int, Threshold]]:
    """The amounts to compare with the thresholds for this age; an unknown age has to pass both sets."""
    limits = [(intake.in_24h_mg, 1, TOXIC_SINGLE_DOSE_MG_KG), (intake.in_48h_mg, 2, TOXIC_DAILY_48H_MG_KG)]
    if body.is_young_child is not True:
        limits += [(intake.in_24h_mg, 1, TOXIC_SINGLE_DOSE_G), (intake.in_48h_mg, 2, TOXIC_DAILY_G)]
    if body.is_young_child is not False:
        limits += [(intake.in_72h_mg, 3, TOXIC_DAILY_72H_MG_KG)]
    return limits


def _reached(amount_mg: float | None, days: int, limit: Threshold, body: Body) -> bool | None:
    if amount_mg is None:
        return None
    if limit.unit.startswith("g"):
        return limit.reached_by_number(amount_mg / 1000 / days)
    if body.weight_kg is None:
        return None
    reached = limit.reached_by_number(amount_mg / body.weight_kg / days)
    return None if reached and body.is_weight_floor else reached
