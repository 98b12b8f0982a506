"""Inserting what may be there already, in the words of each database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import String, bindparam, func, select, true
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Dialect, Table
    from sqlalchemy.ext.asyncio import AsyncConnection


def insert_into(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do on conflict."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def insert_missing(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that give every column; those that are there already stay as they are."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        await connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        await connection.execute(_from_json(table), {"rows": _as_json(table, rows, connection.dialect)})


# SQLite works in a thread, which lets go of the interpreter and waits for its next turn at every row that it is given.
# A batch given as one text takes one turn, and the calls being answered meanwhile give theirs up once.


@cache
def _from_json(table: Table) -> sqlite.Insert:
    """An INSERT of the rows in a JSON text `rows`: a list for each, in the order of the columns."""
    row = func.json_each(bindparam("rows", type_=String)).table_valued("value").c.value
    values = [func.json_extract(row, f"$[{place}]") for place in range(len(table.columns))]
    chosen = select(*values).where(true())  # without a WHERE the conflict clause is read as that of a join
    return sqlite.insert(table).from_select(list(table.columns.keys()), chosen).on_conflict_do_nothing()


def _as_json(table: Table, rows: Sequence[dict[str, Any]], dialect: Dialect) -> str:
    """The rows as such a text, each value as the column's type gives it to the driver."""
    given = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns]
    return orjson.dumps(
        [[row[name] if process is None else process(row[name]) for name, process in given] for row in rows]
    ).decode()
