"""The state of the liver: transaminases, INR, encephalopathy and acute liver failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Diagnosis, GapKind, LabResult, PatientFacts, Problem
from cds_service.clinical.findings import all_of, any_of
from cds_service.clinical.levels import with_usable_time
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.thresholds import (
    ALF_COURSE_WEEKS,
    HEPATOTOXICITY,
    NOMOGRAM_END,
    UPPER_LIMIT_MAX,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cds_service.clinical.ingestion import Ingestion
    from cds_service.clinical.profiles import Profile

# Gaps of these kinds that concern no single result stand for results that were not read.
_HIDING = frozenset({GapKind.UNREADABLE, GapKind.TRUNCATED, GapKind.NOT_FETCHED})

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class EnzymeState(StrEnum):
    """AST and ALT taken together."""

    ELEVATED = "above the laboratory's upper limit"
    NORMAL = "normal"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Liver:
    """What is known of the liver. Results are those of the episode, newest last."""

    enzymes: EnzymeState
    elevated: tuple[LabResult, ...]
    enzyme_results: tuple[LabResult, ...]
    is_hepatotoxic: bool | None
    late_elevated: bool
    """AST or ALT elevated in a sample that may lie more than 24 h after the first dose."""
    late_enzymes: EnzymeState
    """AST and ALT in samples drawn more than 24 h after the first dose."""
    inr: LabResult | None
    inr_raised: bool | None
    encephalopathy: tuple[Diagnosis, ...]
    mental_status_charted: bool
    alf_diagnoses: tuple[Diagnosis, ...]
    has_cirrhosis: bool
    is_failing: bool | None
    """Acute liver failure: charted, or INR at the limit with encephalopathy and no known cirrhosis."""


def liver_of(facts: PatientFacts, ingestion: Ingestion, profile: Profile, now: datetime) -> Liver:
    """The state of the liver at `now`."""
    since = profile.episode_start(now)
    negative_from = ingestion.negative_from(now)
    is_incomplete = _hides_results(facts)
    results = sorted(of_episode(facts.of(Analyte.ALT, Analyte.AST), since, now), key=_newness)
    relevant = _since_first_dose(results, ingestion)
    elevated = _elevated(relevant, profile)
    inr = newest(of_episode(facts.of(Analyte.INR), since, now))
    inr_raised = _inr_raised(inr, profile, negative_from)
    failing = _current(facts.having(Problem.ACUTE_LIVER_FAILURE), now)
    confused = _current(facts.having(Problem.ENCEPHALOPATHY), now)
    cirrhosis = bool(facts.having(Problem.CIRRHOSIS))
    return Liver(
        enzymes=EnzymeState.ELEVATED
        if elevated
        else _unless_elevated(relevant, profile, negative_from, is_incomplete=is_incomplete),
        elevated=tuple(elevated),
        enzyme_results=tuple(results),
        is_hepatotoxic=any_of(None if r.reported is None else HEPATOTOXICITY.reached_by(r.reported) for r in results)
        if results
        else None,
        late_elevated=_any_may_be_late(elevated, ingestion, now),
        late_enzymes=EnzymeState.ELEVATED
        if _surely_late(elevated, ingestion)
        else _unless_elevated(_surely_late(relevant, ingestion), profile, since, is_incomplete=is_incomplete),
        inr=inr,
        inr_raised=inr_raised,
        encephalopathy=confused,
        mental_status_charted=any(
            m.assessed is not None and m.assessed.latest >= negative_from for m in facts.mental_status
        ),
        alf_diagnoses=failing,
        has_cirrhosis=cirrhosis,
        is_failing=any_of([bool(failing), all_of([inr_raised, bool(confused), not cirrhosis])]),
    )


def upper_limit(own: float | None, profile: Profile) -> float:
    """The laboratory's own upper limit in U/L when it gives a credible one, else the profile's fallback."""
    return profile.alt_uln_fallback_u_l if own is None or not is_credible_limit(own) else own


def is_credible_limit(limit_u_l: float) -> bool:
    """Whether a number can be a laboratory's upper limit of AST or ALT."""
    return limit_u_l > 0 and not UPPER_LIMIT_MAX.reached_by_number(limit_u_l)


def _elevated(results: Sequence[LabResult], profile: Profile) -> list[LabResult]:
    """The results above their upper limit; a laboratory has few limits, each of which is looked at once."""
    limits = {own: upper_limit(own, profile) for own in {r.upper_limit for r in results}}
    return [r for r in results if r.reported is not None and r.reported.above(limits[r.upper_limit])]


def is_elevated(result: LabResult, profile: Profile) -> bool | None:
    """Whether AST or ALT lies above the upper limit; None when the report cannot tell."""
    return None if result.reported is None else result.reported.above(upper_limit(result.upper_limit, profile))


def newest(results: Sequence[LabResult]) -> LabResult | None:
    """The newest usable result; of two at the same time the higher; an unusable one only when alone."""
    usable = [r for r in results if r.reported is not None] or results
    return usable[0] if len(usable) == 1 else max(usable, key=_newness, default=None)


def _newness(result: LabResult) -> tuple[datetime, float, str]:
    """Sort key: undated first, then by time, value and reference, so that resource order never matters."""
    value = result.reported.value if result.reported else 0.0
    return (_LONG_AGO if result.sampled is None else result.sampled.latest, value, result.reference)


def of_episode(results: Iterable[LabResult], since: datetime, now: datetime) -> list[LabResult]:
    """The results drawn since then, or without a time; one charted in the future has no usable time."""
    timely = [r for r in results if r.sampled is None or r.sampled.latest >= since]
    return [r if r.sampled is None or r.sampled.latest <= now else with_usable_time(r, now) for r in timely]


def _inr_raised(inr: LabResult | None, profile: Profile, negative_from: datetime) -> bool | None:
    """Whether the INR is at the limit; one from before the exposure cannot show that it is not."""
    if inr is None or inr.reported is None:
        return None
    raised = inr.reported.at_least(profile.inr_alf)
    is_fresh = inr.sampled is not None and inr.sampled.latest >= negative_from
    return None if raised is False and not is_fresh else raised


def _current(diagnoses: Sequence[Diagnosis], now: datetime) -> tuple[Diagnosis, ...]:
    """Acute problems: those charted within the longest course of acute liver failure, or undated."""
    since = now - timedelta(weeks=ALF_COURSE_WEEKS.value)
    return tuple(d for d in diagnoses if _dated(d) is None or (_dated(d) or since) >= since)


def _dated(diagnosis: Diagnosis) -> datetime | None:
    return diagnosis.onset.latest if diagnosis.onset is not None else diagnosis.recorded_at


def _since_first_dose(results: list[LabResult], ingestion: Ingestion) -> list[LabResult]:
    """The results that may have been drawn since the first dose; one from before it says nothing of this episode."""
    if ingestion.first is None:
        return results
    began_at = ingestion.first.earliest
    return [r for r in results if r.sampled is None or r.sampled.latest >= began_at]


def _surely_late(results: list[LabResult], ingestion: Ingestion) -> list[LabResult]:
    """The results drawn more than 24 h after the first dose at any of its possible times."""
    if ingestion.first is None:
        return []
    until = ingestion.first.latest + timedelta(hours=NOMOGRAM_END.value)
    return [r for r in results if r.sampled is not None and r.sampled.earliest > until]


def _any_may_be_late(results: list[LabResult], ingestion: Ingestion, now: datetime) -> bool:
    """Whether a result may have been drawn more than 24 h after the first dose; one without a time, until now."""
    first = ingestion.first
    if first is None or not results:
        return False
    until = first.earliest + timedelta(hours=NOMOGRAM_END.value)
    return any((max(now, first.latest) if r.sampled is None else r.sampled.latest) > until for r in results)


def _hides_results(facts: PatientFacts) -> bool:
    """Whether results of AST or ALT exist, or may exist, that were not read at all."""
    return any(
        gap.about in {Analyte.ALT.value, Analyte.AST.value} and gap.reference is None and gap.kind in _HIDING
        for gap in facts.gaps
    )


def _unless_elevated(
    results: Sequence[LabResult], profile: Profile, negative_since: datetime, *, is_incomplete: bool
) -> EnzymeState:
    """Of results, newest last, none elevated: normal only if the newest of each enzyme was read, is, and is fresh."""
    latest = [_latest(results, analyte) for analyte in (Analyte.ALT, Analyte.AST)]
    measured = [r for r in latest if r is not None]
    fresh = [r for r in measured if r.sampled is not None and r.sampled.earliest >= negative_since]
    settled = all(is_elevated(r, profile) is False for r in measured)
    return EnzymeState.NORMAL if fresh and settled and not is_incomplete else EnzymeState.UNKNOWN


def _latest(results: Sequence[LabResult], analyte: Analyte) -> LabResult | None:
    """The last result of one enzyme, usable or not: an unreadable newer one keeps "normal" from being said."""
    return next((r for r in reversed(results) if r.analyte is analyte), None)
