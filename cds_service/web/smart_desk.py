"""What the SMART app's routes share: settings, clock, sign-ins, sessions, and the cookie that names a browser.

Knows cookies. Must not know charts.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, Signer

from cds_service.web.smart_sessions import SmartSessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.reading import JsonObject
    from cds_service.settings import Settings
    from cds_service.web.smart_oauth import Authorization

LAUNCH_PATH = "/smart/launch"
APP_PATH = "/smart/app"


@dataclass(frozen=True, slots=True)
class SmartDesk:
    """What the routes need. `client`: the FHIR client, None before the app has started. `secret`: signs the cookie."""

    settings: Settings
    clock: Callable[[], datetime]
    client: Callable[[], FhirClient | None]
    authorization: Authorization
    secret: str = field(repr=False)
    sessions: SmartSessions = field(default_factory=SmartSessions)

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


def new_browser() -> str:
    """An id for a browser that has none yet."""
    return secrets.token_urlsafe(32)
