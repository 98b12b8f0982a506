"""What is open as long as the application runs: HTTP pools, store, canaries, traces.

Knows the order of opening and closing. No start and no card waits for what is not needed to answer.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cds_service.fhir.addresses import address_policy
from cds_service.fhir.circuit import Circuits
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.outbound import open_http
from cds_service.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    import httpx
    from fastapi import FastAPI

    from cds_service.hooks.jwks import PublishedKeys
    from cds_service.hooks.metrics import Metrics
    from cds_service.records import CallRecord
    from cds_service.settings import Settings
    from cds_service.store.store import Database
    from cds_service.watch.oversight import Oversight

_SECONDS_TO_LISTEN = 0.1
"""What is done in the background begins this long after the start, so that the first answers do not wait for it."""
_SECONDS_FOR_THE_STORE = 1.0
"""Where tokens are used once, a start waits this long for the register that processes share."""


@dataclass(frozen=True, slots=True)
class Premises:
    """What an application stands on. `open_pool`: another way to open the FHIR pool, without a network."""

    settings: Settings
    clock: Callable[[], datetime]
    metrics: Metrics
    keys: PublishedKeys
    store: Store | None
    oversight: Oversight
    open_pool: Callable[[], httpx.AsyncClient] | None = None

    def keep(self, call: CallRecord) -> None:
        """Pass a call on to be kept, and show how the store is."""
        if self.store is not None:
            self.store.keep_call(call)
            self.show_store()

    def show_store(self) -> None:
        """Bring the metrics of the store up to date."""
        if self.store is not None:
            self.metrics.show_store(is_up=self.store.is_up, queued=self.store.queued)


def store_of(settings: Settings, metrics: Metrics, clock: Callable[[], datetime]) -> Store | None:
    """The store at the configured address, not yet open; None where nothing is to be kept."""
    if not settings.database_url:
        return None

    def open_database() -> Database:
        from cds_service.store.database import Database as SqlDatabase  # noqa: PLC0415 - loads while calls are answered

        if gc.get_freeze_count():  # the heap is settled, and these libraries live for ever too
            gc.freeze()
        return SqlDatabase(settings.database_url)

    keep_for = timedelta(days=settings.audit_days)
    return Store(open_database, clock=clock, keep_for=keep_for, on_lost=metrics.count_lost)


def lifespan_of(premises: Premises) -> Callable[[FastAPI], Any]:
    """Open everything for as long as the app runs; no request is served without the FHIR pool."""
    settings = premises.settings
    limits = FetchLimits(request_seconds=min(settings.fhir_timeout_seconds, settings.deadline_seconds))
    policy = address_policy(settings.fhir_bases, settings.private_networks)
    opened = premises.open_pool or (lambda: open_http(limits.request_seconds, policy))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as pool, _stored(premises), _overseen(premises):
            app.state.http = pool
            app.state.fhir_client = FhirClient(pool, limits, Circuits(tell=premises.metrics.count_circuit))
            yield
        await premises.keys.aclose()

    return lifespan


@asynccontextmanager
async def _stored(premises: Premises) -> AsyncIterator[None]:
    """The store at work in the background."""
    if premises.store is None:
        yield
        return
    if premises.settings.trusted_clients:
        await premises.store.open(_SECONDS_FOR_THE_STORE)
    else:
        await premises.store.open(after_seconds=_SECONDS_TO_LISTEN)
    try:
        yield
    finally:
        await premises.store.close()


@asynccontextmanager
async def _overseen(premises: Premises) -> AsyncIterator[None]:
    """Ask the canaries meanwhile, and send the last traces at the end."""
    oversight = premises.oversight
    asking = None
    if oversight.canaries is not None:
        asking = oversight.canaries.start(premises.metrics, premises.clock, after_seconds=_SECONDS_TO_LISTEN)
    try:
        yield
    finally:
        if asking is not None:
            asking.cancel()
        if oversight.tracer is not None:
            await asyncio.to_thread(oversight.tracer.close)
