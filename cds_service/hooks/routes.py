"""The HTTP routes of CDS Hooks: discovery and calls. Reads the clock it is given, once per call.

Knows requests and responses. Failures leave as OperationOutcome bodies; the unexpected is left to `app.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request, Response

from cds_service.hooks.body import check_media_type, parsed, read_body
from cds_service.hooks.calls import Answer, ChartAccess, answer_call
from cds_service.hooks.discovery import ServiceEntry, discovery_document, service_entries
from cds_service.hooks.errors import JSON_MEDIA_TYPE, InvalidRequestError, outcome_response, refuse
from cds_service.hooks.gate import authenticated
from cds_service.hooks.metrics import CallRecord, Metrics, plain_token
from cds_service.hooks.models import HookRequest, hook_request
from cds_service.hooks.openapi import CALL, FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.gate import Gate
    from cds_service.settings import Settings
    from cds_service.trusted_clients import TrustedClient

DISCOVERY_PATH = "/cds-services"
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Desk:
    """What every call needs: settings, the FHIR client (a function, for it opens with the app), metrics, the clock.

    `links_for`: the links of a card to pages of this service about its assessment.
    `gate`: who decides whether a caller is a trusted client; None: everybody may call.
    """

    settings: Settings
    client: Callable[[], FhirClient | None]
    metrics: Metrics
    clock: Callable[[], datetime]
    links_for: Callable[[Assessment], tuple[JsonObject, ...]] = lambda _: ()
    gate: Gate | None = None


def hook_routes(desk: Desk) -> APIRouter:
    """The routes under /cds-services."""
    router = APIRouter(tags=["CDS Hooks"])
    entries = service_entries(has_shared_id=desk.settings.shared_service_id)
    listed = orjson.dumps(discovery_document(entries))

    @router.head(DISCOVERY_PATH, include_in_schema=False)
    @router.get(DISCOVERY_PATH, summary="Discovery", response_class=Response, responses={401: FAILURES["401"]})
    async def discovery(request: Request) -> Response:
        await authenticated(desk, request, DISCOVERY_PATH)
        return Response(listed, media_type=JSON_MEDIA_TYPE)

    @router.post("/cds-services/{service_id}", summary="Call a service", responses=FAILURES, openapi_extra=CALL)
    async def call_service(service_id: str, request: Request) -> Response:
        return await _respond(desk, entries, service_id, request)

    return router


async def _respond(desk: Desk, entries: tuple[ServiceEntry, ...], service_id: str, request: Request) -> Response:
    """Answer and account for one call."""
    started = perf_counter()
    service = service_id if any(entry.id == service_id for entry in entries) else _UNKNOWN
    call: HookRequest | None = None
    caller: TrustedClient | None = None
    try:
        caller = await authenticated(desk, request, f"{DISCOVERY_PATH}/{service_id}")
        call = await _call_in(desk, request, service)
        request.state.hook_instance = plain_token(call.hook_instance)
        _check_hook(entries, service, call)
        answer = await _answer(desk, call, caller, desk.settings.deadline_seconds - (perf_counter() - started))
    except InvalidRequestError as error:
        desk.metrics.record(_by(caller, _refused(service, call, error, started)))
        return outcome_response(error.status, error.issues, error.headers)
    body = orjson.dumps({"cards": answer.cards})
    desk.metrics.record(_by(caller, _answered(service, call, answer, started)))
    return Response(body, media_type=JSON_MEDIA_TYPE, headers=_server_timing(answer))


def _server_timing(answer: Answer) -> dict[str, str]:
    """Where the time went, as browsers and proxies read it: steps and FHIR query keys, in milliseconds."""
    timings = answer.evaluation.timings_ms
    return {"Server-Timing": ", ".join(f"{name};dur={spent:.2f}" for name, spent in timings.items())}


async def _call_in(desk: Desk, request: Request, service: str) -> HookRequest:
    """The call in a request to a known service whose body arrives within the deadline."""
    if service == _UNKNOWN:
        refuse("There is no service with this id; see /cds-services", status=HTTPStatus.NOT_FOUND, code="not-found")
    check_media_type(request.headers.get("content-type"))
    try:
        async with asyncio.timeout(desk.settings.deadline_seconds):
            raw = await read_body(request, desk.settings.max_body_bytes)
    except TimeoutError:
        refuse("The body did not arrive in time", status=HTTPStatus.REQUEST_TIMEOUT, code="timeout")
    return hook_request(parsed(raw))


def _check_hook(entries: tuple[ServiceEntry, ...], service: str, call: HookRequest) -> None:
    if not any(entry.id == service and entry.hook is call.hook for entry in entries):
        refuse(f"The service {service} does not answer the hook {call.hook.value}", "hook")


async def _answer(desk: Desk, call: HookRequest, caller: TrustedClient | None, seconds_left: float) -> Answer:
    return await answer_call(
        call,
        settings=desk.settings,
        access=ChartAccess(desk.client(), max(seconds_left, 0.0), caller),
        now=desk.clock(),
        links_for=desk.links_for,
    )


def _by(caller: TrustedClient | None, record: CallRecord) -> CallRecord:
    return record if caller is None else replace(record, client=caller.name)


def _refused(service: str, call: HookRequest | None, error: InvalidRequestError, started: float) -> CallRecord:
    return CallRecord(
        service=service,
        hook=_UNKNOWN if call is None else call.hook.value,
        hook_instance="" if call is None else plain_token(call.hook_instance),
        status=error.status,
        total_ms=_milliseconds_since(started),
        faults=tuple(f"refused-{issue.code}" for issue in error.issues),
    )


def _answered(service: str, call: HookRequest, answer: Answer, started: float) -> CallRecord:
    assessment = answer.evaluation.assessment
    return CallRecord(
        service=service,
        hook=call.hook.value,
        hook_instance=plain_token(call.hook_instance),
        status=HTTPStatus.OK,
        total_ms=_milliseconds_since(started),
        category=None if assessment.category is None else assessment.category.value,
        rules=answer.met_rules,
        topics=answer.topics,
        silence=answer.silence,
        faults=tuple(f"gap-{gap.kind.value}" for gap in assessment.gaps),
        timings_ms=answer.evaluation.timings_ms,
    )


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)
