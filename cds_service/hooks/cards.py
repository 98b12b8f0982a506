"""From an assessment to CDS Hooks cards: which cards, in which order, and how each is put together.

Pure: the same assessment gives the same cards, but for the uuids. One primary card a call, cautions as
cards of their own, most urgent first, three at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import uuid4

from cds_service.clinical.facts import OrderedSubstance, Route
from cds_service.clinical.findings import Ask, Category, Overlay, Test
from cds_service.hooks.caution_words import ORAL_ADVICE, ORAL_ASK, words_for
from cds_service.hooks.detail import caution_detail, order_detail, primary_detail
from cds_service.hooks.dose_review import dose_card, regimen_note
from cds_service.hooks.draft_orders import Drafting
from cds_service.hooks.extension import extension, present
from cds_service.hooks.order_cases import ORDER_CASES, OrderCase, OrderKind, leading_kind, of_kind
from cds_service.hooks.override_reasons import override_reasons
from cds_service.hooks.suggestions import delete_suggestion, primary_suggestions, tests_suggestions
from cds_service.hooks.summary import fitted, plotted_finding, primary_summary, rule_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import tzinfo

    from cds_service.clinical.assessment import Assessment, OrderCaution
    from cds_service.clinical.evidence import Evidence
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.orders import OrderContext

TOPIC_SYSTEM = "https://nac-cds.example.org/CodeSystem/recommendation"
MOST_CARDS = 3

_URGENCY = ("critical", "warning", "info")
# Topic display and indicator by category. A caution may be critical instead.
_TOPICS: dict[Category, tuple[str, str]] = {
    Category.INDICATED: ("IV NAC is indicated", "critical"),
    Category.CONSIDER: ("IV NAC can be considered", "warning"),
    Category.CONTINUE: ("IV NAC under way: continue and monitor", "warning"),
    Category.REPEAT_LEVEL: ("Repeat the acetaminophen level", "warning"),
    Category.DATA_NEEDED: ("More data needed to decide on IV NAC", "warning"),
    Category.CAUTION: ("Caution about an order", "warning"),
    Category.DOSE_CHECK: ("Check the NAC dose", "warning"),
    Category.CRITERIA_MET: ("Criteria for ending IV NAC are met", "info"),
    Category.NOT_INDICATED: ("IV NAC is not indicated now", "info"),
}
_NOT_INDICATED_CAUTION = "E5"
_MAYBE_IV = (OrderKind.IV_NAC, OrderKind.NAC_WITHOUT_ROUTE)
_NOTHING_FOUND = "no acetaminophen exposure, level beyond therapeutic use or liver failure was found on the chart"


@dataclass(frozen=True, slots=True)
class MadeCard:
    """A card, and the ids of the rules that made it; none for what no rule says."""

    card: JsonObject
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A card before it is put together; `sources` give its source label and links."""

    category: Category
    summary: str
    detail: str
    sources: tuple[Evidence, ...]
    suggestions: list[JsonObject] = field(default_factory=list)
    is_critical: bool = False
    rules: tuple[str, ...] = ()
    links: tuple[JsonObject, ...] = ()

    @property
    def indicator(self) -> str:
        return "critical" if self.is_critical else _TOPICS[self.category][1]


@dataclass(frozen=True, slots=True)
class _Call:
    """What the cards of one call are made from."""

    assessment: Assessment
    orders: OrderContext | None
    drafting: Drafting
    links: tuple[JsonObject, ...] = ()

    @property
    def zone(self) -> tzinfo:
        return self.drafting.zone


def cards_for(  # noqa: PLR0913 - one keyword for each thing a card shows beside the assessment
    assessment: Assessment,
    *,
    order_context: OrderContext | None,
    base_url: str,
    zone: tzinfo,
    encounter_id: str | None = None,
    links: Iterable[JsonObject] = (),
    new_uuid: Callable[[], str] = lambda: str(uuid4()),
) -> list[MadeCard]:
    """The cards of one call; an empty list is a decision (outside the population, or nothing to add to an order).

    `order_context` is None on patient-view. `zone` is for display only. `base_url` is where the service
    itself can be read about, for sources without an address of their own. `links` go on the primary card, first.
    """
    call = _Call(assessment, order_context, Drafting(assessment, zone, encounter_id, new_uuid), tuple(links))
    drafts = sorted(_drafts(call), key=lambda draft: _URGENCY.index(draft.indicator))
    return [MadeCard(_card(draft, call, base_url), draft.rules) for draft in drafts[:MOST_CARDS]]


def _drafts(call: _Call) -> Iterator[_Draft]:
    """Every card that applies, the primary one first."""
    if call.orders is None:
        yield from _primary(call, None)
        return
    kind = leading_kind(call.orders)
    if _shows_primary(call, kind):
        yield from _primary(call, ORDER_CASES[kind])
    yield from _cautions(call)
    yield from _unexplained(call)
    yield from _dose_check(call, call.orders)
    yield from _unidentified(call)


def _shows_primary(call: _Call, kind: OrderKind) -> bool:
    """As the table of orders has it, and wherever an order makes oral NAC and charcoal meet (F6).

    The caution that NAC is not indicated (E5) stands in for "not indicated".
    """
    category = call.assessment.category
    is_replaced = category is Category.NOT_INDICATED and any(
        rule_number(caution.judged) == _NOT_INDICATED_CAUTION for caution in call.assessment.cautions
    )
    return not is_replaced and (category in ORDER_CASES[kind].shows or _may_make_charcoal_meet_oral_nac(call))


def _may_make_charcoal_meet_oral_nac(call: _Call) -> bool:
    """Whether a selected order is one of the two, and the other is charted, or may be on lists that cannot be read."""
    assessment = call.assessment
    selected = call.orders.selected_drugs if call.orders else ()
    is_one_of_them = any(
        order.is_charcoal or (order.substance is OrderedSubstance.ACETYLCYSTEINE and order.route is Route.ORAL)
        for order in selected
    )
    return is_one_of_them and (Overlay.CHARCOAL in assessment.overlays or assessment.facts.medications_unread)


def _primary(call: _Call, case: OrderCase | None) -> Iterator[_Draft]:
    assessment = call.assessment
    if assessment.category is None:
        return
    yield _Draft(
        category=assessment.category,
        summary=primary_summary(assessment, call.zone, case.asks(assessment.category) if case else ()),
        detail=primary_detail(assessment, call.zone, _note(call, case)),
        sources=assessment.primary.rule.evidence if assessment.primary else (assessment.profile.source,),
        suggestions=primary_suggestions(call.drafting, call.orders),
        links=call.links,
        rules=(assessment.primary.rule.id,) if assessment.primary else (),
    )


def _note(call: _Call, case: OrderCase | None) -> str:
    """What the selected order is, with what is worth knowing of bags that need no card."""
    if case is None:
        return ""
    review = call.assessment.dose_review
    is_told = review is None or review.needs_card
    return f"{case.note} {'' if is_told else regimen_note(review, call.assessment.profile.regimen)}".strip()


def _dose_check(call: _Call, orders: OrderContext) -> Iterator[_Draft]:
    """The dose review of intravenous acetylcysteine: one card for all selected bags."""
    card = dose_card(call.drafting, orders)
    if card is None:
        return
    yield _Draft(
        category=Category.DOSE_CHECK,
        summary=card.summary,
        detail=card.detail,
        sources=card.sources,
        suggestions=card.suggestions,
        is_critical=card.is_critical,
        rules=card.rules,
    )


def _cautions(call: _Call) -> Iterator[_Draft]:
    """One card a rule, even when it applies to several drafts (the bags of one regimen)."""
    by_rule = sorted(call.assessment.cautions, key=lambda caution: caution.judged.rule.id)
    for _, group in groupby(by_rule, key=lambda caution: caution.judged.rule.id):
        yield _caution(call, tuple(group))


def _caution(call: _Call, cautions: tuple[OrderCaution, ...]) -> _Draft:
    first = cautions[0]
    words = words_for(rule_number(first.judged), first.judged.rule.statement)
    with_oral = any(caution.alternative_is_oral_nac for caution in cautions)
    asks = (*((ORAL_ASK,) if with_oral else ()), words.ask)
    plotted = plotted_finding(call.assessment) if rule_number(first.judged) == _NOT_INDICATED_CAUTION else ""
    findings = (f"IV NAC ordered, but {plotted[:1].lower()}{plotted[1:]}" if plotted else "", words.finding)
    removal = delete_suggestion(call.drafting, _deletable(call, cautions), words.ordered, with_oral_nac=with_oral)
    return _Draft(
        category=Category.CAUTION,
        summary=fitted(findings, asks),
        detail=caution_detail(
            call.assessment, cautions, call.zone, (*words.advice, *((ORAL_ADVICE,) if with_oral else ()))
        ),
        sources=first.judged.rule.evidence,
        suggestions=[removal] if removal else [],
        is_critical=any(caution.is_critical for caution in cautions),
        rules=(first.judged.rule.id,),
    )


def _deletable(call: _Call, cautions: Iterable[OrderCaution]) -> tuple[str, ...]:
    references = dict.fromkeys(caution.order.reference for caution in cautions)
    return tuple(reference for reference in references if call.orders and call.orders.can_delete(reference))


def _unexplained(call: _Call) -> Iterator[_Draft]:
    """Acetylcysteine that is or may be intravenous, and nothing on the chart that it could be for."""
    assessment = call.assessment
    ordered = of_kind(call.orders, _MAYBE_IV) if call.orders else ()
    if not ordered or assessment.category is not None or assessment.cautions:
        return
    is_iv = bool(of_kind(call.orders, [OrderKind.IV_NAC])) if call.orders else False
    finding = "IV NAC ordered" if is_iv else "Acetylcysteine ordered without a route"
    ask = "chart the reason, or review the order" if is_iv else "state the route and the reason"
    yield _Draft(
        category=Category.DATA_NEEDED,
        summary=fitted(
            (f"{finding}, but {_NOTHING_FOUND}", f"{finding}, but nothing on the chart calls for IV NAC"), (ask,)
        ),
        detail=order_detail(
            assessment,
            call.zone,
            found=(*(f"Selected order: {order.name} ({order.reference})" for order in ordered), _NOTHING_FOUND),
            missing=(
                "Exposure (what, how much, when), acetaminophen level, AST and ALT",
                "The reason for the order" if is_iv else "The route of and the reason for the order",
            ),
        ),
        sources=(assessment.profile.source,),
        suggestions=tests_suggestions(call.drafting, (Ask(Test.ACETAMINOPHEN), Ask(Test.TRANSAMINASES)), call.orders),
    )


def _unidentified(call: _Call) -> Iterator[_Draft]:
    """Not knowing what was ordered is said; it never counts as "not acetylcysteine"."""
    ordered = of_kind(call.orders, [OrderKind.UNIDENTIFIED]) if call.orders else ()
    if not ordered:
        return
    yield _Draft(
        category=Category.DATA_NEEDED,
        summary="Could not identify the ordered drug: check whether it contains acetylcysteine or acetaminophen",
        detail=order_detail(
            call.assessment,
            call.zone,
            found=(f"Selected order: {order.name or 'drug not named'} ({order.reference})" for order in ordered),
            missing=("A drug code, or the name of the drug, on the order",),
        ),
        sources=(call.assessment.profile.source,),
    )


def _card(draft: _Draft, call: _Call, base_url: str) -> JsonObject:
    return present(
        {
            "uuid": call.drafting.new_uuid(),
            "summary": draft.summary,
            "indicator": draft.indicator,
            "detail": draft.detail,
            "source": _source(draft, base_url),
            "suggestions": draft.suggestions,
            "selectionBehavior": _selection_behavior(draft),
            "overrideReasons": override_reasons(draft.category),
            "links": [*draft.links, *_links(draft.sources)],
            "extension": extension(call.assessment, draft.category),
        }
    )


def _source(draft: _Draft, base_url: str) -> JsonObject:
    source = draft.sources[0] if draft.sources else None
    topic = {"system": TOPIC_SYSTEM, "code": draft.category.value, "display": _TOPICS[draft.category][0]}
    label = source.short if source else "IV NAC decision support"
    return {"label": label, "url": (source.url if source else None) or base_url, "topic": topic}


def topic_of(card: JsonObject) -> str:
    """The topic code of a card."""
    return str(card["source"]["topic"]["code"])


def _selection_behavior(draft: _Draft) -> str | None:
    """Several suggestions of one card combine (dose and tests); a single one is taken or left."""
    if not draft.suggestions:
        return None
    return "any" if len(draft.suggestions) > 1 else "at-most-one"


def _links(sources: Iterable[Evidence]) -> list[JsonObject]:
    """The evidence, each address once."""
    by_url = {source.url: source.short for source in reversed(tuple(sources)) if source.url}
    return [{"label": short, "url": url, "type": "absolute"} for url, short in reversed(by_url.items())]
