"""`cds-service report`: the figures of a site's own use, from its database, as tables or as JSON.

Knows typer and rich.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from rich.table import Table
from rich.text import Text

from cds_service.records import StoreUnavailableError
from cds_service.report import comparison, tables
from cds_service.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from cds_service.report import MonthDone, Report
    from cds_service.settings import Settings


class NothingKeptError(Exception):
    """There is no database, or none that can be read; the message says which and what to do."""


def read_report(settings: Settings, days: int, now: datetime) -> Report:
    """The figures of the last `days` days, as far as they are kept. Raises `NothingKeptError`."""
    if settings.database_url in {"", "sqlite://"}:
        msg = "CDS_DATABASE_URL names no database that outlives the service: there is nothing to report"
        raise NothingKeptError(msg)
    file = _file_of(settings.database_url)
    if file is not None and not file.exists():  # opening it would make it
        msg = f"{file} is not there: no service has kept anything in it yet, or it ran in another folder"
        raise NothingKeptError(msg)
    try:
        return asyncio.run(_read(settings, days, now))
    except StoreUnavailableError as error:
        msg = f"the database cannot be read ({error})"
        raise NothingKeptError(msg) from None


def _file_of(url: str) -> Path | None:
    """The file of a SQLite address."""
    return Path(urlsplit(url).path[1:]) if url.startswith("sqlite:") else None


async def _read(settings: Settings, days: int, now: datetime) -> Report:
    from cds_service.store.database import Database  # noqa: PLC0415 - no other command waits for its libraries

    database = Database(settings.database_url)
    try:
        since = now - timedelta(days=min(days, settings.audit_days))
        return await database.report(since, now, settings.audit_days)
    finally:
        await database.close()


def read_evaluation(folder: Path) -> tuple[MonthDone, ...]:
    """What was done in each month, by an evaluation of the charts. Raises `NothingKeptError`."""
    from cds_service.population.buckets import RunError  # noqa: PLC0415 - no other report waits for its libraries
    from cds_service.population.tables import months_done  # noqa: PLC0415

    try:
        return months_done(folder)
    except RunError as error:
        raise NothingKeptError(str(error)) from None


def as_json(report: Report, done: Sequence[MonthDone] | None = None) -> str:
    """The figures as one JSON object; instants in UTC. `done`: beside them what was done."""
    told = asdict(report) | ({} if done is None else {"done": [asdict(each) for each in done]})
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def print_report(console: Console, report: Report, done: Sequence[MonthDone] | None = None) -> None:
    """Every table, or what is said in place of an empty one. `done`: with the comparison with what was done."""
    console.print(Text(report.span))
    for told in (*tables(report), *(() if done is None else (comparison(report, done),))):
        if not told.rows:
            console.print(Text(f"\n{told.title}: {told.empty}"))
            continue
        table = Table(*told.columns, title=told.title, title_justify="left")
        for row in told.rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console.print(table)
