"""From the bytes of a prefetch to pages: of the results a chart is full of, only what is used is parsed.

Knows the shape of a Bundle and which keys the query table has. Must not know hooks, or what a resource means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cds_service.fhir.bundles import Page, page_of
from cds_service.fhir.plain_results import PlainResult, plain_result
from cds_service.fhir.queries import QUERIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.fhir.reading import JsonObject


class UnusualPrefetchError(ValueError):
    """A page is not whole and sound, so that the prefetch has to be read from its JSON."""


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw


class _Link(msgspec.Struct, gc=False):
    relation: str


class _Bundle(msgspec.Struct, gc=False, rename="camel"):
    resource_type: Literal["Bundle"]
    entry: list[_Entry]
    link: list[_Link] = []


_ABSENT = msgspec.Raw()
_RESULT_KEYS = tuple(query.key for query in QUERIES if query.resource_type == "Observation")
_OTHER_KEYS = tuple(query.key for query in QUERIES if query.resource_type != "Observation")

Prefetch = msgspec.defstruct(
    "Prefetch",
    [
        *((key, _Bundle | None | msgspec.UnsetType, msgspec.UNSET) for key in _RESULT_KEYS),
        *((key, msgspec.Raw, _ABSENT) for key in _OTHER_KEYS),
    ],
)
"""The members of a prefetch that the query table asks for, as written; results must be null or a Bundle."""


def pages_of(prefetch: msgspec.Struct, load: Callable[[bytes], Any]) -> dict[str, Any]:
    """A `Prefetch` by key: Bundles of results as `Page`, everything else as parsed JSON; absent keys are left out.

    `load` parses JSON, and may refuse it by raising. Raises `UnusualPrefetchError` for a Bundle of results that has a
    next page or holds anything but resources.
    """
    others = ((key, getattr(prefetch, key)) for key in _OTHER_KEYS)
    bundles = ((key, getattr(prefetch, key)) for key in _RESULT_KEYS)
    return {
        **{key: load(bytes(raw)) for key, raw in others if raw is not _ABSENT},
        **{
            key: None if bundle is None else _page(bundle, load)
            for key, bundle in bundles
            if bundle is not msgspec.UNSET
        },
    }


def _page(bundle: _Bundle, load: Callable[[bytes], Any]) -> Page:
    plain: list[PlainResult] = []
    others: list[JsonObject] = []
    for entry in bundle.entry:
        result = plain_result(entry.resource)
        if result is None:
            others.append({"resource": load(bytes(entry.resource))})
        else:
            plain.append(result)
    page = page_of(others, "Observation", tuple(plain))
    if not bundle.entry or not page.fetched.is_complete or any(link.relation == "next" for link in bundle.link):
        raise UnusualPrefetchError
    return page
