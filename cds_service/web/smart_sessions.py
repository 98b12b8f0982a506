"""The sessions of the SMART app, kept sealed on a shelf: tokens never reach the browser, nor a database in the clear.

Knows who may use a session (the browser that signed in) and for how long. A browser has one cookie and may have several
sessions, one for each launched patient, each at its own address: two charts in two tabs never become one.
Must not know HTTP or where the shelf stands. Reads no clock.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.fernet import InvalidToken

from cds_service.fhir.servers import FhirServer
from cds_service.records import StoreUnavailableError
from cds_service.web.sealed import fernet_of
from cds_service.web.smart_entry import Entered, entered_from
from cds_service.web.smart_oauth import Launch, SmartConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.shelf import Shelf

MOST_ENTERED = 5
"""Entries of one session that are kept."""

_LAUNCH, _SESSION = "launch", "session"
_MOST_TRIES = 10
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
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
    entered: tuple[Entered, ...] = field(default=(), repr=False)
    told: tuple[str, ...] = ()

    def entry(self, key: str) -> Entered | None:
        """The entry with this key, if it is still there."""
        return next((each for each in self.entered if each.key == key), None)

    def is_own_form(self, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())

    def telling(self, words: str) -> Session:
        """The session with words to be shown next."""
        return replace(self, told=(*self.told, words)[-_MOST_TOLD:])

    def having(self, entered: Entered) -> Session:
        """The session with this entry, in the place of its earlier state or as the last."""
        if self.entry(entered.key) is None:
            return replace(self, entered=(*self.entered, entered))
        return replace(self, entered=tuple(entered if each.key == entered.key else each for each in self.entered))

    def without(self, key: str) -> Session:
        """The session without this entry, unless it is in the chart."""
        return replace(self, entered=tuple(each for each in self.entered if each.key != key or each.is_written))


class SmartSessions:
    """Sign-ins under way and sessions, of all browsers. `StoreUnavailableError` from each means: not now.

    They are found by whoever has the same shelf and the same secret, in this process or another.
    """

    def __init__(self, shelf: Shelf, secret: str) -> None:
        """Nobody is signed in, unless it stands on the shelf."""
        self._shelf = shelf
        self._fernet = fernet_of(secret, "smart session")

    async def begin(self, launch: Launch, now: datetime) -> None:
        """Remember a sign-in until it comes back."""
        await self._shelf.lay(_LAUNCH, _digest(_LAUNCH, launch.state), self._sealed(launch), launch.ends_at, now)

    async def come_back(self, state: str, browser: str, now: datetime) -> Launch | None:
        """The sign-in that this browser began with this state; it can come back once only."""
        found = await self._found(_LAUNCH, state)
        launch = None if found is None else _launch(found[0])
        if launch is None or launch.state != state or not _is_same(launch.browser, browser):
            return None
        is_first = await self._shelf.take(_digest(_LAUNCH, state))
        return launch if is_first and now < launch.ends_at else None

    async def open(self, session: Session, now: datetime) -> None:
        """Remember a session until it ends."""
        digest = _digest(_SESSION, session.handle)
        await self._shelf.lay(_SESSION, digest, self._sealed(session), session.ends_at, now)

    async def find(self, handle: str, browser: str, now: datetime) -> Session | None:
        """The session at this address, when it is this browser's and has not ended."""
        kept = await self._newest(handle)
        if kept is None or not _is_same(kept[0].browser, browser):
            return None
        if now >= kept[0].ends_at:
            await self.close(kept[0])
            return None
        return kept[0]

    async def change(self, session: Session, edit: Callable[[Session], Session]) -> Session | None:
        """The session after an edit of its newest state, whoever else edits it meanwhile; None once it is closed."""
        for _ in range(_MOST_TRIES):
            kept = await self._newest(session.handle)
            if kept is None:
                return None
            newest, edition = kept
            changed = edit(newest)
            if await self._shelf.change(_digest(_SESSION, session.handle), self._sealed(changed), edition):
                return changed
        msg = "the session is changed too often at once"
        raise StoreUnavailableError(msg)

    async def close(self, session: Session) -> None:
        """Forget a session and its token."""
        await self._shelf.take(_digest(_SESSION, session.handle))

    async def _newest(self, handle: str) -> tuple[Session, int] | None:
        """The session with this handle, and which edition of it this is."""
        found = await self._found(_SESSION, handle)
        session = None if found is None else _session(found[0])
        return None if found is None or session is None or session.handle != handle else (session, found[1])

    def _sealed(self, kept: Launch | Session) -> bytes:
        return self._fernet.encrypt(orjson.dumps(kept))

    async def _found(self, kind: str, name: str) -> tuple[dict[str, Any], int] | None:
        """What stands on the shelf by this name; None also for what another secret sealed."""
        note = await self._shelf.look(_digest(kind, name))
        if note is None:
            return None
        try:
            return orjson.loads(self._fernet.decrypt(note.sealed)), note.edition
        except InvalidToken:
            return None


def _digest(kind: str, name: str) -> str:
    """What the shelf knows a note by: from it nobody learns the name."""
    return sha256(f"{kind}\0{name}".encode(errors="surrogatepass")).hexdigest()


def _launch(members: dict[str, Any]) -> Launch:
    configuration = SmartConfiguration(**members["configuration"])
    return Launch(**members | {"configuration": configuration, "ends_at": datetime.fromisoformat(members["ends_at"])})


def _session(members: dict[str, Any]) -> Session:
    rebuilt = {
        "server": FhirServer(**members["server"]),
        "ends_at": datetime.fromisoformat(members["ends_at"]),
        "entered": tuple(entered_from(each) for each in members["entered"]),
        "told": tuple(members["told"]),
    }
    return Session(**members | rebuilt)


def _is_same(known: str, shown: str) -> bool:
    return bool(shown) and hmac.compare_digest(known.encode(), shown.encode())
