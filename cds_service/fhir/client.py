"""All FHIR network reading: bounded, on one server, with every failure named.

Knows HTTP and paging. Must not know what a resource means. No method raises for anything a server
does; the answer is a `Fetched` whose fault says what went wrong. Nothing is logged here: addresses
name patients, headers hold tokens.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from cds_service.fhir.bundles import Page, page_from_json, resource_from_json
from cds_service.fhir.fetched import FaultKind, Fetched, FetchFault, failed
from cds_service.fhir.servers import FhirServer, is_fhir_id, is_secure, local_reference, next_on_server, normalised_base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.fhir.queries import Query
    from cds_service.fhir.reading import JsonObject

_TRANSIENT_STATUS = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_STATUS_KIND: dict[int, FaultKind] = {
    HTTPStatus.UNAUTHORIZED: FaultKind.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: FaultKind.FORBIDDEN,
    HTTPStatus.NOT_FOUND: FaultKind.NOT_FOUND,
    HTTPStatus.GONE: FaultKind.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: FaultKind.TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS: FaultKind.RATE_LIMITED,
    HTTPStatus.NOT_IMPLEMENTED: FaultKind.UNSUPPORTED,
}
_NO_ANSWER_IN_TIME = "the server did not answer in time"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one evaluation may cost: seconds per request, pages and bytes per search, seconds before the one retry."""

    request_seconds: float = 5.0
    pages: int = 20
    bytes_per_answer: int = 16 * 1024 * 1024
    backoff_seconds: float = 0.2


def open_http(limits: FetchLimits | None = None) -> httpx.AsyncClient:
    """The one connection pool of a process; the caller closes it.

    Keeps no cookies (one patient's session must not travel with another's request) and does not let the
    HTTP library write addresses, which name patients, to the log.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        timeout=(limits or FetchLimits()).request_seconds,
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=100),
        cookies=no_cookies,
        mounts={f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")},  # never through a proxy
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    retry_after_seconds: float | None = None


class FhirClient:
    """Reads and searches FHIR R4 servers through one shared connection pool.

    `deadline` everywhere is a point on the running event loop's clock (`loop.time()`); nothing is
    awaited past it.
    """

    def __init__(self, http_client: httpx.AsyncClient, limits: FetchLimits | None = None) -> None:
        """Use a pool (see `open_http`) within these limits."""
        self._http = http_client
        self._limits = limits or FetchLimits()

    async def read(self, server: FhirServer, reference: str, deadline: float) -> Fetched:
        """The resource "Type/id" (or its absolute address on this server)."""
        local = local_reference(server, reference)
        if local is None:
            return failed(FaultKind.NOT_ALLOWED, "the reference does not lead to this server")
        answer = await self._get(server, f"{normalised_base(server.base)}/{local}", (), deadline)
        body = _json_in(answer)
        if isinstance(body, FetchFault):
            return Fetched(fault=body)
        resource_type, _, logical_id = local.partition("/")
        return resource_from_json(body, resource_type, logical_id)

    async def search(self, server: FhirServer, query: Query, patient_id: str, deadline: float) -> Fetched:
        """Everything the query finds for the patient, over all pages up to the limits."""
        if not is_fhir_id(patient_id):
            return failed(FaultKind.NOT_ALLOWED, "the patient id is not a FHIR id")
        base = normalised_base(server.base)
        page = await self._page(
            server, f"{base}/{query.resource_type}", query.search_params(patient_id), query, deadline
        )
        if page.fetched.fault is not None and page.fetched.fault.kind is FaultKind.UNSUPPORTED and query.has_hints:
            plain = query.search_params(patient_id, with_hints=False)
            page = await self._page(server, f"{base}/{query.resource_type}", plain, query, deadline)
        return await self.follow(server, page, query, deadline)

    async def follow(self, server: FhirServer, page: Page, query: Query, deadline: float) -> Fetched:
        """A page and all that follow it on this server. Stopping early keeps what was read and says "truncated"."""
        read = list(page.fetched.resources)
        seen: set[str] = set()
        while page.fetched.is_complete and page.next_link is not None and not query.first_page_only:
            link = next_on_server(server, page.next_link)
            if link is None:
                return _truncated(read, "the link to the next page leads away from the server")
            if link in seen or len(seen) + 1 >= self._limits.pages:
                return _truncated(read, f"the server has more than {len(seen) + 1} pages")
            seen.add(link)
            page = await self._page(server, link, (), query, deadline)
            read.extend(page.fetched.resources)
        fault = page.fetched.fault
        return _truncated(read, f"reading on failed ({fault.words})") if fault and seen else Fetched(tuple(read), fault)

    async def _page(
        self, server: FhirServer, url: str, params: Sequence[tuple[str, str]], query: Query, deadline: float
    ) -> Page:
        """One page, or the fault in its place."""
        body = _json_in(await self._get(server, url, params, deadline))
        if isinstance(body, FetchFault):
            return Page(Fetched(fault=body))
        return page_from_json(body, query.resource_type)

    async def _get(
        self, server: FhirServer, url: str, params: Sequence[tuple[str, str]], deadline: float
    ) -> _Answer | FetchFault:
        """One answer: retried once after 429, 503 or a broken connection if there is time for it."""
        refused = _refusal(server)
        if refused is not None:
            return refused
        answer = await self._attempt(server, url, params, deadline)
        wait = self._wait_before_retry(answer)
        if wait is None or asyncio.get_running_loop().time() + wait >= deadline:
            return answer
        await asyncio.sleep(wait)
        return await self._attempt(server, url, params, deadline)

    def _wait_before_retry(self, answer: _Answer | FetchFault) -> float | None:
        """Seconds to wait before asking again; None when asking again is of no use."""
        if isinstance(answer, FetchFault):
            return self._limits.backoff_seconds if answer.kind is FaultKind.UNREACHABLE else None
        if answer.status not in _TRANSIENT_STATUS:
            return None
        return max(self._limits.backoff_seconds, answer.retry_after_seconds or 0.0)

    async def _attempt(
        self, server: FhirServer, url: str, params: Sequence[tuple[str, str]], deadline: float
    ) -> _Answer | FetchFault:
        """One request, with what the transport can do wrong turned into faults."""
        latest = min(deadline, asyncio.get_running_loop().time() + self._limits.request_seconds)
        try:
            async with asyncio.timeout_at(latest):
                return await self._exchange(server, url, params)
        except (TimeoutError, httpx.TimeoutException):
            return FetchFault(FaultKind.TIMEOUT, _NO_ANSWER_IN_TIME)
        except httpx.DecodingError:
            return FetchFault(FaultKind.NOT_JSON, "the answer could not be decoded")
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError):
            return FetchFault(FaultKind.NOT_ALLOWED, "the server's address cannot be asked")
        except httpx.TransportError:
            return FetchFault(FaultKind.UNREACHABLE, "the server could not be reached")

    async def _exchange(self, server: FhirServer, url: str, params: Sequence[tuple[str, str]]) -> _Answer | FetchFault:
        """Send one GET and read its body up to the size limit."""
        request = self._http.build_request("GET", url, params=tuple(params) or None, headers=_headers(server))
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._limits.bytes_per_answer:
                    return FetchFault(FaultKind.TOO_LARGE, "the answer was too large")
            return _Answer(response.status_code, bytes(body), _retry_after_seconds(response.headers))
        finally:
            await response.aclose()


def _headers(server: FhirServer) -> dict[str, str]:
    """Request headers; the token goes to its own server only, since every address asked lies beneath its base."""
    accept = {"Accept": "application/fhir+json"}
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


def _json_in(answer: _Answer | FetchFault) -> Any:
    """The JSON value of a successful answer, or the fault."""
    if isinstance(answer, FetchFault):
        return answer
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return _status_fault(answer.status)
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return FetchFault(FaultKind.NOT_JSON, "the answer was not JSON")


def _status_fault(status: int) -> FetchFault:
    """The fault that an HTTP status tells of."""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return FetchFault(FaultKind.REDIRECTED, f"the server pointed elsewhere ({status}), which is not followed")
    otherwise = FaultKind.SERVER_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else FaultKind.UNSUPPORTED
    kind = _STATUS_KIND.get(status, otherwise)
    return FetchFault(kind, f"the server answered {status}")


def _truncated(read: list[JsonObject], words: str) -> Fetched:
    """What was read so far, marked as not all."""
    return Fetched(tuple(read), FetchFault(FaultKind.TRUNCATED, words))
