"""Refusals and failures as FHIR OperationOutcome bodies.

Knows how a failure is told to the caller. A failure is never an empty list of cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JSON_MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome: a code of the FHIR value set issue-type, words, and where it is."""

    code: str
    diagnostics: str
    expression: str | None = None

    def as_json(self) -> dict[str, object]:
        """The issue as OperationOutcome.issue, without empty members."""
        told: dict[str, object] = {"severity": "error", "code": self.code, "diagnostics": self.diagnostics}
        return told if self.expression is None else {**told, "expression": [self.expression]}


class InvalidRequestError(Exception):
    """The caller's request cannot be answered; carries the HTTP status, the issues that say why, and headers."""

    headers: Mapping[str, str] | None = None

    def __init__(self, status: int, *issues: Issue) -> None:
        """Take the HTTP status (4xx) and at least one issue."""
        super().__init__("; ".join(issue.diagnostics for issue in issues))
        self.status = status
        self.issues = issues


def refuse(
    diagnostics: str, expression: str | None = None, *, status: int = HTTPStatus.BAD_REQUEST, code: str = "invalid"
) -> NoReturn:
    """Raise an `InvalidRequestError` with one issue; 400 unless told otherwise."""
    raise InvalidRequestError(status, Issue(code, diagnostics, expression)) from None


def operation_outcome(issues: Iterable[Issue]) -> bytes:
    """The OperationOutcome of these issues as JSON bytes."""
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue.as_json() for issue in issues]})


def outcome_response(status: int, issues: Iterable[Issue], headers: Mapping[str, str] | None = None) -> Response:
    """An error answer: OperationOutcome as application/json, which every CDS Hooks client reads."""
    return Response(operation_outcome(issues), status, headers, media_type=JSON_MEDIA_TYPE)
