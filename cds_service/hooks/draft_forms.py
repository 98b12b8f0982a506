"""Drafts that fit the FHIR R4B models, without asking the model again about what it has accepted before.

The form of a draft is all of it that is chosen from tables: codes, priority, which elements there are. The model sees
the first draft of each form whole. A later one differs in its values only, which are looked at one by one; a draft
with a value that is not plain goes to the model whole as well. Keeps forms, never a value.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from cds_service.fhir.reading import JsonObject

_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-](?:0\d|1[0-3]):\d{2}")
_accepted: set[Hashable] = set()


def fitting(
    check: Callable[[JsonObject], object],
    draft: JsonObject,
    *,
    form: Hashable,
    texts: Collection[str] = (),
    stamps: Iterable[str] = (),
    numbers: Iterable[float] = (),
) -> JsonObject:
    """The draft, which the model accepts. Raises pydantic's `ValidationError`, as `check` does.

    `check`: asks the model. `form`: the same only for drafts of one model that differ in nothing but the values given:
    `texts` (references too), `stamps` (instants as FHIR dateTime) and `numbers` (decimals).
    """
    is_plain = _are_plain(texts) and all(map(_STAMP.fullmatch, stamps)) and all(map(isfinite, numbers))
    if not is_plain or (check, form) not in _accepted:
        check(draft)
        _accepted.add((check, form))
    return draft


def _are_plain(texts: Collection[str]) -> bool:
    """Whether FHIR takes any such texts for strings: none empty, and no whitespace but blanks."""
    return all(texts) and "".join(texts).isprintable()
