"""FHIR R4 search over resources in memory, for the parameters this service and its neighbours use.

Pure. Parameters it does not know are reported, never silently applied; modifiers and chains are refused,
because leaving them out would widen a search to other patients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cds_service.fhir.reading import JsonObject

PAGE_SIZE = 50
LARGEST_PAGE = 200

TOKEN_PARAMS: dict[str, tuple[str, ...]] = {
    "category": ("category",),
    "clinical-status": ("clinicalStatus",),
    "code": ("code", "medicationCodeableConcept"),
    "identifier": ("identifier",),
    "intent": ("intent",),
    "status": ("status",),
    "verification-status": ("verificationStatus",),
}
"""Token search parameters and the elements they look at."""

REFERENCE_PARAMS = ("patient", "subject")

_SORT_ELEMENTS: dict[str, tuple[str, ...]] = {
    "date": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "period", "authoredOn", "occurrenceDateTime"),
    "authoredon": ("authoredOn",),
    "recorded-date": ("recordedDate",),
    "effective": ("effectiveDateTime", "effectivePeriod"),
    "effective-time": ("effectiveDateTime", "effectivePeriod"),
}
_CONTROL_PARAMS = frozenset({"_format", "_pretty", "_total"})
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


class SearchError(ValueError):
    """The search cannot be carried out as asked; the message says which parameter and why."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was understood: what it finds, in order; how it pages; what was left out of account."""

    found: tuple[JsonObject, ...]
    page_size: int
    applied: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]


def search(resources: Iterable[JsonObject], params: Sequence[tuple[str, str]]) -> Search:
    """The resources that match every parameter. Raises `SearchError`."""
    page_size, found, ignored = PAGE_SIZE, list(resources), []
    applied: list[tuple[str, str]] = []
    for name, value in params:
        if name in _CONTROL_PARAMS:
            continue
        if name == "_count":
            page_size = _page_size(value)
        elif name == "_sort":
            found = _sorted(found, value)
        elif (matches := _criterion(name, value)) is not None:
            found = [resource for resource in found if matches(resource)]
        else:
            ignored.append(name)
            continue
        applied.append((name, value))
    return Search(tuple(found), page_size, tuple(applied), tuple(ignored))


def _page_size(value: str) -> int:
    """A page size: what was asked, within what a page may hold."""
    if not (value.isascii() and value.isdigit()):
        msg = f"_count={value!r} is not a number"
        raise SearchError(msg)
    return min(int(value[:6]), LARGEST_PAGE)


def _criterion(name: str, value: str) -> Callable[[JsonObject], bool] | None:
    """The test one parameter puts to a resource; None for a parameter not known here."""
    if ":" in name or "." in name:
        msg = f"modifiers and chains are not supported ({name})"
        raise SearchError(msg)
    wanted = [part.replace("\\,", ",") for part in _UNESCAPED_COMMA.split(value) if part]
    if not wanted and (name == "_id" or name in REFERENCE_PARAMS or name in TOKEN_PARAMS):
        msg = f"{name} has no value"
        raise SearchError(msg)
    if name == "_id":
        return lambda resource: resource.get("id") in wanted
    if name in REFERENCE_PARAMS:
        return lambda resource: any(_refers_to(resource, patient) for patient in wanted)
    if name in TOKEN_PARAMS:
        elements = TOKEN_PARAMS[name]
        return lambda resource: any(_is_token(token, each) for token in _tokens(resource, elements) for each in wanted)
    return None


def _refers_to(resource: JsonObject, patient: str) -> bool:
    """Whether a resource is about this patient ("id", "Patient/id" or an absolute address)."""
    wanted = "/".join(patient.split("/")[-2:]) if "/" in patient else f"Patient/{patient}"
    for element in ("subject", "patient"):
        reference = resource.get(element)
        text = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(text, str) and f"/{text}".endswith(f"/{wanted}"):
            return True
    return False


def _tokens(resource: JsonObject, elements: Iterable[str]) -> Iterator[tuple[str | None, str]]:
    """Every (system, code) in these elements: codes, codings, concepts and identifiers."""
    for element in elements:
        value = resource.get(element)
        for each in value if isinstance(value, list) else [value]:
            yield from _tokens_of(each)


def _tokens_of(value: Any) -> Iterator[tuple[str | None, str]]:
    """The tokens of one element."""
    if isinstance(value, str):
        yield None, value
    if not isinstance(value, dict):
        return
    for coding in value.get("coding") or [value]:
        code = (coding.get("code") or coding.get("value")) if isinstance(coding, dict) else None
        if isinstance(code, str):
            yield coding.get("system"), code


def _is_token(token: tuple[str | None, str], wanted: str) -> bool:
    """Whether a token is `system|code`, `|code` (no system), `system|` (any code) or a bare `code`."""
    system, code = token
    wanted_system, bar, wanted_code = wanted.rpartition("|")
    if not bar:
        return code == wanted_code
    return (system or "") == wanted_system and wanted_code in {"", code}


def _sorted(found: list[JsonObject], value: str) -> list[JsonObject]:
    """In the order asked for (several keys, "-" for descending); resources without the key come last."""
    ordered = found
    for key in reversed(value.split(",")):
        elements = _SORT_ELEMENTS.get(key.removeprefix("-"))
        if elements is None:
            msg = f"_sort={key} is not supported"
            raise SearchError(msg)
        dated = [resource for resource in ordered if _sort_text(resource, elements)]
        dated.sort(key=lambda resource: _sort_text(resource, elements), reverse=key.startswith("-"))
        ordered = dated + [resource for resource in ordered if not _sort_text(resource, elements)]
    return ordered


def _sort_text(resource: JsonObject, elements: Iterable[str]) -> str:
    """The date a resource is sorted by, as text: like many servers, this one does not compare instants."""
    for element in elements:
        value = resource.get(element)
        start = value.get("start") if isinstance(value, dict) else value
        if isinstance(start, str):
            return start
    return ""
