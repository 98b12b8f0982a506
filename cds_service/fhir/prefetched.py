"""From the bytes of a prefetch to pages: of the results a chart is full of, only what is used is parsed.

Knows the shape of a Bundle and which keys the query table has. Must not know hooks, or what a resource means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cds_service.fhir.bundles import Page, page_from_json
from cds_service.fhir.plain_results import PlainResult, plain_result
from cds_service.fhir.queries import QUERIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.fhir.queries import Query
    from cds_service.fhir.reading import JsonObject


_ABSENT = msgspec.Raw()


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = _ABSENT


class _Bundle(msgspec.Struct, gc=False, rename="camel"):
    resource_type: Literal["Bundle"]
    entry: list[_Entry] = []
    link: msgspec.Raw = _ABSENT
    total: msgspec.Raw = _ABSENT


_RESULT = "Observation"
_OF_RESULTS = tuple(query for query in QUERIES if query.resource_type == _RESULT)
_OF_OTHERS = tuple(query for query in QUERIES if query.resource_type != _RESULT)

Prefetch = msgspec.defstruct(
    "Prefetch",
    [
        *((query.key, _Bundle | None | msgspec.UnsetType, msgspec.UNSET) for query in _OF_RESULTS),
        *((query.key, msgspec.Raw, _ABSENT) for query in _OF_OTHERS),
    ],
)
"""The members of a prefetch that the query table asks for, as written; results must be null or a Bundle."""


def pages_of(prefetch: msgspec.Struct, load: Callable[[bytes], Any]) -> dict[str, Any]:
    """A `Prefetch` by key: Bundles of results as `Page`, everything else as parsed JSON; absent keys are left out.

    `load` parses JSON, and may refuse it by raising.
    """
    others = ((query.key, getattr(prefetch, query.key)) for query in _OF_OTHERS)
    pages: dict[str, Any] = {key: load(bytes(raw)) for key, raw in others if raw is not _ABSENT}
    for query in _OF_RESULTS:
        bundle = getattr(prefetch, query.key)
        if bundle is not msgspec.UNSET:
            pages[query.key] = None if bundle is None else _page(bundle, query, load)
    return pages


def _page(bundle: _Bundle, query: Query, load: Callable[[bytes], Any]) -> Page:
    """The page in a Bundle of results. Unless it is whole and sound, all of it is parsed: there is more to be read."""
    plain: list[PlainResult] = []
    others: list[JsonObject] = []
    for entry in bundle.entry:
        result = plain_result(entry.resource)
        if result is None:
            others.append(_parsed(entry, load))
        else:
            plain.append(result)
    body = {"resourceType": "Bundle"}
    body |= {
        name: load(bytes(raw)) for name, raw in (("link", bundle.link), ("total", bundle.total)) if raw is not _ABSENT
    }
    page = page_from_json(body | {"entry": others}, _RESULT, tuple(plain))
    if page.fetched.is_complete and (page.next_link is None or query.first_page_only):
        return page
    return page_from_json(body | {"entry": [_parsed(entry, load) for entry in bundle.entry]}, _RESULT)


def _parsed(entry: _Entry, load: Callable[[bytes], Any]) -> JsonObject:
    return {} if entry.resource is _ABSENT else {"resource": load(bytes(entry.resource))}
