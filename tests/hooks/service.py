"""The service in memory, and hook calls to it: what the route tests share."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from cds_service.app import create_app
from cds_service.settings import Settings
from tests import builders
from tests.builders import Amount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cds_service.replay import ReplayRegister

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PATIENT = "p1"
VIEW = "/cds-services/iv-nac-patient-view"
SELECT = "/cds-services/iv-nac-order-select"
SIGN = "/cds-services/iv-nac-order-sign"
HOOK_INSTANCE = "4e7cf7b8-3a7a-4c54-9b3b-0f7d7a3a2c11"

Json = dict[str, Any]


def no_network(request: httpx.Request) -> httpx.Response:
    """A transport for tests in which nothing may be fetched."""
    raise AssertionError(request.url)


@asynccontextmanager
async def service(
    handler: Callable[[httpx.Request], Any] = no_network,
    *,
    clock: Callable[[], datetime] = lambda: NOW,
    shared_replays: ReplayRegister | None = None,
    **settings: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the started service, whose FHIR requests are answered by `handler`."""
    pool = httpx.MockTransport(handler)
    app = create_app(
        Settings(**{"database_url": ""} | settings),
        clock=clock,
        open_pool=lambda: httpx.AsyncClient(transport=pool),
        shared_replays=shared_replays,
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test") as client,
    ):
        yield client


@asynccontextmanager
async def keeping(url: str, condition: str = "up", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service, once its store is in this condition."""
    async with service(database_url=url, **settings) as client:
        async with asyncio.timeout(20):
            while (await client.get("/readyz")).json()["store"] != condition:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        yield client


def view(**changes: Any) -> Json:
    """A patient-view call with a complete prefetch of a patient below the treatment line."""
    body = {
        "hook": "patient-view",
        "hookInstance": HOOK_INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": prefetch(),
    }
    return without_unset(body | changes)


def order(name: str = "iv-nac", hook: str = "order-select", **changes: Any) -> Json:
    """An order call with one named draft, which is selected."""
    draft = builders.draft_order(name, PATIENT)
    context = {
        "userId": "Practitioner/1",
        "patientId": PATIENT,
        "selections": [f"MedicationRequest/{draft['id']}"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": draft}]},
    }
    return view(hook=hook, context=without_unset(context | changes))


def without_unset(members: Json) -> Json:
    """The object without members set to `...`, which stands for "not sent"."""
    return {name: value for name, value in members.items() if value is not ...}


def prefetch(level: float = 40.0, **changes: Any) -> Json:
    """A complete prefetch: one overdose 8 h before the level, normal ALT; 40 mg/L is below the line, 120 above."""
    sampled = NOW - timedelta(hours=1)
    values = {
        "patient": builders.patient(PATIENT, name="Routes", birth_date="1990-05-14"),
        "levels": bundle(level_result(level)),
        "transaminases": bundle(
            builders.observation(
                "alt",
                PATIENT,
                builders.ALT,
                value=Amount(20, "U/L", "U/L"),
                at=sampled,
                upper_limit=Amount(40, "U/L", "U/L"),
            )
        ),
        "exposures": bundle(),
        "problems": bundle(
            builders.condition(
                "overdose", PATIENT, *builders.SELF_POISONING, onset=sampled - timedelta(hours=8), recorded=sampled
            )
        ),
    }
    optional = (
        "coagulation",
        "chemistry",
        "weight",
        "status",
        "medicationStatements",
        "medicationAdministrations",
        "medicationRequests",
        "allergies",
        "encounter",
        "otherLabs",
    )
    return without_unset(dict.fromkeys(optional) | values | changes)


def level_result(level: float, **changes: Any) -> Json:
    """An acetaminophen level drawn one hour ago; `changes` replace members of the resource."""
    made = builders.observation(
        "level", PATIENT, builders.APAP_LEVEL, value=Amount(level, "mg/L", "mg/L"), at=NOW - timedelta(hours=1)
    )
    return without_unset(made | changes)


def bundle(*resources: Json) -> Json:
    """A searchset Bundle."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}


def topics(answer: httpx.Response) -> list[str]:
    """The topic codes of the cards, in order."""
    return [card["source"]["topic"]["code"] for card in answer.json()["cards"]]


def issues(answer: httpx.Response) -> list[Json]:
    """The issues of the OperationOutcome an error answered with; fails when it is not one."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert "Traceback" not in answer.text
    for issue in body["issue"]:
        assert issue["severity"] == "error"
        assert issue["code"]
        assert issue["diagnostics"]
    return list(body["issue"])
