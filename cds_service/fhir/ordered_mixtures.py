"""What is mixed into a bag: ingredients of the ordered Medication, and a diluent ordered beside it.

Pure. Knows Medications and links between draft orders. Must not know doses per kg or rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import OrderedSubstance
from cds_service.clinical.ordered import Extent
from cds_service.clinical.quantity import Analyte, unit_factor
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.drug_names import names_acetylcysteine
from cds_service.fhir.ordered_doses_text import CONCENTRATE_MG_ML, Amounts
from cds_service.fhir.products import medication_references, product_of
from cds_service.fhir.reading import JsonObject, element, elements, number, reference_of, target_of, text
from cds_service.fhir.wording import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.fhir.chart import Chart

_DILUENT = words("dextrose", "glucose", "d5w?", "saline", "sodium chloride", "nacl", "water(?: for injection)?", "swfi")
_CONCENTRATE_WORDS = re.compile(r"\b200\s*mg\s*/\s*1?\s*ml\b|\b20\s*%|\b6\s*g\s*/\s*30\s*ml\b", re.IGNORECASE)
_SAME = 0.02
_VOLUME_PATHS = ("doseQuantity", "doseSimpleQuantity", "quantity", "quantityQuantity")


def holds_concentrate(order: JsonObject, chart: Chart) -> bool:
    """Whether the ordered product is the 200 mg/mL concentrate, so that mL of it are mg."""
    medications = [*_medications(order, chart)]
    if any(_strength(each) == CONCENTRATE_MG_ML for medication in medications for each in _ingredients(medication)):
        return True
    coded = (order.get("medicationCodeableConcept"), element(order.get("medication")).get("concept"))
    concepts = [concept_from(value) for value in (*coded, *(medication.get("code") for medication in medications))]
    written = [*(term.display for concept in concepts for term in concept.terms)]
    written += [piece for concept in concepts for piece in concept.written]
    return any(_CONCENTRATE_WORDS.search(piece) for piece in written)


def mixture_of(order: JsonObject, chart: Chart) -> Amounts:
    """The drug, the diluent and the total volume that the ingredients of an ordered Medication add up to."""
    amounts = Amounts()
    for medication in _medications(order, chart):
        for ingredient in _ingredients(medication):
            if _is_acetylcysteine(ingredient, medication, chart):
                _note_drug(amounts, ingredient)
            elif (volume := _millilitres(element(_strength_ratio(ingredient).get("numerator")))) is not None:
                amounts.add_volume("diluent_ml", Extent.exactly(volume))
    return amounts


def _medications(order: JsonObject, chart: Chart) -> Iterator[JsonObject]:
    for reference in medication_references(order):
        medication = chart.resolve(order, reference)
        if medication is not None:
            yield medication


def _ingredients(medication: JsonObject) -> list[JsonObject]:
    """The ingredients of a Medication (R4), or of its product (DSTU2)."""
    return [*elements(medication.get("ingredient")), *elements(element(medication.get("product")).get("ingredient"))]


def _is_acetylcysteine(ingredient: JsonObject, medication: JsonObject, chart: Chart) -> bool:
    """By what the ingredient is called; one that is itself a Medication is asked."""
    concept = concept_from(ingredient.get("itemCodeableConcept") or element(ingredient.get("item")).get("concept"))
    named = ingredient.get("itemReference")
    inner = chart.resolve(medication, named) or {}
    terms = {term.concept for term in (*concept.terms, *concept_from(inner.get("code")).terms)}
    written = [concept.all_text, concept_from(inner.get("code")).all_text, text(element(named).get("display")) or ""]
    return "acetylcysteine drug" in terms or any(names_acetylcysteine(piece) for piece in written)


def _strength_ratio(ingredient: JsonObject) -> JsonObject:
    """The strength as a Ratio (R4), as STU3's amount, or R5's quantity over nothing."""
    quantity = ingredient.get("strengthQuantity")
    ratio = element(ingredient.get("strength") or ingredient.get("amount") or ingredient.get("strengthRatio"))
    return {"numerator": quantity} if quantity is not None else ratio


def _strength(ingredient: JsonObject) -> float | None:
    """Mg/mL of an ingredient; None unless its strength is a mass per volume."""
    ratio = _strength_ratio(ingredient)
    mass, volume = _milligrams(element(ratio.get("numerator"))), _millilitres(element(ratio.get("denominator")))
    return None if mass is None or not volume else round(mass / volume, 3)


def _note_drug(amounts: Amounts, ingredient: JsonObject) -> None:
    """Acetylcysteine in the bag: mg, or mL of concentrate; a mass per volume also tells the volume of the bag."""
    ratio = _strength_ratio(ingredient)
    top, bottom = element(ratio.get("numerator")), element(ratio.get("denominator"))
    mass, drug, total = _milligrams(top), _millilitres(top), _millilitres(bottom)
    if drug is not None:
        amounts.add_volume("drug_ml", Extent.exactly(drug))
        return
    if mass is None or total == 1.0 or (total and abs(mass / total / CONCENTRATE_MG_ML - 1) < _SAME):
        return  # a strength, not the content of a bag
    amounts.add(Analyte.DOSE, Extent.exactly(mass), "dose")
    if total is not None:
        amounts.add_volume("total_ml", Extent.exactly(total))


def _milligrams(quantity: JsonObject) -> float | None:
    return _measured(Analyte.DOSE, quantity)


def _millilitres(quantity: JsonObject) -> float | None:
    return _measured(Analyte.VOLUME, quantity)


def _measured(kind: Analyte, quantity: Any) -> float | None:
    value = number(element(quantity).get("value"))
    factor = unit_factor(kind, text(element(quantity).get("code")) or text(element(quantity).get("unit")))
    return None if value is None or value <= 0 or factor is None else value * factor


# Orders beside it


def linked_diluent_ml(order: JsonObject, chart: Chart, reference: str) -> float | None:
    """The volume of the one diluent order that is linked to this order by group or reference; None otherwise."""
    siblings = {id(each): each for each in chart.resources.values()}.values()
    linked = [each for each in siblings if each is not order and _is_linked(each, order, reference)]
    if any(product_of(each, chart).substance is OrderedSubstance.ACETYLCYSTEINE for each in linked):
        return None
    volumes = [volume for each in linked if (volume := _diluent_ml(each, chart)) is not None]
    return volumes[0] if len(volumes) == 1 else None


def _is_linked(other: JsonObject, order: JsonObject, reference: str) -> bool:
    group = text(element(order.get("groupIdentifier")).get("value"))
    if group is not None and text(element(other.get("groupIdentifier")).get("value")) == group:
        return True
    links = [*elements(other.get("basedOn")), *elements(other.get("partOf"))]
    back = [*elements(order.get("basedOn")), *elements(order.get("supportingInformation"))]
    is_named = text(other.get("id")) is not None and any(target_of(link) == reference_of(other) for link in back)
    return is_named or any(target_of(link) == reference for link in links)


def _diluent_ml(other: JsonObject, chart: Chart) -> float | None:
    if not _DILUENT.search(product_of(other, chart).name):
        return None
    parts = [
        part
        for dosage in elements(other.get("dosageInstruction"))
        for part in (*elements(dosage.get("doseAndRate")), dosage)
    ]
    found = [_millilitres(element(part.get(name))) for part in parts for name in _VOLUME_PATHS]
    volumes = {volume for volume in found if volume is not None}
    return volumes.pop() if len(volumes) == 1 else None
