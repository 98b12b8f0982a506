"""Who may see operations pages, with and without authenticated callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from cds_service.settings import Settings
from cds_service.web.access import refusal

CLIENTS = Path("clients.toml")
GIVEN = (b"authorization", b"Basic YTpzZWNyZXQ=")  # a:secret

# settings, headers of the request, status of the refusal
ROWS: list[tuple[dict[str, Any], list[tuple[bytes, bytes]], int | None]] = [
    ({}, [], None),
    ({}, [GIVEN], None),
    ({"trusted_clients": CLIENTS}, [], 403),
    ({"trusted_clients": CLIENTS}, [GIVEN], 403),
    ({"trusted_clients": CLIENTS, "operations_password": SecretStr("secret")}, [], 401),
    ({"trusted_clients": CLIENTS, "operations_password": SecretStr("secret")}, [GIVEN], None),
    ({"operations_password": SecretStr("another")}, [GIVEN], 401),
]


@pytest.mark.parametrize(("changes", "headers", "status"), ROWS)
def test_access(changes: dict[str, Any], headers: list[tuple[bytes, bytes]], status: int | None) -> None:
    # Copied, not constructed: the file of clients is not what is looked at here.
    settings = Settings().model_copy(update=changes)
    refused = refusal(Request({"type": "http", "headers": headers}), settings)
    assert (None if refused is None else refused.status_code) == status


def test_a_refusal_says_what_to_set() -> None:
    settings = Settings().model_copy(update={"trusted_clients": CLIENTS})
    refused = refusal(Request({"type": "http", "headers": []}), settings)
    assert refused is not None
    assert b"CDS_OPERATIONS_PASSWORD" in bytes(refused.body)
