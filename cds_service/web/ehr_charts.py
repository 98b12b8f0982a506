"""The charts the mini EHR opens: fixture patients, each at any instant of its case.

Knows the fixtures and how a case is replayed. The instant is a context variable, so that one embedded FHIR server can
show every caller its own moment.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.fhir.replay import known_from, standing_at
from cds_service.sandbox.store import ResourceStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cds_service.fhir.reading import JsonObject
    from cds_service.sandbox.fixtures import FixtureCase

_WATCHED_BEFORE = timedelta(hours=36)
_WATCHED_AFTER = timedelta(hours=24)
STEP_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Reach:
    """How far "now" can be moved, in minutes from the case's own instant."""

    first: int
    last: int


class ReplayStore(ResourceStore):
    """The sandbox's resources as they stood at the present of the context."""

    def __init__(self, resources: Iterable[JsonObject], present: Callable[[], datetime]) -> None:
        """Hold every resource; show what was known at `present()`."""
        super().__init__(resources)
        self._present = present

    def get(self, resource_type: str, logical_id: str) -> JsonObject | None:
        """The resource, if it was known by then."""
        found = super().get(resource_type, logical_id)
        return None if found is None else next(iter(self._at_present((found,))), None)

    def all(self, resource_type: str) -> tuple[JsonObject, ...]:
        """Every resource of a type known by then."""
        return tuple(self._at_present(super().all(resource_type)))

    def _at_present(self, resources: Iterable[JsonObject]) -> list[JsonObject]:
        return standing_at(((resource, known_from(resource)) for resource in resources), self._present())


class FixtureCharts:
    """The fixture cases and the instant at which they are looked at."""

    def __init__(self, cases: Iterable[FixtureCase], clock: Callable[[], datetime]) -> None:
        """`clock` is the present of a caller that has not chosen one."""
        self.cases = {case.slug: case for case in cases}
        self._clock = clock
        self._present: ContextVar[datetime | None] = ContextVar("present", default=None)
        resources = (resource for case in self.cases.values() for resource in case.resources())
        self.store = ReplayStore(resources, self.present)

    def present(self) -> datetime:
        """The instant of this context."""
        chosen = self._present.get()
        return self._clock() if chosen is None else chosen

    @contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        """Everything inside happens at `instant`."""
        token = self._present.set(instant)
        try:
            yield
        finally:
            self._present.reset(token)

    def reach(self, case: FixtureCase) -> Reach:
        """From the first thing known of the case (at most 36 h before its instant) to 24 h after it."""
        earliest = case.anchor - _WATCHED_BEFORE
        known = [since for resource in case.resources() if (since := known_from(resource)) is not None]
        begins = max(min([each for each in known if each >= earliest], default=earliest), earliest)
        before = (case.anchor - begins) // timedelta(minutes=STEP_MINUTES) + 1
        return Reach(-int(before) * STEP_MINUTES, _WATCHED_AFTER // timedelta(minutes=1))
