"""Which routes ask for a token, tokens used twice, and which FHIR servers a trusted client may name."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.records import StoreUnavailableError
from tests import builders
from tests.hooks.service import (
    PATIENT,
    SELECT,
    VIEW,
    Json,
    bundle,
    service,
    topics,
    view,
)
from tests.hooks.tokens import (
    AT,
    BASE,
    ISSUER,
    JTI,
    STRANGER,
    assert_refused,
    assert_told,
    bearing,
    entry,
    gated,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

P = pytest.param
DISCOVERY = "/cds-services"
FHIR = "https://fhir.test/r4"
OTHER_FHIR = "https://other.test/r4"

ROUTES = [("GET", DISCOVERY), ("HEAD", DISCOVERY), ("POST", VIEW), ("POST", SELECT), ("POST", "/cds-services/made-up")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_of_cds_hooks_asks_for_a_token_of_its_own(tmp_path: Path, method: str, path: str) -> None:
    async with gated(tmp_path) as client:
        without = await client.request(method, path, headers={"Origin": "https://ehr.test"})
        meant = bearing(signed(aud=f"{BASE}{path}"))
        with_one = await client.request(method, path, headers=meant)
        elsewhere = await client.request(method, path, headers=bearing(signed(aud=f"{BASE}/x", jti="2")))
    assert (without.status_code, elsewhere.status_code) == (401, 401)
    assert with_one.status_code != 401
    assert without.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"])
async def test_operations_need_no_token(tmp_path: Path, path: str) -> None:
    async with gated(tmp_path) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", [DISCOVERY, VIEW])
async def test_a_browser_may_ask_first_without_a_token(tmp_path: Path, path: str) -> None:
    headers = {"Origin": "https://ehr.test", "Access-Control-Request-Method": "POST"}
    async with gated(tmp_path) as client:
        answer = await client.options(path, headers=headers | {"Access-Control-Request-Headers": "authorization"})
    assert answer.status_code == 200
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()


async def test_a_strangers_body_is_never_read(tmp_path: Path) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(json.dumps(view()).encode())
        yield read[-1]

    async with gated(tmp_path) as client:
        assert_refused(await client.post(VIEW, content=body()))
        assert read == []
        assert (await client.post(VIEW, content=body(), headers=bearing(signed()))).status_code == 200
    assert len(read) == 1


async def test_without_a_file_of_clients_everybody_may_call() -> None:
    async with service() as client:
        answer = await client.post(VIEW, json=view(), headers=bearing("nonsense"))
    assert topics(answer) == ["not-indicated"]


async def test_the_audit_line_names_the_client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with gated(tmp_path) as client:
            await client.post(VIEW, json=view(), headers=bearing(signed()))
            await client.post(VIEW, json=view(prefetch=...), headers=bearing(signed(jti="2")))
            await client.post(VIEW, json=view())
            metrics = (await client.get("/metrics")).text
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "cds_service.audit"]
    assert [(line["status"], line.get("client")) for line in lines] == [
        (200, "st-elsewhere"),
        (412, "st-elsewhere"),
        (401, None),
    ]
    assert 'cds_faults_total{kind="unauthenticated"} 1.0' in metrics


# --- replay ---------------------------------------------------------------------------------------


async def test_a_token_is_used_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with gated(tmp_path) as client:
        answers = [await client.post(VIEW, json=view(), headers=bearing(signed())) for _ in range(2)]
    assert answers[0].status_code == 200
    assert_refused(answers[1])
    assert_told(caplog, "refused a call by st-elsewhere: the token was used before", JTI)


async def test_a_refused_token_does_not_use_up_its_id(tmp_path: Path) -> None:
    async with gated(tmp_path) as client:
        forged = await client.post(VIEW, json=view(), headers=bearing(signed(STRANGER)))
        real = await client.post(VIEW, json=view(), headers=bearing(signed()))
    assert (forged.status_code, real.status_code) == (401, 200)


class SharedRegister:
    """A register of a database, which may be down."""

    def __init__(self, answer: Callable[[], bool]) -> None:
        self.asked: list[tuple[str, str, datetime]] = []
        self._answer = answer

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:
        self.asked.append((issuer, jti, expires_at))
        return self._answer()


def _down() -> bool:
    raise StoreUnavailableError("down")  # noqa: EM101 - a fake


async def test_a_token_used_at_another_process_is_refused(tmp_path: Path) -> None:
    elsewhere = SharedRegister(lambda: False)
    async with gated(tmp_path, shared_replays=elsewhere) as client:
        assert_refused(await client.post(VIEW, json=view(), headers=bearing(signed())))
    ((issuer, jti, expires_at),) = elsewhere.asked
    assert (issuer, jti) == (ISSUER, JTI)
    assert expires_at.timestamp() == AT + 120 + 60


async def test_a_database_that_is_down_blocks_no_card_and_still_tells_replays_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with gated(tmp_path, shared_replays=SharedRegister(_down)) as client:
        answers = [await client.post(VIEW, json=view(), headers=bearing(signed())) for _ in range(2)]
        metrics = (await client.get("/metrics")).text
    assert topics(answers[0]) == ["not-indicated"]
    assert_refused(answers[1])
    assert 'cds_faults_total{kind="replay-register"} 1.0' in metrics
    assert "the shared register of used tokens does not answer" in caplog.text


# --- FHIR servers of a client ---------------------------------------------------------------------


def fhir(asked: list[str]) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        patient = builders.patient(PATIENT, name="Auth", birth_date="1990-05-14")
        return httpx.Response(200, json=patient if "/Patient/" in request.url.path else bundle())

    return handle


SERVERS = [
    P(..., {"fhirServer": OTHER_FHIR}, {"other.test"}, id="no list of its own: every server of the site"),
    P(..., {}, {"fhir.test"}, id="no list of its own: the default server"),
    P([OTHER_FHIR], {"fhirServer": OTHER_FHIR}, {"other.test"}, id="listed"),
    P([OTHER_FHIR], {"fhirServer": FHIR}, set(), id="of the site, but of another client"),
    P([OTHER_FHIR], {}, set(), id="the default server is another client's"),
    P([], {"fhirServer": FHIR}, set(), id="an empty list is prefetch only"),
    P([OTHER_FHIR], {"fhirServer": "https://evil.test/r4"}, set(), id="of nobody"),
]


@pytest.mark.parametrize(("listed", "members", "hosts"), SERVERS)
async def test_a_client_names_only_its_own_fhir_servers(
    tmp_path: Path, listed: Any, members: Json, hosts: set[str]
) -> None:
    asked: list[str] = []
    site: Json = {"allowed_fhir_servers": (FHIR, OTHER_FHIR), "default_fhir_server": FHIR}
    body = view(prefetch=..., **members)
    async with gated(tmp_path, entry(fhir_servers=listed), handler=fhir(asked), **site) as client:
        answer = await client.post(VIEW, json=body, headers=bearing(signed()))
    assert set(asked) == hosts
    assert answer.status_code == (200 if hosts else 412)
