"""Keys, tokens and files of trusted clients: what the tests of authentication share."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from tests.hooks.service import NOW, VIEW, Json, issues, no_network, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    import pytest

BASE = "http://service.test"
ISSUER = "https://ehr.test"
JWKS_URL = "https://ehr.test/jwks.json"
JTI = "jti-0001"
AT = int(NOW.timestamp())
KEY = ECKey.generate_key("P-384", {"kid": "one", "use": "sig", "alg": "ES384"})
NEXT_KEY = ECKey.generate_key("P-384", {"kid": "two"})
STRANGER = ECKey.generate_key("P-384", {"kid": "one"})
SMALL_KEY = ECKey.generate_key("P-256", {"kid": "small"})
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})

Key = ECKey | RSAKey


def jwks(*keys: Key) -> Json:
    """A published key set."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def header(**changes: Any) -> Json:
    """The header of a good token; `...` leaves a member out."""
    return _without_unset({"alg": "ES384", "typ": "JWT", "kid": "one"} | changes)


def claims(**changes: Any) -> Json:
    """The claims of a good token for the patient-view service; `...` leaves a member out."""
    good = {"iss": ISSUER, "aud": f"{BASE}{VIEW}", "iat": AT - 5, "exp": AT + 120, "jti": JTI}
    return _without_unset(good | changes)


def _without_unset(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not ...}


def token(key: Key = KEY, head: Json | str | None = None, body: Json | str | None = None) -> str:
    """A token of this header and these claims (an object, or JSON text as it is), signed as the header says."""
    header_of_token = header() if head is None else head
    signing_input = f"{encoded(header_of_token)}.{encoded(claims() if body is None else body)}"
    algorithm = header_of_token["alg"] if isinstance(header_of_token, dict) else "ES384"
    signature = JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), key)
    return f"{signing_input}.{urlsafe_b64encode(signature).decode()}"


def encoded(part: Json | str) -> str:
    """One part of a compact token."""
    text = part if isinstance(part, str) else json.dumps(part)
    return urlsafe_b64encode(text.encode()).decode()


def entry(**changes: Any) -> Json:
    """The entry of a client whose key stands in the file; `...` leaves a key out."""
    return _without_unset({"name": "st-elsewhere", "issuer": ISSUER, "keys": jwks(KEY)["keys"]} | changes)


def publishing_entry(**changes: Any) -> Json:
    """The entry of a client that publishes its keys."""
    return entry(keys=..., jwks_url=JWKS_URL, **changes)


def clients_file(folder: Path, *entries: Json) -> Path:
    """A file of these entries."""
    path = folder / "clients.toml"
    path.write_text("\n".join(_table(each) for each in entries), encoding="utf-8")
    return path


def _table(members: Json) -> str:
    return "\n".join(["[[client]]", *(f"{name} = {_toml(value)}" for name, value in members.items()), ""])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(value)


@asynccontextmanager
async def gated(
    folder: Path, *entries: Json, handler: Any = no_network, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that trusts these entries, or one client with a key in the file."""
    path = clients_file(folder, *(entries or (entry(),)))
    async with service(handler, base_url=BASE, trusted_clients=path, **options) as client:
        yield client


def bearing(text: str, scheme: str = "Bearer") -> dict[str, str]:
    """The Authorization header of a token."""
    return {"Authorization": f"{scheme} {text}"}


def signed(key: Any = KEY, head: Json | None = None, **body: Any) -> str:
    """A token with these changes of its header and its claims."""
    return token(key, header(**(head or {})), claims(**body))


def assert_refused(answer: httpx.Response) -> None:
    """The one answer to everybody who is not let in."""
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert issues(answer) == [{"severity": "error", "code": "login", "diagnostics": "The request is not authenticated"}]


def assert_told(caplog: pytest.LogCaptureFixture, reason: str, *secrets: str) -> None:
    """The reason is in the log `cds_service.auth` once; no secret is in any log."""
    told = [record.getMessage() for record in caplog.records if record.name == "cds_service.auth"]
    assert len(told) == 1
    assert reason in told[0]
    for secret in secrets:
        assert secret not in caplog.text
