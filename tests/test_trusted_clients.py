"""The file of trusted clients: what an entry may say, and how everything wrong with it is named at once."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.doctor import check_canaries
from cds_service.public_keys import PublicKeyError, public_key
from cds_service.sandbox.fixtures import load_cases
from cds_service.settings import Settings, SettingsError, read_settings
from cds_service.trusted_clients import TrustedClientsError, read_trusted_clients
from tests.hooks.tokens import (
    ISSUER,
    JWKS_URL,
    KEY,
    NEXT_KEY,
    RSA_KEY,
    SMALL_KEY,
    clients_file,
    entry,
    jwks,
    publishing_entry,
)

if TYPE_CHECKING:
    from pathlib import Path

FHIR = "https://fhir.test/r4"
P = pytest.param


def small_rsa() -> dict[str, Any]:
    """A key of 1024 bits: the library warns of it, the service refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return dict(RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False))


def test_an_entry_says_what_holds_and_the_rest_is_strict(tmp_path: Path) -> None:
    (found,) = read_trusted_clients(clients_file(tmp_path, publishing_entry()))
    assert (found.name, found.issuer, found.jwks_url, found.keys) == ("st-elsewhere", ISSUER, JWKS_URL, ())
    assert found.algorithms == ("ES384", "RS384")
    assert found.max_token_life == timedelta(minutes=5)
    assert (found.tenants, found.fhir_servers, found.audiences, found.demo_only) == (None, None, (), False)


def test_every_key_of_an_entry_is_read(tmp_path: Path) -> None:
    full = entry(
        keys=jwks(KEY, RSA_KEY)["keys"],
        tenants=["north"],
        audiences=["https://proxy.test/cds"],
        algorithms=["ES384", "RS256"],
        fhir_servers=["https://FHIR.test:443/r4/"],
        max_token_minutes=1.5,
        demo_only=True,
    )
    (found,) = read_trusted_clients(clients_file(tmp_path, full), base_url="http://localhost", fhir_bases=(FHIR,))
    assert [key.kid for key in found.keys] == ["one", "rsa"]
    assert (found.tenants, found.audiences) == (("north",), ("https://proxy.test/cds",))
    assert (found.algorithms, found.fhir_servers) == (("ES384", "RS256"), (FHIR,))
    assert found.max_token_life == timedelta(seconds=90)


PROBLEMS = [
    P({"name": ...}, "client 1 (unnamed): name is missing"),
    P({"issuer": ...}, "client 1 (st-elsewhere): issuer is missing"),
    P({"name": "St Elsewhere"}, "name = 'St Elsewhere': must be 1 to 40 small letters"),
    P({"issuer": ""}, "issuer = '': must be 1 to 512 visible ASCII letters"),
    P({"issuer": 5}, "issuer = 5: must be"),
    P({"keys": ...}, "either jwks_url or keys must be given, and not both"),
    P({"jwks_url": JWKS_URL}, "either jwks_url or keys must be given, and not both"),
    P({"keys": ..., "jwks_url": "http://ehr.test/jwks"}, "jwks_url = 'http://ehr.test/jwks': must be one"),
    P({"keys": ..., "jwks_url": "https://a@ehr.test/jwks"}, "must be one absolute https address without user"),
    P({"keys": ..., "jwks_url": "https://ehr.test/jwks#a"}, "must be one absolute https address without user"),
    P({"keys": ..., "jwks_url": "jwks.json"}, "must be one absolute https address"),
    P({"keys": ..., "jwks_url": ["https://ehr.test"]}, "must be one absolute https address"),
    P({"keys": []}, "keys: must be 1 to 100 [[client.keys]] tables"),
    P({"keys": "one"}, "keys: must be 1 to 100 [[client.keys]] tables"),
    P({"keys": jwks(KEY, KEY)["keys"]}, "keys: two have the same kid"),
    P({"keys": jwks(KEY, SMALL_KEY)["keys"]}, "keys = ['small']: fit none of the algorithms ES384, RS384"),
    P({"tenants": []}, "tenants = []: must be a list of 1 to 100 tenants"),
    P({"tenants": "north"}, "tenants = 'north': must be a list"),
    P({"tenants": ["north west"]}, "must be a list of tenants, each 1 to 512 visible ASCII letters"),
    P({"audiences": [1]}, "audiences = [1]: must be a list of audiences, each"),
    P({"algorithms": []}, "algorithms = []: must be a list of 1 to 100 algorithms"),
    P({"algorithms": ["none"]}, "each one of ES384, RS384, ES256, RS256"),
    P({"algorithms": ["HS256"]}, "each one of ES384, RS384, ES256, RS256"),
    P({"algorithms": [["ES384"]]}, "each one of ES384, RS384, ES256, RS256"),
    P({"fhir_servers": ["fhir"]}, "fhir_servers = ['fhir']: must be a list of FHIR bases, each one absolute"),
    P({"fhir_servers": ["https://evil.test"]}, "fhir_servers = 'https://evil.test': must also be in CDS"),
    P({"fhir_servers": [f"{FHIR}x"]}, "must also be in CDS_ALLOWED_FHIR_SERVERS"),
    P({"max_token_minutes": 0.9}, "max_token_minutes = 0.9: must be a number of minutes from 1 to 60"),
    P({"max_token_minutes": 61}, "max_token_minutes = 61: must be a number of minutes from 1 to 60"),
    P({"max_token_minutes": True}, "max_token_minutes = True: must be a number of minutes"),
    P({"demo_only": "yes"}, "demo_only = 'yes': must be true or false"),
    P({"demo_only": True}, "demo_only = true: must not be used unless CDS_BASE_URL is a loopback address"),
    P({"issuer": "https://sandbox.cds-hooks.org"}, "anybody can sign as it: needs demo_only = true"),
    P({"issuer": "HTTPS://Sandbox.CDS-Hooks.org/"}, "anybody can sign as it: needs demo_only = true"),
    P({"keys": ..., "jwks_url": "https://sandbox.cds-hooks.org/.well-known/jwks.json"}, "anybody can sign as it"),
    P({"jwk_url": JWKS_URL}, "jwk_url: no such key (did you mean jwks_url?)"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), PROBLEMS)
def test_a_problem_names_entry_key_value_and_what_is_allowed(tmp_path: Path, changes: Any, told: str) -> None:
    path = clients_file(tmp_path, entry(**changes))
    with pytest.raises(TrustedClientsError) as caught:
        read_trusted_clients(path, base_url="https://cds.test", fhir_bases=(FHIR,))
    assert told in str(caught.value)
    assert len(caught.value.problems) == 1
    assert str(path) in str(caught.value)


BAD_KEYS = [
    P(KEY.as_dict(private=True), "a private or shared key", id="private"),
    P({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}, "a private or shared key", id="shared secret"),
    P(small_rsa(), "RSA of 1024 bits; 2048 to 8192 are taken", id="weak"),
    P({"kty": "RSA", "kid": "a", "e": "AQAB", "n": "_" * 3000}, "RSA of too many bits", id="strong beyond reason"),
    P({"kty": "RSA", "kid": "a", "e": "AQAB", "n": "A" * 400}, "RSA of 0 bits", id="zeros only look long"),
    P({"kty": "RSA", "kid": "a", "e": "AQ", "n": "_" * 342}, "not a valid public key", id="exponent 1"),
    P({"kty": "RSA", "kid": "a", "e": "AQAB", "n": "é"}, "not a valid public key", id="no base64"),
    P({"kty": "RSA", "kid": "a", "e": "AQAB", "n": 5}, "not a valid public key", id="a number as modulus"),
    P({"kty": "RSA", "kid": "a", "n": "_" * 342}, "not a valid public key", id="no exponent"),
    P(KEY.as_dict(private=False) | {"x": "AA"}, "not a valid public key", id="not on the curve"),
    P(KEY.as_dict(private=False) | {"alg": 5}, "not a valid public key", id="alg as a number"),
    P(KEY.as_dict(private=False) | {"use": "enc"}, "not meant for signatures", id="for encryption"),
    P(KEY.as_dict(private=False) | {"key_ops": ["sign"]}, "not meant for signatures", id="for signing only"),
    P(KEY.as_dict(private=False) | {"key_ops": 5}, "not meant for signatures", id="key_ops as a number"),
    P(ECKey.generate_key("P-521", {"kid": "a"}).as_dict(private=False), "neither RSA nor EC on P-256", id="P-521"),
    P(KEY.as_dict(private=False) | {"crv": ["P-384"]}, "neither RSA nor EC on P-256", id="curve as a list"),
    P(OKPKey.generate_key("Ed25519", {"kid": "a"}).as_dict(private=False), "neither RSA nor EC on P-256", id="Ed25519"),
    P({**KEY.as_dict(private=False), "kid": ""}, "without an id (kid)", id="blank kid"),
    P({"kty": "EC"}, "without an id (kid)", id="no kid"),
    P("one", "not a JSON Web Key", id="text"),
]  # fmt: skip


@pytest.mark.parametrize(("jwk", "told"), BAD_KEYS)
def test_a_key_that_cannot_be_trusted_is_refused_and_never_quoted(tmp_path: Path, jwk: Any, told: str) -> None:
    with pytest.raises(PublicKeyError) as refused:
        public_key(jwk)
    assert told in str(refused.value)
    with pytest.raises(TrustedClientsError) as caught:
        read_trusted_clients(clients_file(tmp_path, entry(keys=[*jwks(NEXT_KEY)["keys"], jwk])))
    assert f"keys: must be public JSON Web Keys that can be used; number 2 is {told}" in str(caught.value)
    secrets = [str(value) for value in jwk.values() if len(str(value)) > 9] if isinstance(jwk, dict) else []
    assert not [secret for secret in secrets if secret in str(caught.value)]


FILES = [
    P("", "no [[client]] entry: nobody could call the service"),
    P('name = "x"', "name: no such key"),
    P("client = []", "no [[client]] entry"),
    P("client = [1]", "no [[client]] entry"),
    P('[client]\nname = "x"', "no [[client]] entry"),
    P('[[clients]]\nname = "x"', "clients: no such key (did you mean client?)"),
    P("client = ", "is not TOML"),
]


@pytest.mark.parametrize(("text", "told"), FILES)
def test_a_file_that_lets_nobody_in_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "clients.toml"
    path.write_text(text)
    with pytest.raises(TrustedClientsError) as caught:
        read_trusted_clients(path)
    assert told in str(caught.value)


APART = [
    P({}, {"name": "other"}, "issuer = 'https://ehr.test': used by st-elsewhere and other, which must list different"),
    P({"tenants": ["a", "b"]}, {"name": "other", "tenants": ["b"]}, "which must list different tenants"),
    P({"tenants": ["a"]}, {"name": "other"}, "which must list different tenants"),
    P({}, {"issuer": "https://other.test"}, "name = 'st-elsewhere': used by two entries"),
]


@pytest.mark.parametrize(("one", "other", "told"), APART)
def test_two_entries_never_take_the_same_token(tmp_path: Path, one: Any, other: Any, told: str) -> None:
    with pytest.raises(TrustedClientsError) as caught:
        read_trusted_clients(clients_file(tmp_path, entry(**one), entry(**other)))
    assert told in str(caught.value)
    assert len(caught.value.problems) == 1


def test_every_problem_of_every_entry_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(TrustedClientsError) as caught:
        read_trusted_clients(clients_file(tmp_path, entry(name="A", tenants=[]), entry(issuer=..., nope=1)))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "client 1 (unnamed)",
        "client 1 (unnamed)",
        "client 2 (st-elsewhere)",
        "client 2 (st-elsewhere)",
    ]


def test_an_address_of_keys_may_be_http_on_this_machine_only(tmp_path: Path) -> None:
    local = publishing_entry() | {"jwks_url": "http://127.0.0.1:9000/jwks?set=1"}
    (found,) = read_trusted_clients(clients_file(tmp_path, local))
    assert found.jwks_url == "http://127.0.0.1:9000/jwks?set=1"


# --- settings and commands ------------------------------------------------------------------------


def test_the_file_is_read_once_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clients_file(tmp_path, entry())
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", str(path))
    settings = read_settings()
    path.unlink()
    assert [client.name for client in settings.clients or ()] == ["st-elsewhere"]


def test_the_service_does_not_start_on_a_file_that_its_site_forbids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clients_file(tmp_path, entry(fhir_servers=["https://evil.test"], demo_only=True))
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", str(path))
    monkeypatch.setenv("CDS_BASE_URL", "https://cds.test")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "fhir_servers = 'https://evil.test': must also be in CDS_ALLOWED_FHIR_SERVERS" in str(caught.value)
    assert "must not be used unless CDS_BASE_URL is a loopback address" in str(caught.value)


def test_other_wrong_settings_do_not_hide_the_files_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", str(clients_file(tmp_path, entry(name="A"))))
    monkeypatch.setenv("CDS_ALLOWED_FHIR_SERVERS", "fhir")
    with pytest.raises(SettingsError, match=r"CDS_ALLOWED_FHIR_SERVERS must[\s\S]*name = 'A': must be"):
        read_settings()


def test_canaries_need_no_token(tmp_path: Path) -> None:
    settings = Settings(trusted_clients=clients_file(tmp_path, entry()))
    assert all(check.is_well for check in check_canaries(settings, load_cases()))


def test_validate_says_whom_the_file_lets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_BASE_URL", "https://cds.test")
    monkeypatch.setenv("CDS_ALLOWED_FHIR_SERVERS", FHIR)
    path = clients_file(tmp_path, entry(tenants=["north"]), publishing_entry(name="b", tenants=["s"], fhir_servers=[]))
    answer = CliRunner().invoke(app, ["clients", "validate", str(path)])
    assert answer.exit_code == 0
    for told in (
        "st-elsewhere: tokens of https://ehr.test of the tenant north, signed with ES384 or RS384 by a key in the file",
        "one (EC, P-384), are accepted for the address called: https://cds.test/cds-services…",
        f"FHIR servers it may name: all of the site: {FHIR}.",
        f"a key published at {JWKS_URL}",
        "FHIR servers it may name: none, prefetch only.",
        "2 trusted clients: the file can be used",
    ):
        assert told in answer.output


def test_show_lists_what_holds_for_each_client(tmp_path: Path) -> None:
    path = clients_file(tmp_path, entry(keys=jwks(RSA_KEY)["keys"], demo_only=True, max_token_minutes=2))
    answer = CliRunner().invoke(app, ["clients", "show", str(path)])
    assert answer.exit_code == 0
    for told in (
        "st-elsewhere",
        "rsa (RSA, 2048 bits)",
        "any, or none",
        "2 minutes at most",
        "none, prefetch only",
        "demo",
    ):
        assert told in answer.output


@pytest.mark.parametrize("command", ["validate", "show"])
def test_a_wrong_file_ends_the_command(tmp_path: Path, command: str) -> None:
    answer = CliRunner().invoke(app, ["clients", command, str(clients_file(tmp_path, entry(name="A")))])
    assert answer.exit_code == 1
    assert "client 1 (unnamed): name = 'A': must be" in answer.output


def test_the_demonstration_does_not_pretend_to_have_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_TRUSTED_CLIENTS", str(clients_file(tmp_path, entry())))
    answer = CliRunner().invoke(app, ["demo", "--once", "--port", "0"])
    assert answer.exit_code == 2
    assert "unset CDS_TRUSTED_CLIENTS" in answer.output
