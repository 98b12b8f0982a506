"""The SMART app over real sockets: its own connection pool, its own address, and an EHR at another."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.app import create_app
from cds_service.sandbox.server import fhir_app
from cds_service.settings import Settings
from tests.hooks.service import NOW
from tests.integration.conftest import served
from tests.web.smart_authorization import CLIENT_ID
from tests.web.smart_ehr import UNKNOWN_TIME, WRITE, Ehr, action, chart, form_token

if TYPE_CHECKING:
    from collections.abc import Iterator


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def ehr() -> Iterator[tuple[Ehr, str]]:
    """An EHR and the address of an app that its patients' charts open."""
    app_socket, ehr_socket = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    base = address(app_socket)
    one = Ehr(fhir_app(chart(UNKNOWN_TIME)), origin=address(ehr_socket), app_base=base)
    settings: dict[str, Any] = {
        "base_url": base,
        "allowed_fhir_servers": (f"{one.origin}/fhir",),
        "smart_client_id": CLIENT_ID,
        "smart_scopes": WRITE,
        "database_url": "",
    }
    with served(one.asgi, ehr_socket), served(create_app(Settings(**settings), clock=lambda: NOW), app_socket):
        yield one, base


def test_the_whole_way_over_http(ehr: tuple[Ehr, str]) -> None:
    one, base = ehr
    with httpx.Client(timeout=30, trust_env=False, follow_redirects=True) as browser:
        query = {"iss": f"{one.origin}/fhir", "launch": "x"}
        page = browser.get(f"{base}/smart/launch", params=query)
        assert 'data-topic="indicated"' in page.text
        entry = {"action": "enter", "earliest": "2026-01-15T03:00", "product": "immediate", "amount_g": "12"}
        page = browser.post(str(page.url), data={"form_token": form_token(page)} | entry)
        page = browser.post(str(page.url), data={"form_token": form_token(page), "action": action(page, "review")})
        page = browser.post(str(page.url), data={"form_token": form_token(page), "action": action(page, "write")})
        assert "Written to the chart as MedicationStatement/" in page.text
        assert 'data-topic="not-indicated"' in page.text
    assert set(one.fhir_tokens) == set(one.server.tokens)


def test_a_server_that_is_not_there_is_told(ehr: tuple[Ehr, str]) -> None:
    one, base = ehr
    one.configuration = {"token_endpoint": "http://127.0.0.1:9/token"}
    with httpx.Client(timeout=30, trust_env=False, follow_redirects=True) as browser:
        page = browser.get(f"{base}/smart/launch", params={"iss": f"{one.origin}/fhir", "launch": "x"})
    assert page.status_code == 502
    assert "the server could not be reached" in page.text
