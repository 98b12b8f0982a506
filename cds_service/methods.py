"""What every path does with HTTP methods: HEAD answers like GET, OPTIONS says what is allowed, 405 says it too.

Knows ASGI and RFC 9110. Must not know what a path means.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadLikeGet:
    """Answers HEAD with the status and headers of GET, and without its body."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as GET and keep the body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


def allowed(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers of a 405 with every method in `Allow`: a path that knows GET knows HEAD, and all know OPTIONS."""
    told = dict(headers or {})
    methods = {method.strip() for method in told.get("Allow", "").split(",") if method.strip()}
    if methods:
        told["Allow"] = ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
    return told


def options_response(headers: Mapping[str, str]) -> Response:
    """The answer to OPTIONS: no content, and the methods in `Allow`."""
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
