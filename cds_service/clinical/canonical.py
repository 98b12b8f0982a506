"""One spelling for every value of a rule table, so that equal tables hash alike on every platform.

Knows kinds of values. Must not know any table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from functools import singledispatch
from types import NoneType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@singledispatch
def canonical(value: object) -> str:
    """A value in one spelling: 100 is 100.0, sets are sorted, texts carry their length. Functions are left out.

    Raises TypeError for a kind of value that has no spelling yet, so that nothing is passed over.
    """
    if not is_dataclass(value):
        msg = f"no spelling for {type(value).__name__}"
        raise TypeError(msg)
    members = ((field.name, getattr(value, field.name)) for field in fields(value))
    told = (f"{name}={canonical(held)}" for name, held in members if isinstance(held, type) or not callable(held))
    return f"{type(value).__name__}{_joined(told)}"


@canonical.register(NoneType)
@canonical.register(bool)
def _(value: bool | None) -> str:  # noqa: FBT001 - dispatched on, not chosen by a caller
    return str(value)


@canonical.register(int)
@canonical.register(float)
def _(value: float) -> str:
    return float(value).hex()


@canonical.register
def _(value: str) -> str:
    return f"{len(value)}:{value}"


@canonical.register(Enum)
@canonical.register(StrEnum)
def _(value: Enum) -> str:
    return f"{type(value).__name__}.{canonical(value.value)}"


@canonical.register
def _(value: date) -> str:
    return value.isoformat()


@canonical.register
def _(value: type) -> str:
    """An enumeration with its members: what a key may hold."""
    members: Iterable[object] = value if issubclass(value, Enum) else ()
    return f"{value.__name__}{_joined(map(canonical, members))}"


@canonical.register
def _(value: tuple) -> str:  # type: ignore[type-arg] # dispatch takes the plain class
    return _joined(map(canonical, value))


@canonical.register
def _(value: frozenset) -> str:  # type: ignore[type-arg] # dispatch takes the plain class
    return _joined(sorted(map(canonical, value)))


@canonical.register
def _(value: Mapping) -> str:  # type: ignore[type-arg] # dispatch takes the plain class
    return _joined(sorted(f"{canonical(key)}={canonical(held)}" for key, held in value.items()))


def _joined(parts: Iterable[str]) -> str:
    return f"({','.join(parts)})"
