"""Who is let in: every route of CDS Hooks asks here before it reads a body.

Tells the caller 401 and nothing else; the reason goes to the log `cds_service.auth`, without anything of the token.
Must not know how a token is verified: a service without a list of clients starts without what does that.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from cds_service.hooks.errors import InvalidRequestError, Issue

if TYPE_CHECKING:
    from starlette.requests import Request

    from cds_service.hooks.routes import Desk
    from cds_service.trusted_clients import TrustedClient

_log = logging.getLogger("cds_service.auth")


class AuthenticationError(Exception):
    """The caller is not known to be a trusted client. `reason` is for the log alone; `client` names the entry."""

    def __init__(self, reason: str, client: str | None = None) -> None:
        """Take the reason, which must not repeat what the caller sent."""
        super().__init__(reason)
        self.reason = reason
        self.client = client


class UnauthenticatedError(InvalidRequestError):
    """401: the same answer whatever the reason."""

    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 - never changed; declared on the class above

    def __init__(self) -> None:
        """Say nothing that helps to guess."""
        super().__init__(HTTPStatus.UNAUTHORIZED, Issue("login", "The request is not authenticated"))


async def authenticated(desk: Desk, request: Request, route_path: str) -> TrustedClient | None:
    """The trusted client that calls the route at `route_path` ("/cds-services/…"); None when the site lists none.

    Raises `UnauthenticatedError` (401). Call it before the body is read.
    """
    if desk.gate is None:
        return None
    try:
        return await desk.gate.caller(request.headers.getlist("authorization"), route_path)
    except AuthenticationError as error:
        desk.metrics.count_fault("unauthenticated")
        _log.warning("refused a call by %s: %s", error.client or "nobody known", error.reason)
        raise UnauthenticatedError from None
