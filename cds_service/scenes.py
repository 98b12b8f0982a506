"""Scenes for showing and checking the service: fixture patients, a hook each, and the topics written down for them.

The expected topics come from the fixture's own expected.json, never from the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.catalogue import OrderName
from cds_service.hooks.models import Hook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.sandbox.fixtures import FixtureCase


class SceneError(Exception):
    """A scene whose fixture, or whose expected answer, does not exist."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One call: the fixture patient (slug), the hook, and what is being ordered."""

    title: str
    slug: str
    hook: Hook = Hook.PATIENT_VIEW
    order: OrderName | None = None

    def expected_topics(self, case: FixtureCase) -> tuple[str, ...]:
        """The topics that the fixture expects of this call. Raises `SceneError` when it says nothing of it."""
        wanted = (self.hook.value, None if self.order is None else self.order.value)
        for call in case.expected.get("calls", []):
            if (call["hook"], call.get("order")) == wanted:
                return tuple(call["topics"])
        msg = f"{self.slug} expects nothing of {self.hook.value} with {wanted[1] or 'no order'}"
        raise SceneError(msg)


SCENES: tuple[Scene, ...] = (
    Scene("Above the treatment line", "b1-above-line-8h"),
    Scene("Below the treatment line", "b3-below-line-8h-normal-alt"),
    Scene("Sample drawn before 4 h", "b8-sample-before-4h"),
    Scene("Time of ingestion unknown", "b9-unknown-time-level-10"),
    Scene("Repeated supratherapeutic ingestion", "rsi-level-20-treat"),
    Scene("Acute liver failure", "a1-alf-100h-after-overdose"),
    Scene("COPD, IV NAC ordered", "e1-copd-eligible-for-oral-nac", Hook.ORDER_SELECT, OrderName.IV_NAC),
    Scene("An unrelated patient", "unrelated-patient"),
)

CHANGE: tuple[Scene, Scene] = (
    Scene("The chart is opened", "b3-below-line-8h-normal-alt"),
    Scene("Then IV NAC is selected", "b3-below-line-8h-normal-alt", Hook.ORDER_SELECT, OrderName.IV_NAC),
)
"""One patient on two hooks: what is said changes with what the clinician is about to do."""


def case_of(scene: Scene, cases: Iterable[FixtureCase]) -> FixtureCase:
    """The scene's fixture. Raises `SceneError` when there is none."""
    for case in cases:
        if case.slug == scene.slug:
            return case
    msg = f"there is no fixture {scene.slug}"
    raise SceneError(msg)
