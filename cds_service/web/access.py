"""Who may see the pages for those who run the service.

Knows HTTP Basic authentication. The password is compared in constant time and never told to anybody.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation of the check while running

from cds_service.web.pages import message_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from cds_service.settings import Settings

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="cds-service", charset="UTF-8"'}


def refusal(request: Request, settings: Settings) -> Response | None:
    """The answer to somebody who may not see an operations page; None for one who may.

    With a password, any user name and that password may. Without one everybody may, unless callers are
    authenticated: then a page that anybody can read would be an oversight.
    """
    if settings.operations_password is None:
        if settings.trusted_clients is None:
            return None
        words = "Set CDS_OPERATIONS_PASSWORD to see this page: callers are authenticated here, so readers are too."
        return message_page("Not available", words, status=HTTPStatus.FORBIDDEN)
    if _is_right(request.headers.get("authorization", ""), settings.operations_password.get_secret_value()):
        return None
    words = "The password of the operations pages."
    return message_page("Password needed", words, status=HTTPStatus.UNAUTHORIZED, headers=_CHALLENGE)


class NotAdmittedError(Exception):
    """Somebody who may not see an operations page; carries the page that says so."""

    def __init__(self, page: Response) -> None:
        """Keep the answer."""
        super().__init__()
        self.page = page


def check_for(settings: Settings) -> Callable[[Request], None]:
    """The check as a dependency of routes. Raises `NotAdmittedError`."""

    def check(request: Request) -> None:
        page = refusal(request, settings)
        if page is not None:
            raise NotAdmittedError(page)

    return check


def _is_right(authorization: str, password: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, _, given = base64.b64decode(credentials.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())
