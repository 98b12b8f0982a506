"""Suggestions: draft orders to create, and drafts to delete. Pure; nothing is ever placed, only offered.

Knows which drafts are offered and how they are labelled; the drafts themselves are made by `draft_orders`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import Category, Test
from cds_service.clinical.regimens import DosingPlan, DosingRefusal
from cds_service.fhir.codes import loinc
from cds_service.hooks.dosing import regimen_words
from cds_service.hooks.draft_orders import ORAL_NAC_TEXT, bag_draft, lab_draft, nac_draft_without_dose, oral_nac_draft
from cds_service.hooks.drafted import drafted_loinc
from cds_service.hooks.markdown import one_line
from cds_service.hooks.summary import BEFORE_THE_END, when_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.findings import Ask
    from cds_service.clinical.regimens import Bag
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.draft_orders import Drafting
    from cds_service.hooks.orders import OrderContext

_TESTS: dict[Test, tuple[str, ...]] = {
    Test.ACETAMINOPHEN: ("3298-7",),
    Test.TRANSAMINASES: ("1742-6", "1920-8"),
    Test.INR: ("6301-6",),
    Test.INJURY: ("2160-0", "2524-7", "2777-1", "2345-7"),
}
"""The LOINC codes that are ordered for a test."""
_TEST_LABELS = {
    Test.ACETAMINOPHEN: "Order acetaminophen level",
    Test.TRANSAMINASES: "Order AST and ALT",
    Test.INR: "Order INR",
    Test.INJURY: "Order creatinine, lactate, phosphate, glucose",
}


def primary_suggestions(drafting: Drafting, orders: OrderContext | None) -> list[JsonObject]:
    """What the primary card offers: the IV regimen and the tests asked for, without what is drafted already."""
    category = drafting.assessment.category
    is_drafted = orders is not None and orders.is_iv_nac_drafted
    suggestions = []
    if category in {Category.INDICATED, Category.CONSIDER} and not is_drafted:
        suggestions.append(_nac_suggestion(drafting, is_recommended=category is Category.INDICATED))
    return [*suggestions, *tests_suggestions(drafting, drafting.assessment.asks, orders)]


def tests_suggestions(drafting: Drafting, asks: Iterable[Ask], orders: OrderContext | None) -> list[JsonObject]:
    """Draft orders for the laboratory tests asked for, without those that are drafted already."""
    drafted = drafted_loinc(draft.resource for draft in orders.drafts) if orders is not None else frozenset()
    suggestions = (_test_suggestion(drafting, ask, drafted) for ask in asks)
    return [suggestion for suggestion in suggestions if suggestion]


def suggestion(drafting: Drafting, label: str, actions: list[JsonObject], *, is_recommended: bool) -> JsonObject:
    """A suggestion of these actions; the label is kept to what a button holds."""
    made = {"label": one_line(label, longest=80), "uuid": drafting.new_uuid(), "actions": actions}
    return made | ({"isRecommended": True} if is_recommended else {})


def create(resource: JsonObject, description: str) -> JsonObject:
    """The action that drafts a resource."""
    return {"type": "create", "description": one_line(description), "resource": resource}


# --- intravenous acetylcysteine -------------------------------------------------------------------


def _nac_suggestion(drafting: Drafting, *, is_recommended: bool) -> JsonObject:
    """All bags of the regimen as one suggestion; one draft without numbers when no weight is usable."""
    match drafting.assessment.dosing:
        case DosingPlan(regimen=regimen, weight_kg=weight_kg, bags=bags):
            label = f"Draft IV NAC, {regimen_words(regimen)} for {weight_kg:g} kg"
            actions = [create_bag(drafting, bag) for bag in bags]
        case DosingRefusal() | None as refusal:
            because = refusal.because if refusal else "no dose has been calculated"
            label = "Draft IV NAC without a dose (weigh first)"
            text = f"Acetylcysteine intravenously, dose by weight. Weigh the patient first: {because}"
            actions = [create(nac_draft_without_dose(drafting, text), text)]
    return suggestion(drafting, label, actions, is_recommended=is_recommended)


def create_bag(drafting: Drafting, bag: Bag) -> JsonObject:
    """The action that drafts one bag."""
    draft = bag_draft(drafting, bag)
    return create(draft, draft["dosageInstruction"][0]["text"])


# --- tests ----------------------------------------------------------------------------------------


def _test_suggestion(drafting: Drafting, ask: Ask, drafted: frozenset[str]) -> JsonObject | None:
    """The test as draft orders, one a LOINC code; None for what is not a laboratory test or is drafted already."""
    wanted = [loinc(code) for code in _TESTS.get(ask.test, ()) if code not in drafted]
    if not wanted:
        return None
    when = when_text(ask, drafting.assessment, drafting.zone)
    label = f"{_TEST_LABELS[ask.test]} {when.removesuffix(f', {BEFORE_THE_END}')}"
    actions = [create(lab_draft(drafting, ask, each), f"{each[2]}, {when}") for each in wanted]
    return suggestion(drafting, label, actions, is_recommended=True)


# --- drafts that are already there ----------------------------------------------------------------


def delete_suggestion(
    drafting: Drafting, references: tuple[str, ...], what: str, *, with_oral_nac: bool = False
) -> JsonObject | None:
    """Delete these drafts ("Type/id"), with oral acetylcysteine in their place where it is an option.

    None when there is no draft to delete: offering the alternative beside the draft would double the drug.
    """
    if not references:
        return None
    actions: list[JsonObject] = [
        {"type": "delete", "description": f"Remove the draft order of {what}", "resourceId": reference}
        for reference in references
    ]
    if not with_oral_nac:
        return suggestion(drafting, f"Remove the draft order of {what}", actions, is_recommended=False)
    actions.append(create(oral_nac_draft(drafting), ORAL_NAC_TEXT))
    return suggestion(drafting, "Replace with oral acetylcysteine 600 mg twice daily", actions, is_recommended=False)
