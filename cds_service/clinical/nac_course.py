"""Whether intravenous acetylcysteine is running or ordered. Administration outranks request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import NacSource, NacTherapy, PatientFacts, Problem, Route

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
    """The state with the records that show it; `unclear` are records whose route is not stated.

    `administrations`: every intravenous administration of the course, oldest first, stopped ones included.
    """

    state: NacState
    records: tuple[NacTherapy, ...] = ()
    unclear: tuple[NacTherapy, ...] = ()
    administrations: tuple[NacTherapy, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether a "start" card would be wrong."""
        return self.state is not NacState.NONE


_LONG_AGO = datetime.min.replace(tzinfo=UTC)

# An order or statement that is over, or an infusion that was stopped, does not stand in for treatment.
_RUNNING = frozenset({"in-progress"})
_OPEN = _RUNNING | {"on-hold", "active"}
_FOR_ANOTHER_USE = frozenset(
    {
        Problem.COPD,
        Problem.COPD_EXACERBATION,
        Problem.CHRONIC_BRONCHITIS,
        Problem.MUCOLYTIC_USE,
        Problem.CYSTIC_FIBROSIS,
        Problem.CONTRAST_PROPHYLAXIS,
    }
)
"""Reasons that are not toxicity: acetylcysteine given only for these is no antidote course."""
_STATES: tuple[tuple[NacState, NacSource, frozenset[str]], ...] = (
    (NacState.RUNNING, NacSource.ADMINISTRATION, frozenset({"in-progress", "on-hold"})),
    (NacState.GIVEN, NacSource.ADMINISTRATION, frozenset({"completed", "unknown"})),
    (NacState.ORDERED, NacSource.REQUEST, frozenset({"active", "on-hold", "completed", "unknown"})),
    (NacState.GIVEN, NacSource.STATEMENT, frozenset({"active", "completed"})),
)


def nac_course_of(facts: PatientFacts, ingestion: Ingestion, profile: Profile, now: datetime) -> NacCourse:
    """The course of IV acetylcysteine in the current episode."""
    episode = profile.episode_start(now)
    since = episode if ingestion.first is None else max(episode, ingestion.first.earliest)
    current = [n for n in facts.nac if _is_current(n, episode if n.status in _RUNNING else since)]
    unclear = tuple(n for n in current if n.route is Route.UNKNOWN)
    intravenous = [n for n in current if n.route is Route.INTRAVENOUS and not _is_for_another_use(n)]
    administered = tuple(sorted((n for n in intravenous if n.source is NacSource.ADMINISTRATION), key=_began))
    for state, source, statuses in _STATES:
        records = tuple(n for n in intravenous if n.source is source and n.status in statuses)
        if records:
            return NacCourse(state, records, unclear, administered)
    return NacCourse(NacState.NONE, (), unclear, administered)


def _is_current(therapy: NacTherapy, since: datetime) -> bool:
    """Since then; a record without a date counts while it is open: a finished one may belong to another overdose."""
    return therapy.status in _OPEN if therapy.given is None else therapy.given.latest >= since


def _is_for_another_use(therapy: NacTherapy) -> bool:
    """Whether every stated reason is chronic airway disease or contrast: it must not silence a treatment."""
    return bool(therapy.reasons) and therapy.reasons <= _FOR_ANOTHER_USE


def _began(therapy: NacTherapy) -> tuple[datetime, str]:
    return (_LONG_AGO if therapy.given is None else therapy.given.earliest, therapy.reference)
