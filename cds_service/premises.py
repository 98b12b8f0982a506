"""What an installation stands on besides FHIR servers: database, disk, trusted clients, the secret replicas share.

Knows how to look at each and to say in words what was seen and what to do; changes nothing.
"""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.settings import Settings

_SQLITE = "sqlite:///"
_CONNECT_SECONDS = 5
_FEWEST_FREE_MIB = 200
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at, whether it is well, and in words what was seen; `next_step`: what to do when unwell."""

    name: str
    is_well: bool
    words: str
    next_step: str = ""


def check_premises(settings: Settings, free_bytes: Callable[[Path], int] | None = None) -> list[Check]:
    """Database, disk, clients and what is shared. `free_bytes`: another way to learn how much a disk has left."""
    return [
        check_database(settings.database_url),
        check_disk(settings.database_url, free_bytes or (lambda path: shutil.disk_usage(path).free)),
        check_trusted_clients(settings.trusted_clients),
        check_sharing(settings),
    ]


def check_database(url: str) -> Check:
    """Whether feedback and audit can be kept: SQLite has a folder to write in, PostgreSQL answers."""
    if not url:
        return Check("database", is_well=True, words="none configured: feedback and audit are not kept")
    if url.startswith("postgresql://"):
        return _postgresql(url)
    folder = _sqlite_folder(url)
    if folder is None:
        return Check("database", is_well=True, words="SQLite in memory: gone when the service stops")
    if folder.is_dir() and _can_write(folder):
        return Check("database", is_well=True, words=f"SQLite in {folder}")
    step = f"make {folder} a folder that the service's user may write in, or set CDS_DATABASE_URL"
    return Check("database", is_well=False, words=f"{folder} cannot be written to", next_step=step)


def _postgresql(url: str) -> Check:
    """The words never repeat the address, which may carry a password."""
    try:
        host = conninfo_to_dict(url).get("host", "the local socket")
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        words = f"PostgreSQL did not answer ({type(error).__name__})"
        step = (
            "check host, port, user and password in CDS_DATABASE_URL; cards are given meanwhile, feedback is not taken"
        )
        return Check("database", is_well=False, words=words, next_step=step)
    return Check("database", is_well=True, words=f"PostgreSQL at {host} answers")


def _sqlite_folder(url: str) -> Path | None:
    """The folder of the database's file; None for one in memory."""
    named = url.removeprefix(_SQLITE)
    return Path(named).resolve().parent if url.startswith(_SQLITE) and named not in {"", ":memory:"} else None


def _can_write(folder: Path) -> bool:
    probe = folder / ".cds-service-doctor"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def check_disk(url: str, free_bytes: Callable[[Path], int]) -> Check:
    """Room for the database, or else for temporary files."""
    folder = _sqlite_folder(url) or Path(gettempdir())
    try:
        free_mib = free_bytes(folder) // _MIB
    except OSError as error:
        step = "see the line about the database"
        return Check("disk", is_well=False, words=f"{folder} cannot be read ({type(error).__name__})", next_step=step)
    step = "free space, shorten CDS_AUDIT_DAYS, or move the database"
    return Check("disk", free_mib >= _FEWEST_FREE_MIB, f"{free_mib} MiB free in {folder}", step)


def check_sharing(settings: Settings) -> Check:
    """Whether a nomogram link, and a session of the SMART app, of one process is known to the others."""
    name, has_app = "links and sessions", bool(settings.smart_client_id)
    what = "nomogram links and SMART sessions" if has_app else "nomogram links"
    if settings.link_secret is None:
        step = "set CDS_LINK_SECRET to the same text of at least 32 characters for every replica"
        words = f"{what} are known only where they were made, until that process ends; `serve --workers N` shares them"
        return Check(name, not settings.database_url.startswith("postgresql://"), words, step)
    if has_app and not settings.database_url:
        words = "nomogram links are shared by CDS_LINK_SECRET; SMART sessions stay in one process without a database"
        return Check(name, is_well=True, words=words)
    by = "CDS_LINK_SECRET and database" if has_app else "CDS_LINK_SECRET"
    return Check(name, is_well=True, words=f"{what} are shared by all with this {by}")


def check_trusted_clients(path: Path | None) -> Check:
    """Whether callers are authenticated, and the file that names them can be read."""
    if path is None:
        words = "none: callers are not authenticated; run the service behind something that does"
        return Check("trusted clients", is_well=True, words=words)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        step = "make CDS_TRUSTED_CLIENTS the path of a readable TOML file"
        words = f"the file cannot be read ({type(error).__name__})"
        return Check("trusted clients", is_well=False, words=words, next_step=step)
    return Check(
        "trusted clients", is_well=True, words=f"{path} can be read ({len(entries.get('client', ()))} clients)"
    )
