"""The public keys that clients publish: fetched from the addresses of their entries, held, and fetched again.

Knows HTTP and key sets. Asks only addresses that the site wrote down, without redirects, within bounds of time and
size, and seldom: what a stranger sends cannot make it ask more than once in a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import orjson

from cds_service.public_keys import PublicKeyError, public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.public_keys import PublicKey

_log = logging.getLogger("cds_service.auth")


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What fetching may cost, and how long keys are believed (all seconds but the sizes).

    `fresh_seconds`: asked again after that, since a client withdraws a key by no longer publishing it.
    `stale_seconds`: while asking fails, the last answer holds for so long. `pause_seconds`: between two attempts after
    a failure or a search for an unknown key.
    """

    fetch_seconds: float = 3.0
    fresh_seconds: float = 300.0
    stale_seconds: float = 24 * 3600.0
    pause_seconds: float = 10.0
    most_bytes: int = 256 * 1024
    most_keys: int = 100


class KeysUnavailableError(Exception):
    """No keys of a client could be had; the message says why."""


@dataclass(slots=True)
class _Shelf:
    """The keys of one address, when they were fetched, and before which moment not to ask again."""

    keys: tuple[PublicKey, ...] = ()
    fetched_at_seconds: float | None = None
    pause_until_seconds: float = float("-inf")
    fault: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PublishedKeys:
    """The key sets of all clients of one process. Callers that need the same set at once share one request."""

    def __init__(
        self,
        open_pool: Callable[[], httpx.AsyncClient] = httpx.AsyncClient,
        limits: KeyLimits | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_pool` opens the HTTP pool at the first request; `seconds` is a clock that never goes back."""
        self._open_pool = open_pool
        self._limits = limits or KeyLimits()
        self._seconds = seconds
        self._pool: httpx.AsyncClient | None = None
        self._shelves: dict[str, _Shelf] = {}

    async def keys_at(self, url: str, kid: str) -> tuple[PublicKey, ...]:
        """The keys published at an address of an entry, asked for anew when `kid` is not among those held.

        Raises `KeysUnavailableError` when there is no answer, nor one that is recent enough.
        """
        shelf = self._shelves.setdefault(url, _Shelf())
        if self._is_to_be_asked(shelf, kid):
            async with shelf.lock:
                if self._is_to_be_asked(shelf, kid):
                    await self._ask(shelf, url, kid)
        if self._age(shelf) > self._limits.stale_seconds:
            raise KeysUnavailableError(shelf.fault)
        return shelf.keys

    async def aclose(self) -> None:
        """Close the HTTP pool, if one was opened."""
        if self._pool is not None:
            await self._pool.aclose()

    def _age(self, shelf: _Shelf) -> float:
        return float("inf") if shelf.fetched_at_seconds is None else self._seconds() - shelf.fetched_at_seconds

    def _is_to_be_asked(self, shelf: _Shelf, kid: str) -> bool:
        if self._seconds() < shelf.pause_until_seconds:
            return False
        return self._age(shelf) > self._limits.fresh_seconds or all(key.kid != kid for key in shelf.keys)

    async def _ask(self, shelf: _Shelf, url: str, kid: str) -> None:
        """Renew a shelf; pause when that failed, or when even the new answer has no such key."""
        try:
            async with asyncio.timeout(self._limits.fetch_seconds):
                shelf.keys = self._keys_in(await self._body(url), url)
            shelf.fetched_at_seconds = self._seconds()
            is_in_vain = all(key.kid != kid for key in shelf.keys)
        except KeysUnavailableError as error:
            shelf.fault, is_in_vain = str(error), True
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            shelf.fault, is_in_vain = f"could not be fetched ({type(error).__name__})", True
        else:
            shelf.fault = ""
        if shelf.fault:
            _log.warning("the keys at %s: %s", url, shelf.fault)
        if is_in_vain:
            shelf.pause_until_seconds = self._seconds() + self._limits.pause_seconds

    async def _body(self, url: str) -> bytes:
        """The body at an address, uncompressed and within the size limit."""
        if self._pool is None:
            self._pool = self._open_pool()
        headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        async with self._pool.stream("GET", url, headers=headers, follow_redirects=False) as response:
            if response.status_code != HTTPStatus.OK:
                raise KeysUnavailableError(_status_words(response.status_code))
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                msg = "the answer is compressed although that was not asked for"
                raise KeysUnavailableError(msg)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._limits.most_bytes:
                    msg = f"the answer is larger than {self._limits.most_bytes} bytes"
                    raise KeysUnavailableError(msg)
            return bytes(body)

    def _keys_in(self, body: bytes, url: str) -> tuple[PublicKey, ...]:
        """The keys of a set that can be used; the others are left out, as RFC 7517 has it, and told in the log."""
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            told = None
        listed = told.get("keys") if isinstance(told, dict) else None
        if not isinstance(listed, list) or len(listed) > self._limits.most_keys:
            msg = f"the answer is no JSON Web Key Set of at most {self._limits.most_keys} keys"
            raise KeysUnavailableError(msg)
        keys: list[PublicKey] = []
        for number, jwk in enumerate(listed, start=1):
            try:
                keys.append(public_key(jwk))
            except PublicKeyError as error:
                _log.warning("the keys at %s: number %d is left out: %s", url, number, error)
        return tuple(keys)


def _status_words(status: int) -> str:
    redirects = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return f"answered HTTP {status}{', which is not followed' if redirects else ''}"
