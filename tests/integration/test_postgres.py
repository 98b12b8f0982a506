"""A real PostgreSQL: what every database has to do, shared by many at once, and gone in the middle."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from cds_service.store.tables import CALLS, FEEDBACK
from tests.hooks.service import VIEW, issues, keeping, view
from tests.integration.postgres import PostgresServer, made_in
from tests.store.database_cases import CASES
from tests.store.stores import NOW, migrated, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import httpx

pytestmark = pytest.mark.postgres

FEEDBACK_ROUTE = f"{VIEW}/feedback"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="cds-postgres-"))  # short, for the name of its socket
    made = made_in(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The address of a database with nothing in it."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server.url


@pytest.mark.parametrize("case", CASES)
async def test_postgresql(case: Callable[[str], Awaitable[None]], url: str) -> None:
    await case(url)


async def test_of_fifty_who_use_a_token_at_once_one_is_the_first(url: str) -> None:
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(migrated(url)) for _ in range(2)]
        expires_at = NOW + timedelta(minutes=5)
        asked = [replicas[number % 2].first_use("issuer", "jti", expires_at) for number in range(50)]
        answers = await asyncio.gather(*asked)
    assert sorted(answers) == [False] * 49 + [True]


async def test_a_server_that_stops_costs_no_card_and_nothing_that_was_acknowledged(
    url: str, server: PostgresServer
) -> None:
    async with keeping(url) as client:
        assert await told(client, "first") == 200
        assert (await client.post(VIEW, json=view())).status_code == 200
        server.stop()
        try:
            assert (await client.post(VIEW, json=view())).status_code == 200
            refused = await client.post(FEEDBACK_ROUTE, json=statement("second"))
            assert refused.status_code == 503
            assert issues(refused)[0]["code"] == "transient"
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["status"], ready.json()["store"]) == (
                200,
                "degraded",
                "unavailable",
            )
        finally:
            server.start()
        await condition(client, "up")
        assert await told(client, "second") == 200
    assert {row["card_id"] for row in rows(url, FEEDBACK)} == {"first", "second"}
    assert len(rows(url, CALLS)) == 2


async def test_connections_from_before_a_restart_are_replaced(url: str, server: PostgresServer) -> None:
    async with keeping(url) as client:
        assert await told(client, "first") == 200
        server.stop()
        server.start()
        async with asyncio.timeout(60):
            while await told(client, "second") != 200:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.1)
    assert {row["card_id"] for row in rows(url, FEEDBACK)} == {"first", "second"}


async def test_the_dashboard_reads_it_too(url: str) -> None:
    async with keeping(url) as client:
        assert (await client.get("/dashboard")).status_code == 200


async def told(client: httpx.AsyncClient, card: str) -> int:
    return (await client.post(FEEDBACK_ROUTE, json=statement(card))).status_code


def statement(card: str) -> dict[str, str]:
    return {"card": card, "outcome": "accepted"}


async def condition(client: httpx.AsyncClient, wanted: str) -> None:
    async with asyncio.timeout(60):
        while (await client.get("/readyz")).json()["store"] != wanted:  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.05)
