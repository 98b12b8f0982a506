"""Weight-based intravenous regimens, per bag: mg, mL of drug, mL of diluent, rate.

Concentrate 200 mg/mL; diluent volumes do not include the drug (5 % dextrose, 0.45 % saline or water
for injection). No number is given without a usable weight (`weight.py`), and none outside the weights a
regimen's source gives volumes for: such a patient is offered the three-bag regimen, never a scaled volume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from cds_service.clinical.evidence import (
    ANZ_2019,
    FDA_LABEL,
    FDA_LABEL_TWO_BAG,
    SNAP_2014,
    Evidence,
)
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.thresholds import ADULT_VOLUMES, FIXED_VOLUMES, LOW_WEIGHT, WEIGHT_MIN

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
    note: str = ""
    """Why this regimen and not the site's, where that one gives no numbers for the weight."""

    @property
    def total_mg(self) -> float:
        """Acetylcysteine in all bags together."""
        return sum(bag.dose_mg for bag in self.bags)

    @property
    def duration_h(self) -> float:
        """All bags together, without pauses."""
        return sum(bag.duration_h for bag in self.bags)


@dataclass(frozen=True, slots=True)
class DosingRefusal:
    """Why no mg are shown; `instead`: the regimen that has numbers for this weight."""

    because: str
    instead: RegimenName | None = None
    needs_consult: bool = False


Dosing: TypeAlias = DosingPlan | DosingRefusal


@dataclass(frozen=True, slots=True)
class BagRecipe:
    """One bag: mg per kg, hours, and the diluent (mL/kg up to 20 kg, mL up to 41 kg, mL from 41 kg).

    A volume of None: the source gives none for these weights, so there is no bag.
    """

    mg_per_kg: float
    duration_h: float
    diluent_from_41_kg_ml: float
    diluent_up_to_41_kg_ml: float | None = None
    diluent_up_to_20_kg_ml_per_kg: float | None = None

    def diluent_ml(self, weight_kg: float) -> float | None:
        """The diluent for this weight: bands up to 20 kg, above 20 to below 41 kg, from 41 kg (label)."""
        if ADULT_VOLUMES.reached_by_number(weight_kg):
            return self.diluent_from_41_kg_ml
        if FIXED_VOLUMES.reached_by_number(weight_kg):
            return self.diluent_up_to_41_kg_ml
        per_kg = self.diluent_up_to_20_kg_ml_per_kg
        return None if per_kg is None else per_kg * weight_kg


@dataclass(frozen=True, slots=True)
class Regimen:
    """A regimen as its source gives it; from `cap_kg` on the dose is that of `cap_kg`."""

    recipes: tuple[BagRecipe, ...]
    cap_kg: float
    source: Evidence
    highest_cap_kg: float
    """The highest cap a site may choose: where national sources differ about the same bags."""

    def has_volumes_for(self, weight_kg: float) -> bool:
        """Whether the source gives a diluent volume for this weight."""
        return all(recipe.diluent_ml(weight_kg) is not None for recipe in self.recipes)


REGIMENS: dict[RegimenName, Regimen] = {
    # 150 mg/kg over 1 h, 50 mg/kg over 4 h, 100 mg/kg over 16 h; the label fixes the dose from 100 kg, the UK from 110.
    RegimenName.THREE_BAG: Regimen(
        (
            BagRecipe(150, 1, 200, 100, 3),
            BagRecipe(50, 4, 500, 250, 7),
            BagRecipe(100, 16, 1000, 500, 14),
        ),
        100,
        FDA_LABEL,
        highest_cap_kg=110,
    ),
    # 200 mg/kg over 4 h in 1000 mL, then 100 mg/kg over 16 h in 500 mL; from 41 kg only.
    RegimenName.TWO_BAG: Regimen((BagRecipe(200, 4, 1000), BagRecipe(100, 16, 500)), 100, FDA_LABEL_TWO_BAG, 100),
    # The same mg/kg in 500 mL, then in 1000 mL: the reverse of the US volumes.
    RegimenName.TWO_BAG_ANZ: Regimen((BagRecipe(200, 4, 500), BagRecipe(100, 16, 1000)), 110, ANZ_2019, 110),
    # 100 mg/kg over 2 h in 200 mL, then 200 mg/kg over 10 h in 1000 mL.
    RegimenName.SNAP: Regimen((BagRecipe(100, 2, 200), BagRecipe(200, 10, 1000)), 110, SNAP_2014, 110),
}


def dosing_plan(regimen: RegimenName, weight_kg: float, *, max_weight_kg: float | None = None) -> Dosing:
    """The bags of `regimen` for `weight_kg`, or why there are none.

    From `max_weight_kg` (default: the regimen's own cap) the dose of the cap is used; never above the
    highest cap of the regimen's sources. Expects a weight that `weight.dosing_weight` has accepted.
    """
    if refusal := _refusal(regimen, weight_kg):
        return refusal
    chosen = REGIMENS[regimen]
    cap_kg = min(chosen.cap_kg if max_weight_kg is None else max_weight_kg, chosen.highest_cap_kg)
    return DosingPlan(
        regimen=regimen.value,
        weight_kg=weight_kg,
        is_capped=weight_kg >= cap_kg,
        bags=_bags(regimen, weight_kg=weight_kg, dosed_kg=min(weight_kg, cap_kg)),
        needs_fluid_warning=LOW_WEIGHT.reached_by_number(weight_kg),
        source=chosen.source,
    )


def _refusal(regimen: RegimenName, weight_kg: float) -> DosingRefusal | None:
    if not weight_kg >= WEIGHT_MIN.value:
        because = f"below {WEIGHT_MIN.value:g} kg no regimen has numbers: dose with a toxicologist"
        return DosingRefusal(because, needs_consult=True)
    if REGIMENS[regimen].has_volumes_for(weight_kg):
        return None
    because = f"the {regimen.words} regimen gives no volumes below {ADULT_VOLUMES.value:g} kg; use three-bag dosing"
    return DosingRefusal(because, instead=RegimenName.THREE_BAG)


def dosing_for_site(regimen: RegimenName, weight_kg: float, *, max_weight_kg: float) -> Dosing:
    """The site's regimen, or the three-bag numbers in its place, with the reason as `note`."""
    dosing = dosing_plan(regimen, weight_kg, max_weight_kg=max_weight_kg)
    if isinstance(dosing, DosingPlan) or dosing.instead is None:
        return dosing
    offered = dosing_plan(dosing.instead, weight_kg, max_weight_kg=max_weight_kg)
    return replace(offered, note=dosing.because) if isinstance(offered, DosingPlan) else offered


def _bags(regimen: RegimenName, *, weight_kg: float, dosed_kg: float) -> tuple[Bag, ...]:
    return tuple(
        _bag(regimen, number, recipe, diluent_ml, dosed_kg)
        for number, recipe in enumerate(REGIMENS[regimen].recipes, start=1)
        if (diluent_ml := recipe.diluent_ml(weight_kg)) is not None
    )


def _bag(regimen: RegimenName, number: int, recipe: BagRecipe, diluent_ml: float, dosed_kg: float) -> Bag:
    dose_mg = recipe.mg_per_kg * dosed_kg
    return Bag(
        regimen=regimen.value,
        number=number,
        dose_mg=dose_mg,
        drug_ml=dose_mg / CONCENTRATE_MG_ML,
        diluent_ml=diluent_ml,
        duration_h=recipe.duration_h,
        dosed_weight_kg=dosed_kg,
    )
