"""What a read or a search brought back: resources, and the fault that kept the rest away.

Knows the ways in which a FHIR exchange fails. Must not know HTTP libraries, nor what a resource means.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.fhir.plain_results import PlainResult
    from cds_service.fhir.reading import JsonObject


class FaultKind(StrEnum):
    """Why data could not be had, or not all of it."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    TIMEOUT = "timeout"
    BUSY = "busy"
    """This service, not the server, had too many requests under way."""
    UNREACHABLE = "unreachable"
    OPEN_CIRCUIT = "open-circuit"
    """Not asked, because the server did not answer lately."""
    NOT_JSON = "not-json"
    OPERATION_OUTCOME = "operation-outcome"
    WRONG_RESOURCE = "wrong-resource"
    TRUNCATED = "truncated"
    """Some was read, and there is more that was not."""
    REDIRECTED = "redirected"
    NOT_ALLOWED = "not-allowed"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"
    NO_SERVER = "no-server"


PASSING = frozenset(
    {
        FaultKind.BUSY,
        FaultKind.NOT_JSON,
        FaultKind.OPEN_CIRCUIT,
        FaultKind.RATE_LIMITED,
        FaultKind.SERVER_ERROR,
        FaultKind.TIMEOUT,
        FaultKind.TOO_LARGE,
        FaultKind.TRUNCATED,
        FaultKind.UNREACHABLE,
    }
)
"""Failures of a moment, not of a server that does not offer what was asked."""


@dataclass(frozen=True, slots=True)
class FetchFault:
    """One failure; `words` completes "... could not be read: " on a card and never holds an address or patient data."""

    kind: FaultKind
    words: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The resources that came, and what went wrong. Without a fault they are complete: none then means none exist.

    `plain`: further results, still in their bytes; only where nothing went wrong.
    """

    resources: tuple[JsonObject, ...] = ()
    fault: FetchFault | None = None
    plain: tuple[PlainResult, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether everything asked for was read."""
        return self.fault is None

    @property
    def is_partial(self) -> bool:
        """Whether the resources are good as far as they go, but there are more."""
        return self.fault is not None and self.fault.kind is FaultKind.TRUNCATED


@dataclass(frozen=True, slots=True)
class Created:
    """What became of a resource to be stored: its "Type/id" on the server ("" when the server did not say), or why not.

    Without a fault it is stored.
    """

    reference: str = ""
    fault: FetchFault | None = None


def failed(kind: FaultKind, words: str) -> Fetched:
    """Nothing was read, and why."""
    return Fetched(fault=FetchFault(kind, words))
