"""Results in the form nearly all have: one code, one number with a unit, one time.

A chart holds thousands of results in a few dozen forms. What a form means is worked out once, by the readers that
every Observation goes through (`observations.py`, `values.py`, `concepts.py`); a result of that form then costs a
number, a time and a reference. Whatever is not plainly of such a form is left to those readers, and so is an
acetaminophen level that refers to its specimen, which may tell another time.

Pure. Must not know what a result means beyond what those readers say.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
import orjson

from cds_service.clinical.facts import LabResult
from cds_service.clinical.quantity import Analyte, Bounded
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.observations import ANALYTES, ENZYMES, analytes_meant, test_meant
from cds_service.fhir.reading import LARGEST_NUMBER, UnusableTimeError, span_from_date_time, text
from cds_service.fhir.values import LARGEST_POSSIBLE_LEVEL_MG_L, ValueRefusedError, read_quantity, upper_limit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.clinical.quantity import Span
    from cds_service.fhir.reading import JsonObject

_LONGEST_FORM = 2000
_ShortText = Annotated[str, msgspec.Meta(max_length=200)]
_ABSENT = msgspec.Raw()


class _Number(msgspec.Struct, gc=False):
    """A Quantity without a comparator."""

    value: float
    unit: _ShortText | None = None
    system: Literal["http://unitsofmeasure.org"] | None = None
    code: _ShortText | None = None
    comparator: None = None


class _Written(msgspec.Struct, gc=False, rename="camel"):
    """An Observation with one number and one time: of the members that are read, it has those that come first.

    The others, of whatever version of FHIR, must be absent or null. What no reader looks at is not even cut out. In
    the order in which servers write them they are found at once.
    """

    resource_type: Literal["Observation"]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    status: Literal["registered", "preliminary", "final", "amended", "corrected"]
    code: msgspec.Raw
    effective_date_time: Annotated[str, msgspec.Meta(max_length=40)]
    value_quantity: _Number
    subject: msgspec.Raw = _ABSENT
    reference_range: msgspec.Raw = _ABSENT
    specimen: msgspec.Raw = _ABSENT

    component: None = None
    contained: None = None
    data_absent_reason: None = None
    patient: None = None
    effective_instant: None = None
    effective_period: None = None
    effective_timing: None = None
    value_attachment: None = None
    value_boolean: None = None
    value_codeable_concept: None = None
    value_date_time: None = None
    value_decimal: None = None
    value_integer: None = None
    value_period: None = None
    value_range: None = None
    value_ratio: None = None
    value_reference: None = None
    value_sampled_data: None = None
    value_string: None = None
    value_time: None = None


class _Meaning(NamedTuple):
    """What the results of a form tell: the analyte (None: not ours), the factor to its unit, the upper limit.

    `most`: a greater amount has to be looked at.
    """

    analyte: Analyte | None
    factor: float = 1.0
    upper_limit: float | None = None
    most: float = math.inf


_decode = msgspec.json.Decoder(_Written).decode


class PlainResult(msgspec.Struct, gc=False, frozen=True):
    """One Observation in the bytes it came in, and the result it tells (None: of an analyte that is not ours).

    `logical_id`, `subject` (JSON, empty where it names nobody) and `has_specimen`: what decides whether it counts as it
    stands in a chart.
    """

    raw: msgspec.Raw
    logical_id: str
    subject: bytes
    has_specimen: bool
    result: LabResult | None

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
    code, reference_range = bytes(written.code), bytes(written.reference_range)
    if len(code) + len(reference_range) > _LONGEST_FORM:
        return None
    meaning = _meaning(code, reference_range, given.unit, given.system, given.code)
    if meaning is None:
        return None
    has_specimen = written.specimen is not _ABSENT
    result = None
    if meaning.analyte is not None:
        if has_specimen and meaning.analyte is Analyte.ACETAMINOPHEN:
            return None
        result = _result(meaning.analyte, written, meaning)
        if result is None:
            return None
    return PlainResult(raw, written.id, bytes(written.subject), has_specimen, result)


def _result(analyte: Analyte, written: _Written, meaning: _Meaning) -> LabResult | None:
    """The laboratory result; None where the number or the time is out of the ordinary."""
    value = written.value_quantity.value
    amount = value * meaning.factor
    sampled = _instant(written.effective_date_time)
    is_plain = 0 <= value < LARGEST_NUMBER and amount <= meaning.most and written.id == written.id.strip()
    if sampled is None or not is_plain:
        return None
    reference = f"Observation/{written.id}"
    return LabResult(analyte, Bounded(amount), sampled, written.status, reference, "", meaning.upper_limit)


@lru_cache(maxsize=8192)
def _instant(written: str) -> Span | None:
    """The instant in a date with a time of day; None for a date alone, whose day depends on the zone, and the rest."""
    try:
        return span_from_date_time(written) if "T" in written else None
    except UnusableTimeError:
        return None


def told_by(
    plain: Iterable[PlainResult], resources: Iterable[JsonObject], is_own: Callable[[JsonObject], bool]
) -> tuple[list[LabResult], list[JsonObject]]:
    """The laboratory results that the plain ones of a chart tell, and the Observations that are to be read in full.

    `resources`: the rest of the chart. To be read in full are those that are somebody else's, that stand in the chart
    more than once with different contents, and that may have been drawn at another time than they say (a specimen is
    at hand).
    """
    kinds = [(resource.get("resourceType"), text(resource.get("id"))) for resource in resources]
    ids_elsewhere = {logical_id for kind, logical_id in kinds if kind == "Observation" and logical_id is not None}
    single, in_full = _once_each(plain, ids_elsewhere)
    has_specimens = any(kind == "Specimen" for kind, _ in kinds)
    owned: dict[bytes, bool] = {}
    results: list[LabResult] = []
    for each in single:
        if (is_mine := owned.get(each.subject)) is None:
            subject = _loaded(each.subject or b"null")
            is_mine = owned[each.subject] = is_own({"resourceType": "Observation", "subject": subject})
        if not is_mine or (has_specimens and each.has_specimen):
            in_full.append(each)
        elif each.result is not None:
            results.append(each.result)
    return results, [each.resource for each in in_full]


def _once_each(plain: Iterable[PlainResult], ids_elsewhere: set[str]) -> tuple[list[PlainResult], list[PlainResult]]:
    """Those of which the chart holds nothing else under the same id, each once; and the others."""
    first: dict[str, PlainResult] = {}
    others: list[PlainResult] = []
    for each in plain:
        known = first.setdefault(each.logical_id, each)
        if known is not each and known.raw != each.raw:
            others.append(each)
    repeated = {each.logical_id for each in others} | (ids_elsewhere & first.keys())
    others.extend(first.pop(logical_id) for logical_id in repeated)
    return list(first.values()), others


# Keeps codes, ranges and units, none of which is a patient's.
@lru_cache(maxsize=2048)
def _meaning(
    code: bytes, reference_range: bytes, unit: str | None, system: str | None, unit_code: str | None
) -> _Meaning | None:
    """What the readers of Observations make of a form; None where they have to look at each result."""
    concept = concept_from(_loaded(code))
    term, is_contradictory = test_meant(concept)
    if term is None:
        return None if concept.is_empty or analytes_meant(concept) else _Meaning(None)
    analyte = ANALYTES.get(term.concept)
    if is_contradictory or term.kind != "result" or analyte is None:
        return None
    one = {"value": 1.0, "unit": unit, "system": system, "code": unit_code}
    try:
        factor = read_quantity(analyte, one).value
    except ValueRefusedError:
        return None
    ranges = {"referenceRange": _loaded(reference_range or b"null"), "valueQuantity": one}
    upper_limit = upper_limit_of(analyte, ranges) if analyte in ENZYMES else None
    most = LARGEST_POSSIBLE_LEVEL_MG_L if analyte is Analyte.ACETAMINOPHEN else math.inf
    return _Meaning(analyte, factor, upper_limit, most)


def _loaded(raw: bytes) -> Any:
    """Valid JSON as a value. A number beyond all bounds is infinite, which reads as no number."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)
