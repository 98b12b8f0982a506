"""Addresses are compared as addresses: what an allowed base allows, and what it does not."""

from __future__ import annotations

import pytest

from cds_service.fhir.servers import (
    FhirServer,
    is_allowed,
    is_fhir_id,
    is_secure,
    local_reference,
    next_on_server,
    normalised_base,
)

ALLOWED = ["https://Fhir.example.org/R4/", "http://127.0.0.1:8000/fhir", "not a base"]
SERVER = FhirServer("https://fhir.example.org/r4", token="secret-token")  # noqa: S106 -- not a real token


@pytest.mark.parametrize(
    "base",
    [
        "https://fhir.example.org/R4",
        "https://fhir.example.org/R4/",
        "HTTPS://FHIR.EXAMPLE.ORG/R4",
        "https://fhir.example.org:443/R4",
        "https://fhir.example.org/R4/tenant-1",
        "http://127.0.0.1:8000/fhir/",
    ],
)
def test_allowed(base: str) -> None:
    assert is_allowed(base, ALLOWED)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "https://fhir.example.org",
        "https://fhir.example.org/R4x",
        "https://fhir.example.org/r4",  # paths are case-sensitive
        "http://fhir.example.org/R4",
        "https://fhir.example.org:8443/R4",
        "https://fhir.example.org.evil.example/R4",
        "https://evil.example/https://fhir.example.org/R4",
        "https://fhir.example.org@evil.example/R4",
        "https://user@fhir.example.org/R4",
        "https://fhir.example.org/R4?x=1",
        "https://fhir.example.org/R4?",
        "https://fhir.example.org/R4#x",
        "https://fhir.example.org/R4/../admin",
        "https://fhir.example.org/R4/%2e%2e/admin",
        "https://fhir.example.org/R4/..%2fadmin",
        "https://fhir.example.org/R4//x",
        "https://fhir.example.org\\@evil.example/R4",
        "https://fhir.example.org/R4\n",
        " https://fhir.example.org/R4",
        "https://fhir.example.org:99999/R4",
        "https://fhir.example.org:0/R4",
        "https://fhir.example.org:x/R4",
        "https://[::1/R4",
        "https:///R4",
        "ftp://fhir.example.org/R4",
        "//fhir.example.org/R4",
        "fhir.example.org/R4",
        "https://fhir.éxample.org/R4",
        "http://127.0.0.1:8001/fhir",
    ],
)
def test_not_allowed(base: str) -> None:
    assert not is_allowed(base, ALLOWED)


def test_nothing_is_allowed_by_an_empty_list() -> None:
    assert not is_allowed("https://fhir.example.org/R4", [])


@pytest.mark.parametrize(
    ("base", "normal"),
    [
        ("HTTPS://A.Example:443/Fhir/", "https://a.example/Fhir"),
        ("http://A.example:80", "http://a.example"),
        ("http://a.example:8080/", "http://a.example:8080"),
        ("http://[::1]:8080/fhir", "http://[::1]:8080/fhir"),
        ("https://a.example/fhir?x", None),
        ("https://a..example/fhir", None),
        ("https://a;b/fhir", None),
        ("https://-a/fhir", None),
        ("https://[v1.x]/fhir", None),
        ("https://[fe80::1%25eth0]/fhir", None),
        (f"https://{'a.' * 130}example/fhir", None),
    ],
)
def test_normalised_base(base: str, normal: str | None) -> None:
    assert normalised_base(base) == normal


@pytest.mark.parametrize(
    ("server", "secure"),
    [
        (FhirServer("https://a.example/fhir"), True),
        (FhirServer("http://a.example/fhir"), False),
        (FhirServer("http://localhost:8080/fhir"), True),
        (FhirServer("http://127.0.0.5/fhir"), True),
        (FhirServer("http://[::1]/fhir"), True),
        (FhirServer("http://localhost.evil.example/fhir"), False),
        (FhirServer("http://10.0.0.1/fhir"), False),
        (FhirServer("http://hapi:8080/fhir", permits_plain_http=True), True),
        (FhirServer("nonsense"), False),
    ],
)
def test_only_https_loopback_or_plain_http_named_on_purpose(server: FhirServer, *, secure: bool) -> None:
    assert is_secure(server) is secure


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://fhir.example.org/r4?_getpages=x", "https://fhir.example.org/r4?_getpages=x"),
        ("https://FHIR.example.org:443/r4/Observation?page=2", "https://FHIR.example.org:443/r4/Observation?page=2"),
        ("?_getpages=x", "https://fhir.example.org/r4/?_getpages=x"),
        ("Observation?page=2", "https://fhir.example.org/r4/Observation?page=2"),
        ("http://fhir.example.org/r4?_getpages=x", None),
        ("https://evil.example/r4?_getpages=x", None),
        ("//evil.example/r4", None),
        ("https://fhir.example.org/other?_getpages=x", None),
        ("https://fhir.example.org/r4/../other", None),
        ("../other", None),
        ("/other", None),
        ("https://user:pw@fhir.example.org/r4", None),
        ("https://fhir.example.org:8443/r4", None),
        ("https://fhir.example.org/r4#fragment", None),
        ("javascript:alert(1)", None),
        ("https://[bad/r4", None),
        ("", None),
    ],
)
def test_next_link_stays_on_the_server(link: str, target: str | None) -> None:
    assert next_on_server(SERVER, link) == target


@pytest.mark.parametrize(
    ("reference", "local"),
    [
        ("Patient/1", "Patient/1"),
        ("Specimen/a.b-c_d", "Specimen/a.b-c_d"),
        ("Medication/7/_history/2", "Medication/7"),
        ("https://fhir.example.org/r4/Medication/7", "Medication/7"),
        ("https://fhir.example.org/r4/Medication/7/_history/2", "Medication/7"),
        ("https://evil.example/r4/Medication/7", None),
        ("https://fhir.example.org/r4/Medication/7?x=1", None),
        ("https://fhir.example.org/r4", None),
        ("#contained", None),
        ("urn:uuid:0b1f", None),
        ("Patient/..", None),
        ("Patient/a/b", None),
        ("Patient/a,b", None),
        ("patient/1", None),
        ("Patient/", None),
        ("https://[bad/Patient/1", None),
    ],
)
def test_local_reference(reference: str, local: str | None) -> None:
    assert local_reference(SERVER, reference) == local


@pytest.mark.parametrize("text", ["1", "abc-DEF.9", "e63wRTbPfr1p8UW81d8Seiw3", "a_b~c"])
def test_ids(text: str) -> None:
    assert is_fhir_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a,b", "a b", "a|b", "a?b", "a%2f", "é", "x" * 129, "1\n"])
def test_texts_that_are_no_ids(text: str) -> None:
    assert not is_fhir_id(text)


def test_token_is_never_shown() -> None:
    assert "secret-token" not in repr(SERVER)
    assert "secret-token" not in str(SERVER)
