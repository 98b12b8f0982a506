"""Canary patients with known answers, asked through the whole application in this process.

Knows which fixtures are canaries and under which profile their answers hold; must not know what an answer means
for the service. The answers are those written down with the fixtures, at each fixture's own instant.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.caller import Reply, hook_body
from cds_service.catalogue import draft_order
from cds_service.clinical.findings import Category
from cds_service.embedded import in_process
from cds_service.hooks.discovery import service_id
from cds_service.sandbox.fixtures import FixtureError, load_case
from cds_service.sandbox.store import ResourceStore
from cds_service.scenes import CHANGE, SCENES, Scene, SceneError, case_of
from cds_service.settings import Settings
from cds_service.watch.canaries import CanaryResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import httpx

    from cds_service.sandbox.fixtures import FixtureCase

DEFAULT_PROFILE = "us-2023"
"""The profile under which the answers of the fixtures are written down."""

CANARIES: tuple[Scene, ...] = tuple(dict.fromkeys((*SCENES, CHANGE[1])))

_PROFILE_DECIDES = frozenset({"b9-unknown-time-level-10", "rsi-level-20-treat"})
"""Patients whom a profile may treat on a level *and* raised AST/ALT only. The answers of the others are the same under
every profile that may be configured: their levels lie above the highest treatment line or below the lowest."""

# A slow machine is no wrong answer, and the service's own door and memory are not for canaries.
_CANARY_SETTINGS = {
    "deadline_seconds": 60.0,
    "fhir_timeout_seconds": 60.0,
    "trusted_clients": None,
    "database_url": "",
    "playground": False,
    "shadow": False,
}


@dataclass(slots=True)
class _Clock:
    """Stands at the instant of the patient being asked about."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def canary_cases() -> tuple[FixtureCase, ...]:
    """The fixtures of the canaries. Raises `FixtureError`."""
    return tuple(load_case(slug) for slug in dict.fromkeys(scene.slug for scene in CANARIES))


def ask_canaries(settings: Settings) -> tuple[CanaryResult, ...]:
    """Every canary, read from the installed fixtures; those that cannot be read are one failing result."""
    try:
        return canary_results(settings, canary_cases())
    except (FixtureError, SceneError) as error:
        return (CanaryResult("all", "none", "none", is_well=False, words=str(error)),)


def canary_results(settings: Settings, cases: Sequence[FixtureCase]) -> tuple[CanaryResult, ...]:
    """Every canary under the default profile and, if it is another, those that hold everywhere under the chosen one.

    Blocks for about a second. Raises `SceneError` when a canary's fixture or expected answer is not there.
    """
    own = settings.model_copy(update=_CANARY_SETTINGS)
    if own.profile == DEFAULT_PROFILE:
        return tuple(asyncio.run(_ask(own, CANARIES, cases)))
    default = Settings(**{**own.model_dump(), "profile": DEFAULT_PROFILE})
    everywhere = [scene for scene in CANARIES if scene.slug not in _PROFILE_DECIDES]
    return (*asyncio.run(_ask(default, CANARIES, cases)), *asyncio.run(_ask(own, everywhere, cases)))


async def _ask(settings: Settings, scenes: Sequence[Scene], cases: Sequence[FixtureCase]) -> list[CanaryResult]:
    """One application with all patients, whose clock stands at the instant of the one being asked about."""
    found = [(scene, case_of(scene, cases)) for scene in scenes]
    patients = {case.slug: case for _, case in found}.values()
    clock = _Clock(found[0][1].anchor)
    store = ResourceStore(resource for case in patients for resource in case.resources())
    async with in_process(settings, store, clock, is_internal=True) as client:
        results = []
        for scene, case in found:
            clock.now = case.anchor
            results.append(await _result(settings, client, scene, case))
        return results


async def _result(settings: Settings, client: httpx.AsyncClient, scene: Scene, case: FixtureCase) -> CanaryResult:
    order = None if scene.order is None else draft_order(scene.order, case.slug)
    service = service_id(scene.hook, has_shared_id=settings.shared_service_id)
    answer = await client.post(f"/cds-services/{service}", json=hook_body(scene.hook, case.slug, order))
    reply = Reply(answer.status_code, answer.json())
    expected = scene.expected_topics(case)
    is_well = reply.has_cards and reply.topics == expected
    return CanaryResult(
        case=scene.slug,
        hook=scene.hook.value,
        profile=settings.clinical_profile.name,
        is_well=is_well,
        words=_in_words(reply, expected),
        is_vital=not reply.has_cards or Category.INDICATED.value in expected,
    )


def _in_words(reply: Reply, expected: tuple[str, ...]) -> str:
    if not reply.has_cards:
        return f"HTTP {reply.status} instead of cards"
    said, wanted = (", ".join(topics) or "silence" for topics in (reply.topics, expected))
    return said if said == wanted else f"{said}; expected {wanted}"
