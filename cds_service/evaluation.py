"""One evaluation: gather the chart, map it to facts, assess.

`now` and the FHIR client are arguments. Knows no HTTP and no cards. What could not be had is either named
in the assessment or raised as `MissingDataError`; it never shrinks into "nothing wrong".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import DataGap, DrugOrder, GapKind
from cds_service.clinical.findings import Category
from cds_service.fhir.fetched import PASSING
from cds_service.fhir.gather import Gathered, gather
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.reading import elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import PatientFacts
    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.client import FhirClient
    from cds_service.fhir.fetched import FaultKind
    from cds_service.fhir.reading import JsonObject
    from cds_service.fhir.servers import FhirServer

_MOST_READ = 20
"""References of draft orders that one call follows."""

_LACKS = frozenset({GapKind.NOT_FETCHED, GapKind.TRUNCATED, GapKind.UNREADABLE})
_NEEDS_ALL = frozenset({None, Category.NOT_INDICATED})


class MissingDataError(Exception):
    """Required data could not be had and what is at hand does not call for treatment.

    `keys` are keys of the query table (also the prefetch keys); `gaps` say what failed, in words. `chart` is what
    was read nevertheless.
    """

    def __init__(self, keys: tuple[str, ...], chart: Chart, gaps: tuple[DataGap, ...]) -> None:
        """Keep the missing keys and the chart beside all gaps."""
        super().__init__(f"required data missing: {', '.join(keys)}")
        self.keys = keys
        self.gaps = gaps
        self.chart = chart

    def reason(self, key: str) -> str:
        """Why this key could not be had, as one sentence."""
        name = QUERY_BY_KEY[key].name
        told = (gap.text for gap in self.gaps if gap.kind in _LACKS and gap.reference is None)
        return next((text for text in told if name.casefold() in text.casefold()), f"{name} could not be read")


@dataclass(frozen=True, slots=True)
class ChartSource:
    """Where one call reads the chart: prefetch, and the server (None: prefetch only), within so many seconds.

    `entered`: resources told by the user; each counts until one with the same identifier is on the chart.
    """

    patient_id: str
    prefetch: Mapping[str, Any] | None
    client: FhirClient | None
    server: FhirServer | None
    deadline_seconds: float
    entered: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """What was read of one patient. Timings in milliseconds.

    `missing`: required keys that could not be had. `cut_short`: required keys of which only a part was read.
    `faults`: why the data of a key of the query table are incomplete.
    """

    facts: PatientFacts
    resources: tuple[JsonObject, ...]
    missing: tuple[str, ...]
    cut_short: tuple[str, ...]
    timings_ms: Mapping[str, float]
    faults: Mapping[str, FaultKind]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An assessment, the required data it had to do without (only ever with a treat), and how long each step took.

    `faults` as those of the chart.
    """

    assessment: Assessment
    missing: tuple[str, ...]
    timings_ms: Mapping[str, float]
    faults: Mapping[str, FaultKind]


async def read_chart(source: ChartSource, *, references: Iterable[str] = ()) -> Chart:
    """Gather the chart and map it to facts; `references` ("Medication/id") are read beside it, for draft orders.

    Raises `ForeignPatientError` when the prefetched patient is another one.
    """
    started = perf_counter()
    if source.client is not None:
        source = replace(source, client=source.client.for_one_call())
    gathered, referred = await _read(source, sorted(references)[:_MOST_READ])
    mapping_started = perf_counter()
    charted = chain(gathered.resources, (each.resource for each in gathered.plain))
    resources = (*gathered.resources, *_not_charted(source.entered, charted))
    facts = facts_from_resources(resources, source.patient_id, plain=gathered.plain, gaps=gathered.gaps)
    timings = {
        "gather": _milliseconds(mapping_started - started),
        "map": _milliseconds(perf_counter() - mapping_started),
        **{f"fhir.{key}": _milliseconds(seconds) for key, seconds in gathered.timings.items()},
    }
    return Chart(
        facts, (*resources, *referred), gathered.missing_required, gathered.cut_short, timings, gathered.faults
    )


def evaluate(
    chart: Chart,
    *,
    orders: tuple[DrugOrder, ...],
    unselected: tuple[DrugOrder, ...] = (),
    profile: Profile,
    now: datetime,
) -> Evaluation:
    """Assess the chart with these draft orders at `now`; `unselected`: the other drafts of the call.

    Raises `MissingDataError` when required data are missing, unless what is at hand already gives *treat*:
    an error must not hide a treatment.
    """
    started = perf_counter()
    unread = bool(_unread_now(chart))
    facts = replace(chart.facts, orders=orders, unselected=unselected, medications_unread=unread)
    assessment = assess(facts, profile, now)
    if lacking := _lacking(chart, assessment.category):
        raise MissingDataError(lacking, chart, assessment.gaps)
    timings = {**chart.timings_ms, "assess": _milliseconds(perf_counter() - started)}
    return Evaluation(assessment, chart.missing, timings, chart.faults)


def _lacking(chart: Chart, category: Category | None) -> tuple[str, ...]:
    """The keys without which this category cannot be told.

    Data of which only a part was read are enough, but to say "not indicated" or nothing. Silence also needs the drugs
    taken and given, since one of them may be the exposure.
    """
    if category is Category.INDICATED:
        return ()
    in_part = chart.cut_short if category in _NEEDS_ALL else ()
    return (*chart.missing, *in_part, *(_unread_now(chart) if category is None else ()))


def _not_charted(entered: tuple[JsonObject, ...], charted: Iterable[JsonObject]) -> Iterator[JsonObject]:
    if not entered:
        return iter(())
    known = {identifier for resource in charted for identifier in identifiers_of(resource)}
    return (resource for resource in entered if known.isdisjoint(identifiers_of(resource)))


def identifiers_of(resource: JsonObject) -> frozenset[tuple[str, str]]:
    """The business identifiers (system, value) of a resource."""
    pairs = ((each.get("system"), each.get("value")) for each in elements(resource.get("identifier")))
    return frozenset((system, value) for system, value in pairs if isinstance(system, str) and isinstance(value, str))


def _unread_now(chart: Chart) -> tuple[str, ...]:
    """Keys that may hold an exposure and could not be read just now.

    A server that never offers such a search (or a client that sends none) is another matter: that is a gap of every
    chart there, named on the card.
    """
    return tuple(key for key, kind in chart.faults.items() if kind in PASSING and QUERY_BY_KEY[key].may_hold_exposure)


async def _gathered(source: ChartSource) -> Gathered:
    return await gather(
        source.prefetch,
        source.patient_id,
        client=source.client,
        server=source.server,
        deadline_seconds=source.deadline_seconds,
    )


async def _read(source: ChartSource, references: list[str]) -> tuple[Gathered, tuple[JsonObject, ...]]:
    """The chart and, at the same time, the resources that draft orders refer to, as far as they can be read."""
    client, server = source.client, source.server
    if not references or client is None or server is None:
        return await _gathered(source), ()
    deadline = asyncio.get_running_loop().time() + source.deadline_seconds
    reads = asyncio.gather(*(client.read(server, reference, deadline) for reference in references))
    gathered, referred = await asyncio.gather(_gathered(source), reads)
    return gathered, tuple(resource for fetched in referred for resource in fetched.resources)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
