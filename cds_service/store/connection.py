"""Reaching the database: addresses, pools, and which errors mean that it cannot be used now.

Knows drivers. Must not know tables.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alembic.util import CommandError
from sqlalchemy import event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from cds_service.records import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SECONDS_TO_CONNECT = 3
SECONDS_BUSY = 2.0
"""How long SQLite waits for another process to finish writing."""
_CONNECTIONS = 4
_MOST_WORDS = 160


def open_engine(url: str) -> AsyncEngine:
    """An engine for the address, which connects when it is first used.

    Raises `StoreUnavailableError` for an address that cannot be read.
    """
    with failures_told():
        address = make_url(url)
        address = address.set(drivername=_DRIVERS[address.get_backend_name()])
        if address.get_backend_name() == "postgresql":
            return _postgresql(address)
        return _sqlite(address)


def _postgresql(address: URL) -> AsyncEngine:
    return create_async_engine(
        address,
        pool_size=_CONNECTIONS,
        pool_timeout=_SECONDS_TO_CONNECT,
        # A connection from before the server was restarted is noticed and replaced.
        pool_pre_ping=True,
        connect_args={"connect_timeout": _SECONDS_TO_CONNECT, "application_name": "cds-service"},
    )


def _sqlite(address: URL) -> AsyncEngine:
    is_in_memory = address.database in {None, "", ":memory:"}
    engine = create_async_engine(
        address,
        # A database in memory lives in its one connection, which tasks have to take turns with.
        pool_size=1 if is_in_memory else _CONNECTIONS,
        max_overflow=0,
        pool_timeout=_SECONDS_TO_CONNECT,
        connect_args={"timeout": SECONDS_BUSY},
        poolclass=AsyncAdaptedQueuePool,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Rows go with the row they belong to."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


class RowRefusedError(StoreUnavailableError):
    """The database works, and refuses a row for what it holds."""


@contextmanager
def failures_told() -> Iterator[None]:
    """Turns every failure of the database into a `StoreUnavailableError` without a value of any row."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise RowRefusedError(_words(error)) from None
    except (SQLAlchemyError, CommandError, sqlite3.Error, OSError, TimeoutError) as error:
        raise StoreUnavailableError(_words(error)) from None


def _words(error: Exception) -> str:
    """The kind of the error; its message too where that tells how connecting or writing failed."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    kind = type(cause).__name__
    if kind != "OperationalError" or isinstance(error, PoolTimeoutError):
        return kind
    first_line = str(cause).strip().partition("\n")[0]
    return f"{kind}: {first_line[:_MOST_WORDS]}"
