"""A requirement of CDS Hooks beside the test that shows it: the raw material of docs/conformance.md.

Sentences are our own words for what the specification asks of a *service*; section names are the
specification's. What it asks of clients, of the TLS layer or of contracts has no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Test = TypeVar("Test", bound="Callable[..., object]")


class Level(StrEnum):
    """How strongly something is asked for. HOUSE: not asked for by a specification, but held here."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    HOUSE = "house"


class Status(StrEnum):
    """What the test shows: that the service does it, or that it leaves an optional feature out."""

    MET = "met"
    UNUSED = "not used"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row: `id` is ours and never reused; `source` is the document where it is not CDS Hooks 2.0.1."""

    id: str
    section: str
    level: Level
    text: str
    source: str
    status: Status


BALLOT = "CDS Hooks 3.0 ballot"
HTTP = "RFC 9110"
FETCH = "WHATWG Fetch"
HOOK = "hook definition"

_ATTRIBUTE = "requirements_shown"


def shows(
    requirement_id: str,
    section: str,
    level: Level,
    text: str,
    *,
    source: str = "CDS Hooks 2.0.1",
    status: Status = Status.MET,
) -> Callable[[Test], Test]:
    """Mark a test as showing a requirement; a test may show several."""
    requirement = Requirement(requirement_id, section, level, text, source, status)

    def marked(test: Test) -> Test:
        setattr(test, _ATTRIBUTE, (requirement, *shown_by(test)))
        return test

    return marked


def shown_by(test: object) -> tuple[Requirement, ...]:
    """The requirements a test shows."""
    found: tuple[Requirement, ...] = getattr(test, _ATTRIBUTE, ())
    return found
