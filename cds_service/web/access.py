"""Who may see the pages for those who run the service.

Knows HTTP Basic authentication. The password is compared in constant time and never told to anybody.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from cds_service.web.pages import message_page

if TYPE_CHECKING:
    from starlette.requests import Request
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
        return message_page("Not available", words, HTTPStatus.FORBIDDEN)
    if _is_right(request.headers.get("authorization", ""), settings.operations_password.get_secret_value()):
        return None
    return message_page("Password needed", "The password of the operations pages.", HTTPStatus.UNAUTHORIZED, _CHALLENGE)


def _is_right(authorization: str, password: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, _, given = base64.b64decode(credentials.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())
