"""The SMART app and an EHR on real sockets, each at an address of its own."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cds_service.app import create_app
from cds_service.sandbox.server import fhir_app
from cds_service.settings import Settings
from tests.hooks.service import NOW
from tests.integration.conftest import served
from tests.web.smart_authorization import CLIENT_ID
from tests.web.smart_ehr import UNKNOWN_TIME, WRITE, Ehr, chart

if TYPE_CHECKING:
    from collections.abc import Iterator


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def ehr_and_app() -> Iterator[tuple[Ehr, str]]:
    """An EHR and the address of an app that its patients' charts open."""
    app_socket, ehr_socket = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    base = _address(app_socket)
    one = Ehr(fhir_app(chart(UNKNOWN_TIME)), origin=_address(ehr_socket), app_base=base)
    settings: dict[str, Any] = {
        "base_url": base,
        "allowed_fhir_servers": (f"{one.origin}/fhir",),
        "smart_client_id": CLIENT_ID,
        "smart_scopes": WRITE,
        "database_url": "",
    }
    with served(one.asgi, ehr_socket), served(create_app(Settings(**settings), clock=lambda: NOW), app_socket):
        yield one, base
