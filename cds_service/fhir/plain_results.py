"""Results in the form nearly all have: one code, one number with a unit, one time.

A chart holds thousands of results in a few dozen forms. What a form means is worked out once, by the readers that
every Observation goes through (`observations.py`, `values.py`, `concepts.py`); a result of that form then costs a
number, a time and a reference. Whatever is not plainly of such a form is left to those readers, and so is every
acetaminophen level: on those no time is saved.

Pure. Must not know what a result means beyond what those readers say.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import orjson

from cds_service.clinical.facts import LabResult
from cds_service.clinical.quantity import Analyte, Bounded
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.observations import ANALYTES, ENZYMES, STATUSES, analytes_meant, test_meant
from cds_service.fhir.reading import UnusableTimeError, number, span_from_date_time, text
from cds_service.fhir.values import ValueRefusedError, read_quantity, upper_limit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from datetime import tzinfo

    from cds_service.fhir.reading import JsonObject

_LONGEST_FORM = 2000
_ABSENT = msgspec.Raw()


class _Number(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A Quantity without a comparator."""

    value: float
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class _Written(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """An Observation with the members below and no other; those that no reader looks at follow the blank line."""

    resource_type: Literal["Observation"]
    id: str
    status: str
    code: msgspec.Raw
    value_quantity: _Number
    effective_date_time: str
    subject: msgspec.Raw = _ABSENT
    reference_range: msgspec.Raw = _ABSENT
    specimen: msgspec.Raw = _ABSENT

    meta: msgspec.Raw = _ABSENT
    language: msgspec.Raw = _ABSENT
    text: msgspec.Raw = _ABSENT
    extension: msgspec.Raw = _ABSENT
    identifier: msgspec.Raw = _ABSENT
    based_on: msgspec.Raw = _ABSENT
    part_of: msgspec.Raw = _ABSENT
    category: msgspec.Raw = _ABSENT
    encounter: msgspec.Raw = _ABSENT
    issued: msgspec.Raw = _ABSENT
    performer: msgspec.Raw = _ABSENT
    interpretation: msgspec.Raw = _ABSENT
    note: msgspec.Raw = _ABSENT
    body_site: msgspec.Raw = _ABSENT
    method: msgspec.Raw = _ABSENT
    device: msgspec.Raw = _ABSENT
    derived_from: msgspec.Raw = _ABSENT


class _Meaning(NamedTuple):
    """What the results of a form tell: the analyte (None: not ours), the factor to its unit, the upper limit."""

    analyte: Analyte | None
    factor: float = 1.0
    upper_limit: float | None = None


_NOT_OURS = _Meaning(None)
_decode = msgspec.json.Decoder(_Written).decode


class PlainResult(msgspec.Struct, gc=False, frozen=True):
    """One Observation in the bytes it came in, with what its form means."""

    raw: msgspec.Raw
    written: _Written
    meaning: _Meaning

    @property
    def resource(self) -> JsonObject:
        """The Observation as parsed JSON, of which nothing is left out."""
        resource: JsonObject = _loaded(bytes(self.raw))
        return resource


def plain_result(raw: msgspec.Raw) -> PlainResult | None:
    """The plain result in the bytes of a resource (valid JSON); None where it is anything else."""
    try:
        written = _decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    given = written.value_quantity
    form = bytes(written.code), bytes(written.reference_range)
    if len(form[0]) + len(form[1]) > _LONGEST_FORM or written.status not in STATUSES:
        return None
    meaning = _meaning(*form, given.unit, given.system, given.code)
    return None if meaning is None else PlainResult(raw, written, meaning)


def told_by(
    plain: Iterable[PlainResult], resources: Iterable[JsonObject], is_own: Callable[[JsonObject], bool], zone: tzinfo
) -> tuple[list[LabResult], list[JsonObject]]:
    """The laboratory results that the plain ones of a chart tell, and the Observations that are to be read in full.

    `resources`: the rest of the chart. To be read in full are those that are somebody else's, that stand in the chart
    more than once with different contents, that may have been drawn at another time than they say (a specimen is at
    hand), and whose number or time is out of the ordinary.
    """
    kinds = [(resource.get("resourceType"), resource.get("id")) for resource in resources]
    single, repeated = _once_each(plain, {logical_id for kind, logical_id in kinds if kind == "Observation"})
    has_specimens = any(kind == "Specimen" for kind, _ in kinds)
    owned: dict[bytes, bool] = {}
    results: list[LabResult] = []
    in_full = [each.resource for each in repeated]
    for each in single:
        subject = bytes(each.written.subject)
        if (is_mine := owned.get(subject)) is None:
            is_mine = owned[subject] = is_own({"resourceType": "Observation", "subject": _loaded(subject or b"null")})
        is_plain = is_mine and not (has_specimens and each.written.specimen is not _ABSENT)
        result = _result(each, zone) if is_plain else None
        if result is not None:
            results.append(result)
        elif not is_plain or each.meaning is not _NOT_OURS:
            in_full.append(each.resource)
    return results, in_full


def _once_each(
    plain: Iterable[PlainResult], ids_elsewhere: Container[object]
) -> tuple[list[PlainResult], list[PlainResult]]:
    """Those of which the chart holds nothing else under the same id, each once; and the others."""
    first: dict[str, PlainResult] = {}
    others: list[PlainResult] = []
    for each in plain:
        known = first.setdefault(each.written.id, each)
        if known is not each and known.raw != each.raw:
            others.append(each)
    repeated = {each.written.id for each in others} | {each for each in first if each in ids_elsewhere}
    others.extend(first.pop(logical_id) for logical_id in repeated)
    return list(first.values()), others


def _result(plain: PlainResult, zone: tzinfo) -> LabResult | None:
    """The laboratory result; None where the analyte is not ours, or the number or the time not plain."""
    written, (analyte, factor, upper_limit) = plain.written, plain.meaning
    value, logical_id = number(written.value_quantity.value), text(written.id)
    if analyte is None or value is None or value < 0 or logical_id is None:
        return None
    try:
        sampled = span_from_date_time(written.effective_date_time, zone)
    except UnusableTimeError:
        return None
    reference = f"Observation/{logical_id}"
    return LabResult(analyte, Bounded(value * factor), sampled, written.status, reference, "", upper_limit)


# Keeps codes, ranges and units, none of which is a patient's.
@lru_cache(maxsize=2048)
def _meaning(
    code: bytes, reference_range: bytes, unit: str | None, system: str | None, unit_code: str | None
) -> _Meaning | None:
    """What the readers of Observations make of a form; None where they have to look at each result."""
    concept = concept_from(_loaded(code))
    term, is_contradictory = test_meant(concept)
    if term is None:
        return None if concept.is_empty or analytes_meant(concept) else _NOT_OURS
    analyte = ANALYTES.get(term.concept)
    if is_contradictory or term.kind != "result" or analyte is None or analyte is Analyte.ACETAMINOPHEN:
        return None
    one = {"value": 1.0, "unit": unit, "system": system, "code": unit_code}
    try:
        factor = read_quantity(analyte, one).value
    except ValueRefusedError:
        return None
    ranges = {"referenceRange": _loaded(reference_range or b"null"), "valueQuantity": one}
    return _Meaning(analyte, factor, upper_limit_of(analyte, ranges) if analyte in ENZYMES else None)


def _loaded(raw: bytes) -> Any:
    """Valid JSON as a value. A number beyond all bounds is infinite, which reads as no number."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)
