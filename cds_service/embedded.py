"""The whole application in this process, with its own FHIR server and without a network: for canaries and tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from cds_service.app import FHIR_PATH, create_app
from cds_service.watch.oversight import Oversight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from cds_service.sandbox.store import ResourceStore
    from cds_service.settings import Settings

BASE = "http://127.0.0.1"
FHIR_BASE = f"{BASE}{FHIR_PATH}"


@asynccontextmanager
async def in_process(
    settings: Settings, store: ResourceStore, clock: Callable[[], datetime], *, is_internal: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the started application whose default FHIR server is the embedded one over `store`.

    Only this process can call it, so it asks for no token, and what is asked of it is kept nowhere.
    """
    chosen = settings.model_copy(update={"default_fhir_server": FHIR_BASE, "database_url": "", "trusted_clients": None})
    app = create_app(
        chosen,
        clock=clock,
        sandbox=store,
        open_pool=lambda: httpx.AsyncClient(transport=transport),
        oversight=Oversight(is_internal=is_internal),
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client,
    ):
        yield client
