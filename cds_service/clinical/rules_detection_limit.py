"""Rule B14: the level is below a detection limit that lies above the threshold or line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import (
    Category,
    Finding,
    Overlay,
    met,
    not_met,
)
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, is_detection_limit
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.placed_levels import against_line, drawn_late_enough, latest, placed, reported_high_risk
from cds_service.clinical.quantity import plain
from cds_service.clinical.rules_liver import ASK_ENZYMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.case import Case
    from cds_service.clinical.quantity import Bounded


def detection_limit(case: Case) -> Finding:
    """B14: the level is below a detection limit that lies above the threshold or line."""
    level = level_hidden_by_detection_limit(case)
    if level is None:
        return not_met("no detection limit above the threshold or line")
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return not_met("AST or ALT is raised: other rules decide")
    because = f"{against_line(level)} does not prove a level below {_compared_with(case, level)} (detection limit)"
    overlays = frozenset({Overlay.DETECTION_LIMIT})
    enzymes = case.liver.late_enzymes if level.is_past_24_h is True else case.liver.enzymes
    settled = enzymes is EnzymeState.NORMAL and not _open_beside_detection_limit(case)
    if settled and not reported_high_risk(case):
        return met(f"{because}; AST and ALT are normal", overlays=overlays)._replace(category=Category.NOT_INDICATED)
    missing = () if enzymes is EnzymeState.NORMAL else ("AST and ALT",)
    return met(because, overlays=overlays, asks=(ASK_ENZYMES,))._replace(missing=missing)


def _compared_with(case: Case, level: Level) -> str:
    """What the level would have to lie below: the line it was read against, else the threshold off the nomogram."""
    return "it" if level.point is not None else f"{plain(off_nomogram_threshold(case))} mg/L"


def level_hidden_by_detection_limit(case: Case) -> Level | None:
    """The latest level whose detection limit lies above what it is compared with; None when there is none."""
    if case.ingestion.is_timed:
        late = [lv for lv in case.levels if lv.is_past_24_h is True]
        hidden = placed(case, Place.WITHIN_DETECTION_LIMIT) + _hidden(late, case.profile.detectable_mg_l)
    else:
        hidden = _hidden(case.fresh_levels, off_nomogram_threshold(case)) if case.ingestion.has_context else []
    return latest(hidden) if hidden else None


def _hidden(levels: Sequence[Level], threshold: float) -> list[Level]:
    """Levels whose reported bound is a detection limit above the threshold."""
    return [lv for lv in levels if lv.reported is not None and _hides(lv.reported, threshold)]


def _hides(reported: Bounded, threshold: float) -> bool:
    return reported.at_least(threshold) is None and is_detection_limit(reported)


def _open_beside_detection_limit(case: Case) -> bool:
    """Anything else that keeps "not indicated" from being said."""
    ingestion = case.ingestion
    if case.unread_levels or placed(case, Place.UNREADABLE, Place.ABOVE) or ingestion.pattern is Pattern.INTRAVENOUS:
        return True
    if not ingestion.is_timed:
        threshold = off_nomogram_threshold(case)
        return any(
            lv.reported is None or (lv.reported.at_least(threshold) is not False and lv not in _hidden([lv], threshold))
            for lv in case.levels
        )
    hidden = placed(case, Place.WITHIN_DETECTION_LIMIT) + [lv for lv in case.levels if lv.is_past_24_h is True]
    late_enough = any(drawn_late_enough(case, level) for level in hidden)
    return not late_enough or bool(placed(case, Place.UNDECIDED)) or case.time_is_contradicted


def off_nomogram_threshold(case: Case) -> float:
    """The level that treats without the nomogram, in mg/L: 20 after repeated ingestion, else any detectable one."""
    repeated = case.ingestion.pattern is Pattern.REPEATED
    return case.profile.rsi_level_mg_l if repeated else case.profile.detectable_mg_l
