"""Which cards an order calls for: one row for each kind of selected order.

Pure. Knows the table only; the words of the cards are in `summary`, `detail` and `caution_words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import DrugOrder, OrderedSubstance, Route
from cds_service.clinical.findings import Category

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.hooks.orders import OrderContext

_EVERY = frozenset(Category)
_TREATS = frozenset({Category.INDICATED})
_MAY_TREAT = frozenset({Category.INDICATED, Category.CONSIDER})


class OrderKind(Enum):
    """What a selected order is to this service; the most telling first."""

    IV_NAC = "intravenous acetylcysteine"
    NAC_WITHOUT_ROUTE = "acetylcysteine without a stated route"
    OTHER_NAC = "acetylcysteine that is not intravenous"
    ACETAMINOPHEN = "acetaminophen"
    UNIDENTIFIED = "a drug that could not be identified"
    OTHER = "another order"


@dataclass(frozen=True, slots=True)
class OrderCase:
    """Which primary cards are shown beside such an order, what they say of it, and how they ask then."""

    shows: frozenset[Category]
    note: str = ""
    indicated_ask: str = ""
    consider_ask: str = ""

    def asks(self, category: Category | None) -> tuple[str, ...]:
        """The asks that take the order into account; empty where the card's own ask stands."""
        match category:
            case Category.INDICATED if self.indicated_ask:
                return (f"IV NAC is indicated; {self.indicated_ask}", "IV NAC is indicated")
            case Category.CONSIDER if self.consider_ask:
                return (f"IV NAC can be considered; {self.consider_ask}", "IV NAC can be considered")
            case _:
                return ()


ORDER_CASES: dict[OrderKind, OrderCase] = {
    OrderKind.IV_NAC: OrderCase(
        _EVERY,
        "The selected order is intravenous acetylcysteine.",
        "check the dose of the selected order",
        "check the dose of the selected order",
    ),
    OrderKind.NAC_WITHOUT_ROUTE: OrderCase(
        _EVERY,
        "The selected acetylcysteine order does not state its route.",
        "the selected order states no route",
        "the selected order states no route",
    ),
    OrderKind.OTHER_NAC: OrderCase(
        _MAY_TREAT,
        "The selected acetylcysteine order is not intravenous.",
        "the selected order is not intravenous",
        "the selected order is not intravenous",
    ),
    OrderKind.ACETAMINOPHEN: OrderCase(_TREATS),
    OrderKind.UNIDENTIFIED: OrderCase(_TREATS),
    OrderKind.OTHER: OrderCase(_TREATS),
}


def kind_of(order: DrugOrder | None) -> OrderKind:
    """The kind of a selected order; None stands for an order that is not a drug."""
    match order:
        case DrugOrder(substance=OrderedSubstance.ACETYLCYSTEINE, route=Route.INTRAVENOUS):
            return OrderKind.IV_NAC
        case DrugOrder(substance=OrderedSubstance.ACETYLCYSTEINE, route=Route.UNKNOWN):
            return OrderKind.NAC_WITHOUT_ROUTE
        case DrugOrder(substance=OrderedSubstance.ACETYLCYSTEINE):
            return OrderKind.OTHER_NAC
        case DrugOrder(substance=OrderedSubstance.ACETAMINOPHEN):
            return OrderKind.ACETAMINOPHEN
        case DrugOrder(substance=OrderedSubstance.UNIDENTIFIED):
            return OrderKind.UNIDENTIFIED
        case _:
            return OrderKind.OTHER


def leading_kind(orders: OrderContext) -> OrderKind:
    """The most telling kind among the selected orders; OTHER when nothing is selected."""
    kinds = {kind_of(draft.drug) for draft in orders.selected}
    return next((kind for kind in OrderKind if kind in kinds), OrderKind.OTHER)


def of_kind(orders: OrderContext, kinds: Iterable[OrderKind]) -> tuple[DrugOrder, ...]:
    """The selected drug orders of these kinds."""
    wanted = frozenset(kinds)
    return tuple(order for order in orders.selected_drugs if kind_of(order) in wanted)
