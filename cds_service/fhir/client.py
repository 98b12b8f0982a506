"""All FHIR network traffic: bounded, on one server, with every failure named.

Knows reads, searches, paging and one way to write: creating a resource. Must not know what a resource means, nor how a
request is sent. No method raises for anything a server does; the answer has a fault that says what went wrong.
"""

from __future__ import annotations

from copy import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from cds_service.fhir.answers import json_in
from cds_service.fhir.bundles import Page, page_from_json, resource_from_json
from cds_service.fhir.circuit import Circuits
from cds_service.fhir.exchange import Answer, Asking, Exchange, FetchLimits
from cds_service.fhir.fetched import Created, FaultKind, Fetched, FetchFault, failed
from cds_service.fhir.servers import FhirServer, is_fhir_id, local_reference, next_on_server, normalised_base
from cds_service.fhir.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from cds_service.fhir.answers import Allowance
    from cds_service.fhir.queries import Query
    from cds_service.fhir.reading import JsonObject

_STATUS_KIND: dict[int, FaultKind] = {
    HTTPStatus.UNAUTHORIZED: FaultKind.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: FaultKind.FORBIDDEN,
    HTTPStatus.NOT_FOUND: FaultKind.NOT_FOUND,
    HTTPStatus.GONE: FaultKind.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: FaultKind.TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS: FaultKind.RATE_LIMITED,
    HTTPStatus.NOT_IMPLEMENTED: FaultKind.UNSUPPORTED,
}


class FhirClient:
    """Reads and searches FHIR R4 servers through one shared connection pool.

    `deadline` everywhere is a point on the running event loop's clock (`loop.time()`); nothing is
    awaited past it.
    """

    def __init__(
        self, http_client: httpx.AsyncClient, limits: FetchLimits | None = None, circuits: Circuits | None = None
    ) -> None:
        """Use a pool (see `open_http`) within these limits; `circuits` remembers which servers do not answer."""
        self._limits = limits or FetchLimits()
        self._exchange = Exchange(http_client, self._limits, circuits or Circuits())
        self._allowance: Allowance | None = None
        self._turns: Turns | None = None

    def for_one_call(self) -> FhirClient:
        """This client for the reads and searches of one hook call, which share one allowance and take turns."""
        bound = copy(self)
        bound._allowance, bound._turns = self._limits.allowance(), Turns()  # noqa: SLF001 -- an object of this class
        return bound

    def _asking(self, server: FhirServer, deadline: float) -> Asking:
        return Asking(server, deadline, self._allowance or self._limits.allowance(), self._turns or Turns())

    async def read(self, server: FhirServer, reference: str, deadline: float) -> Fetched:
        """The resource "Type/id" (or its absolute address on this server)."""
        local = local_reference(server, reference)
        if local is None:
            return failed(FaultKind.NOT_ALLOWED, "the reference does not lead to this server")
        asking = self._asking(server, deadline)
        answer = await self._exchange.get(asking, f"{normalised_base(server.base)}/{local}", ())
        body = _json_in(answer)
        if isinstance(body, FetchFault):
            return Fetched(fault=body)
        resource_type, _, logical_id = local.partition("/")
        return resource_from_json(body, resource_type, logical_id)

    async def search(self, server: FhirServer, query: Query, patient_id: str, deadline: float) -> Fetched:
        """Everything the query finds for the patient, over all pages up to the limits."""
        if not is_fhir_id(patient_id):
            return failed(FaultKind.NOT_ALLOWED, "the patient id is not a FHIR id")
        asking = self._asking(server, deadline)
        url = f"{normalised_base(server.base)}/{query.resource_type}"
        page = await self._page(asking, url, query.search_params(patient_id), query)
        if page.fetched.fault is not None and page.fetched.fault.kind is FaultKind.UNSUPPORTED and query.has_hints:
            page = await self._page(asking, url, query.search_params(patient_id, with_hints=False), query)
        return await self._follow(asking, page, query)

    async def follow(self, server: FhirServer, page: Page, query: Query, deadline: float) -> Fetched:
        """A page and all that follow it on this server. Stopping early keeps what was read and says "truncated"."""
        return await self._follow(self._asking(server, deadline), page, query)

    async def create(self, server: FhirServer, resource: JsonObject, deadline: float) -> Created:
        """Store a resource, once: one with its first identifier (system and value) is not stored a second time.

        Sent a single time. With a TIMEOUT or UNREACHABLE fault it is not known whether the server stored it.
        """
        identifier = resource["identifier"][0]
        if_none_exist = urlencode({"identifier": f"{identifier['system']}|{identifier['value']}"})
        url = f"{normalised_base(server.base)}/{resource['resourceType']}"
        answer = await self._exchange.post(self._asking(server, deadline), url, orjson.dumps(resource), if_none_exist)
        if isinstance(answer, FetchFault):
            return Created(fault=answer)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return Created(fault=_refused(answer))
        return Created(local_reference(server, answer.location) or "")

    async def _follow(self, asking: Asking, page: Page, query: Query) -> Fetched:
        read = list(page.fetched.resources)
        seen: set[str] = set()
        while page.fetched.is_complete and page.next_link is not None and not query.first_page_only:
            link = next_on_server(asking.server, page.next_link)
            if link is None:
                return _truncated(read, "the link to the next page leads away from the server")
            if link in seen or len(seen) + 1 >= self._limits.pages:
                return _truncated(read, f"the server has more than {len(seen) + 1} pages")
            if asking.allowance.resources_left <= 0:
                return _truncated(read, "the server has more than this service reads in one call")
            seen.add(link)
            page = await self._page(asking, link, (), query)
            read.extend(page.fetched.resources)
        fault = page.fetched.fault
        return _truncated(read, f"reading on failed ({fault.words})") if fault and seen else Fetched(tuple(read), fault)

    async def _page(self, asking: Asking, url: str, params: Sequence[tuple[str, str]], query: Query) -> Page:
        """One page, or the fault in its place."""
        body = _json_in(await self._exchange.get(asking, url, params))
        if isinstance(body, FetchFault):
            return Page(Fetched(fault=body))
        page = page_from_json(body, query.resource_type)
        asking.allowance.take_resources(len(page.fetched.resources))
        return page


def _json_in(answer: Answer | FetchFault) -> Any:
    """The JSON value of a successful answer, or the fault."""
    if isinstance(answer, FetchFault):
        return answer
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return _status_fault(answer.status)
    return json_in(answer.body)


def _refused(answer: Answer) -> FetchFault:
    """Why the server did not store a resource: the status, and the codes of its OperationOutcome if it sent one."""
    fault = _status_fault(answer.status)
    body = json_in(answer.body)
    said = page_from_json(body, "").fetched.fault if isinstance(body, dict) else None
    if said is None or said.kind is not FaultKind.OPERATION_OUTCOME:
        return fault
    return FetchFault(fault.kind, f"{fault.words}: {said.words}")


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
