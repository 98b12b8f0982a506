"""Who gets any card without an order: the population the rules speak about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.facts import GapKind
from cds_service.clinical.levels import is_detectable
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.quantity import Comparator

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.case import Case

_UNREAD_VALUE = frozenset({GapKind.UNREADABLE, GapKind.UNKNOWN_UNIT, GapKind.MISSING})
_PENDING = "registered"
_NOT_HAD = frozenset({GapKind.NOT_FETCHED, GapKind.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether the patient is in the population, and every reason why (empty: none)."""

    reasons: tuple[str, ...]

    @property
    def is_member(self) -> bool:
        """Whether any reason applies."""
        return bool(self.reasons)


def membership_of(case: Case) -> Membership:
    """Membership with all its reasons; being outside is a decision, not a failure."""
    return Membership(tuple(reason for reason, applies in REASONS if applies(case)))


def _level_beyond_therapeutic_use(case: Case) -> bool:
    limit = case.profile.context_free_level_mg_l
    reported = [level.reported for level in case.levels if level.reported is not None]
    return any(
        r.above(limit) is True
        or (r.above(limit) is None and r.comparator in {Comparator.GREATER, Comparator.GREATER_OR_EQUAL})
        for r in reported
    )


def _detectable_with_injury(case: Case) -> bool:
    detected = is_detectable(case.levels, case.profile.detectable_mg_l)
    return detected is True and case.liver.enzymes is EnzymeState.ELEVATED


def _injury_after_acetaminophen(case: Case) -> bool:
    return case.liver.is_hepatotoxic is True and case.has_acetaminophen_evidence


def _acetaminophen_with_unread_enzymes(case: Case) -> bool:
    """Raised enzymes would make the patient a member: results that could not be read may have been raised.

    One that is pending will be read. One under a local code is not counted: a site that has such codes has them on
    every chart.
    """
    if case.liver.enzymes is not EnzymeState.UNKNOWN or not case.has_acetaminophen_evidence:
        return False
    unread = {r.reference for r in case.liver.enzyme_results if r.reported is None and r.status != _PENDING}
    return any(gap.kind in _UNREAD_VALUE and gap.reference in unread for gap in case.facts.gaps)


def _injury_with_unread_medications(case: Case) -> bool:
    """Acetaminophen on the list would make the patient a member: a list that could not be had may have held it."""
    is_unread = any(gap.about == "medications" and gap.kind in _NOT_HAD for gap in case.facts.gaps)
    return case.liver.is_hepatotoxic is True and is_unread


REASONS: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("a poisoning or exposure is charted in the current episode", lambda case: case.ingestion.has_context),
    ("a level beyond therapeutic use", _level_beyond_therapeutic_use),
    ("a detectable level with elevated AST or ALT", _detectable_with_injury),
    ("acetaminophen on the chart, and AST or ALT that could not be read", _acetaminophen_with_unread_enzymes),
    ("acute liver failure", lambda case: case.liver.is_failing is True),
    ("AST or ALT above 1000 U/L with acetaminophen on the chart", _injury_after_acetaminophen),
    ("AST or ALT above 1000 U/L, and medications that could not be read", _injury_with_unread_medications),
    ("intravenous acetylcysteine is ordered or running", lambda case: case.nac.is_under_way),
    ("acetaminophen data on the chart could not be read", lambda case: bool(case.unread_levels)),
)
"""Every reason to be in the population, in words, with its condition."""
