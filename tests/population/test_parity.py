"""The hook, DuckDB and Spark say the same of the same chart at the same instant, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from cds_service.clinical.assess import assess
from cds_service.clinical.profiles import US_2023
from cds_service.embedded import in_process
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.replay import known_versions, standing_at
from cds_service.hooks.extension import NAME
from cds_service.population.canonical import assessment_bytes, extension_bytes
from cds_service.sandbox.fixtures import load_cases
from cds_service.sandbox.store import ResourceStore
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import httpx

Json = dict[str, Any]
CASES = load_cases()


class Instants:
    """A clock that shows the instant it was last set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


async def extensions(client: httpx.AsyncClient, patient_id: str) -> list[Json]:
    """The extension of each card that the hook answers a look at this patient with."""
    call = {
        "hook": "patient-view",
        "hookInstance": "4e8a1b6c-7d0f-4f3e-9a41-2f0c5f6c7a10",
        "context": {"userId": "Practitioner/example", "patientId": patient_id},
    }
    answer = await client.post("/cds-services/iv-nac-patient-view", json=call)
    assert answer.status_code == 200, answer.text
    return [card["extension"][NAME] for card in answer.json()["cards"]]


def replayed(resources: Iterable[Json], patient_id: str, at: datetime) -> bytes:
    """What a replay makes of a chart at an instant."""
    standing = standing_at(known_versions(tuple(resources)), at)
    return assessment_bytes(assess(facts_from_resources(standing, patient_id), US_2023, at))


async def test_every_fixture_reads_alike_in_the_hook_and_in_a_replay() -> None:
    """The hook searches an embedded FHIR server; the replay takes the whole chart. Silence is silence in both."""
    clock = Instants(CASES[0].anchor)
    store = ResourceStore([resource for case in CASES for resource in case.resources()])
    compared = 0
    async with in_process(Settings(database_url=""), store, clock, is_internal=True) as client:
        for case in CASES:
            clock.at = case.anchor
            told = await extensions(client, case.slug)
            expected = replayed(case.resources(), case.slug, case.anchor)
            if told:
                assert extension_bytes(told[0]) == expected, case.slug
                compared += 1
            else:
                assert "category" not in orjson.loads(expected), case.slug
    assert compared > len(CASES) // 2
