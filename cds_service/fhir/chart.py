"""One patient's resources as a place to look things up, and the facts the mappers make of them.

Knows whose chart it is and what refers to what. Must not know what a resource means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from cds_service.clinical.facts import (
    CharcoalDose,
    CoIngestant,
    DataGap,
    Diagnosis,
    Exposure,
    GapKind,
    LabResult,
    MentalStatus,
    NacTherapy,
    Weight,
)
from cds_service.fhir.reading import JsonObject, elements, reference_of, reference_tail, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Fact = LabResult | Exposure | CoIngestant | Diagnosis | NacTherapy | CharcoalDose | Weight | MentalStatus | DataGap
"""What a mapper yields, any number of each."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The resources at hand by "Type/id" and, where known, by fullUrl; `zone` is where dates without a time lie."""

    resources: Mapping[str, JsonObject] = field(default_factory=dict)
    zone: tzinfo = UTC

    def resolve(self, owner: JsonObject, reference: object) -> JsonObject | None:
        """What a Reference in `owner` points to: contained ("#id"), by fullUrl or "Type/id"; None when not at hand."""
        target = target_of(reference)
        if target is None:
            return None
        if target.startswith("#"):
            return next((inner for inner in elements(owner.get("contained")) if inner.get("id") == target[1:]), None)
        found = self.resources.get(target)
        return found if found is not None else self.resources.get(reference_tail(target) or "")


def gap(kind: GapKind, about: str, words: str, resource: JsonObject, found: str | None = None) -> DataGap:
    """A data gap that names the resource it was found in, and the unknown code or unit `found` there."""
    return DataGap(kind, about, words, reference_of(resource), found)
