"""Draft orders of intravenous acetylcysteine, read into bags: dosage elements, their text, mixtures, linked orders.

Pure. Reads R4, STU3 and DSTU2 shapes, one order with several dosages as well as one order a bag. Whatever
cannot be read is a problem of its bag; an order never reads as having no bag. Judges nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.ordered import Extent, OrderedBag
from cds_service.clinical.quantity import Analyte, hours, plain, unit_factor
from cds_service.fhir.ordered_doses_text import CONCENTRATE_MG_ML, Amounts, infusions_in
from cds_service.fhir.ordered_mixtures import holds_concentrate, linked_diluent_ml, mixture_of
from cds_service.fhir.reading import (
    JsonObject,
    UnusableTimeError,
    element,
    elements,
    number,
    span_from_period,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.fhir.chart import Chart

_MOST_BAGS = 12
_KINDS = (
    Analyte.DOSE,
    Analyte.DOSE_PER_KG,
    Analyte.DOSE_RATE,
    Analyte.DOSE_RATE_PER_KG,
    Analyte.VOLUME,
    Analyte.VOLUME_RATE,
)
_DOSE_QUANTITIES = ("doseQuantity", "doseSimpleQuantity", "dose", "rateQuantity", "rateSimpleQuantity", "quantity",
                    "quantityQuantity")  # fmt: skip
_BAG_UNITS = frozenset({"bag", "{bag}", "bags", "each", "infusion", "1"})


def bags_of(order: JsonObject, chart: Chart, reference: str) -> tuple[OrderedBag, ...]:
    """The bags an order of acetylcysteine describes, at least one; `chart` holds what it refers to.

    Raises for nothing in the order.
    """
    dosages = [*elements(order.get("dosageInstruction")), *elements(order.get("dosage"))]
    dosages.sort(key=lambda dosage: number(dosage.get("sequence")) or 0)
    is_concentrate = holds_concentrate(order, chart)
    read = [row for dosage in dosages for row in _infusions(dosage, is_concentrate=is_concentrate)]
    told = [row for row in read if row[1] or not row[0].is_empty] or [(Amounts(), "")]
    if len(told) > _MOST_BAGS:
        told[0][0].problems.append(f"{len(told)} infusions are written in one order")
    amounts = told[0][0]
    amounts.absorb(mixture_of(order, chart))
    if len(told) == 1 and amounts.diluent_ml is None and (linked := linked_diluent_ml(order, chart, reference)):
        amounts.diluent_ml = Extent.exactly(linked)
    return tuple(_bag(reference, amounts, charted) for amounts, charted in told[:_MOST_BAGS])


def _infusions(dosage: JsonObject, *, is_concentrate: bool) -> Iterator[tuple[Amounts, str]]:
    """The infusions of one dosage element, each with the words they stand in."""
    written = dosage.get("text")
    charted = written.strip() if isinstance(written, str) else ""
    worded = infusions_in(charted)
    structured = stated_amounts(dosage, is_concentrate=is_concentrate)
    if not worded:
        yield structured, charted
        return
    matching = next((bag for bag in worded if _shares_a_number(bag, structured)), worded[0])
    matching.absorb(structured)
    yield from ((bag, charted) for bag in worded)


def _shares_a_number(one: Amounts, other: Amounts) -> bool:
    return any(one.found.get(kind) == amount for kind, amount in other.found.items() if kind is not Analyte.DURATION)


def _bag(reference: str, amounts: Amounts, charted: str) -> OrderedBag:
    """The amounts as a fact; mL of concentrate become mg."""
    if amounts.drug_ml is not None:
        amounts.add(Analyte.DOSE, amounts.drug_ml.times(CONCENTRATE_MG_ML), "dose in mg and mL of drug")
    _derive_duration(amounts)
    if not amounts.states_a_dose and not amounts.problems:
        amounts.problems.append("no dose with a unit is stated" if charted else "no dose is stated")
    found = amounts.found
    return OrderedBag(
        reference=reference,
        text=charted,
        number=amounts.number,
        dose_mg=found.get(Analyte.DOSE),
        dose_mg_kg=found.get(Analyte.DOSE_PER_KG),
        rate_mg_h=found.get(Analyte.DOSE_RATE),
        rate_mg_kg_h=found.get(Analyte.DOSE_RATE_PER_KG),
        rate_ml_h=found.get(Analyte.VOLUME_RATE),
        duration_h=found.get(Analyte.DURATION),
        diluent_ml=amounts.diluent_ml,
        diluent_ml_kg=found.get(Analyte.VOLUME_PER_KG),
        total_ml=amounts.total_ml,
        cap_mg=amounts.cap_mg,
        cap_kg=amounts.cap_kg,
        for_kg=amounts.for_kg,
        problems=tuple(dict.fromkeys(amounts.problems)),
    )


def _derive_duration(amounts: Amounts) -> None:
    """An infusion time that is not written follows from an amount and its rate."""
    found = amounts.found
    pairs = (
        (found.get(Analyte.DOSE), found.get(Analyte.DOSE_RATE)),
        (found.get(Analyte.DOSE_PER_KG), found.get(Analyte.DOSE_RATE_PER_KG)),
        (amounts.total_ml or amounts.diluent_ml, found.get(Analyte.VOLUME_RATE)),
    )
    for amount, rate in pairs:
        if Analyte.DURATION in found or amount is None or rate is None:
            continue
        if amount.is_exact and rate.is_exact and rate.high > 0:
            found[Analyte.DURATION] = Extent.exactly(amount.high / rate.high)


# Dosage elements


def stated_amounts(dosage: JsonObject, *, is_concentrate: bool) -> Amounts:
    """What the coded part of a dosage says; `is_concentrate`: whether mL are mL of the drug. Never raises."""
    amounts = Amounts()
    for part in (*elements(dosage.get("doseAndRate")), dosage):
        for name in _DOSE_QUANTITIES:
            _note_quantity(amounts, part.get(name), is_concentrate=is_concentrate)
        for name in ("doseRange", "rateRange"):
            _note_range(amounts, part.get(name), is_concentrate=is_concentrate)
        _note_ratio(amounts, part.get("rateRatio"))
    _note_timing(amounts, element(dosage.get("timing")))
    _note_cap(amounts, dosage.get("maxDosePerAdministration"))
    return amounts


def _note_quantity(amounts: Amounts, value: Any, *, is_concentrate: bool) -> None:
    """A Quantity; an older dose or rate may be a Range or a Ratio under the same name."""
    quantity = element(value)
    if not quantity:
        if value is not None:
            amounts.problems.append("a dose is given in a form that is not read")
    elif "low" in quantity or "high" in quantity:
        _note_range(amounts, quantity, is_concentrate=is_concentrate)
    elif "numerator" in quantity:
        _note_ratio(amounts, quantity)
    else:
        _note_amount(amounts, quantity, quantity, is_concentrate=is_concentrate)


def _note_range(amounts: Amounts, value: Any, *, is_concentrate: bool) -> None:
    """A Range; both ends count, and a missing end is the other."""
    if value is None:
        return
    low, high = (element(element(value).get(name)) for name in ("low", "high"))
    if not low and not high:
        amounts.problems.append("a dose range has no ends that can be read")
        return
    _note_amount(amounts, low or high, high or low, is_concentrate=is_concentrate)


def _note_amount(amounts: Amounts, low: JsonObject, high: JsonObject, *, is_concentrate: bool) -> None:
    ends = [_read(amounts, quantity) for quantity in ((low,) if low is high else (low, high))]
    known = [end for end in ends if end is not None]
    if len(known) != len(ends):
        return
    if known[0][0] is not known[-1][0]:
        amounts.problems.append("the ends of a dose range have different kinds of units")
        return
    kind = known[0][0]
    values = sorted(value for _, value in known)
    _put(amounts, kind, Extent(values[0], values[-1]), is_concentrate=is_concentrate)


def _put(amounts: Amounts, kind: Analyte, amount: Extent, *, is_concentrate: bool) -> None:
    if kind is not Analyte.VOLUME:
        amounts.add(kind, amount, kind.value)
    elif is_concentrate:
        amounts.add_volume("drug_ml", amount)
    else:
        amounts.problems.append(f"{plain(amount.high)} mL without a strength does not say how much drug")


def _read(amounts: Amounts, quantity: JsonObject) -> tuple[Analyte, float] | None:
    """Kind and canonical value of a Quantity; None with a problem noted, or for "1 bag", which says nothing."""
    value, unit, code = number(quantity.get("value")), text(quantity.get("unit")), text(quantity.get("code"))
    if value is not None and (unit or code or "").casefold() in _BAG_UNITS:
        return None
    if value is None or value <= 0 or quantity.get("comparator") is not None:
        amounts.problems.append("a dose or rate has no exact number above zero")
        return None
    by_unit, by_code = _kind(unit), _kind(code)
    if unit and code and by_unit != by_code and (by_unit is not None or by_code is not None):
        amounts.problems.append(f"a dose or rate has the unit {unit[:30]!r} but the unit code {code[:30]!r}")
        return None
    known = by_code or by_unit
    if known is None:
        written = unit or code
        words = f"the unit {written[:30]!r} of a dose or rate is not known" if written else "a dose or rate has no unit"
        amounts.problems.append(words)
        return None
    return known[0], value * known[1]


def _kind(unit: str | None) -> tuple[Analyte, float] | None:
    if unit is None:
        return None
    return next(((kind, factor) for kind in _KINDS if (factor := unit_factor(kind, unit)) is not None), None)


def _note_ratio(amounts: Amounts, value: Any) -> None:
    """A rate such as 10,500 mg : 1 h; an amount over more than one hour tells the duration as well."""
    if value is None:
        return
    top, bottom = (element(element(value).get(name)) for name in ("numerator", "denominator"))
    over = number(bottom.get("value"))
    time = unit_factor(Analyte.DURATION, text(bottom.get("code")) or text(bottom.get("unit")))
    amount = _read(amounts, top)
    if amount is None or over is None or over <= 0 or time is None:
        amounts.problems.append("a rate is given that cannot be read")
        return
    rates = {
        Analyte.DOSE: Analyte.DOSE_RATE,
        Analyte.DOSE_PER_KG: Analyte.DOSE_RATE_PER_KG,
        Analyte.VOLUME: Analyte.VOLUME_RATE,
    }
    kind, size = amount
    if kind not in rates:
        amounts.problems.append("a rate is given that cannot be read")
        return
    amounts.add(rates[kind], Extent.exactly(size / (over * time)), rates[kind].value)
    if over * time != 1.0 and kind is not Analyte.VOLUME:
        amounts.add(Analyte.DURATION, Extent.exactly(over * time), "duration in h")


def _note_cap(amounts: Amounts, value: Any) -> None:
    known = _kind(text(element(value).get("unit")) or text(element(value).get("code")))
    size = number(element(value).get("value"))
    if known is not None and known[0] is Analyte.DOSE and size is not None and size > 0:
        amounts.cap_mg = size * known[1]


# Timing


def _note_timing(amounts: Amounts, timing: JsonObject) -> None:
    """How long a bag runs: repeat.duration, else bounds of any shape; a repeated bag is a problem."""
    repeat = element(timing.get("repeat"))
    runs = [*_durations(amounts, repeat)] or [*_bounds(repeat)]
    for length in runs:
        amounts.add(Analyte.DURATION, length, "duration in h")
    if (number(repeat.get("count")) or 1) > 1 or (number(repeat.get("frequency")) or 1) > 1:
        amounts.problems.append("it is written as a repeated dose; each bag is given once")


def _durations(amounts: Amounts, repeat: JsonObject) -> Iterator[Extent]:
    length = number(repeat.get("duration"))
    if length is None:
        return
    unit = text(repeat.get("durationUnit")) or text(repeat.get("durationUnits"))
    factor = unit_factor(Analyte.DURATION, unit)
    if factor is None or length <= 0:
        amounts.problems.append("the duration cannot be read")
        return
    longest = number(repeat.get("durationMax")) or length
    yield Extent(min(length, longest), max(length, longest)).times(factor)


def _bounds(repeat: JsonObject) -> Iterator[Extent]:
    for name in ("boundsDuration", "boundsQuantity"):
        yield from _lengths([element(repeat.get(name))])
    ends = element(repeat.get("boundsRange"))
    yield from _lengths([element(ends.get("low")), element(ends.get("high"))])
    try:
        period = span_from_period(repeat.get("boundsPeriod"))
    except UnusableTimeError:
        return
    if period.latest > period.earliest:
        yield Extent.exactly(hours(period.latest - period.earliest))


def _lengths(quantities: Iterable[JsonObject]) -> Iterator[Extent]:
    """The extent of these lengths of time; nothing when one of them cannot be read."""
    lengths = []
    for quantity in (each for each in quantities if each):
        value = number(quantity.get("value"))
        factor = unit_factor(Analyte.DURATION, text(quantity.get("code")) or text(quantity.get("unit")))
        if value is None or value <= 0 or factor is None:
            return
        lengths.append(value * factor)
    if lengths:
        yield Extent(min(lengths), max(lengths))
