"""Reading feedback on cards, in the shape of CDS Hooks 2.0 and in those other clients send.

Pure. Strict about the card and the outcome, lenient about the rest: what cannot be read there is left out, since
the outcome is worth having without it. Free text may say anything about anybody, so none leaves this module.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cds_service.fhir.reading import recorded_instant
from cds_service.hooks.errors import refuse
from cds_service.hooks.metrics import is_plain_token
from cds_service.hooks.override_reasons import SYSTEM, code_of_words
from cds_service.records import CommentLength, FeedbackRecord, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.hooks.models import JsonObject

MOST_STATEMENTS = 1000
"""Statements in one request."""
_MOST_SUGGESTIONS = 20
_LONG_COMMENT = 80
_PLAIN_SYSTEM = re.compile(r"(https?://|urn:)[A-Za-z0-9.:/_\-]{1,150}")
_REASON_MEMBERS = ("overrideReason", "overrideReasons")
_COMMENT_MEMBERS = ("userComment", "comment", "text")
_UNCODED = "uncoded"


def feedback_records(body: object, service: str) -> tuple[FeedbackRecord, ...]:
    """What a parsed body says about cards of `service`: {"feedback": [...]}, a bare array, or one statement.

    Raises `InvalidRequestError` (400) when a card or an outcome is missing or unusable, naming its place; then
    nothing of the body is taken.
    """
    statements, path = _statements(body)
    if not statements:
        refuse("There is no feedback in the body", path, code="required")
    if len(statements) > MOST_STATEMENTS:
        refuse(f"More than {MOST_STATEMENTS} statements in one request", path, code="too-long")
    return tuple(_record(each, f"{path}[{index}]", service) for index, each in enumerate(statements))


def _statements(body: object) -> tuple[list[Any], str]:
    if isinstance(body, dict) and "feedback" in body:
        body = body["feedback"]
    if isinstance(body, dict):
        return [body], "feedback"
    if not isinstance(body, list):
        refuse("feedback must be an array of objects", "feedback")
    return body, "feedback"


def _record(statement: object, path: str, service: str) -> FeedbackRecord:
    if not isinstance(statement, dict):
        refuse(f"{path} must be an object", path)
    reasons = list(_reasons(statement))
    comments = [text for source in (statement, *reasons) for text in _comments(source)]
    code, system = next((read for reason in reasons if (read := _coded(reason))), (None, None))
    if code is None and reasons:
        code = _UNCODED
    return FeedbackRecord(
        service=service,
        card=_card(statement, path),
        outcome=_outcome(statement, path),
        outcome_at=recorded_instant(statement.get("outcomeTimestamp")),
        reason=code,
        reason_system=system,
        comment=_length(comments),
        suggestions=_suggestions(statement.get("acceptedSuggestions")),
    )


def _card(statement: JsonObject, path: str) -> str:
    """The card's id as sent where it is a plain token, as every uuid is; otherwise a digest, to tell cards apart."""
    card = statement.get("card")
    if not isinstance(card, str) or not card.strip():
        refuse(
            f"{path}.card must be the uuid of a card", f"{path}.card", code="required" if card is None else "invalid"
        )
    card = card.strip()
    return card if is_plain_token(card) else sha256(card.encode()).hexdigest()


def _outcome(statement: JsonObject, path: str) -> Outcome:
    outcome = statement.get("outcome")
    if not isinstance(outcome, str) or outcome not in set(Outcome):
        words = f"{path}.outcome must be one of {', '.join(Outcome)}"
        refuse(words, f"{path}.outcome", code="required" if outcome is None else "value")
    return Outcome(outcome)


# --- reasons ----------------------------------------------------------------------------------------


def _reasons(statement: JsonObject) -> Iterator[Any]:
    """Every override reason in either member, alone or in an array."""
    for name in _REASON_MEMBERS:
        value = statement.get(name)
        yield from (each for each in (value if isinstance(value, list) else [value]) if each)


def _coded(reason: Any) -> tuple[str, str | None] | None:
    """Code and system of a reason: a Coding, a CodeableConcept, either of them under `reason`, or a known text."""
    if isinstance(reason, str):
        known = code_of_words(reason)
        return None if known is None else (known, SYSTEM)
    if not isinstance(reason, dict):
        return None
    inner = reason.get("reason")
    if inner:
        return _coded(inner)
    code, coding = reason.get("code"), reason.get("coding")
    if isinstance(code, dict):
        return _coded(code)
    if isinstance(coding, list):
        return next((read for each in coding if (read := _coded(each))), None)
    return _from_coding(code, reason.get("system")) or _coded(reason.get("display"))


def _from_coding(code: Any, system: Any) -> tuple[str, str | None] | None:
    if not isinstance(code, str) or not is_plain_token(code):
        return None
    is_plain = isinstance(system, str) and _PLAIN_SYSTEM.fullmatch(system)
    return code, system if is_plain else None


# --- what is kept of words --------------------------------------------------------------------------


def _comments(source: Any) -> Iterator[str]:
    """Free text beside or in place of a coded reason."""
    if isinstance(source, str) and code_of_words(source) is None:
        yield source
    if isinstance(source, dict):
        yield from (text for name in _COMMENT_MEMBERS if isinstance(text := source.get(name), str) and text.strip())
        if isinstance(inner := source.get("reason"), str):
            yield from _comments(inner)


def _length(comments: list[str]) -> CommentLength:
    if not comments:
        return CommentLength.NONE
    return CommentLength.LONG if max(map(len, comments)) > _LONG_COMMENT else CommentLength.SHORT


def _suggestions(accepted: Any) -> tuple[str, ...]:
    """The uuids of accepted suggestions, given as objects or as texts."""
    listed = accepted if isinstance(accepted, list) else []
    ids = (each.get("id") or each.get("uuid") if isinstance(each, dict) else each for each in listed)
    plain = (each for each in ids if isinstance(each, str) and is_plain_token(each))
    return tuple(dict.fromkeys(plain))[:_MOST_SUGGESTIONS]
