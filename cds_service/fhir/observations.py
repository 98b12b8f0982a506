"""Observations: levels and other results, weights, times and amounts of ingestion, pregnancy, coma score.

Pure. A result that is charted but cannot be used stays a `LabResult` without a value, beside the gap that
says why. Results under codes that are not ours are passed over, unless their name says that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from cds_service.clinical.facts import (
    Diagnosis,
    GapKind,
    LabResult,
    MentalStatus,
    Problem,
    Weight,
    WeightKind,
)
from cds_service.clinical.quantity import Analyte, Comparator, Span
from cds_service.fhir.chart import Chart, Fact, gap
from cds_service.fhir.codes import System, Term
from cds_service.fhir.concepts import Concept, concept_from, once_for_each
from cds_service.fhir.dose_observations import dose_date, dose_time, reported_amount, time_since_dose
from cds_service.fhir.lab_names import analytes_named, says_positive, says_pregnant
from cds_service.fhir.reading import (
    JsonObject,
    UnusableTimeError,
    choices,
    element,
    elements,
    number,
    reference_of,
    token,
)
from cds_service.fhir.times import lenient_span, recorded_at, sampled_span
from cds_service.fhir.values import (
    Reading,
    ValueRefusedError,
    charted_choice,
    charted_value,
    read_choice,
    read_value,
    upper_limit_of,
)

_NEVER_COUNT = frozenset({"entered-in-error", "cancelled"})
STATUSES = frozenset({"registered", "preliminary", "final", "amended", "corrected"})
ANALYTES: dict[str, Analyte] = {
    "acetaminophen level": Analyte.ACETAMINOPHEN,
    "ALT": Analyte.ALT,
    "AST": Analyte.AST,
    "INR": Analyte.INR,
    "total bilirubin": Analyte.BILIRUBIN,
    "creatinine": Analyte.CREATININE,
    "lactate": Analyte.LACTATE,
    "arterial pH": Analyte.ARTERIAL_PH,
    "phosphate": Analyte.PHOSPHATE,
}
ENZYMES = frozenset({Analyte.ALT, Analyte.AST})
"""The analytes that are held against the laboratory's own upper limit."""
_FULL_COMA_SCORE = 15
_LEAST_COMA_SCORE = 3
_LARGEST_MARGIN = timedelta(days=31)

_Reader = Callable[[JsonObject, Concept, Term, Chart], Iterable[Fact]]


def facts_from_observation(observation: JsonObject, chart: Chart) -> Iterable[Fact]:
    """The facts in an Observation and in those of its components that carry one of our codes."""
    if _status(observation) in _NEVER_COUNT:
        return ()
    facts = _facts_from_reading(observation, chart)
    components = observation.get("component")
    return (*facts, *_facts_from_components(observation, components, chart)) if components else facts


def _facts_from_components(observation: JsonObject, components: Any, chart: Chart) -> Iterator[Fact]:
    for component in elements(components):
        if concept_from(component.get("code")).terms:
            yield from _facts_from_reading(_as_observation(observation, component), chart)


def _as_observation(observation: JsonObject, component: JsonObject) -> JsonObject:
    """A component with the status, subject, time and specimen of its Observation."""
    own = {"code", "component", "dataAbsentReason", "referenceRange", "interpretation"}
    shared = {name: value for name, value in observation.items() if name not in own and not name.startswith("value")}
    return shared | component | {"id": observation.get("id"), "resourceType": "Observation"}


def _facts_from_reading(observation: JsonObject, chart: Chart) -> Iterable[Fact]:
    concept = concept_from(observation.get("code"))
    term, is_contradictory = test_meant(concept)
    if term is None:
        return _unmapped(observation, concept)
    if is_contradictory:
        words = f"{concept.name!r} is coded as different tests at once"
        return (gap(GapKind.NEEDS_CONFIRMATION, _about(term), words, observation),)
    return _READERS[term.kind](observation, concept, term, chart)


@once_for_each
def test_meant(concept: Concept) -> tuple[Term | None, bool]:
    """The first of the tests that the codes mean, and whether they mean another one as well, or say it is not that."""
    terms = concept.of_kind(*_READERS)
    kinds = {(term.concept, term.kind) for term in terms}
    return (terms[0] if terms else None), concept.is_excluded or len(kinds) > 1


def _about(term: Term) -> str:
    """What a gap on a test of this kind is about."""
    if term.concept.startswith("acetaminophen"):
        return "exposure" if term.kind == "reported-amount" else Analyte.ACETAMINOPHEN.value
    if term.concept == "body weight":
        return "weight"
    analyte = ANALYTES.get(term.concept)
    return analyte.value if analyte else _ABOUT_KIND.get(term.kind, "problems")


_ABOUT_KIND = {"dose-time": "exposure", "dose-date": "exposure", "time-since-dose": "exposure"}


def _unmapped(observation: JsonObject, concept: Concept) -> Iterable[Fact]:
    """A gap when a test is ours by its name, or by a code without its system, but not by its code."""
    words = f"{concept.name!r} has no code this service knows and was not used"
    return [
        gap(GapKind.UNMAPPED_CODE, analyte.value, words, observation, concept.charted_code)
        for analyte in analytes_meant(concept)
    ]


@once_for_each
def analytes_meant(concept: Concept) -> tuple[Analyte, ...]:
    """What an unknown test seems to be; under a valid LOINC code that is not ours, acetaminophen at most."""
    if concept.terms:
        return ()
    named = {analyte for written in concept.written for analyte in analytes_named(written)}
    if any(code.system is System.LOINC for code in concept.codes):
        named &= {Analyte.ACETAMINOPHEN}
    named |= {ANALYTES[loose.concept] for loose in _without_system(concept) if loose.concept in ANALYTES}
    return tuple(sorted(named))


def _without_system(concept: Concept) -> tuple[Term, ...]:
    """What codes without a usable system would mean if they were LOINC."""
    return concept_from({"coding": [{"system": System.LOINC.value, "code": code} for code in concept.bare]}).terms


# Laboratory results


def _result(observation: JsonObject, _: Concept, term: Term, chart: Chart) -> Iterable[Fact]:
    analyte = ANALYTES[term.concept]
    given = choices(observation, "value")
    reading, refusal = _read_or_gap(analyte, observation, given)
    sampled, misdated = _sampled_or_gap(analyte, observation, given, chart)
    result = LabResult(
        analyte,
        reading.value if reading else None,
        sampled,
        _status(observation),
        reference_of(observation),
        _charted(given, reading),
        upper_limit_of(analyte, observation) if analyte in ENZYMES else None,
        reading is not None and reading.not_detected,
    )
    if refusal is None and misdated is None:
        return (result,)
    return [fact for fact in (refusal, misdated, result) if fact is not None]


def _charted(given: JsonObject, reading: Reading | None) -> str:
    """What is charted, where the value as it was read does not tell it."""
    if reading is None:
        return charted_choice(given)
    return f"{charted_choice(given)} ({reading.remark})" if reading.remark else ""


def _read_or_gap(analyte: Analyte, observation: JsonObject, given: JsonObject) -> tuple[Reading | None, Fact | None]:
    if not given and _status(observation) == "registered":
        return None, gap(
            GapKind.MISSING, analyte.value, f"{analyte.value} is registered and has no result yet", observation
        )
    try:
        return read_choice(analyte, observation, given), None
    except ValueRefusedError as error:
        return None, gap(error.kind, analyte.value, str(error), observation, error.found)


def _sampled_or_gap(
    analyte: Analyte, observation: JsonObject, given: JsonObject, chart: Chart
) -> tuple[Span | None, Fact | None]:
    try:
        sampled = sampled_span(observation, chart)
        problem = "has no time of sampling"
    except UnusableTimeError as error:
        sampled, problem = None, f"has no usable time of sampling: {error}"
    if sampled is not None:
        return sampled, None
    words = f"{analyte.value} {charted_choice(given)} {problem}"
    return None, gap(GapKind.UNUSABLE_TIME, analyte.value, words, observation)


def _status(observation: JsonObject) -> str:
    written = observation.get("status")
    status = written if isinstance(written, str) and written in STATUSES else token(written)
    return status if status in STATUSES or status in _NEVER_COUNT else "unknown"


def _needs_confirmation(observation: JsonObject, concept: Concept, term: Term, _: Chart) -> Iterator[Fact]:
    """A presence test or a whole-blood level: never plotted, never dropped in silence."""
    charted = f"{concept.name!r} ({term.concept}) reads {charted_value(observation)!r}"
    words = f"{charted}: not used as a serum level, please confirm"
    yield gap(GapKind.NEEDS_CONFIRMATION, Analyte.ACETAMINOPHEN.value, words, observation)


# Weights

_WEIGHT_KINDS = {
    "weight-measured": WeightKind.MEASURED,
    "weight-stated": WeightKind.STATED,
    "weight-estimated": WeightKind.ESTIMATED,
}


def _weight(observation: JsonObject, _: Concept, term: Term, chart: Chart) -> Iterator[Fact]:
    try:
        value = read_value(Analyte.WEIGHT, observation).value
    except ValueRefusedError as error:
        yield gap(error.kind, "weight", str(error), observation, error.found)
        return
    if value.comparator is not Comparator.EQUAL:
        yield gap(
            GapKind.UNREADABLE, "weight", f"weight {charted_value(observation)!r} is a bound, not a weight", observation
        )
        return
    measured = lenient_span(observation, chart)
    yield Weight(value.value, measured, reference_of(observation), charted_value(observation), _WEIGHT_KINDS[term.kind])


# Pregnancy and coma score


def _pregnancy(observation: JsonObject, concept: Concept, term: Term, chart: Chart) -> Iterator[Fact]:
    """Pregnancy status, or a qualitative hCG test: only a clear yes is a diagnosis."""
    answer = concept_from(observation.get("valueCodeableConcept") or observation.get("valueString"))
    says_yes = says_pregnant if term.kind == "pregnancy-status" else says_positive
    coded = {found.concept for found in answer.terms if found.kind != "exclude"}
    is_positive = any("positive" in found.tags for found in answer.terms)
    if answer.is_excluded or not (coded & {"pregnancy"} or is_positive or any(map(says_yes, answer.written))):
        return
    yield Diagnosis(
        Problem.PREGNANCY,
        reference_of(observation),
        f"{concept.name}: {answer.name}",
        recorded_at=recorded_at(observation, chart),
    )


def _consciousness(observation: JsonObject, _: Concept, __: Term, chart: Chart) -> Iterator[Fact]:
    """A full Glasgow coma score shows no encephalopathy; a lower one is an altered mental status of any cause."""
    score = number(element(observation.get("valueQuantity")).get("value"))
    score = score if score is not None else number(observation.get("valueInteger"))
    is_bounded = element(observation.get("valueQuantity")).get("comparator") is not None
    if score == _FULL_COMA_SCORE and not is_bounded:
        yield MentalStatus(reference_of(observation), lenient_span(observation, chart), "Glasgow coma score 15")
    elif score is not None and _LEAST_COMA_SCORE <= score < _FULL_COMA_SCORE and not is_bounded:
        words = f"Glasgow coma score {score:g}"
        assessed = lenient_span(observation, chart)
        yield Diagnosis(Problem.ALTERED_MENTAL_STATUS, reference_of(observation), words, onset=assessed)


_READERS: dict[str, _Reader] = {
    "result": _result,
    "confirm": _needs_confirmation,
    **dict.fromkeys(_WEIGHT_KINDS, _weight),
    "dose-time": dose_time,
    "dose-date": dose_date,
    "time-since-dose": time_since_dose,
    "reported-amount": reported_amount,
    "pregnancy-status": _pregnancy,
    "pregnancy-test": _pregnancy,
    "consciousness": _consciousness,
}
