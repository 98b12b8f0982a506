"""A nomogram sealed into a link: encrypted, signed and short-lived, so that nothing has to be kept anywhere.

Knows Fernet. The address shows no patient data to anyone who reads it in a log or a history; only a process with the
same secret opens it, and only for a while. The sealed view names no patient to begin with.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING

import orjson
from cryptography.fernet import Fernet, InvalidToken

from cds_service.web.nomogram_view import Line, Mark, Moment, NomogramView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

_LARGEST_BYTES = 64 * 1024
LONGEST_TOKEN = 6000
"""Characters of a token that servers and browsers still carry in an address."""


class SealError(Exception):
    """The link was not made here, was changed, or has expired."""


def fernet_of(secret: str, purpose: str) -> Fernet:
    """What seals for one purpose: with the same secret the same in every process, with another purpose another."""
    key = hashlib.sha256(f"cds-service {purpose}\0{secret}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


class Seal:
    """Seals and opens views with one secret; `lifetime` counts from the sealing by the seal's own clock.

    Not the clock of the assessment: a case may be watched at an instant long past, and its link is still new.
    """

    def __init__(self, secret: str, lifetime: timedelta, clock: Callable[[], datetime]) -> None:
        """Derive the key from the secret (any text; the longer the better)."""
        self._fernet = fernet_of(secret, "nomogram link")
        self._lifetime_s = int(lifetime.total_seconds())
        self._clock = clock

    def seal(self, view: NomogramView) -> str | None:
        """The view as one URL-safe token; None when it would be too long for an address."""
        plain = orjson.dumps(view)
        packed = zlib.compress(plain, level=1)  # on the path of every card: quick rather than small
        token = self._fernet.encrypt_at_time(packed, self._seconds()).decode().rstrip("=")
        return token if len(token) <= LONGEST_TOKEN and len(plain) <= _LARGEST_BYTES else None

    def open(self, token: str) -> NomogramView:
        """The view in a token. Raises `SealError`."""
        padded = token + "=" * (-len(token) % 4)
        try:
            packed = self._fernet.decrypt_at_time(padded.encode(), self._lifetime_s, self._seconds())
        except (InvalidToken, UnicodeEncodeError) as error:
            raise SealError from error
        return _view(orjson.loads(zlib.decompressobj().decompress(packed, _LARGEST_BYTES)))

    def _seconds(self) -> int:
        return int(self._clock().timestamp())


def _view(members: dict[str, object]) -> NomogramView:
    """The view as it was sealed; what Fernet has verified needs no second look."""
    parts = {"lines": Line, "marks": Mark, "moments": Moment}
    rebuilt = {name: tuple(kind(**each) for each in members[name]) for name, kind in parts.items()}  # type: ignore[attr-defined]
    return NomogramView(**{**members, **rebuilt})  # type: ignore[arg-type]
