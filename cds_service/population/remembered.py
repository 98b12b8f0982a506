"""One chart read at many instants: each resource is mapped once for as long as nothing changes that it looks up.

Pure. What a mapper looks up beyond its resource is written down with what it found, so that facts are taken again only
where every look-up would find the same. Must not know what a resource means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.fhir.chart import Chart
from cds_service.fhir.mapping import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.fhir.chart import Fact
    from cds_service.fhir.reading import JsonObject


class _LookedUp(Mapping[str, "JsonObject"]):
    """The resources of a chart; `found` has every name that was asked for, with what stood there."""

    def __init__(self, resources: Mapping[str, JsonObject]) -> None:
        self._resources = resources
        self.found: dict[str, JsonObject | None] = {}
        self.all_seen = False

    def __getitem__(self, name: str) -> JsonObject:
        self.found[name] = self._resources.get(name)
        return self._resources[name]

    def __iter__(self) -> Iterator[str]:
        self.all_seen = True
        return iter(self._resources)

    def __len__(self) -> int:
        self.all_seen = True
        return len(self._resources)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The facts of a resource, kept with it: while it is kept, no other object has its identity."""

    resource: JsonObject
    found: Mapping[str, JsonObject | None]
    facts: tuple[Fact, ...]

    def holds_in(self, resources: Mapping[str, JsonObject]) -> bool:
        return all(resources.get(name) is known for name, known in self.found.items())


class Remembered:
    """What `facts_of` says of the resources of one chart, which have to stay the same objects and unchanged."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._readings: dict[int, _Reading] = {}

    def __call__(self, resource: JsonObject, chart: Chart) -> tuple[Fact, ...]:
        """The facts of a resource, as `facts_of` gives them."""
        known = self._readings.get(id(resource))
        if known is not None and known.holds_in(chart.resources):
            return known.facts
        looked_up = _LookedUp(chart.resources)
        facts = tuple(facts_of(resource, Chart(looked_up, chart.zone)))
        if not looked_up.all_seen:
            self._readings[id(resource)] = _Reading(resource, looked_up.found, facts)
        return facts
