"""The assessment of one patient at one instant: fold of every rule, with all intermediates kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.clinical.facts import DataGap, DrugOrder, PatientFacts
    from cds_service.clinical.findings import Ask, Category, Finding, Overlay, Rule
    from cds_service.clinical.ingestion import Ingestion
    from cds_service.clinical.levels import Level
    from cds_service.clinical.nac_progress import NacProgress
    from cds_service.clinical.nomogram import NomogramPoint
    from cds_service.clinical.order_review import DoseReview
    from cds_service.clinical.population import Membership
    from cds_service.clinical.profiles import Profile
    from cds_service.clinical.regimens import DosingPlan, DosingRefusal


class Judged(NamedTuple):
    """A rule with what it said about this patient."""

    rule: Rule
    finding: Finding


class Input(NamedTuple):
    """A charted value the assessment used: resource reference, value as charted, time and status."""

    reference: str
    label: str
    value: str
    unit: str | None
    at: datetime | None
    status: str | None


@dataclass(frozen=True, slots=True)
class OrderCaution:
    """A caution about one selected draft order (rules E1-E6)."""

    judged: Judged
    order: DrugOrder
    is_critical: bool
    alternative_is_oral_nac: bool
    """Offer oral acetylcysteine 600 mg twice daily (S7 is met) in place of the deleted draft."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything decided about one patient at `now`, with every rule's verdict.

    `category` None: nothing to say (outside the population, or only rules without a message).
    """

    now: datetime
    profile: Profile
    facts: PatientFacts
    membership: Membership
    category: Category | None
    primary: Judged | None
    judged: tuple[Judged, ...]
    cautions: tuple[OrderCaution, ...]
    overlays: frozenset[Overlay]
    overlay_reasons: dict[Overlay, tuple[str, ...]]
    asks: tuple[Ask, ...]
    start_by: datetime | None
    ingestion: Ingestion
    levels: tuple[Level, ...]
    point: NomogramPoint | None
    crosses_at: datetime | None
    """With an unknown ingestion time: the level is on the line if ingested at or before this instant."""
    dosing: DosingPlan | DosingRefusal | None
    inputs: tuple[Input, ...]
    gaps: tuple[DataGap, ...]
    nac: NacProgress | None = None
    """How far acetylcysteine that is ordered, running or given has got."""
    dose_review: DoseReview | None = None
    """The bags of selected orders of intravenous acetylcysteine that no caution stands against; None without any."""
