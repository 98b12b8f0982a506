"""The answer: cards about every fixture patient, held against the field tables and the invariants."""

from __future__ import annotations

import copy
import re
from collections import Counter
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from markdown_it import MarkdownIt

from cds_service.hooks.override_reasons import SYSTEM
from tests.conformance.answers import Card, cards, exchanges
from tests.conformance.nothings import empty_members
from tests.conformance.requirement import BALLOT, Level, Status, shows
from tests.conformance.schemas import CARD, RESPONSE, complaints
from tests.hooks.service import VIEW, prefetch, service, view

Json = dict[str, Any]


def a_card(holding: str) -> Json:
    """A card of the fixtures with this member, to be broken."""
    return copy.deepcopy(next(card.content for card in cards() if holding in card.content))


def without(card: Json, *names: str) -> Json:
    return {name: value for name, value in card.items() if name not in names}


# Proof that the schema can fail: each row breaks one rule.
BROKEN = [
    pytest.param(lambda card: without(card, "summary"), id="no summary"),
    pytest.param(lambda card: card | {"summary": "x" * 140}, id="140 characters"),
    pytest.param(lambda card: card | {"summary": "two\nlines"}, id="summary of two lines"),
    pytest.param(lambda card: card | {"indicator": "hard-stop"}, id="indicator of 1.0"),
    pytest.param(lambda card: card | {"source": {}}, id="source without label"),
    pytest.param(lambda card: card | {"source": card["source"] | {"url": "/about"}}, id="relative source"),
    pytest.param(lambda card: card | {"source": card["source"] | {"topic": {"code": "x"}}}, id="topic without system"),
    pytest.param(lambda card: without(card, "selectionBehavior"), id="suggestions without behaviour"),
    pytest.param(lambda card: without(card, "suggestions"), id="behaviour without suggestions"),
    pytest.param(lambda card: card | {"suggestions": []}, id="empty suggestions"),
    pytest.param(lambda card: card | {"overrideReasons": [{"code": "x", "system": "http://x.y"}]}, id="no display"),
    pytest.param(lambda card: card | {"links": [{"label": "x", "url": "http://x.y", "type": "absolute",
                                                 "appContext": "x"}]}, id="appContext of an absolute link"),
    pytest.param(lambda card: card | {"uuid": "1"}, id="uuid that is none"),
    pytest.param(lambda card: card | {"hint": "x"}, id="unknown member"),
    pytest.param(lambda card: card | {"extension": {"version": 1}}, id="extension without a domain"),
]  # fmt: skip


@shows("K0", "Card Attributes", Level.HOUSE, "The schema the cards are held against refuses what breaks a rule.")
@pytest.mark.parametrize("broken", BROKEN)
def test_the_schema_refuses_broken_cards(broken: Any) -> None:
    card = a_card("suggestions")
    assert complaints(CARD, card) == []
    assert complaints(CARD, broken(card))


@shows("C1", "CDS Service Response", Level.MUST, "A successful answer is a 200 with an object that holds `cards`.")
@shows("C2", "CDS Service Response", Level.MAY, "`systemActions` may be auto-applied.", status=Status.UNUSED)
@shows("C3", "Card Attributes", Level.MUST, "`summary`, `indicator` and `source` are there; each member has its type.")
@shows("K1", "Card Attributes", Level.MUST, "`summary` is one line of fewer than 140 characters.")
@shows("K2", "Card Attributes", Level.MUST, "`indicator` is info, warning or critical.")
@shows("K3", "Source", Level.MUST, "`source.label` is there; `url` is absolute.")
@shows("K4", "Source", Level.MAY, "`source.icon` is a 100 by 100 pixel PNG.", status=Status.UNUSED)
@shows("K5", "Coding", Level.MUST, "A Coding (`source.topic`, override reasons) has code and system.")
@shows("K6", "Suggestion", Level.MUST, "`label` is there; `isRecommended` is a boolean; `actions` is a list.")
@shows("K7", "Action", Level.MUST, "`type` is create, update or delete, with a `description`.")
@shows("K8", "Action", Level.MUST, "A create or an update holds the resource; an update holds all of it, with its id.")
@shows("K9", "Action", Level.SHOULD, 'A delete names "Type/id" in `resourceId` and holds no resource.')
@shows("K10", "Link", Level.MUST, "`label`, `url` and `type` are there; `appContext` only on links of type smart.")
@shows("K11", "Link", Level.MAY, "`autolaunchable` hides the card behind an app.", status=Status.UNUSED)
@shows("K12", "Card Attributes", Level.MUST, "Suggestions come with `selectionBehavior`: at-most-one or any.")
@shows("K13", "Extensions", Level.MUST, "`extension` is an object, its members named by reverse domain.")
def test_every_answer_fits_the_field_tables() -> None:
    wrong = {exchange.name: found for exchange in exchanges() if (found := complaints(RESPONSE, exchange.answer))}
    assert wrong == {}
    assert all(set(exchange.answer) == {"cards"} for exchange in exchanges())


@shows("C4", "CDS Service Response", Level.MUST, "Without decision support the answer is a 200 with an empty list.")
async def test_nothing_to_say_is_an_empty_list() -> None:
    nothing = prefetch(levels=None, transaminases=None, exposures=None, problems=None)
    async with service() as client:
        answer = await client.post(VIEW, json=view(prefetch=nothing))
    assert answer.status_code == 200
    assert answer.json() == {"cards": []}


@shows("C5", "CDS Service Response", Level.MUST, "The body is JSON and says so.")
async def test_the_answer_is_json() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(), headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["cards"]


@shows("C6", "Null and empty JSON elements", Level.MUST, "No member of an answer is null or empty, but `cards` may be.")
def test_no_member_is_empty() -> None:
    found = {card.exchange.name: empty for card in cards() if (empty := empty_members(card.content))}
    assert found == {}


@shows("K14", "Card Attributes", Level.MAY, "Each card and each suggestion has a `uuid` of its own, for feedback.")
def test_every_uuid_is_given_once() -> None:
    named = [card.content["uuid"] for card in cards()]
    named += [suggestion["uuid"] for card in cards() for suggestion in card.suggestions]
    assert [uuid for uuid, times in Counter(named).items() if times > 1] == []


@shows("K15", "Card Attributes", Level.MUST, "`detail` is GitHub Flavored Markdown; here without any HTML.")
def test_details_are_markdown_without_html() -> None:
    reader = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    for card in cards():
        tokens = reader.parse(card.content["detail"])
        kinds = {token.type for block in tokens for token in (block, *(block.children or ()))}
        assert kinds & {"html_block", "html_inline"} == set(), card.exchange.name


@shows("K16", "Card Attributes", Level.MUST, "Every override reason has a `display`; codes are from the HL7 list.")
def test_override_reasons_can_be_shown() -> None:
    for card in cards():
        reasons = card.content["overrideReasons"]
        assert all(reason["display"].strip() for reason in reasons)
        assert {reason["system"] for reason in reasons} == {SYSTEM}
        assert len({reason["code"] for reason in reasons}) == len(reasons)


@shows("K17", "Suggestion", Level.MUST, "With at-most-one, no more than one suggestion is recommended.", source=BALLOT)
def test_no_more_is_recommended_than_can_be_chosen() -> None:
    for card in cards():
        recommended = [each for each in card.suggestions if each.get("isRecommended")]
        assert card.content.get("selectionBehavior") != "at-most-one" or len(recommended) <= 1


@shows(
    "K18",
    "Suggestion",
    Level.MAY,
    "`actionSelectionBehavior` lets parts of one be taken.",
    source=BALLOT,
    status=Status.UNUSED,
)
def test_a_suggestion_is_taken_whole() -> None:
    assert not any("actionSelectionBehavior" in each for card in cards() for each in card.suggestions)


@shows(
    "K19", "Action", Level.MUST, "A resource to be created is valid FHIR R4, a draft, and about the patient in context."
)
def test_created_resources_are_drafts_for_the_patient() -> None:
    created = [(card, action["resource"]) for card in cards() for action in card.actions if action["type"] == "create"]
    assert created
    for card, resource in created:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert resource["status"] == "draft"
        assert "id" not in resource
        assert resource["subject"]["reference"] == f"Patient/{card.exchange.request['context']['patientId']}"


@shows("K20", "Action", Level.MUST, "Updates and deletes name a draft order of this very call, whole and of one type.")
def test_only_the_drafts_of_the_call_are_touched() -> None:
    touched: Counter[str] = Counter()
    for card in cards():
        for action in card.actions:
            match action:
                case {"type": "delete", "resourceId": reference}:
                    assert reference in card.exchange.drafts
                    touched["delete"] += 1
                case {"type": "update", "resource": resource}:
                    _check_update(card, resource)
                    touched["update"] += 1
    assert touched.keys() == {"delete", "update"}


def _check_update(card: Card, resource: Json) -> None:
    """Every element of the draft is still there, so that nothing is lost by replacing it."""
    draft = card.exchange.drafts[f"{resource['resourceType']}/{resource['id']}"]
    assert draft.keys() <= resource.keys()
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@shows("K21", "Card Attributes", Level.HOUSE, "Three cards at most, the most urgent first.")
def test_the_most_urgent_card_comes_first() -> None:
    urgency = ("critical", "warning", "info")
    for exchange in exchanges():
        ranks = [urgency.index(card["indicator"]) for card in exchange.answer["cards"]]
        assert ranks == sorted(ranks)
        assert len(ranks) <= 3


@shows("K22", "Link", Level.MUST, "Links are absolute addresses that can be opened as they stand.")
def test_links_stand_alone() -> None:
    links = [link for card in cards() for link in card.content.get("links", ())]
    assert links
    assert {link["type"] for link in links} == {"absolute"}
    assert all(re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", link["url"]) for link in links)


@shows(
    "K23",
    "Suggestion",
    Level.SHOULD,
    "A delete and its replacement are one suggestion, deletes first.",
)
def test_a_replacement_is_one_suggestion() -> None:
    with_both = [
        [action["type"] for action in suggestion["actions"]]
        for card in cards()
        for suggestion in card.suggestions
        if {action["type"] for action in suggestion["actions"]} >= {"delete", "create"}
    ]
    assert with_both
    assert all(kinds.index("delete") < kinds.index("create") for kinds in with_both)
