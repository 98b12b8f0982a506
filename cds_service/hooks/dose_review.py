"""The card of the dose review: what is off in the ordered bags, the right numbers, and drafts put right.

Pure wording and drafting; what is wrong was decided by the clinical review. One card for all bags of a call.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cds_service.clinical.findings import Verdict
from cds_service.clinical.order_faults import FaultKind, OrderFault
from cds_service.clinical.regimen_fit import number
from cds_service.clinical.regimens import REGIMENS, DosingPlan
from cds_service.fhir.reading import elements
from cds_service.hooks.conformance import check_medication_request
from cds_service.hooks.detail import evidence_section, footer, joined, second_hand
from cds_service.hooks.dosing import DILUENTS, bag_text, dose_table, regimen_words, weight_text
from cds_service.hooks.draft_orders import Drafting, bag_draft
from cds_service.hooks.markdown import bullets, capitalised, section
from cds_service.hooks.orders import ORDER_SIGN
from cds_service.hooks.suggestions import create_bag, suggestion
from cds_service.hooks.summary import fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.evidence import Evidence
    from cds_service.clinical.order_review import DoseReview
    from cds_service.clinical.ordered import Extent, OrderedBag
    from cds_service.clinical.profiles import RegimenName
    from cds_service.clinical.regimens import Bag
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.orders import Draft, OrderContext

_REPLACE_ALL = frozenset(
    {FaultKind.MIXED, FaultKind.TOO_LIGHT, FaultKind.EXTRA_BAG, FaultKind.DUPLICATE, FaultKind.ALREADY_GIVEN}
)


@dataclass(frozen=True, slots=True)
class DoseCard:
    """The parts of the card that only the dose review knows."""

    summary: str
    detail: str
    sources: tuple[Evidence, ...]
    suggestions: list[JsonObject]
    is_critical: bool
    rules: tuple[str, ...]


def dose_card(drafting: Drafting, orders: OrderContext) -> DoseCard | None:
    """The card of the review, or None when there is nothing to say of the doses.

    An order that is selected before any dose is written gets no card yet; when it is signed like that, it does.
    """
    review = drafting.assessment.dose_review
    if review is None or not review.needs_card or (orders.hook != ORDER_SIGN and _is_only_begun(review)):
        return None
    correction = _correction(drafting, review, orders)
    return DoseCard(
        summary=_summary(review),
        detail=_detail(drafting.assessment, review),
        sources=_sources(review),
        suggestions=[correction] if correction else [],
        is_critical=review.is_critical,
        rules=_rules(review),
    )


def _rules(review: DoseReview) -> tuple[str, ...]:
    """The rules that found something off; where none did, those that could not tell."""
    by_verdict = {verdict: [j.rule.id for j in review.judged if j.finding.verdict is verdict] for verdict in Verdict}
    return tuple(by_verdict[Verdict.MET] or by_verdict[Verdict.UNKNOWN])


def _is_only_begun(review: DoseReview) -> bool:
    return all(placed.ordered.is_blank for placed in review.fit.placed)


def regimen_note(review: DoseReview | None, site_regimen: RegimenName) -> str:
    """What to say of right bags beside the primary card: another regimen than the site's, bags not selected."""
    return " ".join(f"{capitalised(text)}." for text in _set_texts(review, site_regimen)) if review else ""


# Summary


def _summary(review: DoseReview) -> str:
    if not review.faults:
        problem, _, ask = (review.weight_problem or "").partition(": ")
        findings = (f"IV NAC dose cannot be checked, {problem}", "IV NAC dose cannot be checked")
        return fitted(findings, (f"{ask or 'weigh the patient'} before dosing",))
    first = review.faults[0]
    further = len(review.faults) - 1
    several = f", and {further} more finding{'s' if further > 1 else ''}" if further else ""
    right = f" ({first.right})" if first.right else ""
    words = capitalised(first.words)
    ask = "check the dose of the order" if first.kind is FaultKind.UNREAD else "correct before signing"
    return fitted((f"{words}{right}{several}", f"{words}{right}", words), (ask,))


# Detail


def _detail(assessment: Assessment, review: DoseReview) -> str:
    off = (f"{fault.words}{_right_or_whose(fault)}" for fault in review.faults)
    parts = (
        section("What was ordered", bullets(_ordered_texts(review))),
        section("What is off", bullets(off)),
        section("What to know", bullets(_set_texts(review, assessment.profile.regimen))),
        _right_doses(review),
        evidence_section(_sources(review)),
        section(
            "Who to call",
            bullets([str(assessment.profile.poison_centre)]),
        ),
        footer(assessment),
    )
    return joined(parts)


def _right_or_whose(fault: OrderFault) -> str:
    """The right numbers; of an order that cannot be read, which one it is."""
    if fault.kind is FaultKind.UNREAD:
        return f": {fault.reference}"
    return f" (right: {fault.right})" if fault.right else ""


def _ordered_texts(review: DoseReview) -> Iterator[str]:
    for placed in review.fit.placed:
        name = f"bag {placed.number}" if placed.number is not None else "a further bag"
        read = ", ".join(_read_texts(placed.ordered)) or "no amount could be read"
        charted = f"; as written: {placed.ordered.text}" if placed.ordered.text else ""
        yield f"{name} ({placed.ordered.reference}): {read}{charted}"


def _read_texts(bag: OrderedBag) -> Iterator[str]:
    """The amounts as they were read, so that a misreading shows."""
    for amount, unit in (
        (bag.dose_mg, "mg"), (bag.dose_mg_kg, "mg/kg"), (bag.rate_mg_h, "mg/h"), (bag.rate_mg_kg_h, "mg/kg/h"),
        (bag.diluent_ml, "mL diluent"), (bag.diluent_ml_kg, "mL/kg diluent"), (bag.total_ml, "mL in all"),
        (bag.duration_h, "h"), (bag.rate_ml_h, "mL/h"),
    ):  # fmt: skip
        if amount is not None:
            yield f"{_extent(amount)} {unit}"


def _extent(amount: Extent) -> str:
    return number(amount.high) if amount.is_exact else f"{number(amount.low)} to {number(amount.high)}"


def _set_texts(review: DoseReview, site_regimen: RegimenName) -> Iterator[str]:
    """Which regimen the bags follow, and which of its bags are not selected."""
    if review.is_unread and not any(placed.ordered.states_a_dose for placed in review.fit.placed):
        return
    regimen = review.fit.regimen
    among = f"of {len(REGIMENS[regimen].recipes)} of the {regimen.words} regimen"
    if regimen is not site_regimen and not review.is_mixed:
        yield f"the ordered bags follow the {regimen.words} regimen; this site's regimen is {site_regimen.words}"
    if review.given:
        yield f"{_bags(review.given)} of the {site_regimen.words} regimen given or running: do not start over"
    if review.absent and review.fit.numbers and not review.is_mixed:
        yield f"selected: {_bags(review.fit.numbers)} {among}; {_bags(review.absent)} not among the selected orders"


def _bags(numbers: Iterable[int]) -> str:
    shown = [str(each) for each in numbers]
    return f"bag {shown[0]}" if len(shown) == 1 else f"bags {' and '.join(shown)}"


def _right_doses(review: DoseReview) -> str:
    """The dose table, or why no mg are shown."""
    if not isinstance(review.right, DosingPlan):
        return section("Dose", bullets((f"No mg shown: {review.right.because}",)))
    plan = review.right
    notes = (
        f"{weight_text(plan)} Confirm the weight before prescribing.",
        plan.note,
        f"Diluent: {DILUENTS}; the drug volume is not included in it. Rates are for the mixed bag.",
        second_hand(plan),
    )
    return section(f"Right doses ({regimen_words(plan.regimen)})", dose_table(plan), bullets(notes))


def _sources(review: DoseReview) -> tuple[Evidence, ...]:
    said = {fault.rule for fault in review.faults} or {"F4"}
    found = [source for judged in review.judged if judged.rule.id[:2] in said for source in judged.rule.evidence]
    if isinstance(review.right, DosingPlan):
        found.append(review.right.source)
    return tuple(dict.fromkeys(found))


# Suggestion


def _correction(drafting: Drafting, review: DoseReview, orders: OrderContext) -> JsonObject | None:
    """The drafts with the right numbers: updated in place, or deleted and drafted anew.

    None without right numbers, where a draft has no id to name it by, or where nobody knows which bag it is.
    """
    plan = review.right
    drafts = {draft.reference: draft for draft in orders.drafts if draft.has_id}
    if not isinstance(plan, DosingPlan) or not all(order.reference in drafts for order in review.orders):
        return None
    if any(fault.kind in _REPLACE_ALL for fault in review.faults):
        return _replacement(drafting, review, plan)
    actions = [
        action
        for reference, bags in _bags_to_correct(review, plan).items()
        for action in _corrected(drafting, drafts[reference], bags)
    ]
    label = f"Correct to {regimen_words(plan.regimen)} for {plan.weight_kg:g} kg"
    return suggestion(drafting, label, actions, is_recommended=True) if actions else None


def _replacement(drafting: Drafting, review: DoseReview, plan: DosingPlan) -> JsonObject:
    """Every draft deleted, and the bags not given yet drafted anew: a course under way is not begun again."""
    bags = review.left_of(plan)
    actions = [_delete(order.reference) for order in review.orders]
    actions += [create_bag(drafting, bag) for bag in bags]
    label = f"Replace with {regimen_words(plan.regimen)} for {plan.weight_kg:g} kg"
    if review.given:
        label = f"{label}, {_bags(bag.number for bag in bags)}" if bags else "Remove the draft orders of IV NAC"
    return suggestion(drafting, label, actions, is_recommended=True)


def _bags_to_correct(review: DoseReview, plan: DosingPlan) -> dict[str, list[Bag]]:
    """The right bags of each order something is off in; orders without a readable dose are left to the prescriber."""
    wrong = {fault.reference for fault in review.faults if _can_be_corrected(fault)}
    unknown = {placed.ordered.reference for placed in review.fit.placed if not placed.ordered.states_a_dose}
    bags: dict[str, list[Bag]] = {}
    for placed in sorted(review.fit.placed, key=lambda each: each.number or 0):
        reference = placed.ordered.reference
        if placed.number is not None and reference in wrong - unknown:
            bags.setdefault(reference, []).append(plan.bags[placed.number - 1])
    return bags


def _can_be_corrected(fault: OrderFault) -> bool:
    return fault.kind is not FaultKind.UNREAD


def _corrected(drafting: Drafting, draft: Draft, bags: list[Bag]) -> list[JsonObject]:
    """An update of the whole draft; one that is not a plain R4 order is deleted and drafted anew."""
    updated = _updated(drafting, draft, bags)
    text = "; ".join(bag_text(bag) for bag in bags)
    if updated is not None:
        return [{"type": "update", "description": text, "resource": updated}]
    return [_delete(draft.reference), *(create_bag(drafting, bag) for bag in bags)]


def _updated(drafting: Drafting, draft: Draft, bags: list[Bag]) -> JsonObject | None:
    """The draft with the right dosages and otherwise as it is; None when that would not be a valid order."""
    resource = deepcopy(draft.resource)
    mixed = any(elements(inner.get("ingredient")) for inner in elements(resource.get("contained")))
    if mixed or resource.get("resourceType") != "MedicationRequest":
        return None
    charted = next(
        (dosage["route"] for dosage in elements(resource.get("dosageInstruction")) if dosage.get("route")), None
    )
    dosages = [bag_draft(drafting, bag)["dosageInstruction"][0] for bag in bags]
    resource["dosageInstruction"] = [dosage | ({"route": charted} if charted else {}) for dosage in dosages]
    try:
        check_medication_request(resource)
    except ValidationError:
        return None
    return resource


def _delete(reference: str) -> JsonObject:
    return {"type": "delete", "description": "Remove the draft order of IV NAC", "resourceId": reference}
