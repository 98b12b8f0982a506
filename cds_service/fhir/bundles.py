"""Reading one FHIR answer: a searchset page or a single resource, from JSON that may hold anything.

Pure. Knows the shapes Bundle, OperationOutcome and resource. Whatever is not plainly one of these is
a fault beside the resources that could be read, never a shorter list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.fhir.fetched import FaultKind, Fetched, FetchFault, failed
from cds_service.fhir.queries import QUERIES

if TYPE_CHECKING:
    from cds_service.fhir.plain_results import PlainResult
    from cds_service.fhir.reading import JsonObject

_OUTCOME = "OperationOutcome"
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_USUAL_TYPES = frozenset(query.resource_type for query in QUERIES)
_FAILING_SEVERITIES = frozenset({"error", "fatal"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what could be read, and the link to the next page, if any (unchecked)."""

    fetched: Fetched
    next_link: str | None = None


def page_from_json(body: Any, resource_type: str, plain: tuple[PlainResult, ...] = ()) -> Page:
    """The page in an answer to a search for `resource_type`. A lone resource of that type is not a page.

    `plain`: results that stand beside its entries.
    """
    if not isinstance(body, dict):
        return Page(failed(FaultKind.WRONG_RESOURCE, "the answer was not a FHIR resource"))
    match body.get("resourceType"):
        case "Bundle":
            return _page_from_bundle(body, resource_type, plain)
        case "OperationOutcome":
            return Page(failed(FaultKind.OPERATION_OUTCOME, _outcome_words(body)))
        case _:
            return Page(failed(FaultKind.WRONG_RESOURCE, "the answer was not a search result"))


def page_from_prefetch(value: Any, resource_type: str) -> Page:
    """As `page_from_json`, but a lone resource of the wanted type stands for a page of one."""
    if isinstance(value, dict) and value.get("resourceType") == resource_type:
        return Page(Fetched((value,)))
    return page_from_json(value, resource_type)


def resource_from_json(body: Any, resource_type: str, logical_id: str) -> Fetched:
    """The resource a read answered with; a fault unless it is the one that was asked for."""
    if not isinstance(body, dict):
        return failed(FaultKind.WRONG_RESOURCE, "the answer was not a FHIR resource")
    if body.get("resourceType") == _OUTCOME:
        return failed(FaultKind.OPERATION_OUTCOME, _outcome_words(body))
    if body.get("resourceType") != resource_type or body.get("id") != logical_id:
        return failed(FaultKind.WRONG_RESOURCE, "the server answered with another resource")
    return Fetched((body,))


def _page_from_bundle(bundle: JsonObject, resource_type: str, plain: tuple[PlainResult, ...]) -> Page:
    """The page a Bundle of any type holds."""
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list):
        return Page(failed(FaultKind.WRONG_RESOURCE, "the search result could not be read"))
    link = _next_link(bundle)
    if not entries and not plain and link is None and _hides_results(bundle):
        return Page(failed(FaultKind.WRONG_RESOURCE, "the search result does not say that it is empty"))
    return Page(_fetched_from_entries(entries or [], resource_type, plain), link)


def _hides_results(bundle: JsonObject) -> bool:
    """Whether a Bundle without entries is unclear: it counts results all the same, or has null in their place.

    Beyond that `total` is not relied on: servers leave it out, estimate it, or count what the caller may not see.
    """
    total = bundle.get("total")
    is_null = "entry" in bundle and bundle["entry"] is None
    return is_null if total is None else not (isinstance(total, int) and total == 0)


def _fetched_from_entries(entries: list[Any], resource_type: str, plain: tuple[PlainResult, ...]) -> Fetched:
    """The resources in the entries, with what is wrong with them, most telling first.

    One pass, since a page may hold thousands. An entry without a resource is a fault: something was there. Notes about
    the search are no data and no fault; a note is known by its type, so that no result is lost for a wrong
    `search.mode`.
    """
    resources: list[JsonObject] = []
    outcome: JsonObject | None = None
    has_garbage = False
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not _is_type(resource.get("resourceType")):
            has_garbage = True
        elif resource["resourceType"] == _OUTCOME:
            outcome = outcome or _failing(resource)
        else:
            resources.append(resource)
    expected = None if plain else resource_type
    return Fetched(tuple(resources), _entries_fault(resources, expected, outcome, has_garbage=has_garbage), plain)


def _is_type(value: Any) -> bool:
    """Whether a value names a type of resource; anything else may stand in the place of the type that was asked for."""
    return isinstance(value, str) and (value in _USUAL_TYPES or _TYPE_NAME.fullmatch(value) is not None)


def _entries_fault(
    resources: list[JsonObject], expected: str | None, outcome: JsonObject | None, *, has_garbage: bool
) -> FetchFault | None:
    """What is wrong with the entries of a page, if anything; among resources the `expected` type has to be."""
    if outcome is not None:
        return FetchFault(FaultKind.OPERATION_OUTCOME, _outcome_words(outcome))
    if has_garbage:
        return FetchFault(FaultKind.WRONG_RESOURCE, "the search result holds entries that are not resources")
    if resources and expected and not any(resource["resourceType"] == expected for resource in resources):
        return FetchFault(FaultKind.WRONG_RESOURCE, f"the search result holds no {expected}")
    return None


def _failing(outcome: JsonObject) -> JsonObject | None:
    """The OperationOutcome when it reports an error, else None (hints and warnings are not failures)."""
    return outcome if any(issue["severity"] in _FAILING_SEVERITIES for issue in _issues(outcome)) else None


def _issues(outcome: JsonObject) -> list[JsonObject]:
    """The issues of an OperationOutcome with a text severity."""
    issues = outcome.get("issue")
    if not isinstance(issues, list):
        return []
    return [issue for issue in issues if isinstance(issue, dict) and isinstance(issue.get("severity"), str)]


def _outcome_words(outcome: JsonObject) -> str:
    """What to say of an OperationOutcome: its issue codes only, for its texts may hold patient data."""
    codes = sorted(
        {code for issue in _issues(outcome) if isinstance(code := issue.get("code"), str) and code.isascii()}
    )
    known = [code for code in codes if code.replace("-", "").isalpha() and len(code) <= 20]  # noqa: PLR2004 -- longest R4 issue code
    return (
        f"the server answered with an error report ({', '.join(known)})"
        if known
        else "the server answered with an error report"
    )


def _next_link(bundle: JsonObject) -> str | None:
    """The address in link[next]; an empty text when there is such a link but no address."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else ""
    return None
