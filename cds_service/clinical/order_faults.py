"""What is wrong with ordered bags of acetylcysteine, one row a kind of error, in words with the right numbers.

Pure. Compares an ordered bag with the bag of the regimen it stands for; knows neither cards nor resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.ordered import Extent
from cds_service.clinical.regimen_fit import (
    Fit,
    PlacedBag,
    StatedDose,
    expected_diluent_ml,
    is_near,
    is_per_hour_for_per_kg,
    is_per_kg_for_per_hour,
    number,
    ordered_diluent_ml,
    stated_doses,
)
from cds_service.clinical.regimens import CONCENTRATE_MG_ML, REGIMENS
from cds_service.clinical.thresholds import ADULT_VOLUMES, ORDER_FAR_OFF, ORDER_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.clinical.regimens import BagRecipe

_POUNDS_IN_KG = 2.2046
_MANIFOLD = {
    10.0: "ten times", 100.0: "a hundred times", 1000.0: "a thousand times", 2.0: "twice", 4.0: "four times",
    0.1: "a tenth of", 0.01: "a hundredth of", 0.001: "a thousandth of", 0.5: "half", 0.25: "a quarter of",
}  # fmt: skip


class FaultKind(StrEnum):
    """Errors of an order, by the name pharmacists give them."""

    DOSE = "dose"
    TENFOLD = "tenfold"
    PER_HOUR_FOR_PER_KG = "mg/kg/h for mg/kg"
    PER_KG_FOR_PER_HOUR = "mg/kg for mg/kg/h"
    POUNDS = "pounds for kg"
    UNCAPPED = "weight cap not applied"
    ABOVE_ANY_DOSE = "above the dose of any weight"
    DURATION = "infusion time"
    NO_DURATION = "infusion time missing"
    RATE = "pump rate"
    DUPLICATE = "bag ordered twice"
    EXTRA_BAG = "bag too many"
    ALREADY_GIVEN = "bag given already"
    MIXED = "regimens mixed"
    UNREAD = "not readable"
    DILUENT = "diluent volume"
    NO_DILUENT = "diluent missing"
    TOO_LIGHT = "regimen not for this weight"


@dataclass(frozen=True, slots=True)
class OrderFault:
    """One error: which rule it belongs to, the finding in words, the right numbers, and how grave it is."""

    kind: FaultKind
    rule: str
    words: str
    right: str = ""
    is_critical: bool = False
    bag: int | None = None
    reference: str | None = None
    is_high: bool = False
    """Whether more is ordered than is right."""


def faults_of(fit: Fit, bag: PlacedBag, *, is_child: bool) -> Iterator[OrderFault]:
    """Everything wrong with one bag; of its doses only the one that is furthest off."""
    for problem in bag.ordered.problems:
        yield _fault(bag, FaultKind.UNREAD, "F1", f"{_unread(bag)}; {problem}", "")
    if bag.recipe is None:
        yield _extra(fit, bag)
        return
    for fault in (
        _dose_fault(fit, bag, bag.recipe),
        _duration_fault(bag, bag.recipe),
        _rate_fault(bag, bag.recipe),
        _diluent_fault(fit, bag, bag.recipe, is_child=is_child),
    ):
        if fault is not None:
            yield fault


def _unread(bag: PlacedBag) -> str:
    if bag.number is None or not bag.ordered.states_a_dose:
        return "the ordered dose cannot be read"
    return f"bag {bag.number} is not clear"


def _extra(fit: Fit, bag: PlacedBag) -> OrderFault:
    """One bag too many: critical, since all bags together must not exceed the regimen."""
    kind, words = FaultKind.EXTRA_BAG, f"one bag more than the {fit.regimen.words} regimen has"
    if bag.repeats is not None:
        kind, words = FaultKind.DUPLICATE, f"bag {bag.repeats} is ordered twice"
    right = f"{len(REGIMENS[fit.regimen].recipes)} bags, each once"
    return OrderFault(kind, "F1", words, right, is_critical=True, reference=bag.ordered.reference,
                      is_high=True)  # fmt: skip


def _fault(bag: PlacedBag, kind: FaultKind, rule: str, words: str, right: str) -> OrderFault:
    return OrderFault(kind, rule, words, right, bag=bag.number, reference=bag.ordered.reference)


# Dose


def _dose_fault(fit: Fit, bag: PlacedBag, recipe: BagRecipe) -> OrderFault | None:
    doses = stated_doses(bag.ordered, recipe, fit.body)
    wrong = [dose for dose in doses if not dose.is_right]
    if not wrong:
        return _beyond_any_weight(fit, bag, recipe) if fit.body.dosed_kg is None else None
    dose = max(wrong, key=lambda each: max(each.worst, 1 / max(each.worst, 1e-9)))
    kind = _kind_of(dose, fit, recipe)
    far_off = ORDER_FAR_OFF.reached_by_number(max(dose.worst, 1 / max(dose.worst, 1e-9)))
    right = _right_dose(fit, recipe)
    words = f"bag {bag.number} ordered {dose.words}: {_how_far(dose.worst)} the dose{_for_weight(fit)}{_why(kind)}"
    return OrderFault(
        kind, "F1", words, right, is_critical=far_off, bag=bag.number, reference=bag.ordered.reference,
        is_high=dose.worst > 1,
    )  # fmt: skip


def _kind_of(dose: StatedDose, fit: Fit, recipe: BagRecipe) -> FaultKind:
    body = fit.body
    if is_per_hour_for_per_kg(dose, recipe):
        return FaultKind.PER_HOUR_FOR_PER_KG
    if is_per_kg_for_per_hour(dose, recipe):
        return FaultKind.PER_KG_FOR_PER_HOUR
    if any(is_near(Extent.exactly(dose.worst / power)) for power in (10, 100, 1000, 0.1, 0.01, 0.001)):
        return FaultKind.TENFOLD
    if body.weight_kg is not None and body.dosed_kg is not None and body.weight_kg > body.dosed_kg:
        return FaultKind.UNCAPPED if _is_close(dose.worst, body.weight_kg / body.dosed_kg) else FaultKind.DOSE
    return FaultKind.POUNDS if _is_close(dose.worst, _POUNDS_IN_KG) else FaultKind.DOSE


def _is_close(one: float, other: float) -> bool:
    """Within three per cent: a telling coincidence."""
    return abs(one / other - 1) <= 0.03  # noqa: PLR2004 -- wording only


_REASONS = {
    FaultKind.PER_HOUR_FOR_PER_KG: ", mg/kg/h written for mg/kg",
    FaultKind.PER_KG_FOR_PER_HOUR: ", mg/kg written for mg/kg/h",
    FaultKind.UNCAPPED: ", weight cap not applied",
    FaultKind.POUNDS: ", pounds taken for kg",
}


def _why(kind: FaultKind) -> str:
    return _REASONS.get(kind, "")


def _how_far(times: float) -> str:
    """Such as "ten times", "2.3 times", or "12 % above"."""
    for power, words in _MANIFOLD.items():
        if abs(times / power - 1) <= 0.001:  # noqa: PLR2004 -- wording only
            return words
    if ORDER_FAR_OFF.reached_by_number(times):
        return f"{number(round(times, 1))} times"
    percent = abs(times - 1) * 100
    shown = f"{percent:.0f}" if percent >= 10.5 else f"{percent:.1f}"  # noqa: PLR2004 -- "10 %" would seem to be within
    return f"{shown} % {'above' if times > 1 else 'below'}"


def _for_weight(fit: Fit) -> str:
    if fit.body.weight_kg is None or fit.body.dosed_kg is None:
        return ""
    if fit.body.weight_kg > fit.body.dosed_kg:
        return f" for {number(fit.body.weight_kg)} kg (capped at {number(fit.body.dosed_kg)} kg)"
    return f" for {number(fit.body.weight_kg)} kg"


def _right_dose(fit: Fit, recipe: BagRecipe) -> str:
    if fit.body.dosed_kg is None:
        return f"{number(recipe.mg_per_kg)} mg/kg"
    return f"{recipe.mg_per_kg * fit.body.dosed_kg:,.0f} mg"


def _beyond_any_weight(fit: Fit, bag: PlacedBag, recipe: BagRecipe) -> OrderFault | None:
    """Without a weight: more than any patient gets is wrong all the same."""
    dose = bag.ordered.dose_mg
    most = recipe.mg_per_kg * fit.cap_kg
    if dose is None or not ORDER_OFF.reached_by_number(dose.high / most - 1):
        return None
    words = f"bag {bag.number} ordered {number(dose.high)} mg: more than any patient gets in this bag"
    return OrderFault(FaultKind.ABOVE_ANY_DOSE, "F1", words, f"at most {most:,.0f} mg", is_critical=True,
                      bag=bag.number, reference=bag.ordered.reference, is_high=True)  # fmt: skip


# Time and rate


def _duration_fault(bag: PlacedBag, recipe: BagRecipe) -> OrderFault | None:
    length = bag.ordered.duration_h
    if length is None:
        if not bag.ordered.states_a_dose:
            return None  # said to be unreadable already
        return _fault(
            bag,
            FaultKind.NO_DURATION,
            "F1",
            f"bag {bag.number} states no infusion time",
            f"over {recipe.duration_h:g} h",
        )
    if is_near(length.times(1 / recipe.duration_h)):
        return None
    shortest, longest = length.low / recipe.duration_h, length.high / recipe.duration_h
    is_fast = 1 - shortest > longest - 1 if longest > 1 > shortest else shortest < 1
    hours_ordered = length.low if is_fast else length.high
    words = f"bag {bag.number} runs over {_time(hours_ordered)} instead of {_time(recipe.duration_h)}"
    off_by = 1 / shortest if is_fast else longest
    return OrderFault(
        FaultKind.DURATION, "F1", words, is_critical=ORDER_FAR_OFF.reached_by_number(off_by), bag=bag.number,
        reference=bag.ordered.reference, is_high=is_fast,
    )  # fmt: skip


def _time(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 1 else f"{number(hours)} h"


def _rate_fault(bag: PlacedBag, recipe: BagRecipe) -> OrderFault | None:
    """A pump rate that does not empty the bag in time; diluent with or without the drug volume will do."""
    ordered = bag.ordered
    volumes = [*_volumes(bag)]
    if ordered.rate_ml_h is None or not volumes:
        return None
    length_h = (ordered.duration_h or Extent.exactly(recipe.duration_h)).high
    times = [ordered.rate_ml_h.high * length_h / volume for volume in volumes]
    if any(is_near(Extent.exactly(each)) for each in times):
        return None
    nearest = min(times, key=lambda each: abs(each - 1))
    words = f"bag {bag.number} ordered at {number(ordered.rate_ml_h.high)} mL/h, which does not fit its volume and time"
    right = f"{number(max(volumes) / recipe.duration_h)} mL/h"
    is_critical = ORDER_FAR_OFF.reached_by_number(max(nearest, 1 / nearest))
    return OrderFault(FaultKind.RATE, "F1", words, right, is_critical=is_critical, bag=bag.number,
                      reference=ordered.reference, is_high=nearest > 1)  # fmt: skip


def _volumes(bag: PlacedBag) -> Iterator[float]:
    ordered = bag.ordered
    if ordered.total_ml is not None:
        yield ordered.total_ml.high
    if ordered.diluent_ml is not None:
        yield ordered.diluent_ml.high
        if ordered.dose_mg is not None:
            yield ordered.diluent_ml.high + ordered.dose_mg.high / CONCENTRATE_MG_ML


# Diluent


def _diluent_fault(fit: Fit, bag: PlacedBag, recipe: BagRecipe, *, is_child: bool) -> OrderFault | None:
    """F2: more fluid than the weight band allows is critical in children; too little is off as well."""
    wanted, ordered = expected_diluent_ml(recipe, fit.body), ordered_diluent_ml(bag.ordered, fit.body)
    if wanted is None or fit.body.weight_kg is None:
        return None
    right = f"{number(wanted)} mL"
    if ordered is None:
        needs_volume = is_child or not ADULT_VOLUMES.reached_by_number(fit.body.weight_kg)
        words = f"bag {bag.number} states no diluent volume, which matters at {number(fit.body.weight_kg)} kg"
        return _fault(bag, FaultKind.NO_DILUENT, "F2", words, right) if needs_volume else None
    if is_near(ordered.times(1 / wanted)):
        return None
    is_high = ordered.high / wanted - 1 > 1 - ordered.low / wanted
    volume = ordered.high if is_high else ordered.low
    words = (
        f"bag {bag.number} ordered in {number(volume)} mL of diluent, {'above' if is_high else 'below'} the "
        f"{right} for {number(fit.body.weight_kg)} kg"
    )
    return OrderFault(FaultKind.DILUENT, "F2", words, is_critical=is_high and is_child, bag=bag.number,
                      reference=bag.ordered.reference, is_high=is_high)  # fmt: skip
