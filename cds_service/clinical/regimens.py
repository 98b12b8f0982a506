"""Weight-based intravenous regimens, per bag: mg, mL of drug, mL of diluent, rate.

Concentrate 200 mg/mL; diluent volumes do not include the drug (5 % dextrose, 0.45 % saline or water
for injection). No number is given without a usable weight (`weight.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.clinical.evidence import FDA_LABEL, Evidence
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.thresholds import LOW_WEIGHT

CONCENTRATE_MG_ML = 200.0


@dataclass(frozen=True, slots=True)
class Bag:
    """One bag of a calculated regimen."""

    regimen: str
    number: int
    dose_mg: float
    drug_ml: float
    diluent_ml: float
    duration_h: float
    dosed_weight_kg: float

    @property
    def total_ml(self) -> float:
        """Volume to infuse: drug plus diluent."""
        return self.drug_ml + self.diluent_ml

    @property
    def rate_ml_h(self) -> float:
        """Infusion rate of the mixed bag."""
        return self.total_ml / self.duration_h

    @property
    def rate_mg_kg_h(self) -> float:
        """Drug per kg and hour, for the weight dosed (the cap where it applies)."""
        return self.dose_mg / self.dosed_weight_kg / self.duration_h


@dataclass(frozen=True, slots=True)
class DosingPlan:
    """The bags for one weight; `is_capped` when the weight cap sets the dose."""

    regimen: str
    weight_kg: float
    is_capped: bool
    bags: tuple[Bag, ...]
    needs_fluid_warning: bool
    source: Evidence


@dataclass(frozen=True, slots=True)
class DosingRefusal:
    """Why no mg are shown."""

    because: str


@dataclass(frozen=True, slots=True)
class _BagRecipe:
    mg_per_kg: float
    duration_h: float
    diluent_up_to_20_kg_ml_per_kg: float
    diluent_up_to_41_kg_ml: float
    diluent_from_41_kg_ml: float

    def diluent_ml(self, weight_kg: float) -> float:
        if weight_kg <= _SMALL_CHILD_KG:
            return self.diluent_up_to_20_kg_ml_per_kg * weight_kg
        return self.diluent_up_to_41_kg_ml if weight_kg < _ADULT_VOLUME_KG else self.diluent_from_41_kg_ml


# Weight bands of the diluent volumes: <=20 kg by weight, >20 to <41 kg and >=41 kg fixed (label).
_SMALL_CHILD_KG = 20.0
_ADULT_VOLUME_KG = 41.0

# FDA label: 150 mg/kg over 1 h, 50 mg/kg over 4 h, 100 mg/kg over 16 h.
_THREE_BAG = (
    _BagRecipe(150, 1, 3, 100, 200),
    _BagRecipe(50, 4, 7, 250, 500),
    _BagRecipe(100, 16, 14, 500, 1000),
)
_RECIPES: dict[RegimenName, tuple[_BagRecipe, ...]] = {RegimenName.THREE_BAG: _THREE_BAG}


def dosing_plan(regimen: RegimenName, weight_kg: float, *, max_weight_kg: float) -> DosingPlan:
    """The bags of `regimen` for `weight_kg`; at or above `max_weight_kg` the dose of the cap is used.

    Expects a weight that `weight.dosing_weight` has accepted (>= 5 kg, plausible, recent).
    """
    dosed = min(weight_kg, max_weight_kg)
    bags = tuple(
        _bag(regimen, number, recipe, weight_kg=weight_kg, dosed_kg=dosed)
        for number, recipe in enumerate(_RECIPES[regimen], start=1)
    )
    return DosingPlan(
        regimen=regimen.value,
        weight_kg=weight_kg,
        is_capped=weight_kg >= max_weight_kg,
        bags=bags,
        needs_fluid_warning=LOW_WEIGHT.reached_by_number(weight_kg),
        source=FDA_LABEL,
    )


def _bag(regimen: RegimenName, number: int, recipe: _BagRecipe, *, weight_kg: float, dosed_kg: float) -> Bag:
    dose_mg = recipe.mg_per_kg * dosed_kg
    return Bag(
        regimen=regimen.value,
        number=number,
        dose_mg=dose_mg,
        drug_ml=dose_mg / CONCENTRATE_MG_ML,
        diluent_ml=recipe.diluent_ml(weight_kg),
        duration_h=recipe.duration_h,
        dosed_weight_kg=dosed_kg,
    )
