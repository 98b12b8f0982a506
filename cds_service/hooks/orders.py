"""What is being ordered: the draft orders of an order hook, read leniently, and which of them are selected.

Knows `draftOrders` and `selections`. Must not know rules, cards or the network: references that need
a FHIR read are only named (`OrderContext.unresolved`), and the caller passes what it read as `resources`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import DataGap, DrugOrder, GapKind, OrderedSubstance, Route
from cds_service.fhir import mapping
from cds_service.fhir.reading import element, reference_tail, subject_named, target_of, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cds_service.fhir.reading import JsonObject

ORDER_SIGN = "order-sign"

# Medication orders by the names the FHIR versions gave them; DSTU2 called it MedicationOrder.
_DRUG_ORDER_TYPES = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
_NOT_ORDERS = frozenset(
    {"Medication", "Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Encounter",
     "Condition", "Observation", "OperationOutcome"}
)  # fmt: skip
_RESOLVED_BY_REFERENCE = frozenset({"Medication", "Condition", "Observation"})


class OrderContextError(ValueError):
    """The order context cannot be used; `expression` names the element at fault. Answered with a 4xx."""

    def __init__(self, diagnostics: str, expression: str) -> None:
        """Keep the element beside the sentence."""
        super().__init__(diagnostics)
        self.expression = expression


class UnreadableOrdersError(OrderContextError):
    """`draftOrders` or `selections` has the wrong shape, or holds no readable order at all."""


class ForeignOrderError(OrderContextError):
    """A draft order belongs to another patient than the one in context."""


class UnknownSelectionError(OrderContextError):
    """None of the selections names a draft order."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft order. `reference` is "Type/id" where the draft has an id, else whatever names it in the Bundle.

    `drug` is None for orders that are not medication orders (nutrition, tests ...).
    """

    reference: str
    resource: JsonObject
    full_url: str | None
    is_selected: bool
    drug: DrugOrder | None

    @property
    def has_id(self) -> bool:
        """Whether the draft can be named as "Type/id", which a delete action needs."""
        return reference_tail(self.reference) == self.reference


@dataclass(frozen=True, slots=True)
class OrderContext:
    """The drafts of one order hook call, in Bundle order.

    `unresolved`: "Type/id" references that a FHIR read could resolve; until then such a drug is UNIDENTIFIED.
    `gaps`: draft orders that could not be read.
    """

    hook: str
    drafts: tuple[Draft, ...]
    gaps: tuple[DataGap, ...] = ()
    unresolved: frozenset[str] = frozenset()

    @property
    def selected(self) -> tuple[Draft, ...]:
        """The drafts the hook is about: the selected ones, or all when signing."""
        return tuple(draft for draft in self.drafts if draft.is_selected)

    @property
    def selected_drugs(self) -> tuple[DrugOrder, ...]:
        """The selected medication orders, as facts for the rules."""
        return tuple(draft.drug for draft in self.selected if draft.drug)

    @property
    def unselected_drugs(self) -> tuple[DrugOrder, ...]:
        """The other medication orders that are drafted."""
        return tuple(draft.drug for draft in self.drafts if draft.drug and not draft.is_selected)

    @property
    def is_iv_nac_drafted(self) -> bool:
        """Whether some draft, selected or not, already is acetylcysteine that is or may be intravenous."""
        return any(
            draft.drug.substance is OrderedSubstance.ACETYLCYSTEINE
            and draft.drug.route in {Route.INTRAVENOUS, Route.UNKNOWN}
            for draft in self.drafts
            if draft.drug
        )

    def can_delete(self, reference: str) -> bool:
        """Whether a delete action can name this draft as "Type/id"."""
        return any(draft.reference == reference and draft.has_id for draft in self.drafts)


@dataclass(frozen=True, slots=True)
class _Entry:
    resource: JsonObject
    full_url: str | None
    reference: str


def drafts_from_context(
    context: Mapping[str, Any], patient_id: str, resources: Iterable[JsonObject] = (), *, hook: str
) -> OrderContext:
    """The drafts of a raw hook context; `resources` are what is already read (Medication, Condition ...).

    On `order-sign` every draft counts as selected, otherwise those that `selections` names: "Type/id", a
    bare id, an absolute URL or a urn. Selections that name no draft are ignored as long as one does; an
    empty list selects nothing.

    Raises `UnreadableOrdersError`, `ForeignOrderError` and `UnknownSelectionError`.
    """
    entries, gaps = _entries(context.get("draftOrders"))
    orders = [entry for entry in entries if _type_of(entry.resource) not in _NOT_ORDERS]
    _refuse_foreign_orders(orders, patient_id)
    others = _resolvable(entries, resources)
    chosen = None if hook == ORDER_SIGN else _chosen(context.get("selections"), orders)
    drafts = tuple(_draft(entry, others, is_selected=chosen is None or at in chosen) for at, entry in enumerate(orders))
    return OrderContext(hook, drafts, gaps, _unresolved(drafts, others))


def _entries(bundle: object) -> tuple[list[_Entry], tuple[DataGap, ...]]:
    """The readable entries of the Bundle, and a gap when some could not be read."""
    raw = _raw_entries(bundle)
    entries = [entry for at, item in enumerate(raw, start=1) if (entry := _entry(item, at))]
    if raw and not entries:
        msg = "context.draftOrders holds entries, but none of them is a readable resource"
        raise UnreadableOrdersError(msg, "context.draftOrders")
    unread = len(raw) - len(entries)
    text = f"{unread} of {len(raw)} draft orders could not be read"
    return entries, (DataGap(GapKind.UNREADABLE, "drug order", text),) if unread else ()


def _raw_entries(bundle: object) -> list[Any]:
    is_bundle = isinstance(bundle, dict) and bundle.get("resourceType", "Bundle") == "Bundle"
    raw = bundle.get("entry") or [] if is_bundle and isinstance(bundle, dict) else None
    if not isinstance(raw, list):
        msg = "context.draftOrders must be a Bundle of draft orders"
        raise UnreadableOrdersError(msg, "context.draftOrders")
    return raw


def _entry(item: object, at: int) -> _Entry | None:
    resource, full_url = element(element(item).get("resource")), text(element(item).get("fullUrl"))
    if not _type_of(resource):
        return None
    return _Entry(resource, full_url, _reference(resource, full_url, at))


def _reference(resource: JsonObject, full_url: str | None, at: int) -> str:
    kind, identity = _type_of(resource), text(resource.get("id"))
    if identity:
        return f"{kind}/{identity}"
    tail = reference_tail(full_url or "")
    if tail and tail.startswith(f"{kind}/"):
        return tail
    return full_url or f"{kind} in entry {at}"


def _type_of(resource: JsonObject) -> str:
    return text(resource.get("resourceType")) or ""


def _refuse_foreign_orders(orders: list[_Entry], patient_id: str) -> None:
    """A subject that cannot be compared (absent, urn, identifier only) is the patient in context."""
    mine = patient_id.strip().removeprefix("Patient/")
    for order in orders:
        subjects = (subject_named(order.resource.get(key)) for key in ("subject", "patient"))
        if any(subject not in {None, f"Patient/{mine}"} for subject in subjects):
            msg = f"the draft order {order.reference} is for another patient than context.patientId"
            raise ForeignOrderError(msg, "context.draftOrders")


def _resolvable(entries: list[_Entry], resources: Iterable[JsonObject]) -> dict[str, JsonObject]:
    """What a draft may refer to, by "Type/id" and by fullUrl; the Bundle outranks the chart."""
    known = {
        f"{_type_of(resource)}/{resource.get('id')}": resource
        for resource in resources
        if _type_of(resource) in _RESOLVED_BY_REFERENCE
    }
    for entry in entries:
        known[entry.reference] = entry.resource
        if entry.full_url:
            known[entry.full_url] = entry.resource
    return known


def _chosen(selections: object, orders: list[_Entry]) -> frozenset[int]:
    """Positions of the selected orders."""
    if not isinstance(selections, list):
        msg = "context.selections must be a list of references to draft orders"
        raise UnreadableOrdersError(msg, "context.selections")
    names = [name for selection in selections if (name := target_of(selection))]
    chosen = frozenset(at for at, order in enumerate(orders) if any(_is_named(order, name) for name in names))
    if selections and not chosen:
        msg = "none of context.selections names an order in context.draftOrders"
        raise UnknownSelectionError(msg, "context.selections")
    return chosen


def _is_named(order: _Entry, name: str) -> bool:
    kind = _type_of(order.resource)
    names = {order.reference, order.full_url}
    return (
        name in names
        or f"{kind}/{name}" in names
        or name.removeprefix(f"{kind}/") in names
        or (reference_tail(name) == order.reference)
    )


def _draft(entry: _Entry, others: Mapping[str, JsonObject], *, is_selected: bool) -> Draft:
    is_drug = _type_of(entry.resource) in _DRUG_ORDER_TYPES
    drug = mapping.drug_order_from_resource(entry.resource, others, entry.reference) if is_drug else None
    return Draft(entry.reference, entry.resource, entry.full_url, is_selected, drug)


def _unresolved(drafts: tuple[Draft, ...], others: Mapping[str, JsonObject]) -> frozenset[str]:
    """Medications that selected drafts refer to and that are not at hand."""
    selected = [draft.resource for draft in drafts if draft.is_selected and draft.drug]
    return mapping.unresolved_references(selected) - others.keys()
