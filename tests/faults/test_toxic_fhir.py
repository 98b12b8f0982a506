"""Toxic FHIR servers over real sockets: whatever they do, the answer is a named gap or a 412, never comfort.

Three patients meet each behaviour. One must be treated on what is in the prefetch alone. One has nothing but a name
in the prefetch. One is below the line, and only AST and ALT, which the server has, could make that "not indicated".
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.faults.toxic import TOXINS, ToxicServer, says, searchset, silent
from tests.hooks.service import NOW, PATIENT, VIEW, issues, prefetch, topics, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "token-toxic-1"  # noqa: S105 -- not a real token
DEADLINE_SECONDS = 1.0
# Far above the deadline: this is no measurement, only proof that nothing waits for a server for ever.
GENEROUS_SECONDS = 10.0
_OPTIONAL = dict.fromkeys(
    [key for key in prefetch() if key not in {"patient", "levels", "transaminases", "exposures", "problems"}], ...
)
TREATED: dict[str, Any] = prefetch(120.0, **_OPTIONAL | {"transaminases": ...})
UNKNOWN: dict[str, Any] = {"patient": prefetch()["patient"]}
BELOW: dict[str, Any] = prefetch(40.0, transaminases=...)


@asynccontextmanager
async def facing(server: ToxicServer, host: str = "127.0.0.1", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service, in this process, allowed to ask the toxic server over real sockets."""
    async with server.running() as port:
        server.base = f"http://{host}:{port}/fhir"
        chosen = Settings(
            allowed_fhir_servers=(server.base,),
            fhir_timeout_seconds=DEADLINE_SECONDS / 2,
            deadline_seconds=DEADLINE_SECONDS,
            database_url="",  # its libraries would load during the first call
            **settings,
        )
        app = create_app(chosen, clock=lambda: NOW)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test") as client,
        ):
            yield client


async def ask(client: httpx.AsyncClient, server: ToxicServer, at_hand: dict[str, Any]) -> httpx.Response:
    """The answer to one call, with a token for the server."""
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    started = asyncio.get_running_loop().time()
    body = view(fhirServer=server.base, fhirAuthorization=authorization, prefetch=at_hand)
    answer = await client.post(VIEW, json=body)
    assert asyncio.get_running_loop().time() - started < GENEROUS_SECONDS
    return answer


def gaps(answer: httpx.Response) -> list[dict[str, Any]]:
    """The data gaps of the first card."""
    found: list[dict[str, Any]] = answer.json()["cards"][0]["extension"]["org.nac-cds.assessment"]["data_gaps"]
    return found


def assert_names_what_is_missing(answer: httpx.Response) -> None:
    """Either 412, or cards that name the gap; no silence, no all-clear, and nothing that is nobody's business."""
    if answer.status_code == 200:
        assert topics(answer)
        assert "not-indicated" not in topics(answer)
        assert gaps(answer)
    else:
        assert answer.status_code == 412
        assert issues(answer)


@pytest.mark.parametrize("name", TOXINS)
async def test_a_toxic_server_never_makes_silence_or_comfort(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="cds_service")
    bystander = ToxicServer(says(searchset()))
    async with bystander.running() as other_port:
        server = ToxicServer(TOXINS[name], elsewhere=f"http://127.0.0.1:{other_port}")
        async with facing(server) as client:
            answers = await asyncio.gather(*(ask(client, server, each) for each in (TREATED, UNKNOWN, BELOW)))
    assert server.requests
    assert bystander.requests == []
    treated = answers[0]
    assert (treated.status_code, topics(treated)) == (200, ["indicated"])
    for answer in answers:
        assert_names_what_is_missing(answer)
    told = caplog.text + "".join(answer.text for answer in answers)
    for private in (TOKEN, server.base, "somebody-else", "diagnostics of the server"):
        assert private not in told
    for private in (f"Patient/{PATIENT}", f"patient={PATIENT}"):
        assert private not in caplog.text


async def test_an_honest_server_is_believed() -> None:
    """What shows that the tests above can fail: the same calls to a server that says plainly that it has nothing."""
    server = ToxicServer(says(searchset(total=0)))
    async with facing(server) as client:
        treated, unknown, below = [await ask(client, server, each) for each in (TREATED, UNKNOWN, BELOW)]
    assert topics(treated) == ["indicated"]
    assert unknown.json() == {"cards": []}
    assert topics(below) == ["data-needed"]


@pytest.mark.parametrize(("networks", "status", "connections"), [((), 412, 0), (("127.0.0.0/8",), 200, 1)])
async def test_a_name_that_leads_inside_is_asked_only_when_its_network_is_configured(
    networks: tuple[str, ...], status: int, connections: int
) -> None:
    """The system reads the name 127.1 as 127.0.0.1; the operator named 127.1."""
    server = ToxicServer(says(searchset(total=0)))
    async with facing(server, host="127.1", private_networks=networks) as client:
        answer = await ask(client, server, BELOW)
    assert (answer.status_code, len(server.requests)) == (status, connections)
    assert networks or "has a loopback address" in issues(answer)[0]["diagnostics"]


async def test_a_dead_server_costs_two_calls_their_wait_and_no_more() -> None:
    server = ToxicServer(silent)
    async with facing(server) as client:
        for _ in range(2):
            assert (await ask(client, server, UNKNOWN)).status_code == 412
        asked = len(server.requests)
        for _ in range(20):
            refused, treated = await ask(client, server, UNKNOWN), await ask(client, server, TREATED)
            assert refused.status_code == 412
            assert topics(treated) == ["indicated"]
        counted = (await client.get("/metrics")).text
    assert len(server.requests) == asked
    assert "did not answer lately" in issues(refused)[0]["diagnostics"]
    assert any("did not answer lately" in gap["text"] for gap in gaps(treated))
    assert 'cds_fhir_circuit_changes_total{state="open"} 1.0' in counted
