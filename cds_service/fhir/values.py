"""Reading a charted value: a Quantity or a text becomes a bounded number in the canonical unit, or a refusal.

Pure. Knows value[x], units and comparators. Whatever is not certain is refused with its reason: no unit is
ever assumed, with one exception that can only err towards caution (see `_bare_limit`).
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from cds_service.clinical.facts import GapKind
from cds_service.clinical.quantity import (
    NOT_DETECTED_LIMIT_MG_L,
    Analyte,
    Bounded,
    Comparator,
    QuantityError,
    in_canonical_unit,
    unit_factor,
)
from cds_service.fhir.codes import term_of
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.lab_names import says_not_detected, says_positive
from cds_service.fhir.reading import JsonObject, choices, element, elements, number, text

LARGEST_POSSIBLE_LEVEL_MG_L = 10_000.0
"""No acetaminophen level above this has been survived or reported: a decimal slip or a wrong unit."""

_UCUM = "http://unitsofmeasure.org"
_LONGEST_CHARTED = 80


class ValueRefusedError(ValueError):
    """The value cannot be read with certainty; `kind` names the data gap, the message says why."""

    def __init__(self, kind: GapKind, words: str, found: str | None = None) -> None:
        """Refuse with a gap kind, words for a card, and the unknown unit of a Quantity ("": none)."""
        super().__init__(words)
        self.kind = kind
        self.found = found


class Reading(NamedTuple):
    """A value that was read: the bounded number and whether it stands for "none detected"."""

    value: Bounded
    not_detected: bool = False
    remark: str = ""


def charted_value(observation: JsonObject) -> str:
    """The value as charted, for a card: "182 ug/mL", "none detected", or "no value"."""
    return charted_choice(choices(observation, "value"))


def charted_choice(given: JsonObject) -> str:
    """The first of the value[x] members `given`, as charted."""
    for name, value in given.items():
        if name == "valueQuantity":
            return charted_quantity(value)
        return concept_from(value).name[:_LONGEST_CHARTED] if name == "valueCodeableConcept" else _brief(value)
    return "no value"


def charted_quantity(value: Any) -> str:
    """A Quantity as charted; "no value" when it has none."""
    quantity = element(value)
    written, comparator = quantity.get("value"), quantity.get("comparator")
    if written is None:
        return "no value"
    unit = text(quantity.get("unit")) or text(quantity.get("code")) or "(no unit)"
    sign = "" if comparator is None else text(comparator) or ""
    return f"{sign}{_brief(written)} {unit}"[:_LONGEST_CHARTED]


def _brief(value: Any) -> str:
    """A value for a card: a short text or a sane number as it is."""
    if isinstance(value, str):
        return value.strip()[:_LONGEST_CHARTED] or "no value"
    return str(value) if number(value) is not None else "(unreadable)"


def read_value(analyte: Analyte, observation: JsonObject) -> Reading:
    """The result in an Observation (or a coded component) in the analyte's canonical unit.

    Reads valueQuantity, valueString, valueCodeableConcept, and bare numbers for analytes without a unit.
    Raises `ValueRefusedError` with the gap it means.
    """
    return read_choice(analyte, observation, choices(observation, "value"))


def read_choice(analyte: Analyte, observation: JsonObject, given: JsonObject) -> Reading:
    """As `read_value`, where the value[x] members `given` are known already."""
    if observation.get("dataAbsentReason") is not None or not given:
        raise ValueRefusedError(GapKind.MISSING, f"{analyte.value} has no value{_absent_reason(observation)}")
    if len(given) > 1:
        raise ValueRefusedError(GapKind.UNREADABLE, f"{analyte.value} has more than one value")
    name, value = next(iter(given.items()))
    return _within_reach(analyte, _read_choice(analyte, name, value))


def _absent_reason(observation: JsonObject) -> str:
    reason = concept_from(observation.get("dataAbsentReason"))
    return "" if reason.is_empty else f" ({reason.name[:_LONGEST_CHARTED]})"


def _read_choice(analyte: Analyte, name: str, value: Any) -> Reading:
    match name:
        case "valueQuantity":
            return Reading(read_quantity(analyte, value))
        case "valueString":
            return _read_text(analyte, value)
        case "valueCodeableConcept":
            return _read_concept(analyte, value)
        case "valueInteger" | "valueDecimal":
            return Reading(Bounded(_converted(analyte, _number(analyte, value), None)))
        case _:
            raise ValueRefusedError(GapKind.UNREADABLE, f"{analyte.value} is given as {name}, which is not read")


def _within_reach(analyte: Analyte, reading: Reading) -> Reading:
    if analyte is Analyte.ACETAMINOPHEN and reading.value.value > LARGEST_POSSIBLE_LEVEL_MG_L:
        raise ValueRefusedError(GapKind.UNREADABLE, f"acetaminophen {reading.value} mg/L is not a possible level")
    return reading


def read_quantity(analyte: Analyte, value: Any) -> Bounded:
    """A Quantity in the canonical unit. Raises `ValueRefusedError`: no value, no or unknown or contradictory unit."""
    quantity = element(value)
    written = quantity.get("value")
    if written is None:
        raise ValueRefusedError(GapKind.MISSING, f"{analyte.value} has no value")
    amount = _number(analyte, written)
    unit = _unit_of(analyte, quantity)
    return Bounded(_converted(analyte, amount, unit, found=unit or ""), _comparator(analyte, quantity))


def _number(analyte: Analyte, value: Any) -> float:
    amount = number(value)
    if amount is None or amount < 0:
        raise ValueRefusedError(GapKind.UNREADABLE, f"{analyte.value} {_brief(value)} is not a possible number")
    return amount


def _converted(analyte: Analyte, amount: float, unit: str | None, *, found: str | None = None) -> float:
    """The amount in the canonical unit; a refusal carries `found`, which words written by a person never are."""
    factor = _factor(analyte, unit)
    if factor is not None:
        return amount * factor
    try:
        return in_canonical_unit(analyte, amount, unit)
    except QuantityError as error:
        raise ValueRefusedError(GapKind.UNKNOWN_UNIT, str(error), found) from None


_factor = lru_cache(maxsize=1024)(unit_factor)


def _comparator(analyte: Analyte, quantity: JsonObject) -> Comparator:
    written = quantity.get("comparator")
    if written is None:
        return Comparator.EQUAL
    found = _SIGNS.get(written) if isinstance(written, str) else None
    if found is None:
        raise ValueRefusedError(GapKind.UNREADABLE, f"{analyte.value} has an unknown comparator")
    return found


def _unit_of(analyte: Analyte, quantity: JsonObject) -> str | None:
    """The unit to convert with: the UCUM code first, else the unit text; refuses two that disagree."""
    code, unit, system = quantity.get("code"), quantity.get("unit"), quantity.get("system")
    return _agreed_unit(analyte, text(code), text(unit), is_ucum=system is None or system == _UCUM)


@lru_cache(maxsize=1024)
def _agreed_unit(analyte: Analyte, code: str | None, unit: str | None, *, is_ucum: bool) -> str | None:
    if code is None or unit is None:
        return code or unit
    by_code, by_unit = _factor(analyte, code), _factor(analyte, unit)
    if by_code is None and by_unit is not None and not is_ucum:
        return unit
    if by_code is not None and by_unit is not None and by_code != by_unit:
        words = f"{analyte.value} has the unit {unit!r} but the unit code {code!r}"
        raise ValueRefusedError(GapKind.UNKNOWN_UNIT, words, code)
    return code


def upper_amount(dose: Bounded) -> float:
    """The most a reported amount can mean, in mg. Raises `ValueRefusedError` for a lower bound ("> 5 g")."""
    if dose.comparator in {Comparator.GREATER, Comparator.GREATER_OR_EQUAL}:
        raise ValueRefusedError(GapKind.NEEDS_CONFIRMATION, f"more than {dose.value:.0f} mg does not say how much")
    return dose.value


def dose_mg(value: object) -> float:
    """A dose Quantity in mg; an upper bound counts in full. Raises `ValueRefusedError`."""
    return upper_amount(read_quantity(Analyte.DOSE, value))


# Texts

_SIGNS = {sign.value: sign for sign in Comparator} | {
    "\u2264": Comparator.LESS_OR_EQUAL,
    "\u2265": Comparator.GREATER_OR_EQUAL,
}
_WORDED_SIGNS = {"less than": Comparator.LESS, "greater than": Comparator.GREATER, "more than": Comparator.GREATER}
_WRITTEN = re.compile(
    r"(?P<sign>[<>\u2264\u2265]=?|=|less than|greater than|more than)?"
    r"\s*(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?)(?![0-9.,])"
    r"\s*(?P<unit>[^\s\d(*][^()*]*?)?\s*(?:\(?(?:high|low|critical|[HL]{1,2})\)|\*+)?",
    re.IGNORECASE,
)


def _read_text(analyte: Analyte, value: Any) -> Reading:
    written = text(value)
    if written is None:
        raise ValueRefusedError(GapKind.MISSING, f"{analyte.value} has no value")
    if analyte is Analyte.ACETAMINOPHEN and says_not_detected(written):
        return _not_detected()
    found = _WRITTEN.fullmatch(written)
    if found is not None:
        return _read_written(analyte, found)
    kind = GapKind.NEEDS_CONFIRMATION if says_positive(written) else GapKind.UNREADABLE
    raise ValueRefusedError(kind, f"{analyte.value} {written[:_LONGEST_CHARTED]!r} is not a number with a unit")


def _not_detected(remark: str = "") -> Reading:
    return Reading(Bounded(NOT_DETECTED_LIMIT_MG_L, Comparator.LESS), not_detected=True, remark=remark)


def _read_written(analyte: Analyte, found: re.Match[str]) -> Reading:
    sign = _sign_of(found["sign"])
    amount = float(found["number"])
    if found["unit"] is None and _bare_limit(analyte, amount, sign):
        return _not_detected(remark="no unit; read as below 10 mg/L, the usual reporting limit")
    return Reading(Bounded(_converted(analyte, amount, found["unit"]), sign))


def _sign_of(written: str | None) -> Comparator:
    if written is None:
        return Comparator.EQUAL
    return _SIGNS.get(written) or _WORDED_SIGNS.get(written.casefold()) or Comparator.EQUAL


def _bare_limit(analyte: Analyte, amount: float, sign: Comparator) -> bool:
    """Whether a text such as "<10" is a laboratory's reporting limit without its unit.

    Read as "below 10 mg/L" whatever the number: true in mg/L, ug/mL and umol/L alike, and no assay's
    reporting limit is above 1 mg/dL. A larger bare number is refused.
    """
    is_below = sign in {Comparator.LESS, Comparator.LESS_OR_EQUAL}
    return analyte is Analyte.ACETAMINOPHEN and is_below and amount <= NOT_DETECTED_LIMIT_MG_L


def _read_concept(analyte: Analyte, value: Any) -> Reading:
    concept = concept_from(value)
    tags = {tag for code in concept.codes if (term := term_of(code)) and term.kind == "qualifier" for tag in term.tags}
    if analyte is Analyte.ACETAMINOPHEN and tags == {"negative"}:
        return _not_detected()
    if tags:
        raise ValueRefusedError(
            GapKind.NEEDS_CONFIRMATION, f"{analyte.value} is given as {concept.name!r}, not as a number"
        )
    return _read_text(analyte, concept.name if concept.written else None)


# Reference ranges

_PLAIN_RANGE = re.compile(
    r"(?:[0-9.]+\s*(?:-|\u2013|to)|<=?|\u2264|up to)\s*(?P<high>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[^\s\d].*)?",
    re.IGNORECASE,
)
_NORMAL = frozenset({"normal", "normal range"})


def upper_limit_of(analyte: Analyte, observation: JsonObject) -> float | None:
    """The laboratory's own upper limit in the canonical unit; of several normal ranges the lowest.

    A limit without a unit is in the value's unit. None when there is none that can be read.
    """
    ranges = elements(observation.get("referenceRange"))
    limits = (_limit_of(analyte, entry, observation) for entry in ranges if _is_normal(entry))
    return min((limit for limit in limits if limit is not None), default=None)


def _is_normal(entry: JsonObject) -> bool:
    if entry.get("type") is None:
        return True
    kind = concept_from(entry["type"])
    words = {word.casefold() for word in (*kind.bare, *kind.written)}
    return kind.is_empty or bool(words & _NORMAL)


def _limit_of(analyte: Analyte, entry: JsonObject, observation: JsonObject) -> float | None:
    high = element(entry.get("high"))
    written = high.get("value")
    try:
        if written is not None:
            unit = _unit_of(analyte, high) or _unit_of_value(analyte, observation)
            return _positive(_converted(analyte, _number(analyte, written), unit))
        plain = _PLAIN_RANGE.fullmatch(text(entry.get("text")) or "")
        if plain is None:
            return None
        unit = plain["unit"] or _unit_of_value(analyte, observation)
        return _positive(_converted(analyte, float(plain["high"]), unit))
    except ValueRefusedError:
        return None


def _unit_of_value(analyte: Analyte, observation: JsonObject) -> str | None:
    return _unit_of(analyte, element(observation.get("valueQuantity")))


def _positive(limit: float) -> float | None:
    return limit if 0 < limit < math.inf else None
