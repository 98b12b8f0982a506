"""`/smart/launch` and `/smart/callback`: from an EHR or the list of servers to a signed-in session.

Knows the two redirects of a SMART launch. Every FHIR base that may launch was written down by the site; what else an
address says is compared, never followed and never repeated.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
from starlette.routing import Route

from cds_service.fhir.servers import FhirServer, local_reference, normalised_base
from cds_service.web.pages import SECURITY_HEADERS, message_page, page
from cds_service.web.smart_desk import APP_PATH, LAUNCH_PATH, new_browser, telling_failures
from cds_service.web.smart_http import LaunchError
from cds_service.web.smart_identity import signed_in_user
from cds_service.web.smart_oauth import CALLBACK_PATH, Launch, error_words, permits_create, scopes_of_launch
from cds_service.web.smart_sessions import Session

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.web.smart_desk import SmartDesk
    from cds_service.web.smart_oauth import Grant

_SIGN_IN_MINUTES = 10
_LONGEST_LAUNCH_TOKEN = 4096
_TELLERS = ("Practitioner/", "PractitionerRole/", "Patient/", "RelatedPerson/")
"""Who can be the source of a MedicationStatement among those who sign in."""

_NOT_OURS = (
    "This sign-in was not begun in this browser, was used already, or took too long.",
    "Open the app again from the patient's chart.",
)
_BACK = "Open the app again from the patient's chart."


def launch_routes(desk: SmartDesk) -> list[Route]:
    """The routes of signing in."""

    async def launch(request: Request) -> Response:
        if not request.query_params:
            return page("smart_start.html", bases=desk.settings.smart_bases)
        try:
            return await _begun(desk, request)
        except LaunchError as error:
            return not_launched(error)

    async def callback(request: Request) -> Response:
        now = desk.clock()
        begun = await desk.sessions.come_back(_one(request, "state"), desk.browser_of(request), now)
        if begun is None:
            return message_page("Not signed in", *_NOT_OURS, status=HTTPStatus.BAD_REQUEST)
        try:
            session = await _session(desk, request, begun)
        except LaunchError as error:
            return not_launched(error)
        await desk.sessions.open(session, now)
        return redirect(f"{APP_PATH}/{session.handle}")

    return [
        Route(LAUNCH_PATH, telling_failures(launch), methods=["GET"]),
        Route(CALLBACK_PATH, telling_failures(callback), methods=["GET"]),
    ]


def not_launched(error: LaunchError) -> Response:
    """The page that says why the app cannot be opened."""
    return message_page("The app could not be opened", str(error), _BACK, status=error.status)


def redirect(address: str) -> Response:
    """A redirect that no cache keeps and whose target learns nothing of where it came from."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, SECURITY_HEADERS | {"Cache-Control": "no-store"})


def _one(request: Request, name: str) -> str:
    """A parameter of the address that is given once; empty otherwise."""
    given = request.query_params.getlist(name)
    return given[0] if len(given) == 1 else ""


async def _begun(desk: SmartDesk, request: Request) -> Response:
    """Send the browser to sign in. Without a `launch` the server is to offer a choice of patients."""
    issuer, token = _one(request, "iss"), _one(request, "launch")
    base = normalised_base(issuer)
    if base is None or base not in desk.settings.smart_bases:
        msg = "The FHIR server named in the address is not one that may open this app."
        raise LaunchError(msg, HTTPStatus.FORBIDDEN)
    if len(token) > _LONGEST_LAUNCH_TOKEN or ("launch" in request.query_params and not token):
        msg = "The launch named in the address cannot be used."
        raise LaunchError(msg, HTTPStatus.BAD_REQUEST)
    begun = Launch(
        base=base,
        configuration=await desk.authorization.configuration(base),
        scopes=scopes_of_launch(desk.settings.smart_scopes, is_from_ehr=bool(token)),
        browser=desk.browser_of(request) or new_browser(),
        ends_at=desk.clock() + timedelta(minutes=_SIGN_IN_MINUTES),
    )
    await desk.sessions.begin(begun, desk.clock())
    response = redirect(desk.authorization.sign_in_address(begun, issuer, token or None))
    desk.name_browser(response, begun.browser)
    return response


async def _session(desk: SmartDesk, request: Request, begun: Launch) -> Session:
    """The session of a sign-in that came back. Raises `LaunchError`."""
    if "error" in request.query_params:
        msg = f"Not signed in: {error_words(_one(request, 'error'))}."
        raise LaunchError(msg, HTTPStatus.FORBIDDEN)
    issuer = begun.configuration.issuer
    if "iss" in request.query_params and issuer is not None and _one(request, "iss") != issuer:
        msg = "The answer to the sign-in came from another server than the one asked."
        raise LaunchError(msg, HTTPStatus.BAD_REQUEST)
    code = _one(request, "code")
    if not code:
        msg = "The authorization server sent no code."
        raise LaunchError(msg, HTTPStatus.BAD_REQUEST)
    grant = await desk.authorization.grant(begun, code)
    now = desk.clock()
    user = await signed_in_user(grant.id_token, begun, desk.settings.smart_client_id, desk.authorization.http, now)
    server = FhirServer(begun.base, grant.token)
    return Session(
        browser=begun.browser,
        server=server,
        patient_id=grant.patient_id,
        user=_teller(server, user),
        may_write=_may_write(grant, desk),
        ends_at=now + grant.lifetime,
    )


def _may_write(grant: Grant, desk: SmartDesk) -> bool:
    """Whether the site asked for the scope to write, and the server granted it."""
    asked = frozenset(desk.settings.smart_scopes.split())
    return permits_create(asked, "MedicationStatement") and permits_create(grant.scopes, "MedicationStatement")


def _teller(server: FhirServer, user: str | None) -> str | None:
    """The signed-in user as the chart refers to them; None for one who cannot be a source there."""
    reference = local_reference(server, user) if user else None
    return reference if reference is not None and reference.startswith(_TELLERS) else None
