"""The case: facts, profile and instant, with everything the rules share worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from cds_service.clinical.facts import DataGap, GapKind, LabResult, PatientFacts
from cds_service.clinical.ingestion import Ingestion, Pattern, ingestion_of
from cds_service.clinical.levels import Level, Place, is_detectable, is_shortly_before, levels_of
from cds_service.clinical.liver import Liver, liver_of, newest, of_episode
from cds_service.clinical.nac_course import NacCourse, nac_course_of
from cds_service.clinical.quantity import Analyte, Bounded, Elapsed, Span, hours
from cds_service.clinical.weight import body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cds_service.clinical.profiles import Profile

_T = TypeVar("_T")

# A gap of these kinds about the level means: there is, or may be, a level that could not be read.
_UNREAD_LEVEL = frozenset(
    {
        GapKind.UNKNOWN_UNIT,
        GapKind.UNMAPPED_CODE,
        GapKind.UNREADABLE,
        GapKind.NEEDS_CONFIRMATION,
        GapKind.NOT_FETCHED,
        GapKind.TRUNCATED,
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One patient at one instant, ready to be judged by every rule."""

    facts: PatientFacts
    profile: Profile
    now: datetime
    ingestion: Ingestion
    levels: tuple[Level, ...]
    liver: Liver
    nac: NacCourse
    _newest: dict[Analyte, LabResult | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `newest` found, since several rules ask for the same."""
    _known: dict[Callable[[Case], object], object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `once` was told."""

    @property
    def is_untimed(self) -> bool:
        """Whether hours since ingestion cannot be counted although acetaminophen may have been taken."""
        pattern = self.ingestion.pattern
        return pattern is not Pattern.REPEATED and not self.ingestion.is_timed

    @property
    def time_is_contradicted(self) -> bool:
        """A detectable level drawn before the recorded first dose: the recorded time is not reliable."""
        before = [lv for lv in self.levels if lv.place is Place.BEFORE_INGESTION and is_shortly_before(lv)]
        return is_detectable(before, self.profile.detectable_mg_l) is True

    @property
    def unread_levels(self) -> tuple[DataGap, ...]:
        """Gaps that may hide a level."""
        return tuple([g for g in self.facts.gaps if g.about == Analyte.ACETAMINOPHEN and g.kind in _UNREAD_LEVEL])

    @property
    def current_levels(self) -> tuple[Level, ...]:
        """The levels that can speak of this exposure (not those drawn before it)."""
        return tuple([level for level in self.levels if level.place is not Place.BEFORE_INGESTION])

    @property
    def fresh_levels(self) -> tuple[Level, ...]:
        """Without a known time: the levels near enough to the exposure for a negative to count."""
        since = self.ingestion.negative_from(self.now)
        return tuple([lv for lv in self.levels if lv.sampled is not None and lv.sampled.earliest >= since])

    @property
    def has_detectable_level(self) -> bool | None:
        """Whether acetaminophen was detected in the episode; None when unreadable or never measured."""
        if not self.levels:
            return None
        return is_detectable(self.levels, self.profile.detectable_mg_l)

    @property
    def has_acetaminophen_evidence(self) -> bool:
        """Any evidence of acetaminophen: context, therapeutic use, history, or a detectable level."""
        return self.ingestion.has_any_acetaminophen or self.has_detectable_level is True

    @property
    def since_first_dose(self) -> Elapsed | None:
        """Hours from the first dose until now; None when not known."""
        return None if self.ingestion.first is None else Elapsed.between(self.ingestion.first, Span.at(self.now))

    @property
    def age_years(self) -> float | None:
        """Age in years."""
        return self.facts.patient.age_years(self.now)

    def newest(self, analyte: Analyte) -> LabResult | None:
        """The newest usable result of this analyte in the episode; one without a time counts as the oldest.

        A sample charted in the future has no usable time.
        """
        if analyte not in self._newest:
            since = self.profile.episode_start(self.now)
            self._newest[analyte] = newest(of_episode(self.facts.of(analyte), since, self.now))
        return self._newest[analyte]

    def newest_value(self, analyte: Analyte) -> Bounded | None:
        """The newest value of this analyte in the episode, in its canonical unit; None when missing or unusable."""
        result = self.newest(analyte)
        return None if result is None else result.reported

    def once(self, work_out: Callable[[Case], _T]) -> _T:
        """What a function makes of this case, worked out when first asked for."""
        if work_out not in self._known:
            self._known[work_out] = work_out(self)
        return cast("_T", self._known[work_out])

    def hours_after_first_dose(self, instant: datetime) -> float | None:
        """Longest time from the first dose to `instant`, in h."""
        first = self.ingestion.first
        return None if first is None else hours(instant - first.earliest)


def case_from(facts: PatientFacts, profile: Profile, now: datetime) -> Case:
    """Work out ingestion, levels, liver and NAC course from the facts at `now` (aware)."""
    ingestion = ingestion_of(facts, profile, now, body_of(facts, now))
    return Case(
        facts=facts,
        profile=profile,
        now=now,
        ingestion=ingestion,
        levels=levels_of(facts, ingestion, profile, now),
        liver=liver_of(facts, ingestion, profile, now),
        nac=nac_course_of(facts, ingestion, profile, now),
    )
