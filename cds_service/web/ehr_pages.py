"""`/`: the mini EHR. Pick a patient, look at the chart, order, sign, and see the cards as an EHR shows them.

Knows the routes and forms. Every page is whole without scripts; the module on it only saves the reloading. The server
keeps nothing between two requests: the visit travels with the form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.routing import Route

from cds_service.clinical.quantity import Span
from cds_service.evaluation import Chart, ChartSource, MissingDataError, evaluate, read_chart
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.replay import chart_at
from cds_service.fhir.servers import FhirServer, is_fhir_id
from cds_service.hooks.models import Hook
from cds_service.hooks.orders import OrderContextError, drafts_from_context
from cds_service.web.ehr_calls import ServiceClient, accepted_feedback, hook_request, override_feedback
from cds_service.web.ehr_charts import STEP_MINUTES, Reach
from cds_service.web.ehr_orders import CHOICES, DOSE_UNITS, ROUTES, draft_words, drafts_from, order_entry
from cds_service.web.ehr_visit import FIXTURE, SERVER, Visit, VisitError, accepted, as_text, visit_from_text
from cds_service.web.forms import FormError, typed_fields
from cds_service.web.nomogram_pages import drawing, rule_rows
from cds_service.web.nomogram_view import has_nomogram, nomogram_view
from cds_service.web.pages import SCRIPTED, page
from cds_service.web.timeline import SIZE, timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import DrugOrder, PatientFacts
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.sandbox.fixtures import FixtureCase
    from cds_service.settings import Settings
    from cds_service.web.ehr_charts import FixtureCharts

PATH = "/ehr"
_LARGEST_FORM_BYTES = 2 * 1024 * 1024
_WHOLE_MINUTES = re.compile(r"-?\d{1,6}", re.ASCII)
_FIRST_SHOWN = (
    "b1-above-line-8h",
    "g1-criteria-met",
    "b3-below-line-8h-normal-alt",
    "b8-sample-before-4h",
    "b9-unknown-time-level-10",
    "rsi-level-20-treat",
    "a1-alf-100h-after-overdose",
    "e1-copd-eligible-for-oral-nac",
    "unrelated-patient",
)


@dataclass(frozen=True, slots=True)
class EhrDesk:
    """What the mini EHR needs: settings, clock, the fixture charts and the service that reads them.

    `client`: the FHIR client of the app, for patients of the configured server; None where none is open.
    """

    settings: Settings
    clock: Callable[[], datetime]
    charts: Callable[[], FixtureCharts]
    replayed: Callable[[], ASGIApp]
    client: Callable[[], FhirClient | None]

    @property
    def server(self) -> str | None:
        """The configured FHIR server whose patients can be opened too; none where callers must prove who they are.

        The pages know no token: they would show anybody what the service tells to trusted clients alone.
        """
        return self.settings.default_fhir_server if self.settings.clients is None else None

    def has(self, visit: Visit) -> bool:
        """Whether the patient of a visit can be opened here."""
        if visit.source == FIXTURE:
            return visit.patient in self.charts().cases
        return self.server is not None and is_fhir_id(visit.patient)


def ehr_routes(desk: EhrDesk) -> list[Route]:
    """The routes of the mini EHR."""

    async def home(_: Request) -> Response:
        return _home(desk)

    async def open_fixture(request: Request) -> Response:
        slug = request.path_params["slug"]
        if slug not in desk.charts().cases:
            return _home(desk, HTTPStatus.NOT_FOUND, problem="There is no such fixture patient.")
        return await _shown(desk, await _called(desk, request.app, Visit(slug), Hook.PATIENT_VIEW))

    async def open_other(request: Request) -> Response:
        form = await _form(request)
        patient = form.get("patient", "").strip()
        visit = Visit(patient) if patient in desk.charts().cases else Visit(patient, SERVER)
        if not desk.has(visit):
            return _home(desk, HTTPStatus.NOT_FOUND, problem="There is no such patient here.")
        return await _shown(desk, await _called(desk, request.app, visit, Hook.PATIENT_VIEW))

    async def act(request: Request) -> Response:
        form = await _form(request)
        try:
            visit = visit_from_text(form.get("visit", ""))
        except VisitError:
            return _home(desk, HTTPStatus.BAD_REQUEST, problem="That form could not be read; open the patient again.")
        if not desk.has(visit):
            return _home(desk, HTTPStatus.NOT_FOUND, problem="There is no such patient here.")
        return await _shown(desk, await _acted(desk, request.app, visit, form))

    return [
        Route("/", home, methods=["GET", "HEAD"]),
        Route(PATH, act, methods=["POST"]),
        Route(f"{PATH}/open", open_other, methods=["POST"]),
        Route(f"{PATH}/{{slug}}", open_fixture, methods=["GET", "HEAD"]),
    ]


async def _form(request: Request) -> dict[str, str]:
    """The fields by name; the ticked drafts as lines of one. Empty when the form cannot be read."""
    try:
        typed = await typed_fields(request, _LARGEST_FORM_BYTES)
    except FormError:
        return {}
    return dict(typed) | {"selected": "\n".join(value for name, value in typed if name == "selected")}


def _home(desk: EhrDesk, status: int = HTTPStatus.OK, problem: str = "") -> Response:
    cases = desk.charts().cases
    first = [cases[slug] for slug in _FIRST_SHOWN if slug in cases]
    return page("ehr_home.html", status, first=first, cases=sorted(cases.values(), key=lambda case: case.slug),
                server=desk.server, problem=problem, shadow=desk.settings.shadow)  # fmt: skip


async def _acted(desk: EhrDesk, app: ASGIApp, visit: Visit, form: Mapping[str, str]) -> Visit:
    """The visit after what the form asks for."""
    visit = replace(visit, minutes=_minutes(desk, form, visit), selected=tuple(form.get("selected", "").split("\n")))
    action, _, argument = form.get("action", "").partition(":")
    match action:
        case "remove":
            return visit.with_drafts([draft for draft in visit.drafts if draft["id"] != argument], "Draft removed.")
        case "accept":
            return await _accepted(desk, app, visit, *_pair(argument))
        case "override":
            return await _overridden(desk, app, visit, form, argument)
        case "order":
            chart = await _chart(desk, visit)
            drafts, told = drafts_from(order_entry(form), visit.patient, chart.facts, _now(desk, visit))
            visit = visit.add(drafts, *([told] if told else []))
    return await _called(desk, app, visit, _hook_for(action, visit))


def _pair(argument: str) -> tuple[str, str]:
    card, _, suggestion = argument.partition(":")
    return card, suggestion


def _hook_for(action: str, visit: Visit) -> Hook:
    """The hook an EHR would fire now: opening the chart, ticking an order, signing; or the last one again."""
    fired = {"order": Hook.ORDER_SELECT, "select": Hook.ORDER_SELECT, "sign": Hook.ORDER_SIGN}
    if action == "again" and visit.last is not None and visit.drafts:
        return Hook(visit.last.hook)
    return fired.get(action, Hook.PATIENT_VIEW) if visit.drafts else Hook.PATIENT_VIEW


def _minutes(desk: EhrDesk, form: Mapping[str, str], visit: Visit) -> int:
    """Where the slider stands, kept within the reach of the case."""
    if visit.source == SERVER:
        return 0
    typed = _WHOLE_MINUTES.fullmatch(form.get("minutes", ""))
    reach = desk.charts().reach(desk.charts().cases[visit.patient])
    return min(max(int(typed[0]) if typed else visit.minutes, reach.first), reach.last)


async def _called(desk: EhrDesk, app: ASGIApp, visit: Visit, hook: Hook) -> Visit:
    """The visit after a hook call at its own instant."""
    if visit.source == SERVER:
        return replace(visit, last=await ServiceClient(app, desk.server).call(visit, hook))
    with desk.charts().at(_now(desk, visit)):
        return replace(visit, last=await ServiceClient(desk.replayed()).call(visit, hook))


async def _accepted(desk: EhrDesk, app: ASGIApp, visit: Visit, card_uuid: str, suggestion_uuid: str) -> Visit:
    after = accepted(visit, card_uuid, suggestion_uuid)
    card = _card(visit, card_uuid)
    if card is None or visit.last is None:
        return after
    told = await ServiceClient(app).tell(visit.last.service, accepted_feedback(card, suggestion_uuid, desk.clock()))
    notes = after.told if told is None else (*after.told, f"Feedback was not stored: {told}")
    if after.drafts:
        after = await _called(desk, app, after, Hook.ORDER_SELECT)
    return replace(after, told=notes)


async def _overridden(desk: EhrDesk, app: ASGIApp, visit: Visit, form: Mapping[str, str], card_uuid: str) -> Visit:
    """The visit with the card gone and the reason sent."""
    card = _card(visit, card_uuid)
    if card is None or visit.last is None:
        return replace(visit, told=("That card is not shown any more.",))
    feedback = override_feedback(
        card, form.get(f"reason-{card_uuid}", ""), form.get(f"comment-{card_uuid}", "")[:500], desk.clock()
    )
    told = await ServiceClient(app).tell(visit.last.service, feedback)
    left = [each for each in visit.last.cards if each.get("uuid") != card_uuid]
    note = "Overridden; the reason is stored." if told is None else f"Overridden; feedback was not stored: {told}"
    return replace(visit, last=replace(visit.last, answer=visit.last.answer | {"cards": left}), told=(note,))


def _card(visit: Visit, card_uuid: str) -> JsonObject | None:
    cards = visit.last.cards if visit.last else ()
    return next((card for card in cards if card.get("uuid") == card_uuid), None)


def _now(desk: EhrDesk, visit: Visit) -> datetime:
    if visit.source == SERVER:
        return desk.clock()
    return desk.charts().cases[visit.patient].anchor + timedelta(minutes=visit.minutes)


async def _chart(desk: EhrDesk, visit: Visit) -> Chart:
    """The chart as the service reads it at the visit's instant."""
    if visit.source == FIXTURE:
        resources = chart_at(desk.charts().cases[visit.patient].resources(), _now(desk, visit))
        return Chart(facts_from_resources(resources, visit.patient), tuple(resources), (), (), {}, {})
    server = None if desk.server is None else FhirServer(desk.server, permits_plain_http=True)
    return await read_chart(ChartSource(visit.patient, None, desk.client(), server, desk.settings.deadline_seconds))


def _assessed(desk: EhrDesk, visit: Visit, chart: Chart, now: datetime) -> Assessment | None:
    """What the rules say with the ticked drafts; None where required data could not be had, as in the service."""
    try:
        return evaluate(chart, orders=_orders(visit), profile=desk.settings.clinical_profile, now=now).assessment
    except MissingDataError:
        return None


async def _shown(desk: EhrDesk, visit: Visit) -> Response:
    """The whole page of a visit."""
    chart, now, zone = await _chart(desk, visit), _now(desk, visit), desk.settings.zone
    facts, assessment = chart.facts, _assessed(desk, visit, chart, now)
    case = desk.charts().cases.get(visit.patient) if visit.source == FIXTURE else None
    reach = Reach(0, 0) if case is None else desk.charts().reach(case)
    return page(
        "ehr_chart.html",
        headers=SCRIPTED,
        shadow=desk.settings.shadow,
        visit=visit,
        visit_text=as_text(visit),
        case=case,
        patient=_banner(facts, visit, case.title if case else "A patient of the configured server", now),
        now=now.astimezone(zone),
        reach=reach,
        step=STEP_MINUTES,
        timeline=timeline(facts, now, zone, shown=_case_span(case, reach)),
        timeline_size=SIZE,
        drafts=[(draft["id"], draft_words(draft), draft["id"] in visit.selected) for draft in visit.drafts],
        choices=CHOICES,
        dose_units=DOSE_UNITS,
        routes={key: words for key, (_, words) in ROUTES.items()},
        rules=() if assessment is None else rule_rows(assessment),
        is_outside=assessment is not None and not assessment.membership.is_member,
        exchange=visit.last,
        request_json=_pretty(visit.last.request if visit.last else {}),
        answer_json=_pretty(visit.last.answer if visit.last else {}),
        **_nomogram(assessment, desk),
    )


def _case_span(case: FixtureCase | None, reach: Reach) -> Span | None:
    """From the first thing known of a case to its own instant."""
    return None if case is None else Span(case.anchor + timedelta(minutes=reach.first), case.anchor)


def _orders(visit: Visit) -> tuple[DrugOrder, ...]:
    """The ticked drafts as the rules see them; none when they cannot be read (the service's answer says why)."""
    hook = Hook.ORDER_SIGN if visit.last and visit.last.hook == Hook.ORDER_SIGN else Hook.ORDER_SELECT
    context = hook_request(visit, hook)["context"]
    try:
        return drafts_from_context(context, visit.patient, (), hook=hook.value).selected_drugs
    except OrderContextError:
        return ()


def _nomogram(assessment: Assessment | None, desk: EhrDesk) -> dict[str, Any]:
    if assessment is None or not has_nomogram(assessment):
        return {"view": None}
    return drawing(nomogram_view(assessment, desk.settings.zone))


def _banner(facts: PatientFacts, visit: Visit, title: str, now: datetime) -> dict[str, str]:
    age = facts.patient.age_years(now)
    years = "age not known" if age is None else f"{int(age)} years"
    return {"id": visit.patient, "title": title, "age": years, "sex": facts.patient.sex or "sex not stated"}


def _pretty(value: JsonObject) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
