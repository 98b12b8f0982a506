"""The SMART app over real sockets: its own connection pool, its own address, and an EHR at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.web.smart_ehr import action, form_token
from tests.web.smart_sites import ehr_and_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.smart_ehr import Ehr


@pytest.fixture
def ehr() -> Iterator[tuple[Ehr, str]]:
    """An EHR and the address of an app that its patients' charts open."""
    with ehr_and_app() as both:
        yield both


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
