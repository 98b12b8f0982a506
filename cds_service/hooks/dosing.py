"""A calculated regimen in words and rows. Pure wording; the numbers come from the clinical core."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.regimens import CONCENTRATE_MG_ML
from cds_service.hooks.markdown import table

if TYPE_CHECKING:
    from cds_service.clinical.regimens import Bag, DosingPlan

DILUENTS = "5 % dextrose, 0.45 % saline or water for injection"
_TWO_DECIMALS_BELOW = 10
_HEADER = ("Bag", "Dose", f"Drug ({CONCENTRATE_MG_ML:g} mg/mL)", "Diluent", "Total", "Over", "Rate", "Per kg")


def amount(value: float) -> str:
    """A number to draw up or set: thousands separated, one decimal, two below 10, no trailing zeros."""
    text = f"{value:,.2f}" if abs(value) < _TWO_DECIMALS_BELOW else f"{value:,.1f}"
    return text.rstrip("0").rstrip(".")


@cache
def regimen_words(regimen: str) -> str:
    """The name of a regimen as prescribers write it."""
    return RegimenName(regimen).words


def dose_table(plan: DosingPlan) -> str:
    """One row per bag: mg, mL of drug, mL of diluent, total mL, duration, mL/h, mg/kg/h; numbers need no escaping."""
    return table(_HEADER, (_row(bag) for bag in plan.bags))


def _row(bag: Bag) -> tuple[str, ...]:
    return (
        str(bag.number),
        f"{bag.dose_mg:,.0f} mg",
        f"{amount(bag.drug_ml)} mL",
        f"{amount(bag.diluent_ml)} mL",
        f"{amount(bag.total_ml)} mL",
        f"{bag.duration_h:g} h",
        f"{amount(bag.rate_ml_h)} mL/h",
        f"{amount(bag.rate_mg_kg_h)} mg/kg/h",
    )


def bag_text(bag: Bag) -> str:
    """One bag as a full sentence for an order, so that the text alone is enough to check the numbers."""
    return (
        f"Bag {bag.number} ({regimen_words(bag.regimen)}): acetylcysteine {bag.dose_mg:,.0f} mg "
        f"({amount(bag.drug_ml)} mL of {CONCENTRATE_MG_ML:g} mg/mL) in {amount(bag.diluent_ml)} mL diluent "
        f"({DILUENTS}), total {amount(bag.total_ml)} mL, intravenously over {bag.duration_h:g} h "
        f"at {amount(bag.rate_ml_h)} mL/h ({amount(bag.rate_mg_kg_h)} mg/kg/h for {amount(bag.dosed_weight_kg)} kg)"
    )


def weight_text(plan: DosingPlan) -> str:
    """Which weight the numbers are for, and why another regimen than the site's is shown."""
    note = f"Shown instead of the regimen of the profile: {plan.note}. " if plan.note else ""
    if plan.is_capped:
        cap = plan.bags[0].dosed_weight_kg
        note += f"For {amount(plan.weight_kg)} kg; from {amount(cap)} kg the dose is fixed at that of {amount(cap)} kg."
        return note
    return f"{note}For {amount(plan.weight_kg)} kg."
