"""What a draft order of intravenous acetylcysteine says, bag by bag, as nouns.

Knows amounts in canonical units only; nothing here is judged. None means that the order does not say;
what it says in a way that cannot be read stands in `problems`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """An ordered amount: one number (low == high), or the range between all the numbers the order gives."""

    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Extent:
        """The extent of a single number."""
        return cls(value, value)

    @property
    def is_exact(self) -> bool:
        """Whether the order gives one number."""
        return self.low == self.high

    def joined(self, other: Extent) -> Extent:
        """The range that holds both."""
        return Extent(min(self.low, other.low), max(self.high, other.high))

    def times(self, factor: float) -> Extent:
        """The extent in another measure."""
        return Extent(self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedBag:
    """One infusion of acetylcysteine as ordered; `reference` is that of the draft order.

    Doses in mg, mg/kg, mg/h and mg/kg/h as the order gives them, several where it gives several. `number`: the
    bag the order itself says it is. `cap_mg`, `cap_kg`: an upper limit the order states. `for_kg`: the weight it
    says its dose per kg is for. `problems`: what could not be read, in words for a card.
    """

    reference: str
    text: str = ""
    number: int | None = None
    dose_mg: Extent | None = None
    dose_mg_kg: Extent | None = None
    rate_mg_h: Extent | None = None
    rate_mg_kg_h: Extent | None = None
    rate_ml_h: Extent | None = None
    duration_h: Extent | None = None
    diluent_ml: Extent | None = None
    diluent_ml_kg: Extent | None = None
    total_ml: Extent | None = None
    cap_mg: float | None = None
    cap_kg: float | None = None
    for_kg: float | None = None
    problems: tuple[str, ...] = ()

    @property
    def states_a_dose(self) -> bool:
        """Whether any amount of drug could be read."""
        return any((self.dose_mg, self.dose_mg_kg, self.rate_mg_h, self.rate_mg_kg_h))

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written at all: an order that is only being started, not one that cannot be read."""
        amounts = (self.rate_ml_h, self.duration_h, self.diluent_ml, self.diluent_ml_kg, self.total_ml)
        return not (self.text or self.states_a_dose or any(amounts))

    @property
    def is_by_weight(self) -> bool:
        """Whether the order gives its dose per kg only."""
        return not (self.dose_mg or self.rate_mg_h) and bool(self.dose_mg_kg or self.rate_mg_kg_h)
