"""Writing an entry of the SMART app to the chart: once, confirmed, and with whatever the server says told plainly.

Knows what the FHIR client answers. Must not know requests. A second attempt is harmless: the entry's key is its
identifier, and the server is asked not to store it twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from cds_service.fhir.fetched import FaultKind

if TYPE_CHECKING:
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.fetched import FetchFault
    from cds_service.web.smart_entry import Entered
    from cds_service.web.smart_sessions import Session

_IN_DOUBT = frozenset({FaultKind.TIMEOUT, FaultKind.UNREACHABLE, FaultKind.TOO_LARGE, FaultKind.NOT_JSON})
"""Faults that leave open whether the server stored it: the request may have arrived."""


async def write_entry(session: Session, key: str, client: FhirClient, deadline_seconds: float) -> str:
    """What to tell after the entry with this key was sent to the chart; a second call at the same time waits."""
    async with session.writing:
        entered = session.entry(key)
        if entered is None:
            return "That entry is no longer here; nothing was written."
        if entered.is_written:
            return "That entry is in the chart already; nothing was written."
        return await _written(session, entered, client, deadline_seconds)


async def _written(session: Session, entered: Entered, client: FhirClient, deadline_seconds: float) -> str:
    deadline = asyncio.get_running_loop().time() + deadline_seconds
    created = await client.create(session.server, entered.resource, deadline)
    if created.fault is not None:
        return _failure(created.fault)
    written = replace(entered, is_written=True, charted_as=created.reference)
    if entered in session.entered:
        session.entered[session.entered.index(entered)] = written
    else:
        session.entered.append(written)  # removed while it was being written: it is in the chart all the same
    return f"Written to the chart{f' as {created.reference}' if created.reference else ''}."


def _failure(fault: FetchFault) -> str:
    if fault.kind in _IN_DOUBT:
        return (
            f"It is not known whether the entry was stored: {fault.words}. The chart was read again; if the entry is "
            "not in it, it can be written again without being doubled."
        )
    return f"Not written to the chart: {fault.words}. The entry is still here."
