"""Acetaminophen in one compartment, and what it does to the liver: the numbers behind synthetic charts.

Pure. First-order absorption and elimination; doses add up. Volume 0.95 L/kg, bioavailability 0.85, half-life 2.5 h
(4.5 h after a hepatotoxic dose), absorption 1.7 per hour, or 0.35 per hour from extended-release tablets: textbook
figures of adults. Injury grows with the 4-hour equivalent beyond the 150 mg/L line and with the hours until
acetylcysteine, and follows a fixed course: enzymes rise from 12 h, peak at 72 h and fall by half each day. It is a
plausible picture for counting cards, not a model to predict a patient by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cds_service.clinical.nomogram import four_hour_equivalent

VOLUME_L_KG = 0.95
BIOAVAILABILITY = 0.85
HALF_LIFE_H = 2.5
TOXIC_HALF_LIFE_H = 4.5
TOXIC_DOSE_MG_KG = 200.0
ABSORPTION_PER_H = 1.7
SLOW_ABSORPTION_PER_H = 0.35
_LINE_MG_L = 150.0
_REFERENCE_H = 4.0
_RISE_FROM_H, _PEAK_H, _HALVING_H = 12.0, 72.0, 24.0
_PROTECTED_H = 8.0
_WORST_AT_H = 24.0
_HIGHEST_PEAK = 12000.0
_NORMAL_ALT = 22.0


@dataclass(frozen=True, slots=True)
class Dose:
    """One oral dose: hours after the first one, mg, and whether it is released slowly."""

    at_h: float
    mg: float
    is_extended_release: bool = False


def level_mg_l(doses: tuple[Dose, ...], weight_kg: float, at_h: float) -> float:
    """The plasma level `at_h` hours after the first dose (mg/L)."""
    total = sum(dose.mg for dose in doses)
    half_life = TOXIC_HALF_LIFE_H if total >= TOXIC_DOSE_MG_KG * weight_kg else HALF_LIFE_H
    return sum(_of_one(dose, weight_kg, at_h - dose.at_h, half_life) for dose in doses)


def _of_one(dose: Dose, weight_kg: float, hours: float, half_life_h: float) -> float:
    if hours <= 0:
        return 0.0
    absorbed = SLOW_ABSORPTION_PER_H if dose.is_extended_release else ABSORPTION_PER_H
    cleared = math.log(2) / half_life_h
    scale = BIOAVAILABILITY * dose.mg / (VOLUME_L_KG * weight_kg) * absorbed / (absorbed - cleared)
    return scale * (math.exp(-cleared * hours) - math.exp(-absorbed * hours))


def peak_alt(doses: tuple[Dose, ...], weight_kg: float, nac_after_h: float | None) -> float:
    """The highest ALT of the course (U/L). `nac_after_h`: hours from the first dose to acetylcysteine; None: never."""
    last = doses[-1].at_h
    reached = level_mg_l(doses, weight_kg, last + _REFERENCE_H)
    excess = four_hour_equivalent(reached, _REFERENCE_H + last) / _LINE_MG_L
    if excess < 1:
        return _NORMAL_ALT
    until = _WORST_AT_H if nac_after_h is None else nac_after_h
    unprotected = min(max((until - _PROTECTED_H) / (_WORST_AT_H - _PROTECTED_H), 0.0), 1.0)
    return min(_NORMAL_ALT + 4500.0 * unprotected * excess, _HIGHEST_PEAK)


def alt_u_l(peak: float, at_h: float) -> float:
    """The ALT `at_h` hours after the first dose of a course with this peak (U/L)."""
    if at_h <= _RISE_FROM_H or peak <= _NORMAL_ALT:
        return _NORMAL_ALT
    if at_h <= _PEAK_H:
        risen = (at_h - _RISE_FROM_H) / (_PEAK_H - _RISE_FROM_H)
        return float(_NORMAL_ALT * (peak / _NORMAL_ALT) ** risen)
    return float(max(_NORMAL_ALT, peak * 2 ** (-(at_h - _PEAK_H) / _HALVING_H)))


def inr_of(alt: float) -> float:
    """The INR that goes with an ALT (U/L): 1.0 up to 1000, 4.0 at 12,000."""
    return 1.0 if alt <= 1000 else 1.0 + 3.0 * math.log(alt / 1000) / math.log(12)  # noqa: PLR2004 -- as the docstring has it
