"""`/smart/app`: the launched patient's nomogram, timeline and advice, and the ingestion as told to the clinician.

Knows the routes and forms of a session. Every form carries the session's token; nothing is written to a chart without a
page that says what will be written.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from cds_service.web.entry import EntryError
from cds_service.web.forms import FormError, typed_fields
from cds_service.web.pages import message_page, page
from cds_service.web.smart_chart import chart_of, shown
from cds_service.web.smart_desk import APP_PATH, telling_failures
from cds_service.web.smart_entry import PRODUCTS, IngestionForm, Teller, entry_from, form_from
from cds_service.web.smart_launch import launch_routes, redirect
from cds_service.web.smart_sessions import MOST_ENTERED
from cds_service.web.smart_writing import write_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.web.smart_desk import SmartDesk
    from cds_service.web.smart_entry import Entered
    from cds_service.web.smart_sessions import Session

_LARGEST_FORM_BYTES = 8 * 1024
_OVER = (
    "This session has ended, or is not known in this browser or to this service.",
    "Open the app again from the patient's chart.",
)
_CLOSED = ("The session is closed; its access to the chart is forgotten here.", "Close this window.")
_FOREIGN_FORM = ("The form did not come from this session's page; nothing was changed.",)
_PRODUCTS = [(key, words) for key, (words, _) in PRODUCTS.items()]


def smart_routes(desk: SmartDesk) -> list[Route]:
    """The routes of the app, signing in included."""

    async def look(request: Request) -> Response:
        session = await _session_of(desk, request)
        return _over() if session is None else await _page(desk, session)

    async def act(request: Request) -> Response:
        session = await _session_of(desk, request)
        if session is None:
            return _over()
        try:
            typed = dict(await typed_fields(request, _LARGEST_FORM_BYTES))
        except FormError:
            words = ("The form is too large or could not be read; nothing was changed.",)
            return message_page("Not done", *words, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not session.is_own_form(typed.get("form_token", "")):
            return message_page("Not done", *_FOREIGN_FORM, status=HTTPStatus.FORBIDDEN)
        return await _acted(desk, session, typed)

    session_path = f"{APP_PATH}/{{handle}}"
    return [
        *launch_routes(desk),
        Route(session_path, telling_failures(look), methods=["GET"]),
        Route(session_path, telling_failures(act), methods=["POST"]),
    ]


async def _session_of(desk: SmartDesk, request: Request) -> Session | None:
    return await desk.sessions.find(request.path_params["handle"], desk.browser_of(request), desk.clock())


def _over() -> Response:
    return message_page("No session", *_OVER, status=HTTPStatus.UNAUTHORIZED)


async def _acted(desk: SmartDesk, session: Session, typed: Mapping[str, str]) -> Response:
    """The answer to what a form asks for; a change is answered with a redirect, so that reloading repeats nothing."""
    action, _, key = typed.get("action", "").partition(":")
    match action:
        case "enter":
            return await _enter(desk, session, typed)
        case "review":
            return await _page(desk, session, reviewed=key if _may_be_written(session, key) else "")
        case "write" if session.may_write:
            client = desk.client()
            assert client is not None  # noqa: S101 - requests are served after the app has started
            await write_entry(desk.sessions, session, key, client, desk.settings.deadline_seconds, desk.clock())
        case "remove":
            await desk.sessions.change(session, lambda newest: newest.without(key))
        case "close":
            await desk.sessions.close(session)
            return message_page("Closed", *_CLOSED)
        case _:
            await desk.sessions.change(session, lambda newest: newest.telling("Nothing was done."))
    return _back(session)


def _may_be_written(session: Session, key: str) -> bool:
    entered = session.entry(key)
    return session.may_write and entered is not None and not entered.is_written


def _back(session: Session) -> Response:
    return redirect(f"{APP_PATH}/{session.handle}")


async def _enter(desk: SmartDesk, session: Session, typed: Mapping[str, str]) -> Response:
    """Count an ingestion as told beside the chart."""
    form = form_from(typed)
    teller = Teller(session.patient_id, session.user, f"{desk.settings.base_url}{APP_PATH}")
    try:
        entered = entry_from(form, secrets.token_hex(16), teller, desk.clock(), desk.settings.zone)
    except EntryError as error:
        return await _page(desk, session, HTTPStatus.UNPROCESSABLE_ENTITY, form=form, problems=error.problems)
    await desk.sessions.change(session, lambda newest: _with(newest, entered))
    return _back(session)


def _with(session: Session, entered: Entered) -> Session:
    """The session with one more entry, or with the words why it has none."""
    if any(each.is_same_as(entered) for each in session.entered):
        return session.telling("That was entered already; it is counted once.")
    if len(session.entered) >= MOST_ENTERED:
        return session.telling(f"Not entered: there are {MOST_ENTERED} entries already; remove one first.")
    return session.having(entered)


async def _page(desk: SmartDesk, session: Session, status: int = HTTPStatus.OK, **changes: Any) -> Response:
    """The page of a session. `changes`: `form` and `problems` of a refused entry, `reviewed`: the entry to confirm."""
    chart = await chart_of(session, desk.client(), desk.settings.deadline_seconds)
    now = desk.clock()
    if session.told:
        await desk.sessions.change(session, lambda newest: replace(newest, told=newest.told[len(session.told) :]))
    values: dict[str, Any] = {"form": IngestionForm(), "problems": {}, "reviewed": ""} | changes
    return page(
        "smart_app.html",
        status,
        session=session,
        address=f"{APP_PATH}/{session.handle}",
        told=session.told,
        products=_PRODUCTS,
        zone_name=desk.settings.timezone,
        latest_now=now.astimezone(desk.settings.zone).strftime("%Y-%m-%dT%H:%M"),
        **shown(chart, session, desk.settings, now),
        **values,
    )
