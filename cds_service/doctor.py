"""Is this installation fit to answer? FHIR servers, canaries, what it stands on, and a running service if one is named.

Knows how to ask each part and say the result and the next step in words; changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import requests
from prometheus_client.parser import text_string_to_metric_families

from cds_service.canaries import canary_results
from cds_service.fhir.addresses import SETTING, AddressPolicy, address_policy, kind_of
from cds_service.fhir.codes import known_codes
from cds_service.fhir.outbound import open_http, resolved
from cds_service.fhir.servers import FhirServer, host_of, is_secure
from cds_service.premises import Check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cds_service.fhir.outbound import Resolve
    from cds_service.sandbox.fixtures import FixtureCase
    from cds_service.settings import Settings

_METADATA_SECONDS = 10.0
_LARGEST_SKEW = timedelta(seconds=60)
"""Hours on the nomogram count from times that servers wrote; a minute never decides, more may."""

_ASK_ADMINISTRATOR = "ask whoever runs the server; until it is well, its patients get 412 or cards with gaps"
_CORRECT_NETWORK = "correct the name, or name the network the server stands in; nothing is sent there until then"
_CORRECT_ADDRESS = "correct CDS_ALLOWED_FHIR_SERVERS or CDS_DEFAULT_FHIR_SERVER: a FHIR R4 base, without /metadata"


def check_fhir_servers(
    settings: Settings,
    now: datetime,
    *,
    resolve: Resolve = resolved,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Check]:
    """Each FHIR server the service may ask: permitted address, reachable, FHIR R4, encrypted, with the right time.

    Asked as the service would ask it. `resolve` and `transport`: another way to look up names and to send.
    """
    if not settings.fhir_bases:
        return [Check("FHIR servers", is_well=True, words="none configured: prefetch only")]
    return asyncio.run(_all_server_checks(settings, now, resolve, transport))


async def _all_server_checks(
    settings: Settings, now: datetime, resolve: Resolve, transport: httpx.AsyncBaseTransport | None
) -> list[Check]:
    policy = address_policy(settings.fhir_bases, settings.private_networks)
    pool = open_http(_METADATA_SECONDS, policy) if transport is None else httpx.AsyncClient(transport=transport)
    async with pool:
        checks = [await _server_checks(base, policy, resolve, pool, now) for base in settings.fhir_bases]
    return [check for each in checks for check in each]


async def _server_checks(
    base: str, policy: AddressPolicy, resolve: Resolve, pool: httpx.AsyncClient, now: datetime
) -> list[Check]:
    may_connect, where = await _address_state(base, policy, resolve)
    if not may_connect:
        return [Check(base, is_well=False, words=where, next_step=_CORRECT_NETWORK)]
    try:
        answer = await pool.get(f"{base}/metadata", headers={"Accept": "application/fhir+json"})
    except httpx.HTTPError as error:
        words = f"could not be reached ({type(error).__name__}); {where}"
        return [
            Check(base, is_well=False, words=words, next_step=f"check address, network and TLS; {_ASK_ADMINISTRATOR}")
        ]
    statement = _statement(base, answer)
    return [replace(statement, words=f"{statement.words}; {where}"), *_clock_checks(base, answer, now)]


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


def _statement(base: str, answer: httpx.Response) -> Check:
    """What the CapabilityStatement says."""
    try:
        statement = answer.json()
    except ValueError:
        words = "answered /metadata with something that is not JSON"
        return Check(base, is_well=False, words=words, next_step=_CORRECT_ADDRESS)
    version = statement.get("fhirVersion") if isinstance(statement, dict) else None
    if not answer.is_success or not isinstance(version, str):
        words = f"answered /metadata with HTTP {answer.status_code} and no CapabilityStatement"
        return Check(base, is_well=False, words=words, next_step=_CORRECT_ADDRESS)
    if not version.startswith("4."):
        words = f"speaks FHIR {version}; this service reads R4"
        return Check(base, is_well=False, words=words, next_step=_CORRECT_ADDRESS)
    note = "" if is_secure(FhirServer(base)) else "; plain http, permitted because it is configured"
    return Check(base, is_well=True, words=f"FHIR {version}{note}")


def _clock_checks(base: str, answer: httpx.Response, now: datetime) -> list[Check]:
    """The server's clock beside ours; nothing where it does not say its time."""
    try:
        skew = abs(parsedate_to_datetime(answer.headers.get("date", "")) - now)
    except (ValueError, TypeError):
        return []
    words = f"clocks differ by {skew.total_seconds():.0f} s"
    return [Check(f"{base} clock", skew <= _LARGEST_SKEW, words, "synchronise both machines by NTP")]


def check_canaries(settings: Settings, cases: Sequence[FixtureCase]) -> list[Check]:
    """Every canary patient, as the running service asks them too."""
    step = "do not rely on the service: compare version and profile with a known good installation, and report it"
    return [
        Check(f"canary {result.name}", result.is_well, result.words, step) for result in canary_results(settings, cases)
    ]


def check_codes() -> Check:
    """How many codes are known."""
    words = (
        f"{known_codes()} known; those on charts that are not are named in the log and counted in cds_unmapped_total"
    )
    return Check("codes", is_well=True, words=words)


def check_service(base: str, session: requests.Session) -> list[Check]:
    """A running service: what it says of itself at /readyz, and what it could not map so far."""
    try:
        ready = session.get(f"{base}/readyz", timeout=_METADATA_SECONDS)
        told = ready.json()
        metrics = session.get(f"{base}/metrics", timeout=_METADATA_SECONDS).text
    except requests.exceptions.RequestException as error:
        words = f"could not be asked ({type(error).__name__})"
        return [Check(base, is_well=False, words=words, next_step="start it, or correct the address")]
    return [_readiness(base, ready, told), *_alarms(base, told), _unmapped(base, metrics)]


def _readiness(base: str, ready: requests.Response, told: Any) -> Check:
    if not isinstance(told, dict):
        return Check(base, is_well=False, words="is no IV NAC service", next_step="correct the address")
    words = "; ".join([str(told.get("status")), *map(str, told.get("canaries", ()))])
    return Check(base, ready.ok, words, "take it out of service and see its log; the canaries above tell more")


def _alarms(base: str, told: Any) -> list[Check]:
    step = "look for changed codes, prefetch or FHIR rights; the alarm ends with the next card"
    names = told.get("alarms", ()) if isinstance(told, dict) else ()
    return [Check(f"{base} alarm", is_well=False, words=str(name), next_step=step) for name in names]


def _unmapped(base: str, metrics: str) -> Check:
    samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    count = sum(sample.value for sample in samples if sample.name == "cds_unmapped_total")
    step = "see the log for `unmapped`, and have the laboratory send LOINC and UCUM, or have the codes added"
    return Check(f"{base} unmapped codes and units", count == 0, f"{count:.0f} seen", step)
