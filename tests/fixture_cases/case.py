"""What a fixture case is: a chart at a stated instant and the answers a clinician expects from it.

Every answer was derived by hand from the guidelines; the arithmetic stands in `note`. Nothing here may
import the service, or the fixtures would only repeat what the service already says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests import builders
from tests.builders import Resource

Ago = float | timedelta
"""How long before the anchor: hours, or an exact duration."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a case's entries are placed: patient, anchor, zone of the charted times, and ids so far."""

    slug: str
    anchor: datetime
    zone: str | None = None
    used: Counter[str] = field(default_factory=Counter)

    def at(self, ago: Ago, *, zone: str | None = None) -> datetime:
        """The instant `ago` before the anchor, written in the zone asked for, else the case's, else the anchor's."""
        duration = ago if isinstance(ago, timedelta) else timedelta(hours=ago)
        instant = self.anchor.astimezone(UTC) - duration
        name = zone or self.zone
        return instant.astimezone(ZoneInfo(name) if name else self.anchor.tzinfo)

    def new_id(self, kind: str) -> str:
        """The next id of this kind: unique over all fixtures, because slugs are."""
        self.used[kind] += 1
        return f"{self.slug}-{kind}-{self.used[kind]}"


Entry = Callable[[Frame], list[Resource]]
"""One line of a chart: placed in a frame, it gives the resources that say it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who the patient is. `birth_date_moves`: the age matters, so the loader moves the birth date as well."""

    birth_date: str | None = "1990-05-14"
    gender: str = "female"
    birth_date_moves: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One hook call and the cards expected: `topics` exactly and in order, the rest at least.

    `category`: the assessment's category where the call shows a primary card. `dose_mg`: bag by bag; an
    empty tuple: no numbers may be shown. `nomogram`: hours since ingestion and the line at that hour (mg/L).
    `alternative_oral_nac`: whether the caution offers oral acetylcysteine instead. `profile`: the guideline
    profile the service runs with, where it is not the default.
    """

    topics: tuple[str, ...]
    hook: str = "patient-view"
    order: str | Resource | None = None
    category: str | None = None
    overlays: tuple[str, ...] = ()
    not_overlays: tuple[str, ...] = ()
    dose_mg: tuple[float, ...] | None = None
    nomogram: tuple[float, float] | None = None
    summary_contains: tuple[str, ...] = ()
    alternative_oral_nac: bool | None = None
    profile: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The call as it stands in expected.json; members without a value are left out."""
        point = None if self.nomogram is None else {"hours": self.nomogram[0], "line_mg_l": self.nomogram[1]}
        members = {
            "hook": self.hook,
            "order": self.order,
            "topics": list(self.topics),
            "category": self.category,
            "overlays": list(self.overlays) or None,
            "not_overlays": list(self.not_overlays) or None,
            "dose_mg": None if self.dose_mg is None else list(self.dose_mg),
            "nomogram": point,
            "summary_contains": list(self.summary_contains) or None,
            "alternative_oral_nac": self.alternative_oral_nac,
            "profile": self.profile,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Case:
    """A patient at `anchor` (an ISO instant; the service is asked with now == anchor) and what must be said.

    `rules`: rules MET in at least one of the calls; `not_rules`: rules MET in none. Neither is exhaustive.
    `statements`: the founding statements (S1-S10) it shows. `zone`: charted times are written in this zone.
    """

    slug: str
    title: str
    chart: tuple[Entry, ...]
    calls: tuple[Call, ...]
    rules: tuple[str, ...] = ()
    not_rules: tuple[str, ...] = ()
    note: str = ""
    anchor: str = "2026-01-15T12:00:00Z"
    zone: str | None = None
    person: Person = Person()
    statements: tuple[str, ...] = ()

    def bundle(self) -> Resource:
        """The case's resources as one transaction Bundle."""
        frame = Frame(self.slug, datetime.fromisoformat(self.anchor), self.zone)
        name = "-".join(word.capitalize() for word in self.slug.split("-"))
        who = builders.patient(self.slug, name=name, birth_date=self.person.birth_date, gender=self.person.gender)
        return builders.transaction([who, *(resource for entry in self.chart for resource in entry(frame))])

    def expected(self) -> dict[str, Any]:
        """The content of expected.json."""
        marked = {"birthDateMoves": True} if self.person.birth_date_moves else {}
        return {
            "slug": self.slug,
            "title": self.title,
            "anchor": self.anchor,
            **marked,
            "statements": list(self.statements),
            "rules": list(self.rules),
            "not_rules": list(self.not_rules),
            "note": self.note,
            "calls": [call.as_json() for call in self.calls],
        }


def view(*topics: str, **expected: Any) -> Call:
    """A patient-view call; without topics the service must be silent. The category is the first topic."""
    return Call(topics, category=topics[0] if topics else None, **expected)


def ordering(order: str | Resource, *topics: str, **expected: Any) -> Call:
    """An order-select call with this draft order selected."""
    primary = topics[0] if topics and topics[0] != "caution" else None
    return Call(topics, hook="order-select", order=order, category=primary, **expected)
