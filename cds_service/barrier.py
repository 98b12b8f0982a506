"""What stands around every route: plain paths, and failures as OperationOutcome.

Knows which failure becomes which HTTP answer. Holds the one broad `except`: whatever escapes the rooms below is told to
the caller as a failure, logged without data, and never becomes an empty list of cards.
"""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cds_service.hooks.errors import InvalidRequestError, Issue, outcome_response
from cds_service.methods import allowed, options_response
from cds_service.web.access import NotAdmittedError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cds_service.hooks.metrics import Metrics

_log = logging.getLogger("cds_service")


def add_failures(app: FastAPI) -> None:
    """Refusals, ours and the framework's, leave as OperationOutcome too."""

    async def http_failure(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
        headers = allowed(error.headers)
        if request.method == "OPTIONS" and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return options_response(headers)
        code = "not-found" if error.status_code == HTTPStatus.NOT_FOUND else "not-supported"
        return outcome_response(error.status_code, [Issue(code, str(error.detail))], headers)

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, InvalidRequestError)  # noqa: S101 - registered for this type only
        return outcome_response(error.status, error.issues, error.headers)

    async def invalid(_: Request, __: Exception) -> Response:
        return outcome_response(HTTPStatus.BAD_REQUEST, [Issue("invalid", "The request could not be read")])

    async def not_admitted(_: Request, error: Exception) -> Response:
        assert isinstance(error, NotAdmittedError)  # noqa: S101 - registered for this type only
        return error.page

    app.add_exception_handler(NotAdmittedError, not_admitted)
    app.add_exception_handler(HTTPException, http_failure)
    app.add_exception_handler(InvalidRequestError, refused)
    app.add_exception_handler(RequestValidationError, invalid)


class WithoutTrailingSlash:
    """Answers a path with trailing slashes like the path without, without a redirect (which may lose the body).

    An escaped slash is no slash: what a proxy in front let pass under one path must not be answered as another.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path."""
        if b"%2f" in scope.get("raw_path", b"").lower():
            await _NO_SUCH_PATH(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


class FaultBarrier:
    """Turns whatever was not foreseen into a 500 with an OperationOutcome.

    Logs the type of the error, where it arose and the hookInstance: messages may hold patient data.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap the application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; after a fault answer 500 unless an answer has begun."""
        has_begun = False
        scope.setdefault("state", {})

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._metrics.count_fault("unexpected")
            _log_fault(error, scope)
            if has_begun or scope["type"] != "http":
                raise
            await _FAILED(scope, receive, send)


_NO_SUCH_PATH = outcome_response(HTTPStatus.NOT_FOUND, [Issue("not-found", "Not Found")])
_FAILED = outcome_response(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    [Issue("exception", "The service failed and can give no recommendation. The failure is logged.")],
)


def _log_fault(error: Exception, scope: Scope) -> None:
    hook_instance = scope["state"].get("hook_instance", "none")
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("%s in call %s at %s", type(error).__name__, hook_instance, " < ".join(reversed(frames[-8:])))
