"""One patient's orders as they were signed: what the order hook would have said of acetylcysteine and acetaminophen.

Pure. Orders of one instant are signed together, on a chart where no drug of that very instant stands yet, and are
judged by the very functions that answer `order-sign`. A drug that was given although the chart has no order of it
counts as ordered when it was given; nothing is said of its dose, since no order states one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from cds_service.clinical.facts import OrderedSubstance
from cds_service.clinical.findings import Category
from cds_service.evaluation import Chart, evaluate
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.medications import ONLY_PROPOSED
from cds_service.fhir.reading import element, reference_of, token
from cds_service.hooks.cards import cards_for, topic_of
from cds_service.hooks.order_cases import OrderKind, kind_of
from cds_service.hooks.orders import ORDER_SIGN, OrderContext, OrderContextError, drafts_from_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.reading import JsonObject
    from cds_service.fhir.replay import Known, Standing
    from cds_service.hooks.cards import MadeCard
    from cds_service.population.remembered import Remembered

_ORDERS = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
_DRUGS = _ORDERS | {"MedicationAdministration", "MedicationStatement"}
_NEVER_SIGNED = frozenset({"draft", "entered-in-error"})
_NEVER_GIVEN = frozenset({"entered-in-error", "not-done"})
_WATCHED = frozenset({OrderedSubstance.ACETYLCYSTEINE, OrderedSubstance.ACETAMINOPHEN})
_TOLD_ALIKE = ("contained", "id", "patient", "reasonCode", "reasonReference", "subject")
_CAUTION, _DOSE_CHECK = Category.CAUTION.value, Category.DOSE_CHECK.value
# Where a card's sources could be read about; these cards are counted, and nobody opens them.
_NOWHERE = "http://localhost"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A chart that is replayed: whose it is, its versions, how it stood, and how it is read."""

    patient_id: str
    known: tuple[Known, ...]
    standing: Standing
    read: Remembered
    profile: Profile


@dataclass(frozen=True, slots=True)
class Signing:
    """What `order-sign` would have said at an instant.

    `orders`: "Type/id" of what was signed, or given unordered. `kinds`: what of it concerns this service. `topics`: of
    the cards, in order. `cautions`, `dose_checks`: ids of the rules behind caution and dose-check cards.
    """

    at: datetime
    orders: tuple[str, ...]
    kinds: tuple[OrderKind, ...]
    was_ordered: bool
    topics: tuple[str, ...]
    cautions: tuple[str, ...]
    dose_checks: tuple[str, ...]
    is_critical: bool
    assessment: Assessment


def signings_of(chart: Replayed) -> tuple[tuple[Signing, ...], int]:
    """What was signed of acetylcysteine and acetaminophen, in order of time; and how many orders could not be judged.

    These say no instant, or cannot be read as an order of this patient.
    """
    orders, untimed = _first_versions(chart.known, _was_signed)
    signed, unread = _answered(chart, _together(orders), frozenset())
    ordered = frozenset(drug.substance for each in signed for drug in each.assessment.facts.orders)
    given, _ = _first_versions(chart.known, _was_given)
    groups = (_Group(at, (name,), (_as_order(drug),), was_ordered=False) for name, (at, drug) in given.items())
    unordered, damaged = _answered(chart, groups, ordered)
    return tuple(sorted((*signed, *unordered), key=lambda each: (each.at, each.orders))), untimed + unread + damaged


@dataclass(frozen=True, slots=True)
class _Group:
    """What was signed at one instant."""

    at: datetime
    names: tuple[str, ...]
    orders: tuple[JsonObject, ...]
    was_ordered: bool


def _first_versions(
    known: Iterable[Known], is_wanted: Callable[[JsonObject], bool]
) -> tuple[dict[str, tuple[datetime, JsonObject]], int]:
    """The first version of each such resource with its instant, by reference; and how many have no instant."""
    first: dict[str, tuple[datetime, JsonObject]] = {}
    untimed: set[str] = set()
    for resource, since in known:
        name = reference_of(resource)
        if since is None and is_wanted(resource):
            untimed.add(name)
        elif since is not None and is_wanted(resource) and (name not in first or since < first[name][0]):
            first[name] = (since, resource)
    return first, len(untimed - first.keys())


def _was_signed(resource: JsonObject) -> bool:
    return (
        resource.get("resourceType") in _ORDERS
        and token(resource.get("status")) not in _NEVER_SIGNED
        and token(resource.get("intent")) not in ONLY_PROPOSED
        and resource.get("doNotPerform") in (None, False)
    )


def _was_given(resource: JsonObject) -> bool:
    is_administration = resource.get("resourceType") == "MedicationAdministration"
    return is_administration and token(resource.get("status")) not in _NEVER_GIVEN


def _together(orders: dict[str, tuple[datetime, JsonObject]]) -> list[_Group]:
    """The orders by their instants."""
    names: dict[datetime, list[str]] = {}
    for name, (at, _) in sorted(orders.items()):
        names.setdefault(at, []).append(name)
    return [
        _Group(at, tuple(signed), tuple(orders[name][1] for name in signed), was_ordered=True)
        for at, signed in names.items()
    ]


def _as_order(administration: JsonObject) -> JsonObject:
    """The drug, route and reasons of an administration, without its dose."""
    kept = {name: value for name, value in administration.items() if name in _TOLD_ALIKE or name[:10] == "medication"}
    route = element(administration.get("dosage")).get("route")
    return {"resourceType": "MedicationRequest", **kept, "dosageInstruction": [{"route": route}] if route else []}


def _answered(
    chart: Replayed, groups: Iterable[_Group], besides: frozenset[OrderedSubstance]
) -> tuple[list[Signing], int]:
    """What is said of the groups with a watched drug that is not one of `besides`; and how many orders are unread."""
    found: list[Signing] = []
    unread = 0
    for group in groups:
        before = _before(chart, group.at)
        try:
            context = _context(chart, group, before)
        except OrderContextError:
            unread += len(group.orders)
            continue
        if any(drug.substance in _WATCHED - besides for drug in context.selected_drugs):
            found.append(_signing(chart, group, context, before))
    return found, unread


def _before(chart: Replayed, at: datetime) -> list[JsonObject]:
    """The chart at an instant without the drugs of that instant."""
    now = {reference_of(each) for each, since in chart.known if since == at and each.get("resourceType") in _DRUGS}
    return [resource for resource in chart.standing.at(at) if reference_of(resource) not in now]


def _context(chart: Replayed, group: _Group, before: list[JsonObject]) -> OrderContext:
    """The group as the hook gets it. Raises `OrderContextError`."""
    entries = [{"resource": order | {"status": "draft"}} for order in group.orders]
    drafted = {"draftOrders": {"resourceType": "Bundle", "entry": entries}}
    context = drafts_from_context(drafted, chart.patient_id, before, hook=ORDER_SIGN)
    return context if group.was_ordered else _without_doses(context)


def _without_doses(context: OrderContext) -> OrderContext:
    drafts = (replace(each, drug=each.drug and replace(each.drug, bags=())) for each in context.drafts)
    return replace(context, drafts=tuple(drafts))


def _signing(chart: Replayed, group: _Group, context: OrderContext, before: list[JsonObject]) -> Signing:
    facts = facts_from_resources(before, chart.patient_id, read=chart.read)
    read = Chart(facts, tuple(before), (), (), {}, {})
    assessment = evaluate(read, orders=context.selected_drugs, profile=chart.profile, now=group.at).assessment
    made = cards_for(assessment, order_context=context, base_url=_NOWHERE, zone=UTC, new_uuid=lambda: "")
    kinds = {kind_of(drug) for drug in context.selected_drugs if drug.substance in _WATCHED}
    cautions, dose_checks = _about(made, _CAUTION), _about(made, _DOSE_CHECK)
    return Signing(
        at=group.at,
        orders=group.names,
        kinds=tuple(kind for kind in OrderKind if kind in kinds),
        was_ordered=group.was_ordered,
        topics=tuple(topic_of(each.card) for each in made),
        cautions=_rules(cautions),
        dose_checks=_rules(dose_checks),
        is_critical=any(each.card["indicator"] == "critical" for each in (*cautions, *dose_checks)),
        assessment=assessment,
    )


def _about(made: Iterable[MadeCard], topic: str) -> list[MadeCard]:
    return [each for each in made if topic_of(each.card) == topic]


def _rules(made: Iterable[MadeCard]) -> tuple[str, ...]:
    return tuple(sorted({rule for each in made for rule in each.rules}))
