"""What is kept of a replayed patient: a row per instant, one per signing of orders and one of all, by id only.

Pure. Rows are plain JSON with sorted members, so that equal histories give equal bytes under every engine. No value
from a chart but the plotted level, no name and no text of a chart goes into a row.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Route
from cds_service.clinical.findings import Category
from cds_service.hooks.metrics import unmapped_tokens
from cds_service.population.canonical import assessment_digest

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.clinical.assessment import Assessment, Judged
    from cds_service.population.replaying import History, Instant
    from cds_service.population.signing import Signing

TREATED_WITHIN = timedelta(hours=24)
"""Acetylcysteine this long before or after the first treatment recommendation counts as the answer to it."""

_NOT_NEEDLESS = frozenset({Category.INDICATED, Category.CONSIDER, Category.DATA_NEEDED, Category.REPEAT_LEVEL})
_OUTSIDE = "none"
_DIGITS = 4

INSTANT_COLUMNS = {
    "patient": "VARCHAR",
    "judged_at": "TIMESTAMP",
    "events": "VARCHAR[]",
    "category": "VARCHAR",
    "primary_rule": "VARCHAR",
    "met_rules": "VARCHAR[]",
    "overlays": "VARCHAR[]",
    "is_new": "BOOLEAN",
    "treats": "BOOLEAN",
    "gaps": "VARCHAR[]",
    "unmapped": "VARCHAR[]",
    "hours": "DOUBLE",
    "level_mg_l": "DOUBLE",
    "line_mg_l": "DOUBLE",
    "assessment_sha256": "VARCHAR",
}
ORDER_COLUMNS = {
    "patient": "VARCHAR",
    "signed_at": "TIMESTAMP",
    "orders": "VARCHAR[]",
    "kinds": "VARCHAR[]",
    "was_ordered": "BOOLEAN",
    "category": "VARCHAR",
    "topics": "VARCHAR[]",
    "cautions": "VARCHAR[]",
    "dose_checks": "VARCHAR[]",
    "is_critical": "BOOLEAN",
    "assessment_sha256": "VARCHAR",
}
PATIENT_COLUMNS = {
    "patient": "VARCHAR",
    "encounters": "BIGINT",
    "observations": "BIGINT",
    "instants": "BIGINT",
    "first_indicated_at": "TIMESTAMP",
    "first_indicated_rule": "VARCHAR",
    "nac_started_at": "TIMESTAMP",
    "nac_route": "VARCHAR",
    "nac_judged": "VARCHAR",
    "hours_to_nac": "DOUBLE",
    "is_needless": "BOOLEAN",
    "is_missed": "BOOLEAN",
    "is_withdrawn": "BOOLEAN",
    "duplicates": "BIGINT",
    "corrected": "BIGINT",
    "conflicting": "BIGINT",
    "untimed": "BIGINT",
    "unread_orders": "BIGINT",
}
"""The columns of each table with their DuckDB types."""


def instant_rows(history: History) -> list[dict[str, Any]]:
    """One row per instant, in order. `is_new`: another category or another leading rule than the instant before."""
    rows = [_instant_row(history.patient_id, instant) for instant in history.instants]
    shown = (_OUTSIDE, None)
    for row in rows:
        now = (row["category"], row["primary_rule"])
        row["is_new"] = now != shown and row["category"] != _OUTSIDE
        shown = now
    return rows


def _instant_row(patient_id: str, instant: Instant) -> dict[str, Any]:
    assessment = instant.assessment
    point = assessment.point
    return {
        "patient": patient_id,
        "judged_at": _written(instant.at),
        "events": list(instant.events),
        "category": _category(assessment),
        "primary_rule": None if assessment.primary is None else assessment.primary.rule.id,
        "met_rules": [judged.rule.id for judged in assessment.judged if judged.finding.is_met],
        "overlays": sorted(overlay.value for overlay in assessment.overlays),
        "treats": _treats(assessment),
        "gaps": sorted({f"{gap.kind.value}: {gap.about}" for gap in assessment.gaps}),
        "unmapped": list(unmapped_tokens(assessment.gaps)),
        "hours": None if point is None else round(point.hours, _DIGITS),
        "level_mg_l": None if point is None else round(point.level.value, _DIGITS),
        "line_mg_l": None if point is None else round(point.line_mg_l, _DIGITS),
        "assessment_sha256": assessment_digest(assessment),
    }


def order_rows(history: History) -> list[dict[str, Any]]:
    """One row per signing of watched orders, in order of time."""
    return [_order_row(history.patient_id, signing) for signing in history.signings]


def _order_row(patient_id: str, signing: Signing) -> dict[str, Any]:
    return {
        "patient": patient_id,
        "signed_at": _written(signing.at),
        "orders": list(signing.orders),
        "kinds": [kind.value for kind in signing.kinds],
        "was_ordered": signing.was_ordered,
        "category": _category(signing.assessment),
        "topics": list(signing.topics),
        "cautions": list(signing.cautions),
        "dose_checks": list(signing.dose_checks),
        "is_critical": signing.is_critical,
        "assessment_sha256": assessment_digest(signing.assessment),
    }


def _category(assessment: Assessment) -> str:
    return _OUTSIDE if assessment.category is None else assessment.category.value


def _treats(assessment: Assessment) -> bool:
    """Whether some rule calls for treatment, also where treatment runs and the card says "continue"."""
    return assessment.membership.is_member and any(
        judged.finding.is_met and _category_of(judged) is Category.INDICATED for judged in assessment.judged
    )


def _category_of(judged: Judged) -> Category | None:
    return judged.finding.category or judged.rule.category


def patient_row(history: History) -> dict[str, Any]:
    """What became of one patient: first recommendation, first treatment, and whether the two belong together."""
    first = next((i for i in history.instants if i.assessment.category is Category.INDICATED), None)
    primary = None if first is None else first.assessment.primary
    started_at = None if history.nac is None else history.nac.at
    is_unanswered = first is not None and (started_at is None or abs(started_at - first.at) > TREATED_WITHIN)
    is_withdrawn = first is not None and _is_withdrawn(history, first.at)
    return {
        "patient": history.patient_id,
        "encounters": history.encounters,
        "observations": history.observations,
        "instants": len(history.instants),
        "first_indicated_at": None if first is None else _written(first.at),
        "first_indicated_rule": None if primary is None else primary.rule.id,
        "nac_started_at": None if started_at is None else _written(started_at),
        "nac_route": None if history.nac is None else history.nac.route.value,
        "nac_judged": None if history.nac is None else _category(history.nac.without),
        "hours_to_nac": None if first is None or started_at is None else _hours(first.at, started_at),
        "is_needless": _is_needless(history),
        "is_missed": is_unanswered and not is_withdrawn,
        "is_withdrawn": is_withdrawn,
        "duplicates": history.duplicates,
        "corrected": history.corrected,
        "conflicting": history.conflicting,
        "untimed": history.untimed,
        "unread_orders": history.unread_orders,
    }


def _is_needless(history: History) -> bool:
    """Intravenous acetylcysteine with nothing that treats, considers or leaves it open, then or in the day after."""
    nac = history.nac
    if nac is None or nac.route is not Route.INTRAVENOUS:
        return False
    if nac.without.category in _NOT_NEEDLESS:
        return False
    return not any(_treats(i.assessment) for i in history.instants if nac.at <= i.at <= nac.at + TREATED_WITHIN)


def _is_withdrawn(history: History, first_at: datetime) -> bool:
    """Whether what came in within a day left no rule that treats, as a level below the line does."""
    within = [each for each in history.instants if first_at <= each.at <= first_at + TREATED_WITHIN]
    return not _treats(within[-1].assessment)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _hours(first: datetime, second: datetime) -> float:
    return round((second - first) / timedelta(hours=1), _DIGITS)
