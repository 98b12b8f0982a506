"""Writing an entry of the SMART app to the chart: once, confirmed, and with whatever the server says told plainly.

Knows what the FHIR client answers. Must not know requests. Whoever writes says so in the session first, so that no
other process writes the same; should one die meanwhile, a second attempt is harmless: the entry's key is its
identifier, and the server is asked not to store it twice.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.fhir.fetched import FaultKind

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.fetched import Created, FetchFault
    from cds_service.web.smart_entry import Entered
    from cds_service.web.smart_sessions import Session, SmartSessions

_IN_DOUBT = frozenset({FaultKind.TIMEOUT, FaultKind.UNREACHABLE, FaultKind.TOO_LARGE, FaultKind.NOT_JSON})
"""Faults that leave open whether the server stored it: the request may have arrived."""


async def write_entry(
    sessions: SmartSessions, session: Session, key: str, client: FhirClient, deadline_seconds: float, now: datetime
) -> None:
    """Send the entry with this key to the chart, unless another request does, and leave in the session what to tell."""
    writer = secrets.token_hex(8)
    until = now + timedelta(seconds=2 * deadline_seconds)
    claimed = await sessions.change(session, lambda newest: _claimed(newest, key, writer, until, now))
    entered = None if claimed is None else claimed.entry(key)
    if entered is None or entered.writer != writer:
        return
    deadline = asyncio.get_running_loop().time() + deadline_seconds
    created = await client.create(session.server, entered.resource, deadline)
    await sessions.change(session, lambda newest: _finished(newest, entered, created))


def _claimed(session: Session, key: str, writer: str, until: datetime, now: datetime) -> Session:
    """The session with the entry in the hands of this writer, or with the words why it is not."""
    entered = session.entry(key)
    if entered is None:
        return session.telling("That entry is no longer here; nothing was written.")
    if entered.is_written:
        return session.telling("That entry is in the chart already; nothing was written.")
    if entered.writing_until is not None and now < entered.writing_until:
        return session.telling("That entry is being written to the chart already. Load this page again.")
    return session.having(replace(entered, writer=writer, writing_until=until))


def _finished(session: Session, entered: Entered, created: Created) -> Session:
    """The session after the answer. What was removed meanwhile and was written is in the chart all the same."""
    settled = replace(entered, writer="", writing_until=None)
    if created.fault is None:
        written = replace(settled, is_written=True, charted_as=created.reference)
        words = f"Written to the chart{f' as {created.reference}' if created.reference else ''}."
        return session.having(written).telling(words)
    kept = session if session.entry(entered.key) is None else session.having(settled)
    return kept.telling(_failure(created.fault))


def _failure(fault: FetchFault) -> str:
    if fault.kind in _IN_DOUBT:
        return (
            f"It is not known whether the entry was stored: {fault.words}. The chart was read again; if the entry is "
            "not in it, it can be written again without being doubled."
        )
    return f"Not written to the chart: {fault.words}. The entry is still here."
