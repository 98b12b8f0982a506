"""Quantities that refuse: analytes, the one unit table, bounded values and spans of time.

Knows how a laboratory number becomes a number in the unit the rules are written in. Must not know
where the number came from. Whatever cannot be read with certainty is refused with a
`QuantityError`, so that the caller records a data gap instead of a guess.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, NoReturn

# Two floats this close (relative) are the same number: conversions such as 7.5 mg/dL -> 75 mg/L must
# not fall off a line by rounding noise. It always works in favour of "at or above".
_FLOAT_NOISE = 1e-9
_JUST_UNDER, _JUST_OVER = 1 - _FLOAT_NOISE, 1 + _FLOAT_NOISE

APAP_MOLAR_MASS_MG_PER_MMOL = 151.163
NOT_DETECTED_LIMIT_MG_L = 10.0
"""What a bare "none detected" proves about acetaminophen: below 10 mg/L, the usual reporting limit."""


class QuantityError(ValueError):
    """The charted quantity cannot be read with certainty; the message says why, in words for a card."""


class Analyte(StrEnum):
    """What was measured; each has one canonical unit, in which every rule is written."""

    ACETAMINOPHEN = "acetaminophen"
    ALT = "ALT"
    AST = "AST"
    INR = "INR"
    BILIRUBIN = "bilirubin"
    CREATININE = "creatinine"
    LACTATE = "lactate"
    ARTERIAL_PH = "arterial pH"
    PHOSPHATE = "phosphate"
    WEIGHT = "weight"
    DOSE = "dose"
    DURATION = "duration"
    VOLUME = "volume"
    DOSE_PER_KG = "dose per kg"
    DOSE_RATE = "dose rate"
    DOSE_RATE_PER_KG = "dose rate per kg"
    VOLUME_RATE = "infusion rate"
    VOLUME_PER_KG = "volume per kg"
    CONCENTRATION = "concentration"


CANONICAL_UNIT: dict[Analyte, str] = {
    Analyte.ACETAMINOPHEN: "mg/L",
    Analyte.ALT: "U/L",
    Analyte.AST: "U/L",
    Analyte.INR: "",
    Analyte.BILIRUBIN: "mg/dL",
    Analyte.CREATININE: "mg/dL",
    Analyte.LACTATE: "mmol/L",
    Analyte.ARTERIAL_PH: "",
    Analyte.PHOSPHATE: "mg/dL",
    Analyte.WEIGHT: "kg",
    Analyte.DOSE: "mg",
    Analyte.DURATION: "h",
    Analyte.VOLUME: "mL",
    Analyte.DOSE_PER_KG: "mg/kg",
    Analyte.DOSE_RATE: "mg/h",
    Analyte.DOSE_RATE_PER_KG: "mg/kg/h",
    Analyte.VOLUME_RATE: "mL/h",
    Analyte.VOLUME_PER_KG: "mL/kg",
    Analyte.CONCENTRATION: "mg/mL",
}

_MASS_PER_VOLUME_MG_L = {"mg/l": 1.0, "ug/ml": 1.0, "mg/dl": 10.0, "g/l": 1000.0, "ng/ml": 0.001, "ug/l": 0.001}
_ENZYME_U_L = {
    "u/l": 1.0,
    "iu/l": 1.0,
    "[iu]/l": 1.0,
    "mu/ml": 1.0,
    "u/ml": 1000.0,
    "ukat/l": 60.0,
    "nkat/l": 0.06,
    "kat/l": 6.0e7,
}
_DIMENSIONLESS = {"": 1.0, "1": 1.0, "{ratio}": 1.0, "ratio": 1.0}


def _mg_dl(*, mg_dl_per_mmol_l: float) -> dict[str, float]:
    """Factors to mg/dL for an analyte whose moles weigh this much."""
    return {
        "mg/dl": 1.0,
        "mg/l": 0.1,
        "g/l": 100.0,
        "mmol/l": mg_dl_per_mmol_l,
        "umol/l": mg_dl_per_mmol_l / 1000,
    }


_DRUG_MG = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "gm": 1000.0}
_MASS_MG = _DRUG_MG | {
    "kg": 1.0e6,
    **dict.fromkeys(("mgs", "milligram", "milligrams"), 1.0),
    **dict.fromkeys(("gms", "gram", "grams", "gramme", "grammes"), 1000.0),
}
_VOLUME_ML = {
    **dict.fromkeys(("ml", "mls", "cc", "milliliter", "milliliters", "millilitre", "millilitres"), 1.0),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), 1000.0),
}
_TIME_H = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 1 / 60),
    "s": 1 / 3600,
    "d": 24.0,
}
_KG = {"kg": 1.0}


def _per(top: dict[str, float], bottom: dict[str, float]) -> dict[str, float]:
    """Every unit of `top` per unit of `bottom`, written with a stroke, with "per" or as a UCUM power."""
    return {
        f"{above}{sign}{below}{power}": factor / by
        for above, factor in top.items()
        for below, by in bottom.items()
        for sign, power in (("/", ""), ("per", ""), (".", "-1"))
    }


def _per_kg_and_time(top: dict[str, float]) -> dict[str, float]:
    """Every unit of `top` per kg and time: mg/kg/h, mg/kg per hour, mg/h/kg, and UCUM's mg/(kg.h) and mg.kg-1.h-1."""
    forms = ("{0}/kg/{1}", "{0}/kgper{1}", "{0}perkgper{1}", "{0}/{1}/kg", "{0}/(kg.{1})", "{0}.kg-1.{1}-1")
    return {
        form.format(above, time): factor / in_hours
        for above, factor in top.items()
        for time, in_hours in _TIME_H.items()
        for form in forms
    }


# The one unit table: lower-cased unit -> factor to the canonical unit. UCUM codes and the invalid
# spellings seen everywhere (IU/L, mcg/mL, lb) stand side by side; `_unit_key` folds the rest.
UNITS: dict[Analyte, dict[str, float]] = {
    Analyte.ACETAMINOPHEN: _MASS_PER_VOLUME_MG_L
    | {
        "umol/l": APAP_MOLAR_MASS_MG_PER_MMOL / 1000,
        "mmol/l": APAP_MOLAR_MASS_MG_PER_MMOL,
    },
    Analyte.ALT: _ENZYME_U_L,
    Analyte.AST: _ENZYME_U_L,
    Analyte.INR: _DIMENSIONLESS | {"{inr}": 1.0, "inr": 1.0},
    Analyte.BILIRUBIN: _mg_dl(mg_dl_per_mmol_l=58.466),
    Analyte.CREATININE: _mg_dl(mg_dl_per_mmol_l=11.312),
    Analyte.LACTATE: {"mmol/l": 1.0, "meq/l": 1.0, "mg/dl": 1 / 9.008},
    Analyte.ARTERIAL_PH: _DIMENSIONLESS | {"[ph]": 1.0, "ph": 1.0},
    Analyte.PHOSPHATE: _mg_dl(mg_dl_per_mmol_l=3.0974),
    Analyte.WEIGHT: {
        "kg": 1.0,
        "g": 0.001,
        "[lb_av]": 0.45359237,
        "lb": 0.45359237,
        "lbs": 0.45359237,
        "lb_av": 0.45359237,
    },
    Analyte.DOSE: _MASS_MG,
    Analyte.DURATION: _TIME_H,
    Analyte.VOLUME: _VOLUME_ML,
    Analyte.DOSE_PER_KG: _per(_DRUG_MG, _KG),
    Analyte.DOSE_RATE: _per(_DRUG_MG, _TIME_H),
    Analyte.DOSE_RATE_PER_KG: _per_kg_and_time(_DRUG_MG),
    Analyte.VOLUME_RATE: _per(_VOLUME_ML, _TIME_H),
    Analyte.VOLUME_PER_KG: _per(_VOLUME_ML, _KG),
    Analyte.CONCENTRATION: _per(_DRUG_MG, _VOLUME_ML),
}


def _unit_key(unit: str) -> str:
    """Fold the spellings that mean the same unit: both micro signs, mcg, case and blanks."""
    folded = unit.strip().replace("\u00b5", "u").replace("\u03bc", "u").casefold().replace(" ", "")
    return re.sub(r"^mcg(?=/|$)", "ug", folded)


def unit_factor(analyte: Analyte, unit: str | None) -> float | None:
    """The factor from `unit` to the analyte's canonical unit; None when the unit is not known for it."""
    return UNITS[analyte].get(_unit_key(unit or ""))


def in_canonical_unit(analyte: Analyte, value: float, unit: str | None) -> float:
    """`value` in the analyte's canonical unit.

    Raises `QuantityError` for a unit the table does not know for this analyte (a missing unit counts,
    except for INR and pH, which have none), and for a value that is not a finite number >= 0.
    """
    if not math.isfinite(value) or value < 0:
        msg = f"{analyte.value} {value} is not a possible value"
        raise QuantityError(msg)
    factor = unit_factor(analyte, unit)
    if factor is None:
        msg = (
            f"{analyte.value} has no unit"
            if not (unit or "").strip()
            else f"{analyte.value} has the unknown unit {unit!r}"
        )
        raise QuantityError(msg)
    if not math.isfinite(value * factor):
        msg = f"{analyte.value} {value} {unit} is not a possible value"
        raise QuantityError(msg)
    return value * factor


def is_at_least(value: float, threshold: float) -> bool:
    """Whether an exactly known number is at or above `threshold`."""
    return value >= threshold * _JUST_UNDER


def is_above(value: float, threshold: float) -> bool:
    """Whether an exactly known number is strictly above `threshold`."""
    return value > threshold * _JUST_OVER


class Comparator(StrEnum):
    """How a reported number bounds the true value."""

    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Bounded(NamedTuple):
    """A reported value in its canonical unit, possibly known only as a bound ("<10", ">300").

    Comparisons are three-valued: True, False, or None when the report cannot settle the question. So there is no
    order among them, and asking for one is refused.
    """

    value: float
    comparator: Comparator = Comparator.EQUAL

    def at_least(self, threshold: float) -> bool | None:
        """Whether the true value is at or above `threshold`: "<X" settles it only if X <= threshold."""
        reached = is_at_least(self.value, threshold)
        if self.comparator is Comparator.EQUAL:
            return reached
        match self.comparator:
            case Comparator.LESS:
                return None if is_above(self.value, threshold) else False
            case Comparator.LESS_OR_EQUAL:
                return None if reached else False
            case _:
                return True if reached else None

    def above(self, threshold: float) -> bool | None:
        """Whether the true value is strictly above `threshold`."""
        exceeds = is_above(self.value, threshold)
        if self.comparator is Comparator.EQUAL:
            return exceeds
        match self.comparator:
            case Comparator.LESS | Comparator.LESS_OR_EQUAL:
                return None if exceeds else False
            case Comparator.GREATER:
                return True if is_at_least(self.value, threshold) else None
            case _:
                return True if exceeds else None

    def below(self, threshold: float) -> bool | None:
        """Whether the true value is strictly below `threshold`."""
        reached = self.at_least(threshold)
        return None if reached is None else not reached

    def __lt__(self, other: object) -> NoReturn:
        """Refuse, as the other three do."""
        raise _without_order()

    def __le__(self, other: object) -> NoReturn:
        """Refuse."""
        raise _without_order()

    def __gt__(self, other: object) -> NoReturn:
        """Refuse."""
        raise _without_order()

    def __ge__(self, other: object) -> NoReturn:
        """Refuse."""
        raise _without_order()

    def __str__(self) -> str:
        """The number as a clinician writes it: three significant digits, whole from 100 up."""
        return plain(self.value) if self.comparator is Comparator.EQUAL else f"{self.sign}{plain(self.value)}"

    @property
    def sign(self) -> str:
        """The comparator as written before the number; empty for an exact value."""
        return "" if self.comparator is Comparator.EQUAL else self.comparator.value


def _without_order() -> TypeError:
    return TypeError("a value that may be a bound is neither more nor less than another; ask at_least, above or below")


def plain(value: float) -> str:
    """A number for a card: whole from 100 up, else at most three significant digits, no exponent."""
    if abs(value) >= 100:  # noqa: PLR2004 -- a display rule, not a threshold
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0").rstrip(".") if "e" in text else text


def apart(level: float, line: float) -> tuple[str, str]:
    """Two numbers as text: the usual digits, more where two different numbers would read the same."""
    shown = plain(level), plain(line)
    if shown[0] != shown[1] or abs(level - line) <= _FLOAT_NOISE * line:
        return shown
    for digits in (1, 2, 3):
        if f"{level:.{digits}f}" != f"{line:.{digits}f}":
            return _trimmed(level, digits), _trimmed(line, digits)
    return f"{level:.6f}", f"{line:.6f}"


def _trimmed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """When something happened: an instant (earliest == latest) or the interval it lies in, in UTC.

    Refuses naive times and intervals that run backwards.
    """

    earliest: datetime
    latest: datetime

    def __post_init__(self) -> None:
        """Refuse what cannot be placed on one time line."""
        if self.earliest is self.latest and self.earliest.tzinfo is UTC:
            return
        if self.earliest.tzinfo is None or self.latest.tzinfo is None:
            msg = "a time without a time zone is not used"
            raise QuantityError(msg)
        if self.latest < self.earliest:
            msg = "the time interval ends before it starts"
            raise QuantityError(msg)
        try:
            object.__setattr__(self, "earliest", self.earliest.astimezone(UTC))
            object.__setattr__(self, "latest", self.latest.astimezone(UTC))
        except OverflowError as error:
            msg = "the time lies outside the calendar"
            raise QuantityError(msg) from error

    @classmethod
    def at(cls, instant: datetime) -> Span:
        """The span of a single known instant."""
        return cls(instant, instant)

    @property
    def is_exact(self) -> bool:
        """Whether the time is known as one instant."""
        return self.earliest == self.latest

    def contains(self, other: Span) -> bool:
        """Whether `other` lies wholly within this span."""
        return self.earliest <= other.earliest and other.latest <= self.latest

    def capped(self, latest: datetime) -> Span:
        """The same span, not reaching past `latest` (nothing is sampled in the future)."""
        return self if self.latest <= latest or self.earliest > latest else Span(self.earliest, latest)


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Hours from an ingestion to a sample: a range when either time is an interval; exact, never rounded."""

    shortest_h: float
    longest_h: float

    @classmethod
    def between(cls, start: Span, end: Span) -> Elapsed:
        """Elapsed hours from `start` to `end`, from UTC instants."""
        return cls(hours(end.earliest - start.latest), hours(end.latest - start.earliest))

    @property
    def is_exact(self) -> bool:
        """Whether the elapsed time is one number."""
        return self.shortest_h == self.longest_h


def hours(duration: timedelta) -> float:
    """A duration in hours, exact to the microsecond."""
    return duration / timedelta(hours=1)


# Hours at which the guidance changes; a rounded number must not seem to lie on the other side. Between them lie
# stretches, and on each one a short stretch of a hundredth of a second.
_TURNING_HOURS = (1.0, 4.0, 8.0, 24.0)
_ON_THE_HOUR = 3e-6
_STRETCHES = tuple(edge for turn in _TURNING_HOURS for edge in (turn - _ON_THE_HOUR, turn + _ON_THE_HOUR))


def hours_text(hours: float) -> str:
    """Hours to one decimal, to more where rounding would cross 1, 4, 8 or 24 h."""
    stretch = bisect_left(_STRETCHES, hours)
    for digits in (1, 2, 3):
        shown = round(hours, digits)
        if bisect_left(_STRETCHES, shown) == stretch:
            return f"{shown:.{digits}f} h"
    turn = min(_TURNING_HOURS, key=lambda turning: abs(turning - hours))
    return f"just {'under' if hours < turn else 'over'} {turn:g} h"
