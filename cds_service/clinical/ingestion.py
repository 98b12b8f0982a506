"""From charted exposures to one account of the ingestion: what, when, how much, why.

Decides which entries belong to the current episode, which are history and which are ordinary
therapeutic use, and whether the nomogram can apply at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.facts import CoIngestant, Exposure, ExposureKind, Intent, PatientFacts, Problem, Route
from cds_service.clinical.intake import Body, Intake, intake_of, is_toxic
from cds_service.clinical.quantity import Analyte, Span
from cds_service.clinical.thresholds import (
    CLOCK_TOLERANCE,
    REPEATED_AFTER,
    RESULT_BEFORE_CHARTING,
    RESULT_NEAR_EXPOSURE,
    THERAPEUTIC_DAILY_G,
    THERAPEUTIC_SINGLE_G,
    TOXIC_SINGLE_DOSE_G,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.profiles import Profile


class Pattern(StrEnum):
    """How acetaminophen was taken, as far as the choice of pathway needs it."""

    NONE = "no exposure recorded"
    ACUTE = "acute ingestion at a known time"
    STAGGERED = "staggered over up to 24 h"
    REPEATED = "repeated supratherapeutic ingestion"
    UNKNOWN_TIME = "time unknown"
    INTRAVENOUS = "intravenous overdose"
    UNSTATED_DRUG = "overdose of an unstated drug"


_TIMED = frozenset({Pattern.ACUTE, Pattern.STAGGERED})
_TIMED_IF_CHARTED = frozenset({Pattern.INTRAVENOUS, Pattern.UNSTATED_DRUG})


@dataclass(frozen=True, slots=True)
class Ingestion:
    """The current exposure as the rules see it.

    `records` make up the episode's exposure context; `therapeutic` is ordinary use, `history` older
    entries; both matter only once the liver is injured. `first` and `last` dose are spans, None when
    no usable time is charted.
    """

    pattern: Pattern
    records: tuple[Exposure, ...] = ()
    therapeutic: tuple[Exposure, ...] = ()
    history: tuple[Exposure, ...] = ()
    first: Span | None = None
    last: Span | None = None
    intake: Intake = field(default_factory=Intake)
    toxic: bool | None = None
    """Whether the reported amount reaches a toxic threshold."""
    is_extended_release: bool = False
    delaying: tuple[str, ...] = ()
    """Opioid or anticholinergic co-ingestants, by name."""
    intent: Intent = Intent.UNKNOWN
    exceeds_acute_span: bool = False
    """Staggered doses that may span more than the profile's acute span: its guideline does not use the nomogram."""

    @property
    def has_context(self) -> bool:
        """Whether a poisoning or exposure context exists in the current episode."""
        return bool(self.records)

    @property
    def has_any_acetaminophen(self) -> bool:
        """Whether any acetaminophen at all is charted: context, therapeutic use or history."""
        named = [r for r in self.records if r.kind is not ExposureKind.GENERIC_OVERDOSE]
        return bool(named or self.therapeutic or self.history)

    @property
    def is_timed(self) -> bool:
        """Whether hours since the first dose can be counted."""
        return self.pattern in _TIMED or (self.pattern in _TIMED_IF_CHARTED and self.first is not None)

    @property
    def may_absorb_late(self) -> bool:
        """Whether product or co-ingestants can raise the level late."""
        return self.is_extended_release or bool(self.delaying)

    @property
    def is_accidental_and_small(self) -> bool:
        """A reliable, accidental ingestion proven to be below every toxic threshold (C4)."""
        return self.has_context and self.intent is Intent.ACCIDENTAL and self.toxic is False

    @property
    def ends_in_overdose(self) -> bool:
        """Whether the last dose is an overdose of its own: timed by a poisoning entry, or toxic in one dose."""
        return any(
            r.taken is not None
            and not r.is_course
            and r.taken == self.last
            and (r.kind is ExposureKind.POISONING or TOXIC_SINGLE_DOSE_G.reached_by_number((r.amount_mg or 0) / 1000))
            for r in self.records
        )

    @property
    def is_suspected_toxic(self) -> bool:
        """An acetaminophen exposure that is not proven harmless."""
        return self.pattern not in {Pattern.NONE, Pattern.UNSTATED_DRUG} and not self.is_accidental_and_small

    def negative_from(self, now: datetime) -> datetime:
        """From when a normal or low result counts.

        The first dose; of repeated doses the last; without a time shortly before the exposure was charted.
        """
        if self.pattern is Pattern.REPEATED and (lasts := [at for r in self.records if (at := _last_dose(r, now))]):
            return max(lasts)
        if self.first is not None:
            return self.first.earliest
        charted = [record.recorded_at for record in self.records if record.recorded_at is not None]
        if charted:
            return max(charted) - timedelta(hours=RESULT_BEFORE_CHARTING.value)
        return now - timedelta(hours=RESULT_NEAR_EXPOSURE.value)


def _last_dose(record: Exposure, now: datetime) -> datetime | None:
    """When the record's last dose was; the doses of a course are not known one by one, so a margin before its end."""
    if not record.is_course:
        return None if record.taken is None else record.taken.latest
    end = now if record.taken is None or record.taken.is_exact else record.taken.latest
    return end - timedelta(hours=RESULT_NEAR_EXPOSURE.value)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Exposures by the role they play."""

    context: tuple[Exposure, ...]
    therapeutic: tuple[Exposure, ...]
    history: tuple[Exposure, ...]


def ingestion_of(facts: PatientFacts, profile: Profile, now: datetime, body: Body) -> Ingestion:
    """The account of the current ingestion at `now`; a time in the future is not used."""
    since = profile.episode_start(now)
    usable = tuple(_without_future_time(record, now) for record in facts.exposures)
    roles = _sorted_by_role(usable, facts, since, body)
    if not roles.context:
        return Ingestion(Pattern.NONE, therapeutic=roles.therapeutic, history=roles.history)
    times = _distinct_times(roles.context)
    first = min((t for t in times), key=lambda t: t.earliest, default=None)
    last = max((t for t in times), key=lambda t: t.latest, default=None)
    intake = intake_of(roles.context)
    medications = [r for r in (*roles.context, *roles.therapeutic) if r.kind is ExposureKind.MEDICATION]
    return Ingestion(
        pattern=_pattern(roles.context, first, last, len(times)),
        records=roles.context,
        therapeutic=roles.therapeutic,
        history=roles.history,
        first=first,
        last=last,
        intake=intake,
        toxic=is_toxic(intake, body),
        is_extended_release=any(r.is_extended_release for r in (*roles.context, *medications)),
        delaying=_delaying(medications, facts.coingestants, since),
        intent=_intent(roles.context, facts, since),
        exceeds_acute_span=_exceeds_acute_span(first, last, profile),
    )


def _without_future_time(record: Exposure, now: datetime) -> Exposure:
    """A charted ingestion that lies in the future has no usable time; one that reaches into it ends now."""
    if record.taken is None or record.taken.latest <= now:
        return record
    is_future = record.taken.earliest > now + timedelta(hours=CLOCK_TOLERANCE.value)
    return replace(record, taken=None if is_future else record.taken.capped(now))


_OVERDOSES = frozenset({ExposureKind.POISONING, ExposureKind.GENERIC_OVERDOSE})
_MEDICATIONS = frozenset({ExposureKind.MEDICATION, ExposureKind.REPORTED_AMOUNT})


def _sorted_by_role(records: Sequence[Exposure], facts: PatientFacts, since: datetime, body: Body) -> _Sorted:
    recent = [r for r in records if _is_recent(r, since)]
    history = tuple([r for r in records if r.kind is ExposureKind.POISONING and not _is_recent(r, since)])
    overdose = tuple([r for r in recent if r.kind in _OVERDOSES])
    medications = tuple([r for r in recent if r.kind in _MEDICATIONS])
    dose_times = tuple([r for r in recent if r.kind is ExposureKind.DOSE_TIME])
    at_overdose = {r.taken for r in overdose if r.taken is not None and r.taken.is_exact}
    striking = tuple([r for r in medications if r.taken in at_overdose or not _is_ordinary(r, since)])
    has_level = any(_sampled_since(r.sampled, since) for r in facts.of(Analyte.ACETAMINOPHEN))
    is_striking = _is_suspicious(striking, facts, since, body)
    if not is_striking and _is_suspicious(medications, facts, since, body):
        counted = tuple(r for r in medications if not _is_undated_course(r))
    elif overdose or is_striking:
        counted = striking
    elif dose_times and has_level:
        counted = tuple(r for r in medications if r in striking or _is_undated_course(r))
    else:
        return _Sorted((), tuple(r for r in medications if r.kind is ExposureKind.MEDICATION), history)
    background = tuple([r for r in medications if r not in counted])
    return _Sorted((*overdose, *counted, *dose_times), background, history)


def _is_recent(record: Exposure, since: datetime) -> bool:
    """Within the episode; an open-ended course goes on, and an entry without any date counts as current."""
    if record.taken is not None:
        return record.taken.latest >= since or (record.is_course and record.taken.is_exact)
    return record.recorded_at is None or record.recorded_at >= since


def _sampled_since(sampled: Span | None, since: datetime) -> bool:
    return sampled is None or sampled.latest >= since


def _is_suspicious(medications: Sequence[Exposure], facts: PatientFacts, since: datetime, body: Body) -> bool:
    """Medication records that by themselves tell of an overdose: toxic amount, or taken with self-harm."""
    if not medications:
        return False
    if any(r.intent is Intent.SELF_HARM or r.is_repeated_supratherapeutic for r in medications):
        return True
    if is_toxic(intake_of(medications), body) is True:
        return True
    unstated = [
        r for r in medications if r.amount_mg is None and r.daily_amount_mg is None and not r.is_course
        and not r.reference.startswith("MedicationAdministration/")
    ]  # fmt: skip
    return bool(unstated) and _self_harm_charted(facts, since)


def _self_harm_charted(facts: PatientFacts, since: datetime) -> bool:
    return any(
        (d.onset or d.recorded_at) is None
        or (d.onset is not None and d.onset.latest >= since)
        or (d.recorded_at is not None and d.recorded_at >= since)
        for d in facts.having(Problem.SELF_HARM)
    )


def _is_ordinary(record: Exposure, since: datetime) -> bool:
    """Ordinary use, which neither times nor measures an overdose.

    A labelled dose, a course within the label or from before the episode, an entry of the home medication without
    dates, an unmeasured oral dose given by staff.
    """
    if record.kind is ExposureKind.REPORTED_AMOUNT or record.intent is not Intent.UNKNOWN:
        return False
    if record.is_course:
        began_long_ago = record.taken is not None and record.taken.earliest < since
        small = record.daily_amount_mg is not None and not THERAPEUTIC_DAILY_G.reached_by_number(
            record.daily_amount_mg / 1000
        )
        return small or _is_undated_course(record) or (record.daily_amount_mg is None and began_long_ago)
    if record.amount_mg is None:
        return record.reference.startswith("MedicationAdministration/") and record.route is not Route.INTRAVENOUS
    return not THERAPEUTIC_SINGLE_G.reached_by_number(record.amount_mg / 1000)


def _is_undated_course(record: Exposure) -> bool:
    """Repeated use of which neither dates nor daily amount are charted, as in a list of home medication."""
    return record.is_course and record.taken is None and record.daily_amount_mg is None


def _distinct_times(records: Sequence[Exposure]) -> tuple[Span, ...]:
    """The dose times; an uncertain time that holds a more precise one tells of the same dose."""
    doses = {r.taken for r in records if r.taken is not None and not r.is_course}
    refined = {
        taken
        for taken in doses
        if taken.is_exact or not any(other != taken and taken.contains(other) for other in doses)
    }
    courses = {bound for r in records if r.is_course and r.taken is not None for bound in _ends(r.taken)}
    return tuple(sorted(refined | courses))


def _ends(course: Span) -> tuple[Span, Span]:
    return Span.at(course.earliest), Span.at(course.latest)


def _exceeds_acute_span(first: Span | None, last: Span | None, profile: Profile) -> bool:
    """Up to 24 h of doses are read from the first one where the profile allows it; beyond, they are repeated."""
    if first is None or last is None or profile.acute_span_h >= REPEATED_AFTER.value:
        return False
    return last.latest - first.earliest > timedelta(hours=profile.acute_span_h)


def _pattern(records: Sequence[Exposure], first: Span | None, last: Span | None, count: int) -> Pattern:
    if all(r.kind is ExposureKind.GENERIC_OVERDOSE for r in records):
        return Pattern.UNSTATED_DRUG
    products = [r for r in records if r.kind is ExposureKind.MEDICATION]
    if products and all(r.route is Route.INTRAVENOUS for r in products):
        return Pattern.INTRAVENOUS
    if any(r.is_repeated_supratherapeutic or (r.is_course and (r.taken is None or r.taken.is_exact)) for r in records):
        return Pattern.REPEATED
    if first is None or last is None:
        return Pattern.UNKNOWN_TIME
    if last.earliest - first.latest > timedelta(hours=REPEATED_AFTER.value):
        return Pattern.REPEATED
    return Pattern.ACUTE if count == 1 else Pattern.STAGGERED


def _delaying(medications: Sequence[Exposure], coingestants: Sequence[CoIngestant], since: datetime) -> tuple[str, ...]:
    combined = {
        f"{r.name} ({', '.join(sorted(r.delaying_ingredients))})" for r in medications if r.delaying_ingredients
    }
    others = {f"{c.name} ({c.effect})" for c in coingestants if _sampled_since(c.taken, since)}
    return tuple(sorted(combined | others))


def _intent(records: Sequence[Exposure], facts: PatientFacts, since: datetime) -> Intent:
    stated = {r.intent for r in records} - {Intent.UNKNOWN}
    if Intent.SELF_HARM in stated or _self_harm_charted(facts, since):
        return Intent.SELF_HARM
    return stated.pop() if len(stated) == 1 else (Intent.UNDETERMINED if stated else Intent.UNKNOWN)
