"""Finding members that say nothing: null, empty text, empty object, empty array."""

from __future__ import annotations

from typing import Any


def empty_members(value: Any, path: str = "$") -> list[str]:
    """The paths of all empty members of a JSON value; the value itself is not judged."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in items:
        place = f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]"
        found += [place] if is_nothing(inner) else empty_members(inner, place)
    return found


def is_nothing(value: Any) -> bool:
    """Whether a JSON value says nothing; false and 0 say something."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ({}, [])
