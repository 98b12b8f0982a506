"""A visit in the mini EHR: patient, instant, draft orders, and the last call with its answer.

Pure. The whole visit travels with the page as JSON and comes back with every form, so that the server keeps nothing.
What comes back is treated as foreign text: anything of the wrong shape is refused.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.fhir.reading import element, elements
from cds_service.hooks.models import Hook

if TYPE_CHECKING:
    from cds_service.fhir.reading import JsonObject

MOST_DRAFTS = 30
_LONGEST = 1024 * 1024
FIXTURE, SERVER = "fixture", "server"
_SERVICE_ID = re.compile(r"[a-z0-9-]{1,64}")


class VisitError(ValueError):
    """What came back with the form is no visit."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: hook, service id, request, HTTP status, answer, and milliseconds by step."""

    hook: str
    service: str
    request: JsonObject
    status: int
    answer: JsonObject
    timings_ms: tuple[tuple[str, float], ...] = ()

    @property
    def cards(self) -> list[JsonObject]:
        """The cards of the answer; none when it failed."""
        return elements(self.answer.get("cards"))


@dataclass(frozen=True, slots=True)
class Visit:
    """`minutes` from the case's own instant to the "now" of the visit. `selected`: ids of drafts that are ticked."""

    patient: str
    source: str = FIXTURE
    minutes: int = 0
    drafts: tuple[JsonObject, ...] = ()
    selected: tuple[str, ...] = ()
    serial: int = 0
    last: Exchange | None = None
    told: tuple[str, ...] = ()

    def with_drafts(self, drafts: list[JsonObject], *told: str) -> Visit:
        """The visit with new drafts; a selection of drafts that are gone is dropped."""
        kept = tuple(drafts[:MOST_DRAFTS])
        ids = {draft["id"] for draft in kept}
        return replace(self, drafts=kept, selected=tuple(i for i in self.selected if i in ids), told=told)

    def add(self, resources: list[JsonObject], *told: str) -> Visit:
        """The visit with these resources as new drafts, each under an id of its own, ticked."""
        numbered = [
            resource | {"id": f"draft-{self.serial + number}"} for number, resource in enumerate(resources, start=1)
        ]
        added = self.with_drafts([*self.drafts, *numbered], *told)
        ticked = (*added.selected, *(draft["id"] for draft in numbered))
        return replace(added, serial=self.serial + len(numbered), selected=ticked)


def reference(draft: JsonObject) -> str:
    """The "Type/id" of a draft."""
    return f"{draft.get('resourceType')}/{draft.get('id')}"


def as_text(visit: Visit) -> str:
    """The visit as JSON text for a hidden field."""
    return orjson.dumps(asdict(visit)).decode()


def visit_from_text(text: str) -> Visit:
    """The visit in a hidden field. Raises `VisitError`."""
    try:
        members = element(orjson.loads(text)) if len(text) <= _LONGEST else {}
    except orjson.JSONDecodeError:
        members = {}
    patient, source = members.get("patient"), members.get("source")
    if not isinstance(patient, str) or not patient or source not in (FIXTURE, SERVER):
        msg = "the form does not belong to a visit"
        raise VisitError(msg)
    minutes, serial = members.get("minutes"), members.get("serial")
    selected = members.get("selected")
    return Visit(
        patient=patient,
        source=source,
        minutes=minutes if isinstance(minutes, int) else 0,
        drafts=tuple(_drafts(members.get("drafts"))),
        selected=tuple(each for each in selected if isinstance(each, str)) if isinstance(selected, list) else (),
        serial=serial if isinstance(serial, int) else 0,
        last=_exchange(element(members.get("last"))),
    )


def _drafts(value: Any) -> list[JsonObject]:
    drafts = [draft for draft in elements(value) if isinstance(draft.get("id"), str)]
    return [draft for draft in drafts if isinstance(draft.get("resourceType"), str)][:MOST_DRAFTS]


def _exchange(members: JsonObject) -> Exchange | None:
    status, hook, service = members.get("status"), members.get("hook"), members.get("service")
    if not isinstance(status, int) or hook not in tuple(Hook) or not _SERVICE_ID.fullmatch(str(service)):
        return None
    timings = members.get("timings_ms")
    pairs = [pair for pair in timings if isinstance(pair, list) and len(pair) == 2] if isinstance(timings, list) else []  # noqa: PLR2004 - name and number
    return Exchange(
        hook=str(hook),
        service=str(service),
        request=element(members.get("request")),
        status=status,
        answer=_answer(element(members.get("answer"))),
        timings_ms=tuple((str(name), float(ms)) for name, ms in pairs if isinstance(ms, int | float)),
    )


def _answer(members: JsonObject) -> JsonObject:
    """An answer whose cards and issues are of a shape that can be shown."""
    lists = {name: elements(members[name]) for name in ("cards", "issue") if name in members}
    cards = {"cards": [_card(card) for card in lists["cards"] if _is_card(card)]} if "cards" in lists else {}
    return members | lists | cards


def _is_card(card: JsonObject) -> bool:
    return all(isinstance(card.get(name), str) for name in ("uuid", "summary", "indicator", "detail"))


def _card(card: JsonObject) -> JsonObject:
    lists = ("suggestions", "links", "overrideReasons")
    return card | {name: elements(card[name]) for name in lists if name in card}


def accepted(visit: Visit, card_uuid: str, suggestion_uuid: str) -> Visit:
    """The visit after a suggestion was taken: its drafts created, updated or removed."""
    for card in visit.last.cards if visit.last else ():
        for suggestion in elements(card.get("suggestions")):
            if (card.get("uuid"), suggestion.get("uuid")) == (card_uuid, suggestion_uuid):
                return _applied(visit, suggestion)
    return replace(visit, told=("That suggestion is not among the cards any more.",))


def _applied(visit: Visit, suggestion: JsonObject) -> Visit:
    label = f"Accepted: {suggestion.get('label', 'suggestion')}"
    changed = visit
    for action in elements(suggestion.get("actions")):
        changed = _after(changed, action)
    return replace(changed, told=(label,))


def _after(visit: Visit, action: JsonObject) -> Visit:
    resource = element(action.get("resource"))
    match action.get("type"):
        case "create" if resource:
            return visit.add([resource])
        case "update" if resource:
            drafts = [resource if reference(draft) == reference(resource) else draft for draft in visit.drafts]
            return visit.with_drafts(drafts)
        case "delete":
            named = action.get("resourceId")
            return visit.with_drafts([draft for draft in visit.drafts if reference(draft) != named])
        case _:
            return visit
