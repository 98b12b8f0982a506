"""Doses of acetaminophen and acetylcysteine: one dose in mg, and what a schedule makes of it per day.

Pure. Reads R4, STU3 and DSTU2 dosage elements. Tablets count only with a strength the product's own words give.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import GapKind
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.reading import JsonObject, element, elements, number, text, token
from cds_service.fhir.values import ValueRefusedError, dose_mg

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS_OF_USE = re.compile(r"\{?(?:tbl|tabs?|tablets?|caps?|capsules?|caplets?|pills?)(?:s|\(s\))?\}?", re.IGNORECASE)
_PLAIN_DOSE = re.compile(r"\s*(?P<amount>\d{1,6}(?:\.\d{1,3})?)\s*(?P<unit>mg|g|grams?)\s*", re.IGNORECASE)
_DAY_IN = {"s": 86400.0, "min": 1440.0, "h": 24.0, "d": 1.0, "wk": 1 / 7, "mo": 1 / 30, "a": 1 / 365}
_TIMES_A_DAY = {
    "qd": 1.0,
    "bid": 2.0,
    "tid": 3.0,
    "qid": 4.0,
    "q4h": 6.0,
    "q6h": 4.0,
    "q8h": 3.0,
    "q12h": 2.0,
    "qod": 0.5,
}


@dataclass(frozen=True, slots=True)
class Regimen:
    """One dose and the amount a day, in mg; `is_repeated` when a schedule is charted."""

    dose_mg: float | None = None
    daily_mg: float | None = None
    is_repeated: bool = False


def regimen_of(dosages: Sequence[JsonObject], strength_mg: float | None) -> Regimen:
    """The dose and its schedule. Raises `ValueRefusedError` when a dose is charted that cannot be used."""
    dose = single_dose_mg(dosages, strength_mg)
    frequencies = [frequency for dosage in dosages if (frequency := _times_a_day(dosage)) is not None]
    if len(dosages) != 1 or not frequencies:
        return Regimen(dose, is_repeated=bool(frequencies))
    return Regimen(dose, None if dose is None else dose * frequencies[0], is_repeated=True)


def single_dose_mg(dosages: Sequence[JsonObject], strength_mg: float | None) -> float | None:
    """The one charted dose in mg, None without any. Raises `ValueRefusedError` for several or unreadable ones."""
    quantities = [quantity for dosage in dosages for quantity in _quantities(dosage)]
    if not quantities:
        return _worded_dose(dosages)
    if len(quantities) > 1:
        raise ValueRefusedError(GapKind.NEEDS_CONFIRMATION, "several doses are charted in one entry")
    return _quantity_mg(quantities[0], strength_mg)


_PER_KG = re.compile(r"\s*(?P<unit>mg|g)\s*(?:/|per)\s*kg(?:\s*(?:body ?weight|bw))?\s*", re.IGNORECASE)


def single_dose_mg_kg(dosages: Sequence[JsonObject]) -> float | None:
    """The one charted dose in mg per kg of body weight; None without one, and for a dose in anything else."""
    quantities = [quantity for dosage in dosages for quantity in _quantities(dosage)]
    if len(quantities) != 1 or quantities[0].get("comparator") is not None:
        return None
    units = {unit for name in ("unit", "code") if (unit := text(quantities[0].get(name)))}
    read = [_PER_KG.fullmatch(unit) for unit in sorted(units)]
    value = number(quantities[0].get("value"))
    if value is None or value < 0 or not read or None in read:
        return None
    grams = {match["unit"].lower() == "g" for match in read if match is not None}
    return None if len(grams) > 1 else value * (1000 if grams.pop() else 1)


def _quantities(dosage: JsonObject) -> list[JsonObject]:
    """doseAndRate[].doseQuantity (R4), doseQuantity (STU3), dose (administrations), quantity[Quantity] (DSTU2)."""
    candidates: list[Any] = [entry.get("doseQuantity") for entry in elements(dosage.get("doseAndRate"))]
    candidates += [dosage.get(name) for name in ("doseQuantity", "dose", "quantity", "quantityQuantity")]
    return [candidate for candidate in candidates if isinstance(candidate, dict) and candidate]


def _quantity_mg(quantity: JsonObject, strength_mg: float | None) -> float:
    unit = text(quantity.get("unit")) or text(quantity.get("code")) or ""
    if strength_mg is None or _UNITS_OF_USE.fullmatch(unit) is None:
        return dose_mg(quantity)
    return dose_mg({**quantity, "unit": "mg", "code": "mg"}) * strength_mg


def _worded_dose(dosages: Sequence[JsonObject]) -> float | None:
    """A dosage text that is nothing but an amount, such as "12 g"."""
    found = [match for dosage in dosages if (match := _PLAIN_DOSE.fullmatch(text(dosage.get("text")) or ""))]
    if len(found) != 1:
        return None
    return dose_mg(
        {"value": float(found[0]["amount"]), "unit": found[0]["unit"][0] if found[0]["unit"].lower() != "mg" else "mg"}
    )


def _times_a_day(dosage: JsonObject) -> float | None:
    """Doses a day from timing.repeat or a timing code; None without a schedule, or for a single dose."""
    timing = element(dosage.get("timing"))
    repeat = element(timing.get("repeat"))
    if number(repeat.get("count")) == 1:
        return None
    period, unit = number(repeat.get("period")), token(repeat.get("periodUnit", repeat.get("periodUnits")))
    if period is None or period <= 0 or unit not in _DAY_IN:
        return _coded_times_a_day(timing.get("code"))
    frequency = number(repeat.get("frequency"))
    return (1.0 if frequency is None else frequency) * _DAY_IN[unit] / period


def _coded_times_a_day(code: Any) -> float | None:
    concept = concept_from(code)
    candidates = [*concept.bare, *concept.written]
    return next((_TIMES_A_DAY[name.casefold()] for name in candidates if name.casefold() in _TIMES_A_DAY), None)
