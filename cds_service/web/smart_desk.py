"""What the SMART app's routes share: settings, clock, sign-ins, sessions, and the cookie that names a browser.

What cannot be kept now is said as such, on a page of its own.

Knows cookies. Must not know charts.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, Signer

from cds_service.records import StoreUnavailableError
from cds_service.web.pages import message_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.web.smart_oauth import Authorization
    from cds_service.web.smart_sessions import SmartSessions

LAUNCH_PATH = "/smart/launch"
APP_PATH = "/smart/app"

_NOT_KEPT = (
    "The service cannot keep its sessions at the moment, so the app cannot be used.",
    "Load this page again in a minute. Cards in the EHR do not depend on it.",
)


@dataclass(frozen=True, slots=True)
class SmartDesk:
    """What the routes need. `client`: the FHIR client, None before the app has started. `secret`: signs the cookie."""

    settings: Settings
    clock: Callable[[], datetime]
    client: Callable[[], FhirClient | None]
    authorization: Authorization
    secret: str = field(repr=False)
    sessions: SmartSessions

    @property
    def card_link(self) -> JsonObject:
        """The link of a card to the app; the EHR adds the launch."""
        address = f"{self.settings.base_url}{LAUNCH_PATH}"
        return {"label": "Open in the IV NAC app", "url": address, "type": "smart"}

    def browser_of(self, request: Request) -> str:
        """The browser that sends a request, by its signed cookie; empty when it has none of ours."""
        try:
            return self._signer.unsign(request.cookies.get(self._cookie, "")).decode()
        except (BadSignature, UnicodeError):
            return ""

    def name_browser(self, response: Response, browser: str) -> None:
        """Leave the cookie. Lax, since the browser comes back from the authorization server by a link."""
        value = self._signer.sign(browser).decode()
        response.set_cookie(self._cookie, value, path="/", secure=self._is_https, httponly=True, samesite="lax")

    @property
    def _is_https(self) -> bool:
        return self.settings.base_url.startswith("https:")

    @property
    def _cookie(self) -> str:
        """Over https a name that only this host itself can set, for all paths and over https alone."""
        return "__Host-nac-app" if self._is_https else "nac-app"

    @property
    def _signer(self) -> Signer:
        return Signer(self.secret, salt="cds-service smart browser", digest_method=hashlib.sha256)


def telling_failures(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The same answers; where sessions cannot be kept now, a page that says so."""

    @wraps(answer)
    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except StoreUnavailableError as error:
            again = {"Retry-After": str(error.retry_after_seconds)}
            return message_page("Not now", *_NOT_KEPT, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=again)

    return told


def new_browser() -> str:
    """An id for a browser that has none yet."""
    return secrets.token_urlsafe(32)
