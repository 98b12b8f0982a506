"""Who is let in: every attack through the whole application, the one answer it gets, and the reason in the log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.hooks.auth import MOST_TOKEN_LETTERS, presented_token
from tests.hooks.service import (
    SELECT,
    VIEW,
    Json,
    topics,
    view,
)
from tests.hooks.tokens import (
    AT,
    BASE,
    ISSUER,
    JTI,
    KEY,
    NEXT_KEY,
    RSA_KEY,
    SMALL_KEY,
    STRANGER,
    assert_refused,
    assert_told,
    bearing,
    claims,
    encoded,
    entry,
    gated,
    header,
    jwks,
    signed,
    token,
)

if TYPE_CHECKING:
    from pathlib import Path

P = pytest.param
DISCOVERY = "/cds-services"
FHIR = "https://fhir.test/r4"
OTHER_FHIR = "https://other.test/r4"


def with_shared_secret(algorithm: str) -> str:
    """A token "signed" with the public key as a shared secret, as some libraries once accepted."""
    signing_input = f"{encoded(header(alg=algorithm))}.{encoded(claims())}"
    digest = hmac.new(KEY.as_pem(private=False), signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


NO_HEADER: dict[str, str] = {}
ATTACKS = [
    P(NO_HEADER, "there is no Authorization header", id="no header"),
    P({"Authorization": "Basic dXNlcjpwYXNz"}, "holds no Bearer token", id="another scheme"),
    P({"Authorization": "Bearer"}, "holds no Bearer token", id="no token"),
    P(bearing(f"{signed()} {signed()}"), "holds no Bearer token", id="two tokens in one header"),
    P([("Authorization", f"Bearer {signed()}")] * 2, "several Authorization headers", id="two headers"),
    P(bearing("x" * MOST_TOKEN_LETTERS), "longer than", id="huge"),
    P(bearing(f"{signed(note='x' * 9000)}"), "longer than", id="huge but signed"),
    P([(b"Authorization", b"Bearer \xc3\xa9.a.b")], "not a signed JWT", id="not ASCII"),
    P(bearing("a.b"), "not a signed JWT", id="two parts"),
    P(bearing(f"{signed()}.a.b"), "not a signed JWT", id="five parts, an encrypted token"),
    P(bearing("a.b.c"), "header cannot be read", id="no JSON"),
    P(bearing(token(head="[" * 4000)), "header cannot be read", id="deep header"),
    P(bearing(token(body="[" * 4000)), "claims cannot be read", id="deep claims"),
    P(bearing(token(head='["ES384"]')), "header is not an object", id="a list as header"),
    P(bearing(token(body="7")), "claims is not an object", id="a number as claims"),
    P(
        bearing(token(head='{"alg":"ES384","typ":"JWT","kid":"one","kid":"two"}')), "header cannot be", id="kid twice"
    ),
    P(
        bearing(token(body=json.dumps(claims())[:-1] + ', "iss": "https://other.test"}')),
        "claims cannot be read",
        id="iss twice",
    ),
    P(bearing(f"{encoded(header(alg='none'))}.{encoded(claims())}."), "not a signed JWT", id="alg none, bare"),
    P(
        bearing(f"{encoded(header(alg='none'))}.{encoded(claims())}.c2ln"), "algorithm is not", id="none, signed"
    ),
    P(bearing(with_shared_secret("HS256")), "algorithm is not one", id="HS256 with the public key"),
    P(bearing(signed(head={"alg": "ES384", "kid": ...})), "names no key (kid)", id="no kid"),
    P(bearing(signed(head={"kid": "k" * 200})), "names no key (kid)", id="long kid"),
    P(bearing(signed(head={"kid": "../one"})), "no key of this id (kid)", id="unknown kid"),
    P(bearing(signed(SMALL_KEY, {"alg": "ES256", "kid": "small"})), "algorithm is not one", id="ES256 not listed"),
    P(bearing(signed(RSA_KEY, {"alg": "RS256"})), "algorithm is not one", id="RS256 not listed"),
    P(bearing(signed(RSA_KEY, {"alg": "RS384"})), "no key of this id (kid)", id="algorithm of another key type"),
    P(bearing(signed(head={"typ": ...})), "(typ) is not JWT", id="no typ"),
    P(bearing(signed(head={"typ": "at+jwt"})), "(typ) is not JWT", id="an access token"),
    P(bearing(signed(head={"typ": ["JWT"]})), "not text", id="typ as a list"),
    P(
        bearing(signed(STRANGER, {"jwk": STRANGER.as_dict(private=False)})), "brings a key", id="embedded jwk"
    ),
    P(bearing(signed(head={"x5u": "https://evil.test/c"})), "brings a key of its own", id="x5u"),
    P(bearing(signed(head={"crit": ["exp"], "exp": 1})), "asks for extensions", id="crit"),
    P(bearing(signed(head={"b64": False, "crit": ["b64"]})), "asks for extensions", id="b64"),
    P(bearing(signed(STRANGER)), "signature does not verify", id="signed by a stranger"),
    P(bearing(signed()[:-8] + "AAAAAAAA"), "signature does not verify", id="spoiled signature"),
    P(bearing(signed(iss="https://evil.test")), "issuer (iss) is no trusted client", id="another issuer"),
    P(bearing(signed(iss=f"{ISSUER}/")), "issuer (iss) is no trusted client", id="nearly the issuer"),
    P(bearing(signed(iss=...)), "issuer (iss) is no trusted client", id="no issuer"),
    P(bearing(signed(iss=[ISSUER])), "issuer (iss) is no trusted client", id="a list of issuers"),
    P(bearing(signed(aud=...)), "audience (aud)", id="no audience"),
    P(bearing(signed(aud="https://evil.test")), "audience (aud)", id="another audience"),
    P(bearing(signed(aud=BASE)), "audience (aud)", id="only the base as audience"),
    P(bearing(signed(aud=f"{BASE}{SELECT}")), "audience (aud)", id="another service as audience"),
    P(bearing(signed(aud=f"{BASE}{DISCOVERY}")), "audience (aud)", id="discovery as audience"),
    P(bearing(signed(aud={f"{BASE}{VIEW}": 1})), "audience (aud)", id="an object as audience"),
    P(bearing(signed(exp=...)), "Missing claim: 'exp'", id="no exp"),
    P(bearing(signed(iat=...)), "Missing claim: 'iat'", id="no iat"),
    P(bearing(signed(iat=AT - 200, exp=AT - 60)), "The token is expired", id="expired just beyond the skew"),
    P(bearing(signed(exp="soon")), "'exp' must be a NumericDate", id="exp as text"),
    P(bearing(signed(exp=float("nan"))), "'exp' must be a NumericDate", id="exp NaN"),
    P(bearing(signed(exp=10**400)), "lives longer", id="exp beyond every calendar"),
    P(bearing(signed(iat=AT + 61, exp=AT + 120)), "issued in the future", id="iat in the future"),
    P(bearing(signed(nbf=AT + 61)), "not yet valid", id="nbf in the future"),
    P(bearing(signed(iat=AT, exp=AT + 301)), "lives longer than 5 minutes", id="too long a life"),
    P(bearing(signed(iat=AT + 10, exp=AT + 5)), "expires before it was issued", id="ends before it begins"),
    P(bearing(signed(jti=...)), "no id (jti)", id="no jti"),
    P(bearing(signed(jti="")), "no id (jti)", id="blank jti"),
    P(bearing(signed(jti=7)), "no id (jti)", id="jti as a number"),
    P(bearing(signed(jti="j" * 257)), "no id (jti)", id="long jti"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "reason"), ATTACKS)
async def test_an_attack_is_refused_without_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, headers: Any, reason: str
) -> None:
    with caplog.at_level(logging.DEBUG, "cds_service"):
        async with gated(tmp_path) as client:
            refused = await client.post(VIEW, json=view(), headers=headers)
            welcome = await client.post(VIEW, json=view(), headers=bearing(signed(jti="another")))
    assert_refused(refused)
    sent = dict(headers).get("Authorization", "Bearer none").partition(" ")[2]
    assert_told(caplog, reason, *(part for part in sent.split(".") if len(part) > 8), JTI, "evil.test", "../one")
    assert topics(welcome) == ["not-indicated"]


GOOD = [
    P({}, bearing(signed()), id="a plain token"),
    P({}, bearing(signed(), "bearer"), id="the scheme in small letters"),
    P({}, {"authorization": f"BEARER   {signed()}"}, id="the scheme in capitals and blanks"),
    P({}, bearing(signed(head={"typ": "jwt"})), id="typ in small letters"),
    P({}, bearing(signed(head={"x5t": "abc", "note": "kept"})), id="header members nobody reads"),
    P({}, bearing(signed(aud=["https://other.test", f"{BASE}{VIEW}"])), id="one of several audiences"),
    P({}, bearing(signed(aud=f"{BASE}{VIEW}/")), id="a trailing slash"),
    P({"audiences": ["urn:cds"]}, bearing(signed(aud="urn:cds")), id="an audience of the entry"),
    P({"tenants": ["north", "south"]}, bearing(signed(tenant="south")), id="a tenant of the entry"),
    P({}, bearing(signed(tenant="anything")), id="a tenant where none is asked for"),
    P({}, bearing(signed(iat=AT - 300, exp=AT - 59)), id="expired within the skew"),
    P({}, bearing(signed(iat=AT + 60, exp=AT + 100, nbf=AT + 60)), id="issued early within the skew"),
    P({}, bearing(signed(iat=AT + 0.5, exp=AT + 100.5)), id="fractions of a second"),
    P({"max_token_minutes": 60}, bearing(signed(exp=AT + 3595)), id="a longer life that is allowed"),
    P({"keys": jwks(KEY, RSA_KEY)["keys"]}, bearing(signed(RSA_KEY, {"alg": "RS384", "kid": "rsa"})), id="RS384"),
    P(
        {"keys": jwks(SMALL_KEY)["keys"], "algorithms": ["ES256"]},
        bearing(signed(SMALL_KEY, {"alg": "ES256", "kid": "small"})),
        id="ES256 where it is listed",
    ),
    P(
        {"keys": jwks(RSA_KEY)["keys"], "algorithms": ["RS256"]},
        bearing(signed(RSA_KEY, {"alg": "RS256", "kid": "rsa"})),
        id="RS256 where it is listed",
    ),
    P({}, bearing(signed(head={"jku": "https://evil.test/jwks"})), id="jku is not fetched: the key is in the file"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "headers"), GOOD)
async def test_a_trusted_client_is_answered(tmp_path: Path, changes: Json, headers: dict[str, str]) -> None:
    async with gated(tmp_path, entry(**changes)) as client:
        answer = await client.post(VIEW, json=view(), headers=headers)
    assert topics(answer) == ["not-indicated"]


@pytest.mark.parametrize("tenant", ["west", "", None, ["north"], ...])
async def test_a_tenant_must_be_one_of_the_entry(tmp_path: Path, caplog: pytest.LogCaptureFixture, tenant: Any) -> None:
    async with gated(tmp_path, entry(tenants=["north"])) as client:
        answer = await client.post(VIEW, json=view(), headers=bearing(signed(tenant=tenant)))
    assert_refused(answer)
    assert_told(caplog, "refused a call by st-elsewhere: the tenant", JTI)


async def test_one_issuer_may_have_an_entry_for_each_tenant(tmp_path: Path) -> None:
    north = entry(name="north", tenants=["n"])
    south = entry(name="south", tenants=["s"], keys=jwks(NEXT_KEY)["keys"])
    second = {"kid": "two"}
    async with gated(tmp_path, north, south) as client:
        right = [
            await client.post(VIEW, json=view(), headers=bearing(signed(tenant="n", jti="a"))),
            await client.post(VIEW, json=view(), headers=bearing(signed(NEXT_KEY, second, tenant="s", jti="b"))),
        ]
        wrong = await client.post(VIEW, json=view(), headers=bearing(signed(NEXT_KEY, second, tenant="n", jti="c")))
    assert [answer.status_code for answer in right] == [200, 200]
    assert_refused(wrong)


async def test_an_issuer_need_not_be_an_address(tmp_path: Path) -> None:
    async with gated(tmp_path, entry(issuer="http://[ehr")) as client:
        answer = await client.post(VIEW, json=view(), headers=bearing(signed(iss="http://[ehr")))
    assert topics(answer) == ["not-indicated"]


def test_a_token_taken_apart_shows_nothing_of_itself() -> None:
    assert repr(presented_token(signed())) == "PresentedToken(...)"
