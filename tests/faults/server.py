"""A real server of the application on a free port of the loopback interface, and raw conversations with it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from cds_service.app import create_app
from tests.hooks.service import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.settings import Settings

HOST = "127.0.0.1"
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens."""

    port: int

    def connect(self) -> socket.socket:
        """A fresh connection that gives up waiting after `PATIENCE_S`."""
        return socket.create_connection((HOST, self.port), timeout=PATIENCE_S)

    def exchange(self, *sent: bytes) -> bytes:
        """Everything the server says to these bytes until it closes; raises TimeoutError when it never does."""
        with self.connect() as connection:
            with contextlib.suppress(ConnectionError):  # it may hang up in the middle of what is too much
                for piece in sent:
                    connection.sendall(piece)
            return _heard(connection)


def _heard(connection: socket.socket) -> bytes:
    """What arrives until the other side closes; a request asks for that with "Connection: close"."""
    heard = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            heard += piece
    return heard


def statuses(heard: bytes) -> list[int]:
    """The status of each answer, in order; a body ends where the next answer begins."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", heard)]


@contextmanager
def running(settings: Settings) -> Iterator[Server]:
    """The application behind uvicorn as `cds-service serve` runs it, for as long as the block lasts."""
    app = create_app(settings, clock=lambda: NOW)
    with socket.create_server((HOST, 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, server_header=False, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield Server(bound.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
    assert not thread.is_alive()
