"""Whether intravenous acetylcysteine is running or ordered. Administration outranks request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import NacSource, NacTherapy, PatientFacts, Route

if TYPE_CHECKING:
    from cds_service.clinical.ingestion import Ingestion
    from cds_service.clinical.profiles import Profile


class NacState(StrEnum):
    """How far treatment has got, as charted."""

    NONE = "no intravenous acetylcysteine is charted"
    ORDERED = "intravenous acetylcysteine is ordered"
    GIVEN = "intravenous acetylcysteine has been given"
    RUNNING = "intravenous acetylcysteine is running"


@dataclass(frozen=True, slots=True)
class NacCourse:
    """The state with the records that show it; `unclear` are records whose route is not stated."""

    state: NacState
    records: tuple[NacTherapy, ...] = ()
    unclear: tuple[NacTherapy, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether a "start" card would be wrong."""
        return self.state is not NacState.NONE


# An order or statement that is over, or an infusion that was stopped, does not stand in for treatment.
_STATES: tuple[tuple[NacState, NacSource, frozenset[str]], ...] = (
    (NacState.RUNNING, NacSource.ADMINISTRATION, frozenset({"in-progress", "on-hold"})),
    (NacState.GIVEN, NacSource.ADMINISTRATION, frozenset({"completed", "unknown"})),
    (NacState.ORDERED, NacSource.REQUEST, frozenset({"active", "on-hold", "completed", "unknown"})),
    (NacState.GIVEN, NacSource.STATEMENT, frozenset({"active", "completed"})),
)


def nac_course_of(facts: PatientFacts, ingestion: Ingestion, profile: Profile, now: datetime) -> NacCourse:
    """The course of IV acetylcysteine in the current episode."""
    since = now - timedelta(days=profile.episode_days)
    if ingestion.first is not None:
        since = max(since, ingestion.first.earliest)
    current = [n for n in facts.nac if _is_current(n, since)]
    unclear = tuple(n for n in current if n.route is Route.UNKNOWN)
    intravenous = [n for n in current if n.route is Route.INTRAVENOUS]
    for state, source, statuses in _STATES:
        records = tuple(n for n in intravenous if n.source is source and n.status in statuses)
        if records:
            return NacCourse(state, records, unclear)
    return NacCourse(NacState.NONE, (), unclear)


def _is_current(therapy: NacTherapy, since: datetime) -> bool:
    """Within the episode; a running infusion without an end goes on, a record without a date counts."""
    return therapy.given is None or therapy.given.latest >= since
