"""The weight a dose may be calculated for, or why no dose is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.intake import Body
from cds_service.clinical.quantity import plain
from cds_service.clinical.thresholds import (
    ADULT_AGE,
    ADULT_WEIGHT_MIN,
    CLOCK_TOLERANCE,
    WEIGHT_CHANGE,
    WEIGHT_MAX,
    WEIGHT_MIN,
    WEIGHT_STALE_ADULT,
    WEIGHT_STALE_CHILD,
)

if TYPE_CHECKING:
    from cds_service.clinical.facts import PatientFacts, Weight


@dataclass(frozen=True, slots=True)
class UsableWeight:
    """A weight that may be dosed on."""

    weight: Weight


@dataclass(frozen=True, slots=True)
class UnusableWeight:
    """Why no weight may be dosed on, in words for a card."""

    because: str
    weight: Weight | None = None


def dosing_weight(facts: PatientFacts, now: datetime) -> UsableWeight | UnusableWeight:
    """The newest weight if it is dated, recent, plausible and in keeping with the one before."""
    dated = _dated(facts, now)
    if not dated:
        return UnusableWeight("no dated body weight is charted: weigh the patient")
    weight, age = dated[-1], facts.patient.age_years(now)
    for problem in (_implausible(weight, age), _stale(weight, age, now), _jump(dated)):
        if problem:
            return UnusableWeight(problem, weight)
    return UsableWeight(weight)


def body_of(facts: PatientFacts, now: datetime) -> Body:
    """Age and weight: without a usable weight, the least plausible one of an adult as a floor; None for others."""
    age = facts.patient.age_years(now)
    usable = dosing_weight(facts, now)
    if isinstance(usable, UsableWeight):
        return Body(age, usable.weight.kg)
    return Body(age, ADULT_WEIGHT_MIN.value if _is_adult(age) else None, is_weight_floor=True)


def _dated(facts: PatientFacts, now: datetime) -> list[Weight]:
    """Weights with a usable time, oldest first; a time in the future is not usable."""
    limit = now + timedelta(hours=CLOCK_TOLERANCE.value)
    usable = [(w.measured, w) for w in facts.weights if w.measured is not None and w.measured.earliest <= limit]
    return [w for _, w in sorted(usable, key=lambda row: (row[0].latest, row[1].kg, row[1].reference))]


def _is_adult(age_years: float | None) -> bool | None:
    return None if age_years is None else ADULT_AGE.reached_by_number(age_years)


def _implausible(weight: Weight, age_years: float | None) -> str | None:
    if WEIGHT_MIN.reached_by_number(weight.kg):
        return f"the charted weight of {plain(weight.kg)} kg is below {WEIGHT_MIN.value:g} kg: dose with a toxicologist"
    too_light = _is_adult(age_years) is True and ADULT_WEIGHT_MIN.reached_by_number(weight.kg)
    if too_light or WEIGHT_MAX.reached_by_number(weight.kg):
        return f"the charted weight of {plain(weight.kg)} kg is not plausible: confirm it"
    return _too_heavy_for_age(weight, age_years)


# Heaviest plausible weight by age in years (upper bound of age -> kg): far above any growth chart, so
# that only a slip of the decimal point or of the unit is caught.
_HEAVIEST_KG_UNTIL_AGE = ((1.0, 20.0), (6.0, 60.0), (13.0, 150.0))


def _too_heavy_for_age(weight: Weight, age_years: float | None) -> str | None:
    if age_years is None:
        return None
    limit = next((kg for until, kg in _HEAVIEST_KG_UNTIL_AGE if age_years < until), None)
    if limit is None or weight.kg <= limit:
        return None
    return f"the charted weight of {plain(weight.kg)} kg is not plausible at this age: confirm it"


def _stale(weight: Weight, age_years: float | None, now: datetime) -> str | None:
    limit = WEIGHT_STALE_CHILD if _is_adult(age_years) is False else WEIGHT_STALE_ADULT
    measured = weight.measured
    if measured is None or now - measured.latest <= timedelta(days=limit.value):
        return None
    return f"the newest weight ({plain(weight.kg)} kg) is {(now - measured.latest).days} days old: weigh the patient"


def _jump(dated: list[Weight]) -> str | None:
    """More than a fifth away from the one before, in either direction."""
    if len(dated) < 2:  # noqa: PLR2004 -- a comparison needs two
        return None
    previous, newest = dated[-2], dated[-1]
    if previous.kg > 0 and not WEIGHT_CHANGE.reached_by_number(abs(newest.kg - previous.kg) / previous.kg):
        return None
    return (
        f"the newest weight ({plain(newest.kg)} kg) differs from the one before ({plain(previous.kg)} kg) "
        "by more than 20 %: confirm it"
    )
