"""Gathering one patient's resources: from prefetch first, from the FHIR server for the rest, by one deadline.

Knows prefetch and searches. Must not know HTTP, cards or rules. Nothing that fails here shrinks into
"no data": each failure is a `DataGap`, and a required key that could not be had is named.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from cds_service.clinical.facts import DataGap, GapKind
from cds_service.fhir.bundles import Page, page_from_prefetch
from cds_service.fhir.concepts import concept_from
from cds_service.fhir.conditions import is_standing
from cds_service.fhir.fetched import PASSING, FaultKind, Fetched, FetchFault, failed
from cds_service.fhir.mapping import unresolved_references
from cds_service.fhir.queries import QUERIES
from cds_service.fhir.reading import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.plain_results import PlainResult
    from cds_service.fhir.queries import Query
    from cds_service.fhir.reading import JsonObject
    from cds_service.fhir.servers import FhirServer

_REFERENCES_READ = 20
# The level of an unread specimen is at hand, with the time the laboratory gave it: what is not known is only
# whether the specimen tells another time. So this gap does not make the level itself an unread one, but while the
# specimen cannot be read just now, the levels are read in part only: another time may put one above the line.
_REFERENCED = {
    "Specimen": (GapKind.UNUSABLE_TIME, "acetaminophen", "specimens (collection times)"),
    "Medication": (GapKind.NOT_FETCHED, "medications", "medications named by reference"),
}
"""The kind of gap an unread reference makes, what it concerns, and what a card calls it."""
_NO_DATA = Page(Fetched())
_TELL_BY_CODE = frozenset({"Observation", "Condition"})
_REFERRING_KEY = {"Specimen": "levels", "Medication": "medicationStatements"}


class ForeignPatientError(ValueError):
    """The prefetched patient is not the patient of the hook's context: nothing may be said about either."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is at hand about the patient.

    `missing_required`: keys of required data that could not be had. `cut_short`: those of which only a part was
    read, or holds entries that do not say what they are; a gap says why. `timings`: seconds each live query took.
    `from_prefetch`: keys the EHR supplied in full, null ("no data") included. `faults`: why a key is
    incomplete. `plain`: results beside the resources, still in their bytes.
    """

    resources: tuple[JsonObject, ...] = ()
    gaps: tuple[DataGap, ...] = ()
    missing_required: tuple[str, ...] = ()
    cut_short: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    from_prefetch: frozenset[str] = frozenset()
    faults: Mapping[str, FaultKind] = field(default_factory=dict)
    plain: tuple[PlainResult, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """Where live data come from during one call: the server, the pool, and until when."""

    client: FhirClient
    server: FhirServer
    deadline: float


class _Row(NamedTuple):
    """One query with what was found for it. `seconds` None: no live query was made."""

    query: Query
    fetched: Fetched
    seconds: float | None = None


async def gather(
    prefetch: Mapping[str, Any] | None,
    patient_id: str,
    *,
    client: FhirClient | None,
    server: FhirServer | None,
    deadline_seconds: float,
    queries: Sequence[Query] = QUERIES,
) -> Gathered:
    """Everything the query table asks about the patient, from prefetch where it is there, else by search.

    `patient_id` is a bare id or "Patient/id". Takes at most `deadline_seconds`; what is not there by then
    is a gap. Without a client or server only the prefetch is used. Raises `ForeignPatientError` when the
    prefetched patient is someone else.
    """
    bare_id = patient_id.removeprefix("Patient/")
    source = None
    if client is not None and server is not None:
        source = _Source(client, server, asyncio.get_running_loop().time() + deadline_seconds)
    pages = {query.key: _prefetched(query, prefetch or {}, bare_id) for query in queries}
    rows = await _rows(queries, pages, bare_id, source)
    uncoded = {row.query.key: gap for row in rows if (gap := _uncoded_gap(row)) is not None}
    resources = tuple(resource for row in rows for resource in row.fetched.resources)
    referenced, reference_gaps, unread = await _referenced(resources, source)
    return Gathered(
        resources=resources + referenced,
        gaps=(*_gaps(rows), *uncoded.values(), *reference_gaps),
        missing_required=tuple(row.query.key for row in rows if row.query.required and _is_missing(row.fetched)),
        cut_short=tuple(row.query.key for row in rows if row.query.key in uncoded or _is_cut_short(row, unread)),
        timings={row.query.key: row.seconds for row in rows if row.seconds is not None},
        from_prefetch=frozenset(row.query.key for row in rows if row.seconds is None and row.fetched.is_complete),
        faults=unread | {row.query.key: row.fetched.fault.kind for row in rows if row.fetched.fault is not None},
        plain=tuple(chain.from_iterable(row.fetched.plain for row in rows)),
    )


def _prefetched(query: Query, prefetch: Mapping[str, Any], patient_id: str) -> Page | None:
    """What the EHR sent for a query: None when the key is absent; null is an empty page, except for the patient."""
    if query.key not in prefetch:
        return None
    value = prefetch[query.key]
    if value is None and not query.is_read:
        return _NO_DATA
    page = value if isinstance(value, Page) else page_from_prefetch(value, query.resource_type)
    return _patient_page(page, patient_id) if query.is_read and page.fetched.is_complete else page


def _patient_page(page: Page, patient_id: str) -> Page:
    """A page that holds the one patient; raises `ForeignPatientError` when it is another."""
    ids = [each.get("id") for each in page.fetched.resources if each["resourceType"] == "Patient"]
    if any(isinstance(each, str) and each != patient_id for each in ids):
        msg = "the prefetched patient is not the patient of the context"
        raise ForeignPatientError(msg)
    return page if patient_id in ids else Page(failed(FaultKind.WRONG_RESOURCE, "the prefetched patient has no id"))


async def _rows(
    queries: Sequence[Query], pages: Mapping[str, Page | None], patient_id: str, source: _Source | None
) -> list[_Row]:
    """A row for every query; all that need the server are asked at the same time."""
    rows = {query.key: _row_at_hand(query, pages[query.key], source) for query in queries}
    if source is not None:
        wanting = [query for query in queries if rows[query.key] is None]
        live = await asyncio.gather(*(_live_row(query, pages[query.key], patient_id, source) for query in wanting))
        rows |= {row.query.key: row for row in live}
    return [row for row in rows.values() if row is not None]


def _row_at_hand(query: Query, page: Page | None, source: _Source | None) -> _Row | None:
    """The row when the prefetch settles it or there is nowhere else to look; None when the server is to be asked."""
    if page is not None and page.fetched.is_complete and (page.next_link is None or query.first_page_only):
        return _Row(query, page.fetched)
    return None if source is not None else _Row(query, _without_server(page))


def _without_server(page: Page | None) -> Fetched:
    """What is left of a prefetch that is absent, failed or cut when there is no server to ask."""
    if page is None:
        return failed(FaultKind.NO_SERVER, "not in the prefetch, and there is no FHIR server to ask")
    if page.fetched.fault is None:
        words = "the prefetch holds the first page only, and there is no FHIR server to ask for more"
        return Fetched(page.fetched.resources, FetchFault(FaultKind.TRUNCATED, words))
    words = "the prefetch failed, and there is no FHIR server to ask"
    return Fetched(page.fetched.resources, FetchFault(FaultKind.NO_SERVER, words))


async def _live_row(query: Query, page: Page | None, patient_id: str, source: _Source) -> _Row:
    """A row from the server; what could be read of a failed prefetch is kept beside it."""
    started = asyncio.get_running_loop().time()
    fetched = await _fetch(query, page, patient_id, source)
    seconds = asyncio.get_running_loop().time() - started
    if page is not None and not page.fetched.is_complete and not fetched.is_complete:
        fetched = Fetched(page.fetched.resources + fetched.resources, fetched.fault)
    return _Row(query, fetched, seconds)


async def _fetch(query: Query, page: Page | None, patient_id: str, source: _Source) -> Fetched:
    """Read on from a prefetched first page, or ask anew."""
    if page is not None and page.fetched.is_complete:
        return await source.client.follow(source.server, page, query, source.deadline)
    if query.is_read:
        return await source.client.read(source.server, f"{query.resource_type}/{patient_id}", source.deadline)
    return await source.client.search(source.server, query, patient_id, source.deadline)


async def _referenced(
    resources: Sequence[JsonObject], source: _Source | None
) -> tuple[tuple[JsonObject, ...], tuple[DataGap, ...], dict[str, FaultKind]]:
    """The resources that the gathered ones need (specimens of levels, medications), and gaps for those not read.

    Beside them the keys whose data refer to one that cannot be read just now, and why.
    """
    references = sorted(unresolved_references(resources))
    if not references:
        return (), (), {}
    found = await _read_all(references[:_REFERENCES_READ], source)
    too_many = failed(FaultKind.TRUNCATED, f"only the first {_REFERENCES_READ} references were read")
    found |= dict.fromkeys(references[_REFERENCES_READ:], too_many)
    read = tuple(resource for fetched in found.values() for resource in fetched.resources)
    return read, _reference_gaps(found), _unread_now(found)


async def _read_all(references: Sequence[str], source: _Source | None) -> dict[str, Fetched]:
    """Each reference with what was read for it."""
    if source is None:
        return dict.fromkeys(references, _without_server(None))
    reads = (source.client.read(source.server, reference, source.deadline) for reference in references)
    return dict(zip(references, await asyncio.gather(*reads), strict=True))


def _unread_now(found: Mapping[str, Fetched]) -> dict[str, FaultKind]:
    faults = {reference: fetched.fault.kind for reference, fetched in found.items() if fetched.fault is not None}
    passing = {reference: kind for reference, kind in faults.items() if kind in PASSING - {FaultKind.TRUNCATED}}
    return {_REFERRING_KEY[reference.partition("/")[0]]: kind for reference, kind in passing.items()}


def _reference_gaps(found: Mapping[str, Fetched]) -> tuple[DataGap, ...]:
    """One gap for all references of a type that failed alike, so that a card is not a list of ids."""
    faults = {reference: fetched.fault.words for reference, fetched in found.items() if fetched.fault is not None}
    alike = Counter((reference.partition("/")[0], words) for reference, words in faults.items())
    return tuple(_reference_gap(resource_type, words, count) for (resource_type, words), count in alike.items())


def _reference_gap(resource_type: str, words: str, count: int) -> DataGap:
    """A gap for `count` unread references of one type."""
    kind, about, name = _REFERENCED[resource_type]
    return DataGap(kind, about, f"{count} {name} could not be read: {words}")


def _is_missing(fetched: Fetched) -> bool:
    """Whether a query brought nothing that can be relied on; a search cut short is not that."""
    return not fetched.is_complete and not fetched.is_partial


def _gaps(rows: Iterable[_Row]) -> Iterator[DataGap]:
    """A gap for every row that is not complete, unless its failure is not worth telling."""
    told = (row for row in rows if not row.query.is_quiet)
    return (_gap(row.query, row.fetched.fault) for row in told if row.fetched.fault)


def _is_cut_short(row: _Row, unread: Collection[str]) -> bool:
    """Whether only a part of required data was read, what they refer to included."""
    refers_to_unread = row.query.key in unread and row.fetched.is_complete
    return row.query.required and (row.fetched.is_partial or refers_to_unread)


def _uncoded_gap(row: _Row) -> DataGap | None:
    """Entries of a required search that do not say what they are: one of them may be the one that matters."""
    uncoded = sum(map(_is_uncoded, row.fetched.resources)) if row.query.required else 0
    if not uncoded:
        return None
    words = f"{uncoded} of the {row.query.name} do not say what they are"
    return DataGap(GapKind.UNREADABLE, row.query.about, words)


def _is_uncoded(resource: JsonObject) -> bool:
    """Whether a result, or a problem that stands, has neither a code nor a word for what it is."""
    kind, code = resource["resourceType"], resource.get("code")
    if kind not in _TELL_BY_CODE or (isinstance(code, dict) and text(code.get("text")) is not None):
        return False
    return concept_from(code).is_empty and (kind != "Condition" or is_standing(resource))


def _gap(query: Query, fault: FetchFault) -> DataGap:
    """A failed query in words for a card."""
    if fault.kind is FaultKind.TRUNCATED:
        return DataGap(GapKind.TRUNCATED, query.about, f"Not all {query.name} were read: {fault.words}")
    name = f"{query.name[0].upper()}{query.name[1:]}"
    return DataGap(GapKind.NOT_FETCHED, query.about, f"{name} could not be read: {fault.words}")
