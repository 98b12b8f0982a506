"""Load on one address: wrk where it is installed (Debian package wrk), else one httpx client.

Knows HTTP and time. Must not know whose address it is.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE_BYTES = 1_000_000
_SCRIPT = Path(__file__).with_name("post.lua")


class LoadError(RuntimeError):
    """The load could not be made."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came back: answers, those that were no 200 or did not come, and latencies in milliseconds."""

    requests: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


class Loader(Protocol):
    """A way to make load. `name` says which, with its version."""

    name: str

    def __call__(self, address: str, body: Path, seconds: float, connections: int = 1) -> Load:
        """POST the body again and again for so long, over so many kept connections."""
        ...


class Wrk:
    """Load by wrk: one thread, so that it needs little of a small machine."""

    def __init__(self, command: str) -> None:
        """Take the path of the command."""
        self._command = command
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
        self.name = (said.stdout + said.stderr).splitlines()[0].split("Copyright")[0].strip()

    def __call__(self, address: str, body: Path, seconds: float, connections: int = 1) -> Load:
        """POST the body again and again; wrk's own accounting, told by post.lua as JSON."""
        shape = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", "-s", str(_SCRIPT)]
        told = subprocess.run(
            [self._command, *shape, address, "--", str(body)], capture_output=True, text=True, check=False
        )
        if told.returncode != 0:
            raise LoadError(told.stderr)
        counted = json.loads(told.stdout.splitlines()[-1])
        return Load(**counted)


class OneClient:
    """Load by httpx from this process, one call after another whatever `connections` says."""

    name = f"httpx {httpx.__version__}"

    def __call__(self, address: str, body: Path, seconds: float, connections: int = 1) -> Load:  # noqa: ARG002 - one
        """POST the body again and again."""
        content, headers = body.read_bytes(), {"Content-Type": "application/json"}
        spent_ms: list[float] = []
        failures = 0
        began = time.perf_counter()
        with httpx.Client(timeout=60, trust_env=False) as client:
            while time.perf_counter() - began < seconds:
                asked = time.perf_counter()
                answer = client.post(address, content=content, headers=headers)
                spent_ms.append((time.perf_counter() - asked) * 1000)
                failures += answer.status_code != httpx.codes.OK
        took = time.perf_counter() - began
        return Load(len(spent_ms), failures, took, statistics.median(spent_ms), p99(spent_ms), max(spent_ms))


def p99(values: Sequence[float]) -> float:
    """The value that 99 % of these do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def loader_for(body: Path, usual: Loader) -> Loader:
    """Large bodies come one by one and each to its end: a turn of wrk may be over before the first is answered."""
    return OneClient() if body.stat().st_size > _LARGE_BYTES else usual


def loader() -> Loader:
    """The command wrk if it is installed, else one client of our own."""
    command = shutil.which("wrk")
    return OneClient() if command is None else Wrk(command)
