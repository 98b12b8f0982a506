"""Which public keys may verify a client's signature: JSON Web Keys, read strictly.

Knows JWK and which keys are strong enough. Must not know where a key came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joserfc.jwk import ECKey, RSAKey

    PublicKey: TypeAlias = ECKey | RSAKey

DEFAULT_ALGORITHMS = ("ES384", "RS384")
"""Signature algorithms that CDS Hooks recommends; they are taken unless a site says otherwise."""

ALGORITHMS = (*DEFAULT_ALGORITHMS, "ES256", "RS256")
"""All that can be listed. `none` and shared secrets (HS*) cannot."""

LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 8192
_MOST_RSA_LETTERS = MOST_RSA_BITS // 6 + 2
_MOST_KID_LETTERS = 128
_CURVES = {"P-256": "ES256", "P-384": "ES384"}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384"})


class PublicKeyError(ValueError):
    """The key cannot be used; the message says why and never repeats the key."""


def public_key(jwk: object) -> PublicKey:
    """The key in a JWK: RSA of 2048 to 8192 bits or EC on P-256 or P-384, public, for signatures, with a `kid`.

    Raises `PublicKeyError`.
    """
    if not isinstance(jwk, dict):
        msg = "not a JSON Web Key"
        raise PublicKeyError(msg)
    refusal = _refusal(jwk)
    if refusal is not None:
        raise PublicKeyError(refusal)
    from joserfc.errors import JoseError  # noqa: PLC0415 - a start without keys does not wait for what reads them
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - as above

    try:
        return RSAKey.import_key(jwk) if jwk["kty"] == "RSA" else ECKey.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        msg = "not a valid public key"
        raise PublicKeyError(msg) from None


def _refusal(jwk: dict[str, Any]) -> str | None:
    """Why a JWK is not even tried; None when it is."""
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MOST_KID_LETTERS:
        return f"without an id (kid) of 1 to {_MOST_KID_LETTERS} letters"
    if "d" in jwk or "k" in jwk:
        return "a private or shared key; the service must never hold one"
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return "not meant for signatures"
    return _refused_type(jwk)


def _refused_type(jwk: dict[str, Any]) -> str | None:
    if jwk.get("kty") == "RSA":
        return _refused_size(jwk.get("n"))
    if jwk.get("kty") == "EC" and jwk.get("crv") in tuple(_CURVES):  # a tuple: the value need not be hashable
        return None
    return "neither RSA nor EC on P-256 or P-384"


def _refused_size(modulus: object) -> str | None:
    """Why an RSA key of this modulus is refused; its size is measured before the key is ever built."""
    from joserfc.util import base64_to_int  # noqa: PLC0415 - as above

    if not isinstance(modulus, str) or not modulus:
        return "not a valid public key"
    try:
        bits = base64_to_int(modulus).bit_length() if len(modulus) <= _MOST_RSA_LETTERS else MOST_RSA_BITS + 1
    except ValueError:
        return "not a valid public key"
    if LEAST_RSA_BITS <= bits <= MOST_RSA_BITS:
        return None
    return f"RSA of {'too many' if bits > MOST_RSA_BITS else bits} bits; {LEAST_RSA_BITS} to {MOST_RSA_BITS} are taken"


def fits(key: PublicKey, algorithm: str) -> bool:
    """Whether a key can verify this algorithm: its type, its curve, and the `alg` it may be bound to."""
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    if key.alg not in {None, algorithm}:
        return False
    return algorithm in _RSA_ALGORITHMS if isinstance(key, RSAKey) else _CURVES[key.curve_name] == algorithm


def keys_named(keys: Iterable[PublicKey], kid: str, algorithm: str) -> tuple[PublicKey, ...]:
    """The keys of this id that can verify this algorithm; more than one means that the set is ambiguous."""
    return tuple(key for key in keys if key.kid == kid and fits(key, algorithm))
