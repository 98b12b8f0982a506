"""When and how much acetaminophen was taken, as charted in Observations (LOINC 45285-4, 29742-4, 45359-7, 4105-3).

Pure. An unusable time or amount leaves an exposure without one, beside the gap that says why.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Exposure, ExposureKind, GapKind
from cds_service.clinical.quantity import Analyte, Comparator, QuantityError, Span
from cds_service.fhir.chart import Chart, Fact, gap
from cds_service.fhir.reading import JsonObject, UnusableTimeError, choices, reference_of, span_from_date_time
from cds_service.fhir.times import choice_span, recorded_at, sampled_span
from cds_service.fhir.values import ValueRefusedError, charted_value, read_value, upper_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.fhir.codes import Term
    from cds_service.fhir.concepts import Concept

_LARGEST_MARGIN = timedelta(days=31)


def dose_time(observation: JsonObject, concept: Concept, _: Term, chart: Chart) -> Iterator[Fact]:
    """45285-4: the value is the time; without a value the effective time is. Unusable: an exposure without a time."""
    taken: Span | None = None
    try:
        taken = _dose_span(observation, chart)
    except UnusableTimeError as error:
        yield gap(GapKind.UNUSABLE_TIME, "exposure", f"the time of dose cannot be used: {error}", observation)
    yield _exposure(ExposureKind.DOSE_TIME, observation, concept, chart, taken)


def _dose_span(observation: JsonObject, chart: Chart) -> Span:
    if observation.get("dataAbsentReason") is not None:
        msg = "it is recorded as absent"
        raise UnusableTimeError(msg)
    if isinstance(observation.get("valueString"), str):
        return span_from_date_time(observation["valueString"], chart.zone)
    span = choice_span(observation, "value", chart.zone)
    span = span if span is not None else choice_span(observation, "effective", chart.zone)
    if span is None:
        msg = "none is charted"
        raise UnusableTimeError(msg)
    return span


def dose_date(observation: JsonObject, concept: Concept, _: Term, chart: Chart) -> Iterator[Fact]:
    """29742-4: a date only, so the whole day, even if a time of day was sent."""
    found = choices(observation, "value") or choices(observation, "effective")
    written = next(iter(found.values()), None)
    taken: Span | None = None
    try:
        taken = span_from_date_time(written[:10] if isinstance(written, str) else written, chart.zone)
    except UnusableTimeError as error:
        yield gap(GapKind.UNUSABLE_TIME, "exposure", f"the date of the last dose cannot be used: {error}", observation)
    yield _exposure(ExposureKind.DOSE_TIME, observation, concept, chart, taken)


def time_since_dose(observation: JsonObject, concept: Concept, _: Term, chart: Chart) -> Iterator[Fact]:
    """45359-7: so long before the sample (or the effective time) the dose was taken."""
    taken: Span | None = None
    try:
        taken = _span_before(observation, chart)
    except (UnusableTimeError, ValueRefusedError, QuantityError) as error:
        yield gap(GapKind.UNUSABLE_TIME, "exposure", f"the time since the dose cannot be used: {error}", observation)
    yield _exposure(ExposureKind.DOSE_TIME, observation, concept, chart, taken)


def _span_before(observation: JsonObject, chart: Chart) -> Span:
    since = read_value(Analyte.DURATION, observation).value
    sampled = sampled_span(observation, chart)
    if sampled is None:
        msg = "the time it counts back from is not charted"
        raise UnusableTimeError(msg)
    if since.comparator is not Comparator.EQUAL or since.value > _LARGEST_MARGIN / timedelta(hours=1):
        msg = f"{charted_value(observation)!r} is not a usable duration"
        raise UnusableTimeError(msg)
    margin = timedelta(hours=since.value)
    return Span(sampled.earliest - margin, sampled.latest - margin)


def reported_amount(observation: JsonObject, concept: Concept, _: Term, chart: Chart) -> Iterator[Fact]:
    """4105-3: the reported amount; never a time. An amount known only from below ("> 5 g") is not used."""
    amount_mg: float | None = None
    try:
        amount_mg = upper_amount(read_value(Analyte.DOSE, observation).value)
    except ValueRefusedError as error:
        yield gap(error.kind, "exposure", f"the reported amount cannot be used: {error}", observation, error.found)
    yield _exposure(ExposureKind.REPORTED_AMOUNT, observation, concept, chart, None, amount_mg)


def _exposure(
    kind: ExposureKind,
    observation: JsonObject,
    concept: Concept,
    chart: Chart,
    taken: Span | None,
    amount_mg: float | None = None,
) -> Exposure:
    return Exposure(
        kind=kind,
        reference=reference_of(observation),
        name=concept.name,
        taken=taken,
        recorded_at=recorded_at(observation, chart),
        amount_mg=amount_mg,
    )
