"""Processes that are measured: how they are started and stopped, and what Linux says they used.

Knows /proc. Must not know what is served. Everything listens on 127.0.0.1 and ends with the `with` block.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from cds_service.demo import listening_socket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_PER_MIB = 1024
_STOP_SECONDS = 15


class StartError(RuntimeError):
    """A process that did not come to answer; the message has the end of what it said."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that answers at `base`; `first_answer_s` seconds went by from its start to its first 200."""

    base: str
    pid: int
    first_answer_s: float

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, of user and system, in steps of one clock tick."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND  # utime and stime, counted behind the name

    def resident_mib(self) -> float:
        """Memory in RAM."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / _KIB_PER_MIB


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with listening_socket(0) as bound:
        port: int = bound.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    ready_path: str,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    start_within_s: float = 120,
) -> Iterator[Running]:
    """Start a server process and wait for a 200 of `ready_path`. Raises `StartError`."""
    base = f"http://127.0.0.1:{port}"
    with log.open("wb") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=said, stderr=said, cwd=log.parent, env={**os.environ, **(environment or {})}
        )
        try:
            _await_answer(process, base + ready_path, started + start_within_s, log)
            yield Running(base, process.pid, time.perf_counter() - started)
        finally:
            _stop(process)


def _await_answer(process: subprocess.Popen[bytes], address: str, give_up_at: float, log: Path) -> None:
    with httpx.Client(timeout=5, trust_env=False) as client:
        while not _answers(client, address):
            if process.poll() is not None or time.perf_counter() > give_up_at:
                msg = f"no answer from {address}: {log.read_text(errors='replace')[-800:]}"
                raise StartError(msg)
            time.sleep(0.01)


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).is_success
    except httpx.TransportError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
