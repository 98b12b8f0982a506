"""One request to a FHIR server: permitted, bounded, and remembered by the server's circuit; a GET is retried once.

A server that refuses (429, 503) may have been sent too many requests at once: the rest of the call and the retries go
to it a few at a time, and so do the next calls if that helped.

Knows HTTP. Must not know FHIR content. Nothing is raised for anything a server does, and nothing is logged:
addresses name patients, headers hold tokens.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from cds_service.fhir.answers import ACCEPTED_ENCODING, Allowance, AnswerError, read_answer
from cds_service.fhir.fetched import FaultKind, FetchFault
from cds_service.fhir.outbound import AddressRefusedError
from cds_service.fhir.servers import FhirServer, is_secure, normalised_base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.fhir.circuit import Circuits
    from cds_service.fhir.turns import Crowding, Turns

_TRANSIENT_STATUS = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SILENCE = frozenset({FaultKind.TIMEOUT, FaultKind.UNREACHABLE})
_NOTHING_LEARNED = frozenset({FaultKind.NOT_ALLOWED, FaultKind.BUSY})
_BUSY = FetchFault(FaultKind.BUSY, "too many requests are under way")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What reading may cost.

    Seconds per request, pages per search, bytes per answer, seconds before the one retry; bytes and resources per call,
    over all its searches.
    """

    request_seconds: float = 5.0
    pages: int = 20
    bytes_per_answer: int = 16 * 1024 * 1024
    backoff_seconds: float = 0.2
    bytes_per_call: int = 64 * 1024 * 1024
    resources_per_call: int = 20_000

    def allowance(self) -> Allowance:
        """What one call may read."""
        return Allowance(self.bytes_per_call, self.resources_per_call)


@dataclass(frozen=True, slots=True)
class Asking:
    """A server asked during one call, until a point on the event loop's clock, within the call's allowance."""

    server: FhirServer
    deadline: float
    allowance: Allowance
    turns: Turns


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    retry_after_seconds: float | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    """A GET, or where there is a body a POST of it, unless what `if_none_exist` searches for is there already."""

    url: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    if_none_exist: str = ""

    def headers(self, server: FhirServer) -> dict[str, str]:
        if self.body is None:
            return _headers(server)
        written = {"Content-Type": "application/fhir+json", "If-None-Exist": self.if_none_exist}
        return _headers(server) | written


class Exchange:
    """Sends requests through one connection pool, and leaves servers alone that do not answer."""

    def __init__(self, http_client: httpx.AsyncClient, limits: FetchLimits, circuits: Circuits) -> None:
        """Use a pool (see `open_http`) within these limits."""
        self._http = http_client
        self._limits = limits
        self._circuits = circuits

    async def get(self, asking: Asking, url: str, params: Sequence[tuple[str, str]]) -> Answer | FetchFault:
        """One answer, unless the server is not to be asked or does not give one."""
        return await self._answer(asking, _Request(url, tuple(params)))

    async def post(self, asking: Asking, url: str, body: bytes, if_none_exist: str) -> Answer | FetchFault:
        """One answer to a resource sent once, to be stored unless the search `if_none_exist` finds it stored."""
        return await self._answer(asking, _Request(url, body=body, if_none_exist=if_none_exist))

    async def _answer(self, asking: Asking, request: _Request) -> Answer | FetchFault:
        base = normalised_base(asking.server.base)
        refused = _refusal(asking.server)
        if refused is not None or base is None:
            return refused or FetchFault(FaultKind.NOT_ALLOWED, "the server's address cannot be asked")
        circuit = self._circuits.of(base)
        passage = await circuit.enter(asking.allowance)
        if passage is None:
            return FetchFault(FaultKind.OPEN_CIRCUIT, "the server did not answer lately and is not asked for a while")
        answered: bool | None = None
        try:
            if request.body is None:
                answer = await self._with_one_retry(asking, request, circuit.crowding)
            else:
                answer = await self._attempt(asking, request)
            answered = self._has_answered(answer, asking.deadline - passage.began_at)
            if request.body is not None and answered is False:
                answered = None  # a store may take its time: the reading of charts must not be stopped for it
        finally:
            circuit.leave(passage, answered=answered)
        return answer

    def _has_answered(self, answer: Answer | FetchFault, seconds_given: float) -> bool | None:
        """Whether the server gave any answer; None when it was not asked, or not given a fair time to answer."""
        if isinstance(answer, Answer):
            return True
        if answer.kind in _NOTHING_LEARNED:
            return None
        if answer.kind is FaultKind.TIMEOUT and seconds_given < self._limits.request_seconds / 2:
            return None
        return answer.kind not in _SILENCE

    async def _with_one_retry(self, asking: Asking, request: _Request, crowding: Crowding) -> Answer | FetchFault:
        """One answer: retried once after 429, 503 or a broken connection if there is time for it."""
        if crowding.is_likely:
            asking.turns.take_few()
        answer = await self._in_turn(asking, request)
        wait = self._wait_before_retry(answer)
        if _is_refusal(answer):
            asking.turns.take_few()
        if wait is None or asyncio.get_running_loop().time() + wait >= asking.deadline:
            return answer
        await asyncio.sleep(wait)
        again = await self._in_turn(asking, request)
        if _is_refusal(answer) and isinstance(again, Answer) and not _is_refusal(again):
            crowding.remember()
        return again

    async def _in_turn(self, asking: Asking, request: _Request) -> Answer | FetchFault:
        """One request when the others of the call leave room for it."""
        try:
            async with asking.turns.turn(asking.deadline):
                return await self._attempt(asking, request)
        except TimeoutError:
            return _BUSY

    def _wait_before_retry(self, answer: Answer | FetchFault) -> float | None:
        """Seconds to wait before asking again; None when asking again is of no use."""
        if isinstance(answer, FetchFault):
            return self._limits.backoff_seconds if answer.kind is FaultKind.UNREACHABLE else None
        if not _is_refusal(answer):
            return None
        return max(self._limits.backoff_seconds, answer.retry_after_seconds or 0.0)

    async def _attempt(self, asking: Asking, request: _Request) -> Answer | FetchFault:
        """One request, with what the transport can do wrong turned into faults."""
        latest = min(asking.deadline, asyncio.get_running_loop().time() + self._limits.request_seconds)
        try:
            async with asyncio.timeout_at(latest):
                return await self._send(asking, request)
        except AnswerError as error:
            return error.fault
        except (TimeoutError, httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            return transport_fault(error)

    async def _send(self, asking: Asking, request: _Request) -> Answer:
        """Send one request and read the answer's body up to the size limits."""
        method, headers = "GET" if request.body is None else "POST", request.headers(asking.server)
        sent = self._http.build_request(
            method, request.url, params=request.params or None, content=request.body, headers=headers
        )
        response = await self._http.send(sent, stream=True, follow_redirects=False)
        try:
            body = await read_answer(response, self._limits.bytes_per_answer, asking.allowance)
            location = response.headers.get("location", "")
            return Answer(response.status_code, body, _retry_after_seconds(response.headers), location)
        finally:
            await response.aclose()


def _is_refusal(answer: Answer | FetchFault) -> bool:
    """Whether the server may answer the same request at another time."""
    return isinstance(answer, Answer) and answer.status in _TRANSIENT_STATUS


def transport_fault(error: Exception) -> FetchFault:
    """What went wrong before there was an answer."""
    match error:
        case AddressRefusedError():
            return FetchFault(FaultKind.NOT_ALLOWED, str(error))
        case httpx.PoolTimeout():
            return _BUSY
        case TimeoutError() | httpx.TimeoutException():
            return FetchFault(FaultKind.TIMEOUT, "the server did not answer in time")
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError() | httpx.InvalidURL() | UnicodeError():
            return FetchFault(FaultKind.NOT_ALLOWED, "the server's address cannot be asked")
        case _:
            return FetchFault(FaultKind.UNREACHABLE, "the server could not be reached")


def _headers(server: FhirServer) -> dict[str, str]:
    """Request headers; the token goes to its own server only, since every address asked lies beneath its base."""
    accept = {"Accept": "application/fhir+json", "Accept-Encoding": ACCEPTED_ENCODING}
    return accept if server.token is None else accept | {"Authorization": f"Bearer {server.token}"}


def _refusal(server: FhirServer) -> FetchFault | None:
    """Why this server is not asked at all, if so."""
    if not is_secure(server):
        return FetchFault(FaultKind.NOT_ALLOWED, "the server's address is not a secure (https) one")
    if server.token is not None and not (
        server.token.isascii() and server.token.isprintable() and " " not in server.token
    ):
        return FetchFault(FaultKind.UNAUTHORIZED, "the access token is malformed")
    return None


def _retry_after_seconds(headers: httpx.Headers) -> float | None:
    """Seconds the server asks us to wait; a date is read against the server's own Date header."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return (parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
