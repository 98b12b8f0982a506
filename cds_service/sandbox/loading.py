"""Putting the fixture cases on any FHIR R4 server, and reading them back.

Knows requests and FHIR's write interactions. Writing twice leaves the server as writing once. A resource
counts as loaded only when it was read back with the same content.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from cds_service.fhir.reading import JsonObject
    from cds_service.sandbox.fixtures import FixtureCase

_FHIR_JSON = "application/fhir+json"
_SECONDS = 60.0
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# What others refer to is written first, for servers that check references.
_WRITTEN_FIRST = ("Patient", "Practitioner", "Organization", "Medication", "Specimen", "Encounter", "Condition")
# A server may rewrite these elements of a resource (its metadata and its narrative) without changing what it says.
_SERVERS_OWN = frozenset({"meta", "text"})


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A resource ("Type/id", or "transaction") of a case that is not on the server as it should be."""

    slug: str
    resource: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What is on the server now: cases whose every resource was read back, and the failures."""

    loaded: tuple[str, ...]
    resources: int
    failures: tuple[LoadFailure, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every case is on the server."""
        return not self.failures


def load_fixtures(
    fhir_base: str,
    cases: Iterable[FixtureCase],
    now: datetime,
    *,
    session: requests.Session,
    on_progress: Callable[[FixtureCase], None] = lambda _: None,
) -> LoadReport:
    """Put every case, moved to `now`, on the server at `fhir_base`; `on_progress` is told after each.

    Never raises for what a server does: each failure is named in the report. Credentials, if any, are the session's.
    """
    server = _Target(fhir_base.rstrip("/"), session)
    loaded: list[str] = []
    failures: list[LoadFailure] = []
    verified = 0
    for case in cases:
        reasons = server.load(case.at(now))
        failures += [LoadFailure(case.slug, resource, reason) for resource, reason in reasons]
        verified += len(case.bundle["entry"]) - len(reasons)
        if not reasons:
            loaded.append(case.slug)
        on_progress(case)
    return LoadReport(tuple(loaded), verified, tuple(failures))


@dataclass(frozen=True, slots=True)
class _Target:
    """The server being loaded."""

    base: str
    session: requests.Session

    def load(self, bundle: JsonObject) -> list[tuple[str, str]]:
        """Write one case and read it back; the resources that are not there, with reasons."""
        resources = sorted((entry["resource"] for entry in bundle["entry"]), key=_writing_order)
        reasons = dict(self._written(bundle, resources))
        for resource in resources:
            if _url(resource) not in reasons and (reason := self._difference(resource)):
                reasons[_url(resource)] = reason
        return list(reasons.items())

    def _written(self, bundle: JsonObject, resources: list[JsonObject]) -> Iterator[tuple[str, str]]:
        """Write as one transaction, or one by one on a server that refuses it; yields what was not written."""
        answer = self._send("POST", self.base, bundle)
        if isinstance(answer, str) or answer.status_code in _REFUSED:
            reason = answer if isinstance(answer, str) else _reason(answer)
            yield from ((_url(resource), reason) for resource in resources)
        elif not answer.ok:
            yield from self._put_singly(resources)

    def _put_singly(self, resources: list[JsonObject]) -> Iterator[tuple[str, str]]:
        """Write each resource at its own address; yields what was not written."""
        for resource in resources:
            answer = self._send("PUT", f"{self.base}/{_url(resource)}", resource)
            if isinstance(answer, str) or not answer.ok:
                yield _url(resource), answer if isinstance(answer, str) else _reason(answer)

    def _difference(self, resource: JsonObject) -> str | None:
        """What the server's copy of a resource lacks; None when it says the same."""
        answer = self._send("GET", f"{self.base}/{_url(resource)}")
        if isinstance(answer, str):
            return answer
        if not answer.ok:
            return f"read back: {_reason(answer)}"
        try:
            place = _first_difference(resource, answer.json())
        except requests.JSONDecodeError:
            return "read back: not JSON"
        return f"read back: {place} differs" if place else None

    def _send(self, method: str, url: str, body: JsonObject | None = None) -> requests.Response | str:
        """One answer, or why there is none."""
        headers = {"Accept": _FHIR_JSON} | ({"Content-Type": _FHIR_JSON} if body is not None else {})
        try:
            return self.session.request(
                method, url, json=body, headers=headers, timeout=_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            return f"{method} failed ({type(error).__name__})"


def _url(resource: JsonObject) -> str:
    """The relative address of a resource."""
    return f"{resource['resourceType']}/{resource['id']}"


def _writing_order(resource: JsonObject) -> tuple[int, str]:
    """Sort key that puts what is referred to before what refers to it."""
    resource_type = resource["resourceType"]
    rank = _WRITTEN_FIRST.index(resource_type) if resource_type in _WRITTEN_FIRST else len(_WRITTEN_FIRST)
    return rank, _url(resource)


def _reason(answer: requests.Response) -> str:
    """Status and, where the server says so, the diagnostics of an error."""
    try:
        issues = answer.json()["issue"]
        said = "; ".join(str(issue.get("diagnostics") or issue.get("code")) for issue in issues)
    except (requests.JSONDecodeError, KeyError, TypeError, AttributeError):
        said = ""
    return f"HTTP {answer.status_code}" + (f": {said[:300]}" if said else "")


def _first_difference(wanted: Any, found: Any, place: str = "") -> str | None:
    """Where `found` does not say what `wanted` says (a path), or None. Elements a server added do not count."""
    if isinstance(wanted, dict):
        compared = {key: each for key, each in wanted.items() if place or key not in _SERVERS_OWN}
        pairs = [(each, found.get(key) if isinstance(found, dict) else None, key) for key, each in compared.items()]
    elif isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return place
        pairs = [(each, other, str(index)) for index, (each, other) in enumerate(zip(wanted, found, strict=True))]
    else:
        return None if wanted == found else place or "the resource"
    places = (_first_difference(each, other, f"{place}.{step}".lstrip(".")) for each, other, step in pairs)
    return next((each for each in places if each), None)
