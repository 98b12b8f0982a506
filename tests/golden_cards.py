"""What a prescriber reads of a fixture case, as one text: the cards of each hook call and what every rule said.

Holds nothing that changes from run to run: no uuids, no version; the clock stands at the case's anchor and
clock times are shown in UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service import __version__
from cds_service.clinical.assess import assess
from cds_service.fhir.mapping import facts_from_resources
from cds_service.hooks.cards import cards_for
from cds_service.hooks.orders import drafts_from_context
from cds_service.site_profile import profile_named
from tests.vignettes import context, profile_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cds_service.sandbox.fixtures import FixtureCase
    from tests.vignettes import Card

GOLDENS = Path(__file__).resolve().parent / "goldens"
_ASSESSMENT = "org.nac-cds.assessment"


def golden_name(case: FixtureCase) -> Path:
    """The file that keeps the wording of a case, in the folder of goldens."""
    return Path(f"{case.slug}.md")


def approved(name: Path) -> str:
    """The text of a golden as it was last read and approved; empty when it never was."""
    path = GOLDENS / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def differences(before: str, after: str) -> str:
    """What is worded otherwise, as a unified diff; empty when nothing is."""
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), "approved", "now", lineterm=""))


def wording(case: FixtureCase, cards_of: Callable[[FixtureCase, dict[str, Any]], list[Card]]) -> str:
    """The case's title and what each of its calls is answered."""
    blocks = [f"# {case.slug}", case.title]
    for call in case.expected["calls"]:
        blocks += _call_blocks(call, cards_of(case, call))
    return "\n\n".join(blocks).replace(f"service version {__version__}", "service version (any)") + "\n"


def cards_off_the_wire(case: FixtureCase, call: dict[str, Any]) -> list[Card]:
    """The cards of a call straight from the chart, without HTTP and FHIR search."""
    resources = case.resources()
    orders = None
    if call["hook"] != "patient-view":
        orders = drafts_from_context(context(case, call), case.slug, resources, hook=call["hook"])
    facts = replace(facts_from_resources(resources, case.slug), orders=orders.selected_drugs if orders else ())
    assessment = assess(facts, profile_named(profile_of(call)), case.anchor)
    made = cards_for(assessment, order_context=orders, base_url="http://127.0.0.1:8000", zone=UTC)
    return [each.card for each in made]


def _call_blocks(call: dict[str, Any], cards: list[Card]) -> Iterator[str]:
    order = call.get("order")
    named = "" if order is None else f", ordering {order if isinstance(order, str) else order['id']}"
    yield f"## {call['hook']}{named}, profile {profile_of(call)}"
    if not cards:
        yield "No card."
        return
    for card in cards:
        yield from _card_blocks(card)
    yield from _rules_block(cards[0]["extension"][_ASSESSMENT])


def _card_blocks(card: Card) -> Iterator[str]:
    source = card["source"]
    yield f"### {card['indicator']}, {source['topic']['code']}: {source['topic']['display']}"
    yield card["summary"]
    yield card["detail"]
    overlays = ", ".join(card["extension"][_ASSESSMENT].get("overlays", ())) or "none"
    yield f"Source: {source['label']}. Overlays: {overlays}."
    suggested = [line for suggestion in card.get("suggestions", ()) for line in _suggestion_lines(suggestion)]
    links = [f"- link: {link['label']}, {link['url']}" for link in card.get("links", ())]
    if suggested or links:
        yield "\n".join([*suggested, *links])


def _suggestion_lines(suggestion: dict[str, Any]) -> Iterator[str]:
    recommended = " (recommended)" if suggestion.get("isRecommended") else ""
    yield f"- suggestion: {suggestion['label']}{recommended}"
    for action in suggestion["actions"]:
        yield f"  - {action['type']}: {action['description']}"


def _rules_block(assessment: dict[str, Any]) -> Iterator[str]:
    yield "### Rules"
    yield "\n".join(_rule_line(rule) for rule in assessment["rules"])


def _rule_line(rule: dict[str, Any]) -> str:
    missing = f" [missing: {'; '.join(rule['missing'])}]" if rule.get("missing") else ""
    return f"- {rule['verdict']} {rule['id']}: {rule['because']}{missing}"
