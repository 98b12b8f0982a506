"""SQLite: what every database has to do, and what a file can do to one."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from typing import TYPE_CHECKING

import pytest

from cds_service.records import StoreUnavailableError
from cds_service.store.database import Database
from cds_service.store.kept import KeptCall
from cds_service.store.tables import CALLS
from tests.store.database_cases import CASES
from tests.store.stores import NOW, call, migrated, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


@pytest.mark.parametrize("case", CASES)
async def test_a_sqlite_file(case: Callable[[str], Awaitable[None]], tmp_path: Path) -> None:
    await case(f"sqlite:///{tmp_path / 'kept 100%.db'}")


async def test_a_database_in_memory_is_one_database() -> None:
    async with migrated("sqlite://") as database:
        assert await database.first_use("issuer", "jti", NOW)
        assert not await database.first_use("issuer", "jti", NOW)


async def refusal(url: str) -> str:
    """What a database says that cannot be used."""
    with pytest.raises(StoreUnavailableError) as told:
        async with migrated(url):
            pytest.fail("it can be used")
    return str(told.value)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert await refusal(f"sqlite:///{tmp_path}/none/x.db") == "OperationalError: unable to open database file"


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    assert await refusal(f"sqlite:///{tmp_path}/x.db") == "DatabaseError"


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/x", "postgresql://u:secret@127.0.0.1:1/x"])
async def test_a_server_that_is_not_there(url: str) -> None:
    said = await refusal(url)
    assert "refused" in said
    assert "secret" not in said


def test_an_address_that_cannot_be_read() -> None:
    with pytest.raises(StoreUnavailableError):
        Database("sqlite:no")


async def test_a_file_that_another_process_keeps_locked(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    url = f"sqlite:///{file}"
    async with migrated(url) as database:
        with sqlite3.connect(file) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailableError, match="database is locked"):
                await database.keep_calls([KeptCall("a" * 32, NOW, call())])
            with pytest.raises(StoreUnavailableError):  # a call waits for this: it gives up sooner
                await database.first_use("issuer", "jti", NOW)
            other.rollback()
        other.close()
        assert await database.first_use("issuer", "jti", NOW)


async def test_several_that_begin_with_a_new_file_at_once(tmp_path: Path) -> None:
    for number in range(12):  # a collision is rare: one in seventy or so is refused where nobody asks again
        databases = [Database(f"sqlite:///{tmp_path}/{number}.db") for _ in range(6)]
        await asyncio.gather(*(each.migrate() for each in databases))
        for each in databases:
            await each.close()


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    async with migrated(f"sqlite:///{tmp_path}/x.db") as database:
        many = [KeptCall(f"{number:032}", NOW, call(cards=())) for number in range(2000)]
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StoreUnavailableError, match="disk"):
                await database.keep_calls(many)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await database.keep_calls(many) == 0
    assert len(rows(f"sqlite:///{tmp_path}/x.db", CALLS)) == 2000


async def test_tables_that_were_dropped_are_made_again(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with migrated(f"sqlite:///{file}") as database:
        with sqlite3.connect(file) as other:
            other.execute("DROP TABLE call_marks")
        other.close()
        with pytest.raises(StoreUnavailableError):
            await database.keep_calls([KeptCall("a" * 32, NOW, call())])
    assert rows(f"sqlite:///{file}", CALLS) == []
