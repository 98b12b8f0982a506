"""What a charted drug is: acetaminophen, acetylcysteine, another, or unidentified; and how it goes in.

Pure. Resolves codeable concepts, contained, bundled and referenced Medications. Neither ingredient,
strength nor volume tells intravenous acetylcysteine from the inhaled solution: only product code, product
words or the route do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import OrderedSubstance, Route
from cds_service.fhir import drug_names
from cds_service.fhir.concepts import EMPTY, Concept, concept_from
from cds_service.fhir.reading import JsonObject, element, elements, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.fhir.chart import Chart
    from cds_service.fhir.codes import Term

_SUBSTANCES = {
    "acetaminophen drug": OrderedSubstance.ACETAMINOPHEN,
    "acetylcysteine drug": OrderedSubstance.ACETYLCYSTEINE,
}
_TAGGED_ROUTES = {
    "intravenous": Route.INTRAVENOUS,
    "oral": Route.ORAL,
    "inhaled": Route.INHALED,
    "other-route": Route.OTHER,
}
_CHARCOAL = "activated charcoal drug"
_EFFECTS = frozenset({"opioid", "anticholinergic"})
_STRENGTH = re.compile(
    r"(?:acetaminophen|paracetamol|apap|tylenol)[a-z ]*?\s(\d{2,4})\s?mg(?!\s?/\s?\d*\s?ml)", re.IGNORECASE
)
_STRENGTH_FIRST = re.compile(r"^\s*(\d{2,4})\s?mg (?:acetaminophen|paracetamol)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Product:
    """A drug as charted. `is_named_only`: recognised by its words, for lack of a standard code.

    `strength_mg`: acetaminophen in one tablet or capsule. `route`: what the product itself says.
    `charted_code`: the first code of the drug, known or not.
    """

    name: str
    substance: OrderedSubstance
    route: Route = Route.UNKNOWN
    is_extended_release: bool = False
    delaying: frozenset[str] = frozenset()
    strength_mg: float | None = None
    is_named_only: bool = False
    is_charcoal: bool = False
    charted_code: str | None = None


def product_of(resource: JsonObject, chart: Chart) -> Product:
    """The drug of an order, administration or statement; UNIDENTIFIED when nothing says what it is."""
    concepts = [concept for concept in _concepts(resource, chart) if not concept.is_empty]
    terms = tuple(term for concept in concepts for term in concept.of_kind("drug"))
    written = " | ".join(dict.fromkeys(piece for concept in concepts for piece in concept.written))
    substance, is_named_only = _substance(concepts, terms, written)
    return Product(
        name=next(
            (concept.name for concept in concepts if concept.written),
            concepts[0].name if concepts else "unidentified drug",
        ),
        substance=substance,
        route=_product_route(terms, written),
        is_extended_release=any("extended-release" in term.tags for term in terms)
        or drug_names.names_extended_release(written),
        delaying=frozenset(tag for term in terms for tag in term.tags & _EFFECTS)
        | drug_names.delaying_effects(written),
        strength_mg=_strength_mg(terms, written),
        is_named_only=is_named_only,
        is_charcoal=any(term.concept == _CHARCOAL for term in terms) or drug_names.names_charcoal(written),
        charted_code=next((concept.charted_code for concept in concepts if concept.charted_code), None),
    )


def medication_references(resource: JsonObject) -> list[Any]:
    """The references a drug resource may name its Medication by (R4 and R5 forms)."""
    return [resource.get("medicationReference"), element(resource.get("medication")).get("reference")]


def _concepts(resource: JsonObject, chart: Chart) -> Iterable[Concept]:
    yield concept_from(resource.get("medicationCodeableConcept"))
    yield concept_from(element(resource.get("medication")).get("concept"))
    if resource.get("resourceType") == "Medication":
        yield from _medication_concepts(resource)
    for reference in medication_references(resource):
        medication = chart.resolve(resource, reference)
        if medication is not None and text(medication.get("resourceType")) in {"Medication", None}:
            yield from _medication_concepts(medication)
        yield concept_from(text(element(reference).get("display")))


def _medication_concepts(medication: JsonObject) -> Iterable[Concept]:
    """Code, form and ingredients of a Medication (R4, and STU3's `product`)."""
    yield concept_from(medication.get("code"))
    yield concept_from(medication.get("form"))
    ingredients = [
        *elements(medication.get("ingredient")),
        *elements(element(medication.get("product")).get("ingredient")),
    ]
    for ingredient in ingredients:
        yield concept_from(ingredient.get("itemCodeableConcept"))
        yield concept_from(element(ingredient.get("item")).get("concept"))
        yield concept_from(text(element(ingredient.get("itemReference")).get("display")))


def _substance(concepts: list[Concept], terms: tuple[Term, ...], written: str) -> tuple[OrderedSubstance, bool]:
    """What it is, and whether words alone say so. Acetylcysteine wins over the poisoning it is named with."""
    coded = {_SUBSTANCES[term.concept] for term in terms if term.concept in _SUBSTANCES and "exclude" not in term.tags}
    if len(coded) == 1:
        return coded.pop(), False
    if coded:
        return OrderedSubstance.UNIDENTIFIED, False
    if any(term.concept not in _SUBSTANCES and "exclude" in term.tags for term in terms):
        return OrderedSubstance.OTHER, False
    named = _named_substance(written)
    is_local = not any(concept.codes for concept in concepts)
    if named is not None:
        return named, is_local
    return (OrderedSubstance.OTHER if terms or written else OrderedSubstance.UNIDENTIFIED), False


def _named_substance(written: str) -> OrderedSubstance | None:
    if drug_names.names_acetylcysteine(written):
        return OrderedSubstance.ACETYLCYSTEINE
    return OrderedSubstance.ACETAMINOPHEN if drug_names.names_acetaminophen(written) else None


def _product_route(terms: tuple[Term, ...], written: str) -> Route:
    routes = {_TAGGED_ROUTES[tag] for term in terms for tag in term.tags if tag in _TAGGED_ROUTES}
    if routes:
        return routes.pop() if len(routes) == 1 else Route.UNKNOWN
    return drug_names.route_named(written)


def _strength_mg(terms: tuple[Term, ...], written: str) -> float | None:
    """Milligrams of acetaminophen per tablet, from the product's words or its table row; None when they disagree."""
    pieces = [*(term.display for term in terms), *written.split(" | ")]
    found = {
        float(strength) for piece in pieces for strength in _STRENGTH.findall(piece) + _STRENGTH_FIRST.findall(piece)
    }
    return found.pop() if len(found) == 1 else None


# Routes


def route_of(dosages: Iterable[JsonObject], product: Product) -> Route:
    """The route: as charted with the dose, else the product's, else what the dosage text says.

    A charted route that cannot be read leaves the product to decide. Of several, intravenous wins.
    """
    instructions = list(dosages)
    charted = {_charted_route(concept_from(dosage.get("route"))) for dosage in instructions} - {Route.UNKNOWN}
    if charted:
        return _foremost(charted)
    if product.route is not Route.UNKNOWN:
        return product.route
    said = {drug_names.route_named(text(dosage.get("text")) or "") for dosage in instructions} - {Route.UNKNOWN}
    return _foremost(said) if said else Route.UNKNOWN


def _foremost(routes: set[Route]) -> Route:
    if Route.INTRAVENOUS in routes:
        return Route.INTRAVENOUS
    return routes.pop() if len(routes) == 1 else Route.UNKNOWN


def _charted_route(concept: Concept) -> Route:
    """A route by its code, else by its words, else by a local code that is itself a word such as "IV"."""
    coded = {_TAGGED_ROUTES[tag] for term in concept.of_kind("route") for tag in term.tags if tag in _TAGGED_ROUTES}
    if coded:
        return _foremost(coded)
    named = drug_names.route_named(concept.all_text)
    if named is not Route.UNKNOWN:
        return named
    if concept is EMPTY or concept.is_empty:
        return Route.UNKNOWN
    by_code = drug_names.route_named(" ".join(concept.bare))
    return by_code if by_code is not Route.UNKNOWN or not concept.written else _unlisted(concept)


def _unlisted(concept: Concept) -> Route:
    """A route in words that name several routes is unknown; words that name none of ours are another route."""
    return Route.UNKNOWN if drug_names.names_several_routes(concept.all_text) else Route.OTHER
