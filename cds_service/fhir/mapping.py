"""From FHIR resources to one patient's facts: the only door between the wire and the clinical rules.

Pure. Takes resources of any kind in any order, as plain JSON that may hold anything, and never raises for
what is in them: what cannot be used becomes a `DataGap`. Knows no rules; sees no server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import TypeVar, cast

import orjson

from cds_service.clinical.facts import (
    CharcoalDose,
    CoIngestant,
    DataGap,
    Diagnosis,
    DrugOrder,
    Exposure,
    GapKind,
    LabResult,
    MentalStatus,
    NacTherapy,
    Patient,
    PatientFacts,
    Weight,
)
from cds_service.fhir.chart import Chart, Fact, gap
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.conditions import facts_from_allergy, facts_from_condition, facts_from_encounter
from cds_service.fhir.medications import facts_from_intake, facts_from_request, order_from
from cds_service.fhir.observations import facts_from_observation
from cds_service.fhir.plain_results import PlainResult, told_by
from cds_service.fhir.products import medication_references
from cds_service.fhir.reading import (
    JsonObject,
    birth_date,
    element,
    recorded_instant,
    reference_of,
    reference_tail,
    subject_named,
    target_of,
    text,
    token,
)

__all__ = [
    "USED_TYPES",
    "JsonObject",
    "drug_order_from_resource",
    "facts_from_resources",
    "facts_of",
    "unresolved_references",
    "version_of",
]

_F = TypeVar("_F")
_Mapper = Callable[[JsonObject, Chart], Iterable[Fact]]
_MAPPERS: dict[str, _Mapper] = {
    "Observation": facts_from_observation,
    "Condition": facts_from_condition,
    "Encounter": facts_from_encounter,
    "AllergyIntolerance": facts_from_allergy,
    "MedicationStatement": facts_from_intake,
    "MedicationAdministration": facts_from_intake,
    "MedicationRequest": facts_from_request,
    "MedicationOrder": facts_from_request,
}
_REFERABLE = frozenset({"Specimen", "Medication", "Condition"})
_ABOUT_PATIENT = frozenset({*_MAPPERS, "Specimen"})
_DRUG_TYPES = frozenset({"MedicationStatement", "MedicationAdministration", "MedicationRequest", "MedicationOrder"})
_TIMED_CONCEPTS = frozenset({"acetaminophen level"})

USED_TYPES = frozenset({*_MAPPERS, *_REFERABLE, "Patient"})
"""The types of resource that say anything here."""


def facts_of(resource: JsonObject, chart: Chart) -> Iterable[Fact]:
    """The facts in one resource of a chart; of the chart it sees only what it looks up in `chart.resources`."""
    mapper = _MAPPERS.get(resource["resourceType"])
    return () if mapper is None else mapper(resource, chart)


def facts_from_resources(
    resources: Iterable[JsonObject],
    patient_id: str,
    *,
    plain: Sequence[PlainResult] = (),
    gaps: Iterable[DataGap] = (),
    zone: tzinfo = UTC,
    read: Callable[[JsonObject, Chart], Iterable[Fact]] = facts_of,
) -> PatientFacts:
    """The facts about one patient in a mix of resources, in any order, with the gaps found on the way.

    `patient_id`: "123" or "Patient/123". `plain`: results beside the resources, not yet read in full. `gaps`: what the
    caller already could not get. `zone`: where a date without a time of day lies; it stands for that whole day there.
    Of the same type and id only the newest version counts. Another patient's resource is dropped with a
    FOREIGN_PATIENT gap; one whose subject names nobody is accepted, since it came from a query bound to the patient.
    Raises for nothing in the resources.
    `read`: what gives what `facts_of` gives, for who reads one chart many times.
    """
    patient_reference = f"Patient/{patient_id.strip().removeprefix('Patient/')}"
    told: list[LabResult] = []
    if plain:
        resources = tuple(resources)
        told, in_full = told_by(plain, resources, lambda resource: _is_own(resource, patient_reference))
        resources = (*resources, *in_full)
    own, foreign = _by_owner(_newest(resources), patient_reference)
    referable = {reference_of(resource): resource for resource in own if resource["resourceType"] in _REFERABLE}
    chart = Chart(referable, zone)
    facts: list[Fact] = [*gaps, *map(_foreign_gap, foreign)]
    for resource in own:
        facts.extend(read(resource, chart))
    patient, patient_gap = _patient(own, patient_reference)
    return _sorted_facts(patient, facts if patient_gap is None else [*facts, patient_gap], told)


def _newest(resources: Iterable[JsonObject]) -> list[JsonObject]:
    """Every resource once, the newest version of each type and id; those without an id are all kept.

    Two different contents under one version contradict each other: both are kept, so that neither hides the other.
    """
    identified: dict[tuple[str, str], JsonObject] = {}
    repeated: dict[tuple[str, str], dict[bytes, JsonObject]] = {}
    nameless: list[JsonObject] = []
    for resource in resources:
        kind, logical_id = resource.get("resourceType"), resource.get("id")
        if not isinstance(kind, str):
            continue
        if not isinstance(logical_id, str):
            nameless.append(resource)
        elif (first := identified.setdefault((kind, logical_id), resource)) is not resource:
            _keep(repeated.setdefault((kind, logical_id), {_content(first): first}), resource)
    for key in repeated:
        del identified[key]
    return [*identified.values(), *(each for versions in repeated.values() for each in versions.values()), *nameless]


def _keep(versions: dict[bytes, JsonObject], resource: JsonObject) -> None:
    """Add a resource to those of the same version, or replace older ones by it."""
    content = _content(resource)
    if content not in versions:
        known, found = version_of(next(iter(versions.values()))), version_of(resource)
        if found > known:
            versions.clear()
        if found >= known:
            versions[content] = resource


def _content(resource: JsonObject) -> bytes:
    """What is the same for the same content, so that thousands under one id need not be compared with each other."""
    try:
        return orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return repr(resource).encode()


def version_of(resource: JsonObject) -> tuple[datetime, float]:
    """When a version of a resource was written, and its number; of two versions the greater is the newer."""
    meta = element(resource.get("meta"))
    updated = recorded_instant(meta.get("lastUpdated")) or _NO_TIME
    written = text(meta.get("versionId")) or ""
    return updated, float(written) if written.isascii() and written.isdigit() else -1.0


def _by_owner(resources: Iterable[JsonObject], patient: str) -> tuple[list[JsonObject], list[JsonObject]]:
    own: list[JsonObject] = []
    foreign: list[JsonObject] = []
    for resource in resources:
        (own if _is_own(resource, patient) else foreign).append(resource)
    return own, foreign


def _is_own(resource: JsonObject, patient: str) -> bool:
    """Whether a resource is this patient's ("Patient/123"), or nobody's in particular."""
    kind = resource["resourceType"]
    if kind == "Patient":
        return f"Patient/{resource.get('id')}" == patient
    if kind not in _ABOUT_PATIENT:
        return True
    subject = resource.get("subject")
    subject = resource.get("patient") if subject is None else subject
    if isinstance(subject, dict):
        reference = subject.get("reference")
        if reference is None or reference == patient:
            return True
    named = subject_named(subject)
    return named is None or named == patient


def _foreign_gap(resource: JsonObject) -> DataGap:
    return gap(
        GapKind.FOREIGN_PATIENT, "patient", "a resource that does not belong to this patient was left out", resource
    )


def _patient(resources: Iterable[JsonObject], reference: str) -> tuple[Patient, DataGap | None]:
    """The person; a birth date that is partial reads as the youngest age it allows."""
    found = next((resource for resource in resources if resource["resourceType"] == "Patient"), None)
    if found is None:
        return Patient(reference), DataGap(GapKind.MISSING, "patient", "the patient record is not at hand", reference)
    born = birth_date(found.get("birthDate"))
    problem = None
    if born is None and found.get("birthDate") is not None:
        problem = DataGap(GapKind.UNREADABLE, "patient", "the birth date cannot be read", reference)
    return Patient(reference, born, token(found.get("gender")) or None), problem


def _sorted_facts(patient: Patient, facts: Iterable[Fact], told: list[LabResult]) -> PatientFacts:
    """The facts by kind and in order; `told`: further results."""
    by_type: dict[type, list[Fact]] = {LabResult: [*told]}
    for fact in facts:
        by_type.setdefault(type(fact), []).append(fact)

    def of(kind: type[_F]) -> tuple[_F, ...]:
        found = cast("list[_F]", by_type.get(kind, ()))
        return tuple(_in_order(kind, found)) if len(found) > 1 else tuple(found)

    return PatientFacts(
        patient=patient,
        results=of(LabResult),
        exposures=of(Exposure),
        coingestants=of(CoIngestant),
        diagnoses=of(Diagnosis),
        nac=of(NacTherapy),
        charcoal=of(CharcoalDose),
        weights=of(Weight),
        mental_status=of(MentalStatus),
        gaps=of(DataGap),
    )


def _in_order(kind: type[_F], facts: list[_F]) -> list[_F]:
    """Facts of one kind, each once, by time (unknown first), then reference; by content where these are the same."""
    name = _TIME_FIELD.get(kind)
    if len(set(map(_reference, facts))) == len(facts) and name is not None:  # no two at one place
        with suppress(AttributeError):  # of one whose time is not known
            return sorted(facts, key=attrgetter(f"{name}.earliest", "reference"))
    spans = [None] * len(facts) if name is None else map(attrgetter(name), facts)
    starts = [_NO_TIME if span is None else span.earliest for span in spans]
    references = [reference or "" for reference in map(_reference, facts)]
    placed = sorted(zip(zip(starts, references, strict=True), facts, strict=True), key=itemgetter(0))
    if any(one[0] == other[0] for one, other in pairwise(placed)):
        placed = sorted(dict.fromkeys(placed), key=lambda pair: (pair[0], repr(pair[1])))
    return [fact for _, fact in placed]


_reference = attrgetter("reference")
_NO_TIME = datetime.min.replace(tzinfo=UTC)
_TIME_FIELD: dict[type, str] = {
    LabResult: "sampled",
    Exposure: "taken",
    CoIngestant: "taken",
    Diagnosis: "onset",
    NacTherapy: "given",
    CharcoalDose: "given",
    Weight: "measured",
    MentalStatus: "assessed",
}


# Orders


def drug_order_from_resource(order: JsonObject, others: Mapping[str, JsonObject], reference: str) -> DrugOrder:
    """A draft drug order (MedicationRequest, or an older MedicationOrder) with its substance, route and reasons.

    `others`: resources the order may refer to, by "Type/id" and by fullUrl. A Medication that is neither there
    nor contained, without any word of what it is, leaves the order UNIDENTIFIED, never OTHER.
    """
    return order_from(order, Chart(others), reference)


# What else to fetch


def unresolved_references(resources: Iterable[JsonObject]) -> frozenset[str]:
    """The "Type/id" of Specimens of acetaminophen levels and of Medications that are referred to and not at hand.

    Relative references only: an absolute one may lie on another server, where the same id is another drug.
    """
    wanted: set[str] = set()
    at_hand: set[str] = set()
    for resource in resources:
        kind = text(resource.get("resourceType"))
        if kind == "Observation":
            if resource.get("specimen") is not None and _is_level(resource):
                wanted.update(_relative(resource["specimen"], "Specimen"))
        elif kind in _DRUG_TYPES:
            wanted.update(*(_relative(reference, "Medication") for reference in medication_references(resource)))
        elif kind in _REFERABLE:
            at_hand.add(reference_of(resource))
    return frozenset(wanted - at_hand)


def _is_level(observation: JsonObject) -> bool:
    return any(term.concept in _TIMED_CONCEPTS for term in concept_from(observation.get("code")).terms)


def _relative(reference: object, kind: str) -> Iterator[str]:
    target = target_of(reference)
    tail = reference_tail(target) if target is not None else None
    if target is not None and tail is not None and tail.startswith(f"{kind}/") and target.startswith(tail):
        yield tail
