"""How much acetylcysteine an administration says was or is given: a mass, a rate, or a volume of something.

Pure. A volume is an amount of drug only where the record says what the bag holds; a volume of a product that
is the concentrate stays a volume, since mixed bags are charted under the same product. Judges nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from cds_service.clinical.quantity import Analyte, plain
from cds_service.fhir.doses import single_dose_mg, single_dose_mg_kg
from cds_service.fhir.ordered_doses import stated_amounts
from cds_service.fhir.ordered_doses_text import CONCENTRATE_MG_ML, Amounts
from cds_service.fhir.ordered_mixtures import holds_concentrate, mixture_of
from cds_service.fhir.values import ValueRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.ordered import Extent
    from cds_service.fhir.chart import Chart
    from cds_service.fhir.reading import JsonObject

_RATES = (Analyte.DOSE_RATE, Analyte.DOSE_RATE_PER_KG)
_SAME = 0.02


class Given(TypedDict, total=False):
    """The amounts of a `NacTherapy` that a record states; `unread`: why none could be read."""

    dose_mg: float
    dose_mg_kg: float
    rate_mg_h: float
    rate_mg_kg_h: float
    concentrate_ml: float
    unread: str


def mass_of(dosages: Sequence[JsonObject]) -> Given:
    """The one charted dose, where it is a mass or a mass per kg."""
    per_kg = single_dose_mg_kg(dosages)
    if per_kg is not None:
        return Given(dose_mg_kg=per_kg)
    try:
        mg = single_dose_mg(dosages, None)
    except ValueRefusedError:
        return Given()
    return Given() if mg is None else Given(dose_mg=mg)


def given_of(resource: JsonObject, dosages: Sequence[JsonObject], chart: Chart) -> Given:
    """What the record says was given: its dose, else its rate, else its volume. Raises for nothing in it."""
    mass = mass_of(dosages)
    if mass:
        return mass
    stated = [amounts for each in dosages if not (amounts := stated_amounts(each, is_concentrate=True)).is_empty]
    if not stated:
        return Given()
    if len(stated) > 1:
        return Given(unread="several doses are charted in one infusion")
    amounts = stated[0]
    if amounts.problems:
        return Given(unread=amounts.problems[0])
    return _rate(amounts) or _volume(
        amounts, mixture_of(resource, chart), is_concentrate=holds_concentrate(resource, chart)
    )


def _rate(amounts: Amounts) -> Given:
    """The rate of drug; two rates may contradict each other, and a range is none."""
    rates = [kind for kind in _RATES if kind in amounts.found]
    if not rates:
        return Given()
    rate = _exact(amounts.found[rates[0]])
    if len(rates) > 1 or rate is None:
        return Given(unread="an infusion is charted with more than one rate")
    return Given(rate_mg_h=rate) if rates[0] is Analyte.DOSE_RATE else Given(rate_mg_kg_h=rate)


def _volume(amounts: Amounts, mixture: Amounts, *, is_concentrate: bool) -> Given:
    """A volume, or a pump rate in mL/h, with what the charted mixture holds."""
    volume_ml, pump_ml_h = _exact(amounts.drug_ml), _exact(amounts.found.get(Analyte.VOLUME_RATE))
    total_ml, mg_ml = _contents(mixture)
    if volume_ml is not None:
        if mg_ml is not None and total_ml is not None and volume_ml <= total_ml * (1 + _SAME):
            return Given(dose_mg=volume_ml * mg_ml)
        if is_concentrate and mg_ml is None:
            return Given(concentrate_ml=volume_ml)
        return Given(unread=f"how much drug {plain(volume_ml)} mL hold is not charted")
    if pump_ml_h is not None:
        if mg_ml is not None:
            return Given(rate_mg_h=pump_ml_h * mg_ml)
        return Given(unread=f"how much drug {plain(pump_ml_h)} mL/h give is not charted")
    return Given(unread="the dose of an infusion is charted as a range, or not at all")


def _contents(mixture: Amounts) -> tuple[float | None, float | None]:
    """The volume of the charted bag in mL, and mg of drug in each mL of it; None where it does not say."""
    drug_ml, mg = _exact(mixture.drug_ml), _exact(mixture.found.get(Analyte.DOSE))
    mg = drug_ml * CONCENTRATE_MG_ML if mg is None and drug_ml is not None else mg
    if mg is None or mixture.problems:
        return None, None
    diluent_ml, total_ml = _exact(mixture.diluent_ml), _exact(mixture.total_ml)
    if total_ml is None and diluent_ml is not None:
        total_ml = diluent_ml + mg / CONCENTRATE_MG_ML
    return (None, None) if total_ml is None else (total_ml, mg / total_ml)


def _exact(amount: Extent | None) -> float | None:
    return amount.high if amount is not None and amount.is_exact else None
