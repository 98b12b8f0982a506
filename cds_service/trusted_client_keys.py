"""What each key of a trusted client's entry may hold: one reader a key, whose ValueError says what is allowed.

Knows values. Must not know files, nor how keys of an entry hold together (`trusted_clients.py`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cds_service.fhir.servers import FhirServer, is_secure, normalised_base
from cds_service.public_keys import ALGORITHMS, PublicKeyError, public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.public_keys import PublicKey

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,512}")
_MOST_LISTED = 100
_LEAST_MINUTES, _MOST_MINUTES = 1, 60


def _name(value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    msg = "1 to 40 small letters, digits, dots, hyphens and underscores"
    raise ValueError(msg)


def _visible(value: object) -> str:
    if isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value):
        return value
    msg = "1 to 512 visible ASCII letters without blanks"
    raise ValueError(msg)


def _jwks_url(value: object) -> str:
    """The address exactly as written: a trailing slash or a query is part of it."""
    msg = "one absolute https address without user or fragment (http on loopback only)"
    if not isinstance(value, str) or not _VISIBLE_ASCII.fullmatch(value) or "#" in value:
        raise ValueError(msg)
    base = normalised_base(value.partition("?")[0])
    if base is None or not is_secure(FhirServer(base)):
        raise ValueError(msg)
    return value


def _keys(value: object) -> tuple[PublicKey, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_LISTED:
        msg = f"1 to {_MOST_LISTED} [[client.keys]] tables, each a public JSON Web Key"
        raise ValueError(msg)
    return tuple(_inline_key(jwk, number) for number, jwk in enumerate(value, start=1))


def _inline_key(jwk: object, number: int) -> PublicKey:
    try:
        return public_key(jwk)
    except PublicKeyError as error:
        msg = f"public JSON Web Keys that can be used; number {number} is {error}"
        raise ValueError(msg) from None


def _listed(value: object, what: str, read: Callable[[Any], str], *, may_be_empty: bool = False) -> tuple[str, ...]:
    """The members of a list, each read by `read`. Raises ValueError naming `what` and what each must be."""
    fewest = 0 if may_be_empty else 1
    if not isinstance(value, list) or not fewest <= len(value) <= _MOST_LISTED:
        msg = f"a list of {fewest} to {_MOST_LISTED} {what}"
        raise ValueError(msg)
    try:
        return tuple(read(each) for each in value)
    except ValueError as error:
        msg = f"a list of {what}, each {error}"
        raise ValueError(msg) from None


def _base(value: object) -> str:
    base = normalised_base(value) if isinstance(value, str) else None
    if base is None:
        msg = "one absolute http(s) address without user, query or fragment"
        raise ValueError(msg)
    return base


def _algorithm(value: object) -> str:
    if value not in ALGORITHMS:
        msg = f"one of {', '.join(ALGORITHMS)}"
        raise ValueError(msg)
    return str(value)


def _minutes(value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool) and _LEAST_MINUTES <= value <= _MOST_MINUTES:
        return timedelta(minutes=value)
    msg = f"a number of minutes from {_LEAST_MINUTES} to {_MOST_MINUTES}"
    raise ValueError(msg)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        msg = "true or false"
        raise ValueError(msg)  # noqa: TRY004 - a ValueError is what `_read` turns into words
    return value


KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _name),
    "issuer": ("issuer", _visible),
    "jwks_url": ("jwks_url", _jwks_url),
    "keys": ("keys", _keys),
    "tenants": ("tenants", lambda value: _listed(value, "tenants", _visible)),
    "audiences": ("audiences", lambda value: _listed(value, "audiences", _visible)),
    "algorithms": ("algorithms", lambda value: _listed(value, "algorithms", _algorithm)),
    "fhir_servers": ("fhir_servers", lambda value: _listed(value, "FHIR bases", _base, may_be_empty=True)),
    "max_token_minutes": ("max_token_life", _minutes),
    "demo_only": ("demo_only", _flag),
}
"""By key: the field of `TrustedClient` it sets, and its reader."""
