"""Which regimen, and which bag of it, a set of ordered bags is meant to be.

Pure. Chooses the nearest reading among all regimens, the site's own first among equals. Must not judge:
what is wrong with the bags is said by `order_faults` and `order_review`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import log10
from operator import getitem
from typing import TYPE_CHECKING

from cds_service.clinical.ordered import Extent
from cds_service.clinical.regimens import CONCENTRATE_MG_ML, REGIMENS
from cds_service.clinical.thresholds import ORDER_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cds_service.clinical.ordered import OrderedBag
    from cds_service.clinical.profiles import Profile, RegimenName
    from cds_service.clinical.regimens import BagRecipe

_MOST_PLACED = 5
_NOISE = 1e-9
_RIGHT_PLACE, _FOREIGN = -0.1, 0.2
"""What it costs that a bag says which one it is, the only gain there is; and that the regimen is not the site's."""


@dataclass(frozen=True, slots=True)
class Body:
    """Who is dosed: weight and the weight the dose is calculated for (the cap); None: not known."""

    weight_kg: float | None
    dosed_kg: float | None


@dataclass(frozen=True, slots=True)
class StatedDose:
    """One of the ways a bag gives its dose: as ordered, with its unit, and how many times the right dose that is."""

    ordered: Extent
    unit: str
    times: Extent
    per_kg: float | None = None
    """The number as it stands before mg/kg or mg/kg/h, in mg."""
    is_rate: bool = False

    @property
    def words(self) -> str:
        """The dose as ordered, such as "150 mg/kg"."""
        return f"{_span(self.ordered)} {self.unit}"

    @property
    def worst(self) -> float:
        """The end of the range that is further from the right dose."""
        return max((self.times.low, self.times.high), key=_distance)

    @property
    def is_right(self) -> bool:
        """Whether both ends lie within the tolerance."""
        return is_near(self.times)


@dataclass(frozen=True, slots=True)
class PlacedBag:
    """An ordered bag with the bag of the regimen it stands for; both None for one bag too many."""

    ordered: OrderedBag
    number: int | None
    recipe: BagRecipe | None
    repeats: int | None = None
    """The bag of the regimen that one bag too many is once more."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Ordered bags read as a regimen."""

    regimen: RegimenName
    body: Body
    cap_kg: float
    placed: tuple[PlacedBag, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The bags of the regimen that are ordered."""
        return tuple(sorted(bag.number for bag in self.placed if bag.number is not None))

    @property
    def absent(self) -> tuple[int, ...]:
        """The bags of the regimen that are not among those ordered."""
        return tuple(n for n in range(1, len(REGIMENS[self.regimen].recipes) + 1) if n not in self.numbers)


def cap_kg(regimen: RegimenName, profile: Profile) -> float:
    """The weight from which the dose is fixed: the site's for its own regimen, else the regimen's."""
    chosen = REGIMENS[regimen]
    return min(profile.max_weight_kg if regimen is profile.regimen else chosen.cap_kg, chosen.highest_cap_kg)


def best_fit(bags: Sequence[OrderedBag], profile: Profile, weight_kg: float | None) -> Fit:
    """The regimen that these bags are nearest to; others are not tried where none could be nearer than the site's."""
    own = _fit(bags, profile.regimen, profile, weight_kg)
    least = sum(_RIGHT_PLACE for bag in bags[:_MOST_PLACED] if bag.number is not None)
    if own[0] <= least + _FOREIGN:
        return own[1]
    others = (_fit(bags, name, profile, weight_kg) for name in REGIMENS if name is not profile.regimen)
    return min((own, *others), key=lambda pair: pair[0])[1]


def _fit(
    bags: Sequence[OrderedBag], regimen: RegimenName, profile: Profile, weight_kg: float | None
) -> tuple[float, Fit]:
    """The best placing of the bags in one regimen, with its cost."""
    recipes = REGIMENS[regimen].recipes
    cap = cap_kg(regimen, profile)
    body = Body(weight_kg, None if weight_kg is None else min(weight_kg, cap))
    considered = bags[:_MOST_PLACED]
    costs = [_costs(bag, at, recipes, body, is_alone=len(considered) == 1) for at, bag in enumerate(considered)]
    chosen = min(_placings(len(recipes), len(considered)), key=lambda places: sum(map(getitem, costs, places)))
    placed = [_placed(bag, place, recipes, body) for bag, place in zip(considered, chosen, strict=True)]
    placed += [_placed(bag, None, recipes, body) for bag in bags[_MOST_PLACED:]]
    foreign = 0.0 if regimen is profile.regimen else _FOREIGN
    return sum(map(getitem, costs, chosen)) + foreign, Fit(regimen, body, cap, tuple(placed))


@lru_cache(maxsize=32)
def _placings(recipes: int, bags: int) -> tuple[tuple[int | None, ...], ...]:
    """Every way to place so many bags in a regimen of so many; among several bags some may be too many."""
    slots = [*range(recipes), *[None] * (bags - 1)]
    return tuple(dict.fromkeys(permutations(slots, bags)))


def _placed(bag: OrderedBag, place: int | None, recipes: Sequence[BagRecipe], body: Body) -> PlacedBag:
    if place is not None:
        return PlacedBag(bag, place + 1, recipes[place])
    return PlacedBag(bag, None, None, repeats=_repeated(bag, recipes, body))


def _repeated(bag: OrderedBag, recipes: Sequence[BagRecipe], body: Body) -> int | None:
    return next((number for number, recipe in enumerate(recipes, start=1) if is_right_bag(bag, recipe, body)), None)


def is_right_bag(bag: OrderedBag, recipe: BagRecipe, body: Body) -> bool:
    """Whether dose and time are those of the recipe, and nothing is left unread."""
    return _is_right(bag, recipe, stated_doses(bag, recipe, body))


def _is_right(bag: OrderedBag, recipe: BagRecipe, doses: Sequence[StatedDose]) -> bool:
    length = bag.duration_h
    is_timed = length is not None and is_near(length.times(1 / recipe.duration_h))
    return not bag.problems and is_timed and bool(doses) and all(dose.is_right for dose in doses)


# What a mismatch costs; only their order matters: a bag too many is worse than a wrong dose or time, and those
# are worse than what is merely not said. The same bag twice is likelier than the same bag twice and wrong.
def _costs(
    bag: OrderedBag, at: int, recipes: Sequence[BagRecipe], body: Body, *, is_alone: bool
) -> dict[int | None, float]:
    """The cost of each place for one bag; None: it is one too many."""
    readings = [(recipe, stated_doses(bag, recipe, body)) for recipe in recipes]
    costs: dict[int | None, float] = {
        place: _bag_cost(bag, recipe, doses, body, is_alone=is_alone) + _place_cost(bag, place, at)
        for place, (recipe, doses) in enumerate(readings)
    }
    return costs | {None: 0.9 if any(_is_right(bag, recipe, doses) for recipe, doses in readings) else 2.5}


def _place_cost(bag: OrderedBag, place: int, at: int) -> float:
    if bag.number is None:
        return 0.05 * abs(place - at)
    return _RIGHT_PLACE if bag.number == place + 1 else 1.5


def _bag_cost(bag: OrderedBag, recipe: BagRecipe, doses: Sequence[StatedDose], body: Body, *, is_alone: bool) -> float:
    cost = 1.0 if not doses else max(_dose_cost(dose, recipe, is_alone=is_alone) for dose in doses)
    if bag.duration_h is None:
        cost += 0.6
    elif not is_near(bag.duration_h.times(1 / recipe.duration_h)):
        cost += 1.0
    wanted, ordered = expected_diluent_ml(recipe, body), ordered_diluent_ml(bag, body)
    if wanted is not None and ordered is not None and not is_near(ordered.times(1 / wanted)):
        cost += 1.0
    return cost


def _dose_cost(dose: StatedDose, recipe: BagRecipe, *, is_alone: bool) -> float:
    if dose.is_right:
        return 0.0
    if is_alone and is_per_hour_for_per_kg(dose, recipe):
        return 0.1
    return 1.0 + 0.2 * min(_distance(dose.worst), 3.0)


def is_per_hour_for_per_kg(dose: StatedDose, recipe: BagRecipe) -> bool:
    """Whether the mg/kg of the bag was written as mg/kg/h."""
    return (
        dose.is_rate and recipe.duration_h > 1 and dose.per_kg is not None and _is_same(dose.per_kg, recipe.mg_per_kg)
    )


def is_per_kg_for_per_hour(dose: StatedDose, recipe: BagRecipe) -> bool:
    """Whether the mg/kg/h of the bag was written as mg/kg."""
    rate = recipe.mg_per_kg / recipe.duration_h
    return not dose.is_rate and recipe.duration_h > 1 and dose.per_kg is not None and _is_same(dose.per_kg, rate)


def _is_same(one: float, other: float) -> bool:
    return is_near(Extent.exactly(one / other))


def is_near(times: Extent) -> bool:
    """Whether both ends are within the tolerance of one."""
    return not (ORDER_OFF.reached_by_number(abs(times.low - 1)) or ORDER_OFF.reached_by_number(abs(times.high - 1)))


def _distance(times: float) -> float:
    """How far from one, in powers of ten; a vanishing dose is as far as can be."""
    return abs(log10(times)) if times > _NOISE else 9.0


def stated_doses(bag: OrderedBag, recipe: BagRecipe, body: Body) -> tuple[StatedDose, ...]:
    """Every dose the bag states that can be compared with the recipe.

    A rate counts for the ordered duration, else for the recipe's. Without a weight only doses per kg compare.
    """
    return tuple(_stated(bag, recipe, body))


def _stated(bag: OrderedBag, recipe: BagRecipe, body: Body) -> Iterator[StatedDose]:
    length = bag.duration_h or Extent.exactly(recipe.duration_h)
    right_mg = None if body.dosed_kg is None else recipe.mg_per_kg * body.dosed_kg
    if bag.dose_mg is not None and right_mg is not None:
        yield StatedDose(bag.dose_mg, "mg", bag.dose_mg.times(1 / right_mg))
    if bag.rate_mg_h is not None and right_mg is not None:
        given = Extent(bag.rate_mg_h.low * length.low, bag.rate_mg_h.high * length.high)
        yield StatedDose(bag.rate_mg_h, "mg/h", given.times(1 / right_mg), is_rate=True)
    if bag.dose_mg_kg is not None:
        times = _per_kg_times(bag, bag.dose_mg_kg, recipe, body)
        yield StatedDose(bag.dose_mg_kg, "mg/kg", times, bag.dose_mg_kg.high)
    if bag.rate_mg_kg_h is not None:
        given = Extent(bag.rate_mg_kg_h.low * length.low, bag.rate_mg_kg_h.high * length.high)
        times = _per_kg_times(bag, given, recipe, body)
        yield StatedDose(bag.rate_mg_kg_h, "mg/kg/h", times, bag.rate_mg_kg_h.high, is_rate=True)


def _per_kg_times(bag: OrderedBag, mg_kg: Extent, recipe: BagRecipe, body: Body) -> Extent:
    """A dose per kg against the right dose, for the weight and up to the cap the order states."""
    weight_kg = bag.for_kg or body.weight_kg
    if weight_kg is None or body.dosed_kg is None:
        return mg_kg.times(1 / recipe.mg_per_kg)
    counted_kg = weight_kg if bag.cap_kg is None else min(weight_kg, bag.cap_kg)
    given = mg_kg.times(counted_kg)
    if bag.cap_mg is not None:
        given = Extent(min(given.low, bag.cap_mg), min(given.high, bag.cap_mg))
    return given.times(1 / (recipe.mg_per_kg * body.dosed_kg))


def _span(amount: Extent) -> str:
    return number(amount.high) if amount.is_exact else f"{number(amount.low)} to {number(amount.high)}"


def number(value: float) -> str:
    """A number as it stands in an order: thousands separated, up to two decimals."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return text if text != "0" else f"{value:g}"


def expected_diluent_ml(recipe: BagRecipe, body: Body) -> float | None:
    """The diluent of the weight band; None without a weight or where the regimen gives none."""
    return None if body.weight_kg is None else recipe.diluent_ml(body.weight_kg)


def ordered_diluent_ml(bag: OrderedBag, body: Body) -> Extent | None:
    """The diluent as ordered in mL, per kg, or as the total volume less the drug; None when it is not said."""
    if bag.diluent_ml is not None:
        return bag.diluent_ml
    if bag.diluent_ml_kg is not None and body.weight_kg is not None:
        return bag.diluent_ml_kg.times(body.weight_kg)
    if bag.total_ml is None or bag.dose_mg is None:
        return bag.total_ml
    drug_ml = bag.dose_mg.high / CONCENTRATE_MG_ML
    return (
        bag.total_ml if drug_ml >= bag.total_ml.low else Extent(bag.total_ml.low - drug_ml, bag.total_ml.high - drug_ml)
    )
