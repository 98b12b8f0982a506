"""Drugs taken, given and ordered: acetaminophen exposures, acetylcysteine therapy, co-ingestants.

Pure. An order for acetaminophen is no exposure (ordered is not taken); an order for acetylcysteine is
therapy that may be under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import (
    CharcoalDose,
    CoIngestant,
    DrugOrder,
    Exposure,
    ExposureKind,
    GapKind,
    Intent,
    NacSource,
    NacTherapy,
    OrderedSubstance,
    Problem,
    Route,
)
from cds_service.clinical.quantity import Span
from cds_service.fhir import problem_names as names
from cds_service.fhir.chart import Chart, Fact, gap
from cds_service.fhir.concepts import Concept, concept_from, concepts_from
from cds_service.fhir.conditions import exposure_from_poisoning
from cds_service.fhir.doses import Regimen, regimen_of
from cds_service.fhir.ordered_doses import bags_of
from cds_service.fhir.problems import meaning_of, reasons_of
from cds_service.fhir.products import Product, product_of, route_of
from cds_service.fhir.reading import (
    JsonObject,
    UnusableTimeError,
    choices,
    element,
    elements,
    recorded_instant,
    reference_of,
    span_from_date_time,
    span_from_period,
    token,
)
from cds_service.fhir.therapy_doses import given_of, mass_of
from cds_service.fhir.times import choice_span
from cds_service.fhir.values import ValueRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

_NEVER_HAPPENED = frozenset(
    {"entered-in-error", "not-taken", "not-done", "cancelled", "intended", "draft", "preparation"}
)
_ORDERED = frozenset({"active", "on-hold", "completed", "stopped"})
ONLY_PROPOSED = frozenset({"proposal", "plan", "option"})
_LONGEST_SINGLE_INGESTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _When:
    """When a drug was taken. `is_open`: only one end of a period is charted."""

    span: Span | None = None
    is_open: bool = False
    problem: str | None = None


def facts_from_intake(resource: JsonObject, chart: Chart) -> Iterator[Fact]:
    """What a MedicationStatement or MedicationAdministration tells; nothing when the drug was not taken."""
    if token(resource.get("status")) in _NEVER_HAPPENED or _says_not_taken(resource):
        return
    product = product_of(resource, chart)
    yield from _BY_SUBSTANCE[product.substance](resource, product, chart)
    if product.is_named_only:
        words = f"{product.name!r} has no code this service knows; it was read by its name"
        yield gap(GapKind.UNMAPPED_CODE, "medications", words, resource, product.charted_code)


def _says_not_taken(resource: JsonObject) -> bool:
    """STU3 `taken` "n", DSTU2 `wasNotTaken` and `wasNotGiven`."""
    return token(resource.get("taken")) == "n" or True in {
        resource.get("wasNotTaken") is True,
        resource.get("wasNotGiven") is True,
        resource.get("notGiven") is True,
    }


def _dosages(resource: JsonObject) -> list[JsonObject]:
    return [*elements(resource.get("dosage")), *elements(resource.get("dosageInstruction"))]


def _when(resource: JsonObject, chart: Chart) -> _When:
    stem = next((stem for stem in ("effective", "occurence", "occurrence") if choices(resource, stem)), "effective")
    period = element(resource.get(f"{stem}Period"))
    ends = [period[name] for name in ("start", "end") if period.get(name) is not None]
    try:
        if len(ends) == 1:
            return _When(span_from_date_time(ends[0], chart.zone), is_open=True)
        return _When(span_from_period(period, chart.zone) if ends else choice_span(resource, stem, chart.zone))
    except UnusableTimeError as error:
        return _When(problem=str(error))


# Acetaminophen


def _acetaminophen(resource: JsonObject, product: Product, chart: Chart) -> Iterator[Fact]:
    when = _when(resource, chart)
    if when.problem is not None:
        yield gap(GapKind.UNUSABLE_TIME, "exposure", f"{product.name!r}: {when.problem}", resource)
    regimen = Regimen()
    try:
        regimen = regimen_of(_dosages(resource), product.strength_mg)
    except ValueRefusedError as error:
        words = f"{product.name!r}: the dose cannot be used: {error}"
        yield gap(error.kind, "exposure", words, resource, error.found)
    exposure = _exposure(resource, product, when, regimen, chart)
    reasons = list(_reasons(resource, chart))
    intents = {intent for concept in reasons if (intent := _intent(concept)) is not Intent.UNKNOWN}
    intent = intents.pop() if len(intents) == 1 else Intent.UNKNOWN
    yield replace(exposure, intent=intent)
    for concept in reasons:
        yield from _poisoning_reason(concept, exposure, resource)


def _exposure(resource: JsonObject, product: Product, when: _When, regimen: Regimen, chart: Chart) -> Exposure:
    """The exposure. A course: a repeated dose, a period over 24 h, or a statement without an end.

    An open course spans its one charted end only; an infusion under way is taken at its start.
    """
    return Exposure(
        kind=ExposureKind.MEDICATION,
        reference=reference_of(resource),
        name=product.name,
        taken=when.span,
        recorded_at=recorded_instant(resource.get("dateAsserted"), chart.zone),
        is_course=_is_course(resource, when, regimen),
        amount_mg=regimen.dose_mg,
        daily_amount_mg=regimen.daily_mg,
        route=route_of(_dosages(resource), product),
        is_extended_release=product.is_extended_release,
        delaying_ingredients=product.delaying,
    )


def _is_course(resource: JsonObject, when: _When, regimen: Regimen) -> bool:
    if regimen.is_repeated:
        return True
    if resource.get("resourceType") == "MedicationStatement" and when.is_open:
        return True
    return when.span is not None and when.span.latest - when.span.earliest > _LONGEST_SINGLE_INGESTION


def _reasons(resource: JsonObject, chart: Chart) -> Iterator[Concept]:
    """Why a drug was taken or ordered: coded, worded, or by reference (R4, STU3 and DSTU2 forms)."""
    for name in ("reasonCode", "reasonCodeableConcept", "reasonForUseCodeableConcept", "reasonGiven"):
        yield from concepts_from(resource.get(name))
    for name in ("reasonReference", "reasonForUseReference"):
        for reference in elements(resource.get(name)):
            condition = chart.resolve(resource, reference)
            yield concept_from(element(condition).get("code"))
            yield concept_from(reference.get("display") if condition is None else None)


def _intent(concept: Concept) -> Intent:
    meaning = meaning_of(concept)
    if meaning.poisoning is not None and meaning.poisoning.intent is not Intent.UNKNOWN:
        return meaning.poisoning.intent
    if Problem.SELF_HARM in meaning.problems:
        return Intent.SELF_HARM
    return names.intent_named(names.current(concept.all_text))


def _poisoning_reason(concept: Concept, exposure: Exposure, resource: JsonObject) -> Iterator[Fact]:
    """A reason that names an overdose makes the entry a poisoning as well, at the same time."""
    meaning = meaning_of(concept)
    if meaning.poisoning is None:
        return
    poisoning = exposure_from_poisoning(meaning.poisoning, resource, concept.name, exposure.taken, exposure.recorded_at)
    yield replace(poisoning, kind=ExposureKind.POISONING, is_course=exposure.is_course)


# Acetylcysteine


def _acetylcysteine(resource: JsonObject, product: Product, chart: Chart) -> Iterator[Fact]:
    """Therapy given, under way (from its start on) or stated."""
    when = _when(resource, chart)
    if when.problem is not None:
        yield gap(GapKind.UNUSABLE_TIME, "medications", f"{product.name!r}: {when.problem}", resource)
    is_given = resource.get("resourceType") == "MedicationAdministration"
    yield NacTherapy(
        source=NacSource.ADMINISTRATION if is_given else NacSource.STATEMENT,
        reference=reference_of(resource),
        name=product.name,
        route=route_of(_dosages(resource), product),
        status=token(resource.get("status")) or "unknown",
        given=when.span,
        infused=_infused(resource, chart),
        started_at=_period_instant(resource, "start", chart),
        reasons=_therapy_reasons(resource, chart),
        **given_of(resource, _dosages(resource), chart),
    )


def _infused(resource: JsonObject, chart: Chart) -> Span | None:
    """From the charted start to the charted (or planned) end of an infusion, both of them instants."""
    start, end = (_period_instant(resource, name, chart) for name in ("start", "end"))
    return Span(start, end) if start is not None and end is not None and start <= end else None


def _period_instant(resource: JsonObject, name: str, chart: Chart) -> datetime | None:
    """One end of the charted period, where it is an instant."""
    stem = next((stem for stem in ("effective", "occurence", "occurrence") if choices(resource, stem)), "effective")
    try:
        charted = span_from_date_time(element(resource.get(f"{stem}Period")).get(name), chart.zone)
    except UnusableTimeError:
        return None
    return charted.earliest if charted.is_exact else None


def _therapy_reasons(resource: JsonObject, chart: Chart) -> frozenset[Problem]:
    return frozenset(problem for concept in _reasons(resource, chart) for problem in reasons_of(concept))


def facts_from_request(request: JsonObject, chart: Chart) -> Iterator[Fact]:
    """Acetylcysteine ordered in earnest: neither a draft, nor proposed, nor forbidden, nor cancelled."""
    if not _is_in_earnest(request):
        return
    product = product_of(request, chart)
    if product.substance is OrderedSubstance.UNIDENTIFIED:
        words = "a drug that was ordered could not be identified"
        yield gap(GapKind.UNMAPPED_CODE, "medications", words, request, product.charted_code)
    if product.substance is not OrderedSubstance.ACETYLCYSTEINE:
        yield from _charcoal(request, product, _ordered_at(request, chart))
        return
    yield NacTherapy(
        source=NacSource.REQUEST,
        reference=reference_of(request),
        name=product.name,
        route=route_of(_dosages(request), product),
        status=token(request.get("status")),
        given=_ordered_at(request, chart),
        valid_until=_valid_until(request, chart),
        reasons=_therapy_reasons(request, chart),
        **mass_of(_dosages(request)),
    )


def _is_in_earnest(request: JsonObject) -> bool:
    return (
        token(request.get("status")) in _ORDERED
        and token(request.get("intent")) not in ONLY_PROPOSED
        and request.get("doNotPerform") in (None, False)
    )


def _ordered_at(request: JsonObject, chart: Chart) -> Span | None:
    """AuthoredOn (R4, STU3) or dateWritten (DSTU2)."""
    try:
        return span_from_date_time(request.get("authoredOn", request.get("dateWritten")), chart.zone)
    except UnusableTimeError:
        return None


def _valid_until(request: JsonObject, chart: Chart) -> datetime | None:
    """When the last period the order states ends: of its dosages, or of its validity; None when it states none."""
    repeats = [element(element(dosage.get("timing")).get("repeat")) for dosage in _dosages(request)]
    periods = [element(repeat.get("boundsPeriod")) for repeat in repeats]
    periods.append(element(element(request.get("dispenseRequest")).get("validityPeriod")))
    ends = []
    for period in periods:
        try:
            ends.append(span_from_date_time(period.get("end"), chart.zone).latest)
        except UnusableTimeError:
            continue
    return max(ends, default=None)


def _coingestants(resource: JsonObject, product: Product, chart: Chart) -> Iterator[Fact]:
    span = _when(resource, chart).span
    yield from _charcoal(resource, product, span)
    for effect in sorted(product.delaying):
        yield CoIngestant(reference_of(resource), product.name, effect, span)


def _charcoal(resource: JsonObject, product: Product, given: Span | None) -> Iterator[Fact]:
    """Activated charcoal, which matters to acetylcysteine that is swallowed."""
    if _is_charcoal(product):
        yield CharcoalDose(reference_of(resource), product.name, given)


def _is_charcoal(product: Product) -> bool:
    return product.is_charcoal and product.substance is OrderedSubstance.OTHER


def _unidentified(resource: JsonObject, product: Product, _: Chart) -> Iterator[Fact]:
    words = "a drug that was taken or given could not be identified"
    yield gap(GapKind.UNMAPPED_CODE, "medications", words, resource, product.charted_code)


_BY_SUBSTANCE: dict[OrderedSubstance, Callable[[JsonObject, Product, Chart], Iterator[Fact]]] = {
    OrderedSubstance.ACETAMINOPHEN: _acetaminophen,
    OrderedSubstance.ACETYLCYSTEINE: _acetylcysteine,
    OrderedSubstance.OTHER: _coingestants,
    OrderedSubstance.UNIDENTIFIED: _unidentified,
}


# Draft orders


def order_from(order: JsonObject, chart: Chart, reference: str) -> DrugOrder:
    """A draft order: substance, route, reasons and, of intravenous acetylcysteine, its bags."""
    product = product_of(order, chart)
    route = route_of(_dosages(order), product)
    is_infusion = product.substance is OrderedSubstance.ACETYLCYSTEINE and route is Route.INTRAVENOUS
    bags = bags_of(order, chart, reference) if is_infusion else ()
    reasons = _therapy_reasons(order, chart)
    is_charcoal = _is_charcoal(product)
    return DrugOrder(reference, product.name, product.substance, route, reasons, bags, is_charcoal=is_charcoal)
