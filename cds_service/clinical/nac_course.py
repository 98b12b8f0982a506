"""Whether intravenous acetylcysteine is running or ordered. Administration outranks request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import NacSource, NacTherapy, PatientFacts, Problem, Route
from cds_service.clinical.levels import usable_sample_time
from cds_service.clinical.quantity import Analyte, hours
from cds_service.clinical.thresholds import COURSE_LONG_OVER, ORDER_STANDS

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
    `lapsed`: records of a course or an order that does not stand for treatment now, where nothing else does.
    """

    state: NacState
    records: tuple[NacTherapy, ...] = ()
    unclear: tuple[NacTherapy, ...] = ()
    administrations: tuple[NacTherapy, ...] = ()
    lapsed: tuple[NacTherapy, ...] = ()

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
    """The course of IV acetylcysteine that stands for treatment of the current exposure.

    Not one given before a newer overdose, or long over before a newer detectable level; nor an order that has run
    out, or was never carried out. An untimed entry does not show a newer overdose: the old one may be coded late.
    """
    episode = profile.episode_start(now)
    since = max(episode, _exposed_at(ingestion) or episode)
    charted = [n for n in facts.nac if _is_current(n, episode if n.status in _RUNNING else since)]
    unclear = tuple(n for n in charted if n.route is Route.UNKNOWN)
    intravenous = [n for n in charted if n.route is Route.INTRAVENOUS and not _is_for_another_use(n)]
    current = [n for n in intravenous if not _has_lapsed(n, now)]
    administered = tuple(sorted((n for n in current if n.source is NacSource.ADMINISTRATION), key=_began))
    state, records = _standing(current, now)
    if state is NacState.GIVEN and _is_followed_by_a_level(records, facts, profile, now):
        return NacCourse(NacState.NONE, (), unclear, lapsed=administered or records)
    lapsed = tuple(n for n in intravenous if _has_lapsed(n, now)) if state is NacState.NONE else ()
    return NacCourse(state, records, unclear, administered, lapsed)


def _exposed_at(ingestion: Ingestion) -> datetime | None:
    """From when acetylcysteine counts for the exposure: an overdose that ends a history is one of its own."""
    taken = ingestion.last if ingestion.ends_in_overdose else ingestion.first
    return None if taken is None else taken.earliest


def _standing(current: list[NacTherapy], now: datetime) -> tuple[NacState, tuple[NacTherapy, ...]]:
    """The foremost state that a record shows, with the records that show it."""
    for state, source, statuses in _STATES:
        records = tuple(n for n in current if n.source is source and _status(n, now) in statuses)
        if records:
            return state, records
    return NacState.NONE, ()


def _status(therapy: NacTherapy, now: datetime) -> str:
    """The charted status; an infusion whose planned end is long past was not closed, and has ended."""
    is_open = therapy.source is NacSource.ADMINISTRATION and therapy.status in {"in-progress", "on-hold"}
    if is_open and therapy.infused is not None and COURSE_LONG_OVER.reached_by_number(
        hours(now - therapy.infused.latest)
    ):  # fmt: skip
        return "completed"
    return therapy.status


def _has_lapsed(therapy: NacTherapy, now: datetime) -> bool:
    """An order that is over by its own period; without one, an open order of more than a day ago."""
    if therapy.source is not NacSource.REQUEST or therapy.status == "completed":
        return False
    if therapy.valid_until is not None:
        return therapy.valid_until < now
    return therapy.given is not None and ORDER_STANDS.reached_by_number(hours(now - therapy.given.latest))


def _is_followed_by_a_level(
    records: tuple[NacTherapy, ...], facts: PatientFacts, profile: Profile, now: datetime
) -> bool:
    """Whether the course is long over, and acetaminophen was detected in a sample drawn after it."""
    ends = [n.given.latest for n in records if n.given is not None]
    if len(ends) < len(records) or not COURSE_LONG_OVER.reached_by_number(hours(now - max(ends))):
        return False
    return any(
        sampled.earliest > max(ends) + timedelta(hours=COURSE_LONG_OVER.value)
        and result.reported is not None
        and result.reported.at_least(profile.detectable_mg_l) is True
        for result in facts.of(Analyte.ACETAMINOPHEN)
        if (sampled := usable_sample_time(result.sampled, now)) is not None
    )


def _is_current(therapy: NacTherapy, since: datetime) -> bool:
    """Since then; a record without a date counts while it is open: a finished one may belong to another overdose."""
    return therapy.status in _OPEN if therapy.given is None else therapy.given.latest >= since


def _is_for_another_use(therapy: NacTherapy) -> bool:
    """Whether every stated reason is chronic airway disease or contrast: it must not silence a treatment."""
    return bool(therapy.reasons) and therapy.reasons <= _FOR_ANOTHER_USE


def _began(therapy: NacTherapy) -> tuple[datetime, str]:
    return (_LONG_AGO if therapy.given is None else therapy.given.earliest, therapy.reference)
