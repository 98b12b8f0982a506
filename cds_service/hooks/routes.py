"""The HTTP routes of CDS Hooks: discovery, calls and feedback. Reads the clock it is given, once per call.

Knows requests and responses. Failures leave as OperationOutcome bodies; the unexpected is left to `barrier.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from cds_service.clinical.ruleset import ruleset_id
from cds_service.hooks.admission import authenticated
from cds_service.hooks.bare_route import BareRoute
from cds_service.hooks.body import check_media_type, parsed, parsed_call, read_body
from cds_service.hooks.calls import Answer, ChartAccess, UnansweredError, answer_call
from cds_service.hooks.capacity import Capacity
from cds_service.hooks.discovery import ServiceEntry, discovery_document, service_entries
from cds_service.hooks.errors import JSON_MEDIA_TYPE, InvalidRequestError, Issue, outcome_response, refuse
from cds_service.hooks.feedback import feedback_records
from cds_service.hooks.metrics import Metrics, plain_token, unmapped_tokens
from cds_service.hooks.models import HookRequest, hook_request
from cds_service.hooks.openapi import CALL, FAILURES, FEEDBACK, FEEDBACK_FAILURES
from cds_service.records import CallRecord, FeedbackRegister, StoreUnavailableError
from cds_service.settings import MOST_CALLS

if TYPE_CHECKING:
    from enum import Enum

    from starlette.routing import BaseRoute

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import DataGap
    from cds_service.evaluation import Chart, Evaluation
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.hooks.gate import Gate
    from cds_service.settings import Settings
    from cds_service.trusted_clients import TrustedClient

DISCOVERY_PATH = "/cds-services"
_UNKNOWN = "unknown"
_TAGS: list[str | Enum] = ["CDS Hooks"]

CallTrace = Callable[[CallRecord, str | None, datetime], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What every call needs: settings, the FHIR client (a function, for it opens with the app), metrics, the clock.

    `links_for`: the links of a card to pages of this service about its assessment.
    `gate`: who decides whether a caller is a trusted client; None: everybody may call.
    `observers` are told of every finished call; `trace` too, with the caller's `traceparent` and the present instant.
    `feedback`: where feedback is kept; None offers no route for it. `capacity`: the places for calls in hand.
    """

    settings: Settings
    client: Callable[[], FhirClient | None]
    metrics: Metrics
    clock: Callable[[], datetime]
    links_for: Callable[[Assessment], tuple[JsonObject, ...]] = lambda _: ()
    gate: Gate | None = None
    observers: tuple[Callable[[CallRecord], None], ...] = ()
    trace: CallTrace | None = None
    feedback: FeedbackRegister | None = None
    capacity: Capacity = field(default_factory=lambda: Capacity(MOST_CALLS))


def hook_routes(desk: Desk) -> list[BaseRoute]:
    """The routes under /cds-services."""
    router = APIRouter(tags=_TAGS, route_class=BareRoute)
    entries = service_entries(has_shared_id=desk.settings.shared_service_id)
    listed = orjson.dumps(discovery_document(entries))

    @router.get(DISCOVERY_PATH, summary="Discovery", response_class=Response, responses={401: FAILURES["401"]})
    async def discovery(request: Request) -> Response:
        await authenticated(desk, request, DISCOVERY_PATH)
        return Response(listed, media_type=JSON_MEDIA_TYPE)

    @router.post(
        "/cds-services/{service_id}",  # noqa: FAST003 - a bare route has no parameters
        summary="Call a service",
        responses=FAILURES,
        openapi_extra=CALL,
    )
    async def call_service(request: Request) -> Response:
        with desk.metrics.in_flight():
            return await _respond(desk, entries, request.path_params["service_id"], request)

    feedback = [] if desk.feedback is None else _feedback_routes(desk, entries, desk.feedback)
    return [*router.routes, *feedback]


def _feedback_routes(desk: Desk, entries: tuple[ServiceEntry, ...], register: FeedbackRegister) -> list[BaseRoute]:
    router = APIRouter(tags=_TAGS)

    @router.post(
        "/cds-services/{service_id}/feedback",
        summary="Tell what became of cards",
        responses=FEEDBACK_FAILURES,
        openapi_extra=FEEDBACK,
    )
    async def take_feedback(service_id: str, request: Request) -> Response:
        try:
            caller = await authenticated(desk, request, f"{DISCOVERY_PATH}/{service_id}/feedback")
            body = await _json_in(desk, request, _known(entries, service_id), parsed)
            told = feedback_records(body, service_id)
            await register.keep_feedback(
                [each if caller is None else replace(each, client=caller.name) for each in told]
            )
        except InvalidRequestError as error:
            return outcome_response(error.status, error.issues, error.headers)
        except StoreUnavailableError as error:
            return _not_kept(desk, error)
        for each in told:
            desk.metrics.count_feedback(each.outcome.value)
        return Response(b"{}", media_type=JSON_MEDIA_TYPE)

    return router.routes


def _not_kept(desk: Desk, error: StoreUnavailableError) -> Response:
    """503: the caller keeps its feedback and sends it again."""
    desk.metrics.count_fault("feedback-not-kept")
    issue = Issue("transient", "Feedback cannot be kept at the moment; nothing was taken. Send it again later.")
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return outcome_response(HTTPStatus.SERVICE_UNAVAILABLE, [issue], headers)


async def _respond(desk: Desk, entries: tuple[ServiceEntry, ...], service_id: str, request: Request) -> Response:
    """Answer and account for one call."""
    started = perf_counter()
    service = _known(entries, service_id)
    call: HookRequest | None = None
    caller: TrustedClient | None = None
    try:
        desk.capacity.check()
        caller = await authenticated(desk, request, f"{DISCOVERY_PATH}/{service_id}")
        body = await _json_in(desk, request, service, parsed_call)
        with desk.capacity.answering():
            call = hook_request(body)
            request.state.hook_instance = plain_token(call.hook_instance)
            _check_hook(entries, service, call)
            answer = await _answer(desk, call, caller, desk.settings.deadline_seconds - (perf_counter() - started))
    except InvalidRequestError as error:
        _account(desk, request, _by(caller, _refused(desk, service, call, error, started)))
        return outcome_response(error.status, error.issues, error.headers)
    told = orjson.dumps({"cards": [] if desk.settings.shadow else answer.cards})
    _account(desk, request, _by(caller, _answered(desk, service, call, answer, started)))
    return Response(told, media_type=JSON_MEDIA_TYPE, headers=_server_timing(answer))


def _server_timing(answer: Answer) -> dict[str, str]:
    """Where the time went, as browsers and proxies read it: steps and FHIR query keys, in milliseconds."""
    timings = answer.evaluation.timings_ms
    return {"Server-Timing": ", ".join(f"{name};dur={spent:.2f}" for name, spent in timings.items())}


def _account(desk: Desk, request: Request, record: CallRecord) -> None:
    """Tell everyone who keeps account of calls."""
    desk.metrics.record(record)
    for observe in desk.observers:
        observe(record)
    if desk.trace is not None:
        desk.trace(record, request.headers.get("traceparent"), desk.clock())


def _known(entries: tuple[ServiceEntry, ...], service_id: str) -> str:
    return service_id if any(entry.id == service_id for entry in entries) else _UNKNOWN


async def _json_in(desk: Desk, request: Request, service: str, parse: Callable[[bytes], Any]) -> Any:
    """The JSON in a request to a known service whose body arrives within the deadline.

    Every call and all feedback come through here, before anything of the body is read.
    """
    if service == _UNKNOWN:
        refuse("There is no service with this id; see /cds-services", status=HTTPStatus.NOT_FOUND, code="not-found")
    check_media_type(request.headers.get("content-type"))
    try:
        with desk.capacity.arriving():
            async with asyncio.timeout(desk.settings.deadline_seconds):
                raw = await read_body(request, desk.settings.max_body_bytes)
    except TimeoutError:
        refuse("The body did not arrive in time", status=HTTPStatus.REQUEST_TIMEOUT, code="timeout")
    return parse(raw)


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


def _refused(
    desk: Desk, service: str, call: HookRequest | None, error: InvalidRequestError, started: float
) -> CallRecord:
    return CallRecord(
        service=service,
        hook=_UNKNOWN if call is None else call.hook.value,
        hook_instance="" if call is None else plain_token(call.hook_instance),
        status=error.status,
        total_ms=_milliseconds_since(started),
        faults=tuple(f"refused-{issue.code}" for issue in error.issues),
        profile=desk.settings.clinical_profile.name,
        ruleset=ruleset_id(desk.settings.clinical_profile),
        **(_of_data(error.chart, error.gaps) if isinstance(error, UnansweredError) else {}),
    )


def _answered(desk: Desk, service: str, call: HookRequest, answer: Answer, started: float) -> CallRecord:
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
        profile=assessment.profile.name,
        ruleset=ruleset_id(assessment.profile),
        cards=answer.card_records,
        is_shadow=desk.settings.shadow,
        **_of_data(answer.evaluation, assessment.gaps),
    )


def _of_data(read: Chart | Evaluation, gaps: tuple[DataGap, ...]) -> dict[str, Any]:
    """What a record says of how the chart could be read."""
    return {
        "timings_ms": read.timings_ms,
        "gaps": tuple(gap.kind.value for gap in gaps),
        "unmapped": unmapped_tokens(gaps),
        "fhir_faults": {key: kind.value for key, kind in read.faults.items()},
    }


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)
