"""Conditions, Encounter reasons and allergies: poisonings, diagnoses, and what shows that one is absent.

Pure. Refuted, mistaken, resolved and family entries never count; a suspected one does. A past COPD
exacerbation is the one resolved entry that is kept: it is counted over two years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.facts import (
    CoIngestant,
    DataGap,
    Diagnosis,
    Exposure,
    ExposureKind,
    GapKind,
    MentalStatus,
    Problem,
)
from cds_service.clinical.quantity import Span
from cds_service.fhir import problem_names as names
from cds_service.fhir.chart import Chart, Fact, gap
from cds_service.fhir.concepts import Concept, concept_from, concepts_from, words_of
from cds_service.fhir.problems import Meaning, Poisoning, meaning_of
from cds_service.fhir.reading import (
    JsonObject,
    UnusableTimeError,
    choices,
    element,
    elements,
    recorded_instant,
    reference_of,
    span_from_date_time,
    span_from_period,
    text,
    token,
)
from cds_service.fhir.times import choice_span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_UNTRUE = frozenset({"refuted", "entered-in-error"})
_NOT_OWN = ("family", "past-history", "past history", "past medical history")
_ENCOUNTER_OVER = frozenset({"finished", "cancelled", "entered-in-error", "completed", "discontinued"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where and when a meaning was charted."""

    resource: JsonObject
    name: str
    onset: Span | None = None
    recorded_at: datetime | None = None
    code: str | None = None


def facts_from_condition(condition: JsonObject, chart: Chart) -> Iterator[Fact]:
    """What a Condition tells; nothing when it is refuted, mistaken, resolved or another person's."""
    concept = concept_from(condition.get("code"))
    verification = words_of(condition.get("verificationStatus"))
    if verification & _UNTRUE:
        yield from _shown_absent(condition, concept, verification, chart)
        return
    meaning = meaning_of(concept)
    if meaning == Meaning() or _is_not_own(condition):
        return
    onset, problem = _onset(condition, chart)
    entry = _Entry(condition, concept.name, onset, _recorded_at(condition, chart), concept.charted_code)
    if is_over(condition):
        yield from _past_exacerbation(meaning, entry)
        return
    if problem is not None and meaning.poisoning is not None:
        yield gap(GapKind.UNUSABLE_TIME, "exposure", f"{concept.name!r}: {problem}", condition)
    yield from _facts_from_meaning(_with_details(meaning, condition), entry)


def _is_not_own(condition: JsonObject) -> bool:
    words = words_of(condition.get("category"))
    return any(word.startswith(_NOT_OWN) for word in words)


def is_over(resource: JsonObject) -> bool:
    """Whether clinicalStatus, or an abatement without a status that says otherwise, puts the entry in the past."""
    status = words_of(resource.get("clinicalStatus"))
    if status & _ACTIVE:
        return False
    return bool(status & _OVER) or any(_is_given(value) for value in choices(resource, "abatement").values())


def is_standing(condition: JsonObject) -> bool:
    """Whether a Condition is neither refuted nor mistaken nor over."""
    return not words_of(condition.get("verificationStatus")) & _UNTRUE and not is_over(condition)


def _is_given(value: object) -> bool:
    return value is True or bool(isinstance(value, str | dict) and value)


def _shown_absent(
    condition: JsonObject, concept: Concept, verification: frozenset[str], chart: Chart
) -> Iterator[Fact]:
    """A refuted hepatic encephalopathy is a charted mental status."""
    is_encephalopathy = any(term.concept == "hepatic encephalopathy" for term in concept.terms)
    if is_encephalopathy and "refuted" in verification:
        recorded = _recorded_at(condition, chart)
        yield MentalStatus(reference_of(condition), Span.at(recorded) if recorded else None, f"{concept.name} refuted")


def _recorded_at(condition: JsonObject, chart: Chart) -> datetime | None:
    """RecordedDate (R4), assertedDate (STU3) or dateRecorded (DSTU2)."""
    written = next(
        (condition[name] for name in ("recordedDate", "assertedDate", "dateRecorded") if name in condition), None
    )
    return recorded_instant(written, chart.zone)


def _onset(condition: JsonObject, chart: Chart) -> tuple[Span | None, str | None]:
    """The onset, and why there is none that can be used."""
    try:
        if "onsetPeriod" in condition:
            return _onset_period(condition, chart), None
        onset = choice_span(condition, "onset", chart.zone)
    except UnusableTimeError as error:
        return None, f"the time of onset cannot be used: {error}"
    return onset, None


def _onset_period(condition: JsonObject, chart: Chart) -> Span:
    """The interval of uncertainty; an open one reaches to the time it was recorded, when that is charted."""
    period = element(condition["onsetPeriod"])
    recorded = next(
        (condition[name] for name in ("recordedDate", "assertedDate", "dateRecorded") if name in condition), None
    )
    if period.get("end") is None and period.get("start") is not None and recorded is not None:
        start, end = span_from_date_time(period["start"], chart.zone), span_from_date_time(recorded, chart.zone)
        return Span(start.earliest, max(start.latest, end.latest))
    return span_from_period(period, chart.zone)


def _with_details(meaning: Meaning, condition: JsonObject) -> Meaning:
    """Grade and severity from `stage` and `severity` where code and text give none."""
    stages = " | ".join(concept_from(stage.get("summary")).all_text for stage in elements(condition.get("stage")))
    charted = concept_from(condition.get("severity"))
    tagged = " ".join(tag for term in charted.of_kind("severity") for tag in term.tags)
    return Meaning(
        meaning.poisoning,
        meaning.problems,
        meaning.effects,
        meaning.severity or names.severity_named(f"{tagged} {charted.all_text} {stages}"),
        meaning.grade or names.grade_named(stages),
        meaning.by_name,
        meaning.unstated_acuity,
    )


def _past_exacerbation(meaning: Meaning, entry: _Entry) -> Iterator[Fact]:
    if Problem.COPD_EXACERBATION in meaning.problems:
        yield _diagnosis(Problem.COPD_EXACERBATION, meaning, entry)


def _facts_from_meaning(meaning: Meaning, entry: _Entry) -> Iterator[Fact]:
    if meaning.poisoning is not None:
        yield exposure_from_poisoning(meaning.poisoning, entry.resource, entry.name, entry.onset, entry.recorded_at)
    for problem in sorted(meaning.problems):
        yield _diagnosis(problem, meaning, entry)
    for effect in sorted(meaning.effects):
        yield CoIngestant(reference_of(entry.resource), entry.name, effect, entry.onset)
    yield from _gaps(meaning, entry)


def _diagnosis(problem: Problem, meaning: Meaning, entry: _Entry) -> Diagnosis:
    is_copd = problem in {Problem.COPD, Problem.COPD_EXACERBATION}
    return Diagnosis(
        problem=problem,
        reference=reference_of(entry.resource),
        name=entry.name,
        onset=entry.onset,
        recorded_at=entry.recorded_at,
        severity=meaning.severity if is_copd else None,
        grade=meaning.grade if problem is Problem.ENCEPHALOPATHY else None,
    )


def exposure_from_poisoning(
    poisoning: Poisoning, resource: JsonObject, name: str, taken: Span | None, recorded_at: datetime | None
) -> Exposure:
    """The exposure a poisoning entry in `resource` stands for."""
    return Exposure(
        kind=poisoning.kind,
        reference=reference_of(resource),
        name=name,
        taken=taken,
        recorded_at=recorded_at,
        is_course=poisoning.is_repeated and taken is not None and not taken.is_exact,
        delaying_ingredients=poisoning.delaying,
        intent=poisoning.intent,
        is_repeated_supratherapeutic=poisoning.is_repeated and poisoning.kind is ExposureKind.POISONING,
    )


def _gaps(meaning: Meaning, entry: _Entry) -> Iterator[DataGap]:
    if meaning.by_name:
        about = "exposure" if meaning.poisoning is not None else "problems"
        words = f"{entry.name!r} has no code this service knows; it was read by its name"
        yield gap(GapKind.UNMAPPED_CODE, about, words, entry.resource, entry.code)
    if meaning.unstated_acuity:
        words = f"{entry.name!r} does not say whether the liver failure is acute; please confirm"
        yield gap(GapKind.NEEDS_CONFIRMATION, "problems", words, entry.resource)


# Encounters


def facts_from_encounter(encounter: JsonObject, chart: Chart) -> Iterator[Fact]:
    """The reasons of an Encounter that is not over, read as Conditions are; recorded when the Encounter began."""
    if token(encounter.get("status")) in _ENCOUNTER_OVER:
        return
    began = recorded_instant(element(encounter.get("period")).get("start"), chart.zone)
    for concept in _reasons(encounter, chart):
        meaning = meaning_of(concept)
        if meaning != Meaning():
            yield from _facts_from_meaning(meaning, _Entry(encounter, concept.name, None, began, concept.charted_code))


def _reasons(encounter: JsonObject, chart: Chart) -> Iterator[Concept]:
    yield from concepts_from(encounter.get("reasonCode"))
    yield from concepts_from(encounter.get("reason"))
    references = [*elements(encounter.get("reasonReference"))]
    references += [element(entry.get("condition")) for entry in elements(encounter.get("diagnosis"))]
    for reference in references:
        yield from _referenced_reason(encounter, reference, chart)


def _referenced_reason(encounter: JsonObject, reference: JsonObject, chart: Chart) -> Iterator[Concept]:
    """A contained Condition, or the display of one that is not at hand; one in the chart is read on its own."""
    target = text(reference.get("reference")) or ""
    condition = chart.resolve(encounter, reference)
    if target.startswith("#") and condition is not None:
        if not (is_over(condition) or words_of(condition.get("verificationStatus")) & _UNTRUE):
            yield concept_from(condition.get("code"))
    elif condition is None and text(reference.get("display")):
        yield concept_from(text(reference["display"]))


# Allergies


def facts_from_allergy(allergy: JsonObject, chart: Chart) -> Iterator[Fact]:
    """A reaction or allergy to acetylcysteine, by code, substance or name; allergies to other drugs are passed over."""
    if (
        words_of(allergy.get("verificationStatus")) & _UNTRUE
        or token(allergy.get("status")) in _UNTRUE
        or is_over(allergy)
    ):
        return
    named = _acetylcysteine_in(allergy)
    if named is None:
        return
    onset, _ = _onset(allergy, chart)
    yield Diagnosis(
        problem=Problem.NAC_REACTION,
        reference=reference_of(allergy),
        name=named.name,
        onset=onset,
        recorded_at=_recorded_at(allergy, chart),
    )
    if not named.terms:
        words = f"{named.name!r} has no code this service knows; it was read by its name"
        yield gap(GapKind.UNMAPPED_CODE, "allergies", words, allergy, named.charted_code)


def _acetylcysteine_in(allergy: JsonObject) -> Concept | None:
    substances = [concept_from(allergy.get("code")), concept_from(allergy.get("substance"))]
    substances += [concept_from(reaction.get("substance")) for reaction in elements(allergy.get("reaction"))]
    return next((concept for concept in substances if _is_acetylcysteine(concept)), None)


def _is_acetylcysteine(concept: Concept) -> bool:
    if any(term.concept in {"acetylcysteine drug", "acetylcysteine allergy"} for term in concept.terms):
        return True
    return not concept.terms and any(names.names_allergy_to_acetylcysteine(written) for written in concept.written)
