"""Is this installation fit to answer? Configuration, FHIR servers, and canary patients with known answers.

Knows how to ask each part and say the result in words; changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from cds_service.caller import Reply, hook_body
from cds_service.catalogue import draft_order
from cds_service.embedded import in_process
from cds_service.fhir.addresses import SETTING, AddressPolicy, address_policy, kind_of
from cds_service.fhir.outbound import open_http, resolved
from cds_service.fhir.servers import FhirServer, host_of, is_secure
from cds_service.hooks.discovery import service_id
from cds_service.sandbox.store import ResourceStore
from cds_service.scenes import CHANGE, SCENES, Scene, case_of
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.fhir.outbound import Resolve
    from cds_service.sandbox.fixtures import FixtureCase

_METADATA_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at, whether it is well, and in words what was seen."""

    name: str
    is_well: bool
    words: str


def check_fhir_servers(
    settings: Settings, *, resolve: Resolve = resolved, transport: httpx.AsyncBaseTransport | None = None
) -> list[Check]:
    """Each FHIR server the service may ask: at a permitted address, reachable, FHIR R4, safe to send patient data to.

    Asked as the service would ask it. `resolve` and `transport`: another way to look up names and to send.
    """
    if not settings.fhir_bases:
        return [Check("FHIR servers", is_well=True, words="none configured: prefetch only")]
    return asyncio.run(_server_checks(settings, resolve, transport))


async def _server_checks(
    settings: Settings, resolve: Resolve, transport: httpx.AsyncBaseTransport | None
) -> list[Check]:
    policy = address_policy(settings.fhir_bases, settings.private_networks)
    pool = open_http(_METADATA_SECONDS, policy) if transport is None else httpx.AsyncClient(transport=transport)
    async with pool:
        return [await _server_check(base, policy, resolve, pool) for base in settings.fhir_bases]


async def _server_check(base: str, policy: AddressPolicy, resolve: Resolve, pool: httpx.AsyncClient) -> Check:
    may_connect, where = await _address_state(base, policy, resolve)
    if not may_connect:
        return Check(base, is_well=False, words=where)
    is_well, words = await _server_state(base, pool)
    return Check(base, is_well, f"{words}; {where}")


async def _address_state(base: str, policy: AddressPolicy, resolve: Resolve) -> tuple[bool, str]:
    """Whether the service may connect to this base, and where its name leads."""
    host = host_of(base) or ""
    try:
        addresses = await resolve(host, 0)
    except OSError:
        return False, f"the name {host} leads to no address"
    permitted = [each for each in addresses if policy.permits(host, each)]
    told = ", ".join(f"{each} ({kind_of(each).value})" for each in permitted or addresses)
    if permitted:
        return True, f"at {told}, permitted"
    return False, f"at {told}, where this service may not connect: name the network in {SETTING} if it should"


async def _server_state(base: str, pool: httpx.AsyncClient) -> tuple[bool, str]:
    try:
        answer = await pool.get(f"{base}/metadata", headers={"Accept": "application/fhir+json"})
        statement = answer.json()
    except ValueError:
        return False, "answered /metadata with something that is not JSON"
    except httpx.HTTPError as error:
        return False, f"could not be reached ({type(error).__name__})"
    version = statement.get("fhirVersion") if isinstance(statement, dict) else None
    if not answer.is_success or not isinstance(version, str):
        return False, f"answered /metadata with HTTP {answer.status_code} and no CapabilityStatement"
    if not version.startswith("4."):
        return False, f"speaks FHIR {version}; this service reads R4"
    note = "" if is_secure(FhirServer(base)) else "; plain http, permitted because it is configured"
    return True, f"FHIR {version}{note}"


def check_canaries(settings: Settings, cases: Sequence[FixtureCase]) -> list[Check]:
    """Every scene's patient through the whole application in this process, at the fixture's own instant.

    The answers written down are those of the default profile, so the canaries are asked under it.
    """
    default = Settings(**settings.model_dump(exclude={"profile"}))
    return asyncio.run(_canaries(default, cases))


async def _canaries(settings: Settings, cases: Sequence[FixtureCase]) -> list[Check]:
    return [await _canary(settings, scene, case_of(scene, cases)) for scene in dict.fromkeys((*SCENES, CHANGE[1]))]


async def _canary(settings: Settings, scene: Scene, case: FixtureCase) -> Check:
    async with in_process(settings, ResourceStore(case.resources()), lambda: case.anchor) as client:
        order = None if scene.order is None else draft_order(scene.order, case.slug)
        service = service_id(scene.hook, has_shared_id=settings.shared_service_id)
        answer = await client.post(f"/cds-services/{service}", json=hook_body(scene.hook, case.slug, order))
    reply = Reply(answer.status_code, answer.json())
    name = f"canary {scene.slug} ({scene.hook.value})"
    if not reply.has_cards:
        return Check(name, is_well=False, words=f"HTTP {reply.status} instead of cards")
    said, wanted = (_in_words(topics) for topics in (reply.topics, scene.expected_topics(case)))
    return Check(name, is_well=said == wanted, words=said if said == wanted else f"{said}; expected {wanted}")


def _in_words(topics: tuple[str, ...]) -> str:
    return ", ".join(topics) or "silence"
