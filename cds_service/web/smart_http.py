"""Asking an authorization server: bounded in time and size, without redirects, over https or on this machine.

Knows HTTP and which addresses may be asked. Must not know OAuth. Nothing is logged: bodies hold codes and tokens.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from cds_service.fhir.answers import ACCEPTED_ENCODING, Allowance, AnswerError, json_in, read_answer
from cds_service.fhir.exchange import transport_fault
from cds_service.fhir.servers import FhirServer, is_secure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cds_service.fhir.reading import JsonObject

_MOST_BYTES = 256 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODING}


class LaunchError(Exception):
    """The app cannot be launched; the message says why in words for the user. Holds no code, token or foreign text."""

    def __init__(self, words: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> None:
        """`status`: of the page that tells it."""
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """An HTTP status and the JSON object that came with it; empty when it was none."""

    status: int
    members: JsonObject


def is_safe_endpoint(address: object) -> bool:
    """Whether an address is https (or leads to this machine) and plain, save for its query."""
    if not isinstance(address, str):
        return False
    base, _, query = address.partition("?")
    is_plain = query.isascii() and query.isprintable() and not set(query) & set(" #\\")
    return is_plain and is_secure(FhirServer(base))


@dataclass(frozen=True, slots=True)
class AuthorizationHttp:
    """Sends single requests through the process's pool, each within so many seconds."""

    pool: Callable[[], httpx.AsyncClient]
    seconds: float

    async def get(self, url: str) -> JsonAnswer:
        """The JSON at an address. Raises `LaunchError` unless it is an object that came with 200."""
        answer = await self._ask("GET", url, {}, None)
        if answer.status != HTTPStatus.OK or not answer.members:
            msg = f"The authorization server's description could not be read: it answered {answer.status}."
            raise LaunchError(msg)
        return answer

    async def post(self, url: str, headers: Mapping[str, str], form: str) -> JsonAnswer:
        """The answer to a form, whatever its status. Raises `LaunchError` when there is none in time."""
        return await self._ask("POST", url, headers, form)

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], form: str | None) -> JsonAnswer:
        if not is_safe_endpoint(url):
            msg = "The FHIR server names an authorization address that is not a secure (https) one."
            raise LaunchError(msg)
        try:
            async with asyncio.timeout(self.seconds):
                return await self._sent(method, url, headers, form)
        except AnswerError as error:
            words = error.fault.words
        except (TimeoutError, httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            words = transport_fault(error).words
        msg = f"The authorization server gave no usable answer: {words}."
        raise LaunchError(msg)

    async def _sent(self, method: str, url: str, headers: Mapping[str, str], form: str | None) -> JsonAnswer:
        pool = self.pool()
        request = pool.build_request(method, url, headers=_HEADERS | dict(headers), content=form)
        response = await pool.send(request, stream=True, follow_redirects=False)
        try:
            body = json_in(await read_answer(response, _MOST_BYTES, Allowance(_MOST_BYTES, 0)))
        finally:
            await response.aclose()
        return JsonAnswer(response.status_code, body if isinstance(body, dict) else {})
