"""A PostgreSQL server of the tests' own: made from nothing, on a free loopback port, stopped and started at will."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_SECONDS_TO_START = "60"


@dataclass(frozen=True)
class PostgresServer:
    """A server in a folder; `url` is its address, with a database that is empty at first."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -F"
        _run("pg_ctl", "start", "-w", "-t", _SECONDS_TO_START, "-D", f"{self.folder}/data", "-o", options,
             "-l", f"{self.folder}/log")  # fmt: skip

    def stop(self) -> None:
        """Stop at once, as when the machine goes down; nothing when it does not run."""
        _run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", f"{self.folder}/data", check=False)


def made_in(folder: Path) -> PostgresServer:
    """A new server in an empty folder, not started yet."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    _run("initdb", "-D", f"{folder}/data", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        return PostgresServer(folder, free.getsockname()[1])


def _run(program: str, *arguments: str, check: bool = True) -> None:
    """Run one of the server's programs; PostgreSQL refuses to run as root, so root runs it as postgres."""
    command = [str(_bin() / program), *arguments]
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, cwd="/")
    assert done.returncode == 0 or not check, done.stderr


def _bin() -> Path:
    """Where the programs are: Debian keeps them out of the path, by version."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: -int(each.parent.name))
    on_path = shutil.which("pg_ctl")
    places = [*newest_first, *([Path(on_path).parent] if on_path else [])]
    found = next((place for place in places if (place / "initdb").exists()), None)
    if found is None:
        pytest.fail("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    return found
