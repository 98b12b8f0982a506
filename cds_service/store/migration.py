"""Bringing the tables up to date: by one process at a time, whichever comes first, the others wait and find it done.

Knows Alembic and how each database keeps the others out.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cds_service.store.connection import SECONDS_BUSY

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_STEPS = Path(__file__).parent / "migrations"
NEWEST = "head"

_TIMES_ASKED = 40

_LOCKS = {
    # Taken at once, so that no other process reads the old tables in order to change them.
    "sqlite": ("BEGIN IMMEDIATE",),
    # The number is this project's own; the lock ends with the transaction.
    "postgresql": ("SET LOCAL lock_timeout = '10s'", "SELECT pg_advisory_xact_lock(6016770)"),
}


async def migrate(engine: AsyncEngine, revision: str = NEWEST) -> None:
    """Bring the tables to a revision, the newest unless told otherwise, in one transaction."""
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await _let_read_while_written(connection)
        for statement in _LOCKS[engine.dialect.name]:
            await connection.execute(text(statement))
        await connection.run_sync(_upgrade, revision)
        await connection.commit()


async def _let_read_while_written(connection: AsyncConnection) -> None:
    """Readers and a writer side by side, from now on, in this file.

    SQLite does not wait for another process that does the same to a new file, but refuses at once: so ask again.
    """
    for left in range(_TIMES_ASKED - 1, -1, -1):
        try:
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError:
            if not left:
                raise
            await asyncio.sleep(SECONDS_BUSY / _TIMES_ASKED)
        else:
            return


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
