"""One patient through time: what the hook would have said at every result, exposure and acetylcysteine event.

What it would have said of the orders is in `signing`.

Pure. Each instant sees the chart as it stood then and is judged by the very functions that serve the hook. What was
recorded later is not there yet; a resource without any time is there throughout, and is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.assess import assess
from cds_service.clinical.facts import NacSource, Route
from cds_service.fhir.mapping import facts_from_resources, unresolved_references, version_of
from cds_service.fhir.reading import reference_of
from cds_service.fhir.replay import Known, Standing, known_versions, standing_at
from cds_service.population.remembered import Remembered
from cds_service.population.signing import Replayed, signings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import NacTherapy, PatientFacts
    from cds_service.clinical.profiles import Profile
    from cds_service.fhir.reading import JsonObject
    from cds_service.population.signing import Signing


@dataclass(frozen=True, slots=True)
class Instant:
    """What the service would have said at one instant, and which events made it one."""

    at: datetime
    events: tuple[str, ...]
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class NacStart:
    """The first infusion of acetylcysteine, and what the service would have said then had nobody started it."""

    at: datetime
    route: Route
    without: Assessment


@dataclass(frozen=True, slots=True)
class History:
    """One patient's instants in order, the first treatment with acetylcysteine, and how clean the chart was.

    `signings`: what the order hook would have said; `unread_orders`: orders of which that is not known.
    `duplicates`: resources sent more than once. `corrected`: later versions. `conflicting`: other contents under the
    same version. `untimed`: events whose instant is not known.
    """

    patient_id: str
    instants: tuple[Instant, ...]
    nac: NacStart | None
    signings: tuple[Signing, ...]
    unread_orders: int
    encounters: int
    observations: int
    duplicates: int
    corrected: int
    conflicting: int
    untimed: int


def history_of(
    patient_id: str, resources: Iterable[JsonObject], shared: Mapping[str, JsonObject], profile: Profile
) -> History:
    """Replay one patient. `shared`: Medications and Specimens by reference, which charts may point to."""
    own, duplicates = _distinct(resources)
    known = tuple(known_versions([*own, *_referred(own, shared)]))
    read = Remembered()
    whole = facts_from_resources([resource for resource, _ in known], patient_id, read=read)
    events, untimed = _events(known, whole)
    standing = Standing(known)
    instants = tuple(
        Instant(
            at,
            tuple(sorted(events[at])),
            assess(facts_from_resources(standing.at(at), patient_id, read=read), profile, at),
        )
        for at in sorted(events)
    )
    signings, unread_orders = signings_of(Replayed(patient_id, known, standing, read, profile))
    versions = Counter(reference_of(resource) for resource in own)
    numbered = {(reference_of(resource), version_of(resource)) for resource in own}
    return History(
        patient_id,
        instants,
        _nac_start(known, whole, profile, read),
        signings,
        unread_orders,
        encounters=sum(1 for name in versions if name.startswith("Encounter/")),
        observations=sum(1 for name in versions if name.startswith("Observation/")),
        duplicates=duplicates,
        corrected=len(numbered) - len(versions),
        conflicting=len(own) - len(numbered),
        untimed=untimed,
    )


def _distinct(resources: Iterable[JsonObject]) -> tuple[list[JsonObject], int]:
    """Each content once, and how many repetitions were left out."""
    kept: dict[str, list[JsonObject]] = {}
    repeated = 0
    for resource in resources:
        same = kept.setdefault(reference_of(resource), [])
        if resource in same:
            repeated += 1
        else:
            same.append(resource)
    return [resource for same in kept.values() for resource in same], repeated


def _referred(own: Iterable[JsonObject], shared: Mapping[str, JsonObject]) -> list[JsonObject]:
    """What the chart points to beyond itself, as far as it is at hand."""
    return [shared[name] for name in sorted(unresolved_references(own)) if name in shared]


def _events(known: Iterable[Known], whole: PatientFacts) -> tuple[dict[datetime, set[str]], int]:
    """The instants at which something became known, with what it was; and how many events have no instant."""
    kinds = {each.reference: "result" for each in whole.results}
    kinds |= {each.reference: "exposure" for each in whole.exposures}
    kinds |= {each.reference: "acetylcysteine" for each in whole.nac}
    events: dict[datetime, set[str]] = {}
    untimed = 0
    for resource, since in known:
        kind = kinds.get(reference_of(resource))
        if kind is not None and since is not None:
            events.setdefault(since, set()).add(kind)
        untimed += kind is not None and since is None
    return events, untimed


def _nac_start(known: Iterable[Known], whole: PatientFacts, profile: Profile, read: Remembered) -> NacStart | None:
    """The first acetylcysteine that was given other than to be inhaled."""
    given = [(at, therapy) for therapy in whole.nac if (at := _given_at(therapy)) is not None]
    if not given:
        return None
    at, therapy = min(given, key=lambda pair: pair[0])
    acetylcysteine = {each.reference for each in whole.nac}
    before = [(resource, since) for resource, since in known if reference_of(resource) not in acetylcysteine]
    facts = facts_from_resources(standing_at(before, at), whole.patient.reference, read=read)
    return NacStart(at, therapy.route, assess(facts, profile, at))


def _given_at(therapy: NacTherapy) -> datetime | None:
    if therapy.source is not NacSource.ADMINISTRATION or therapy.route is Route.INHALED:
        return None
    return therapy.started_at or (None if therapy.given is None else therapy.given.earliest)
