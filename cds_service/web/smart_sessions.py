"""The sessions of the SMART app, in the memory of this process: tokens never reach the browser.

Knows who may use a session (the browser that signed in) and for how long. A browser has one cookie and may have several
sessions, one for each launched patient, each at its own address: two charts in two tabs never become one.
Must not know HTTP. Reads no clock.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.fhir.servers import FhirServer
    from cds_service.web.smart_entry import Entered
    from cds_service.web.smart_oauth import Launch

MOST_ENTERED = 5
"""Entries of one session that are kept."""

_MOST_LAUNCHES = 1000
_MOST_SESSIONS = 1000


@dataclass(slots=True)
class Session:
    """One launched patient in one browser. `user`: who signed in, where the server said so; `told`: shown once."""

    browser: str = field(repr=False)
    server: FhirServer
    patient_id: str = field(repr=False)
    user: str | None
    may_write: bool
    ends_at: datetime
    handle: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    entered: list[Entered] = field(default_factory=list, repr=False)
    told: list[str] = field(default_factory=list)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def entry(self, key: str) -> Entered | None:
        """The entry with this key, if it is still there."""
        return next((each for each in self.entered if each.key == key), None)

    def is_own_form(self, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())


class SmartSessions:
    """Sign-ins under way and sessions, of all browsers; the oldest give way when there are too many."""

    def __init__(self) -> None:
        """Nobody is signed in."""
        self._launches: OrderedDict[str, Launch] = OrderedDict()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, launch: Launch, now: datetime) -> None:
        """Remember a sign-in until it comes back."""
        _keep(self._launches, launch.state, launch, now, _MOST_LAUNCHES)

    def come_back(self, state: str, browser: str, now: datetime) -> Launch | None:
        """The sign-in that this browser began with this state; it can come back once only."""
        launch = self._launches.get(state)
        if launch is None or not _is_same(launch.browser, browser):
            return None
        del self._launches[state]
        return launch if now < launch.ends_at else None

    def open(self, session: Session, now: datetime) -> None:
        """Remember a session until it ends."""
        _keep(self._sessions, session.handle, session, now, _MOST_SESSIONS)

    def find(self, handle: str, browser: str, now: datetime) -> Session | None:
        """The session at this address, when it is this browser's and has not ended."""
        session = self._sessions.get(handle)
        if session is None or not _is_same(session.browser, browser):
            return None
        if now >= session.ends_at:
            self.close(session)
            return None
        return session

    def close(self, session: Session) -> None:
        """Forget a session and its token."""
        self._sessions.pop(session.handle, None)


class _Ending(Protocol):
    @property
    def ends_at(self) -> datetime: ...


_Kept = TypeVar("_Kept", bound=_Ending)


def _keep(shelf: OrderedDict[str, _Kept], key: str, kept: _Kept, now: datetime, most: int) -> None:
    for ended in [name for name, each in shelf.items() if each.ends_at <= now]:
        del shelf[ended]
    while len(shelf) >= most:
        shelf.popitem(last=False)
    shelf[key] = kept


def _is_same(known: str, shown: str) -> bool:
    return bool(shown) and hmac.compare_digest(known.encode(), shown.encode())
