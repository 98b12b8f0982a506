"""Rules B1-B4: a level above or below the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import Finding, met, not_met, unknown
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, is_detectable, leading_level
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.placed_levels import (
    HIGH_RISK,
    against_line,
    amount_words,
    high_risk_words,
    latest,
    level_words,
    placed,
    repeat_after,
    reported_high_risk,
    settled_below,
    why_off_nomogram,
)
from cds_service.clinical.quantity import plain
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_LEVEL, peak_words
from cds_service.clinical.rules_timing import staggered_too_early

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cds_service.clinical.case import Case


def above_line(case: Case) -> Finding:
    """B1: on or above the treatment line, at the latest time the sample can have been drawn."""
    return case.once(_above_line)


def _above_line(case: Case) -> Finding:
    if reason := why_off_nomogram(case):
        return not_met(reason)
    above = placed(case, Place.ABOVE)
    if above:
        return met(against_line(leading_level(above) or above[0]))
    if not case.levels and not case.unread_levels:
        return unknown("no acetaminophen level", "acetaminophen level", asks=(ASK_LEVEL,))
    open_places = (Place.UNDECIDED, Place.WITHIN_DETECTION_LIMIT, Place.UNREADABLE, Place.TOO_EARLY)
    if placed(case, *open_places) or case.unread_levels:
        return unknown("a level cannot be read against the line", "an interpretable acetaminophen level")
    return not_met("no level is on or above the treatment line")


def above_line_high_risk(case: Case) -> Finding:
    """B2: B1, and on or above the 300 line or at least 30 g reported."""
    if not above_line(case).is_met:
        return not_met("no level is on or above the treatment line")
    very_high = [lv for lv in placed(case, Place.ABOVE) if lv.point and lv.point.is_on_or_above_high_risk_line]
    if very_high:
        level = leading_level(very_high) or very_high[0]
        line = level.point.high_risk_line_mg_l if level.point else 0.0
        return met(f"{level_words(level)} is on or above the high-risk line of {plain(line)} mg/L", overlays=HIGH_RISK)
    if reported_high_risk(case):
        return met(f"{amount_words(case)} reported, with a level on or above the line", overlays=HIGH_RISK)
    return not_met(f"below the high-risk line, and no {high_risk_words(case)} or more reported")


def large_amount_below_line(case: Case) -> Finding:
    """B2b: at least 30 g reported and the level below the line."""
    usable = [level for level in case.current_levels if level.reported is not None and level.is_interpretable]
    if not reported_high_risk(case) or not usable:
        return not_met(f"not: {high_risk_words(case)} or more reported with a level that can be interpreted")
    if placed(case, Place.ABOVE):
        return not_met("a level is on or above the line")
    level = latest(usable)
    because = f"{amount_words(case)} reported although {against_line(level)} {_where(level)}"
    return met(because, overlays=HIGH_RISK, asks=repeat_after(case, level))


def _where(level: Level) -> str:
    return "is below it" if level.place is Place.BELOW else "is not proven to be above the line"


def below_line(case: Case) -> Finding:
    """B3: reliable acute immediate-release ingestion, below the line, AST and ALT normal."""
    if case.ingestion.may_absorb_late:
        return not_met("absorption may be delayed (extended release or co-ingestant)")
    return proven_below(case, "AST and ALT normal")


def below_line_with_raised_enzymes(case: Case) -> Finding:
    """B4: as B3, but AST or ALT raised (up to 1000 U/L)."""
    settled = settled_below(case) or placed(case, Place.WITHIN_DETECTION_LIMIT)
    if case.liver.enzymes is not EnzymeState.ELEVATED or not settled or placed(case, Place.ABOVE):
        return not_met("not: below the line with raised AST or ALT")
    level = latest(settled)
    because = f"{against_line(level)} is below it, but {peak_words(case)} is raised"
    return met(because, asks=repeat_after(case, level))


def proven_below(case: Case, enzyme_words: str) -> Finding:
    """Below the line with AST and ALT normal and everything settled: the shared part of B3 and B7."""
    settled = settled_below(case)
    if reason := _why_not_below(case, settled):
        return not_met(reason)
    open_points = _unsettled(case)
    if open_points:
        because = f"{against_line(latest(settled))} is below it, but there is also {'; '.join(open_points)}"
        return unknown(because, *(missing for missing in open_points.values() if missing))
    if case.liver.enzymes is EnzymeState.UNKNOWN:
        return unknown("below the line, AST and ALT since the ingestion not known", "AST and ALT", asks=(ASK_ENZYMES,))
    return met(f"{against_line(latest(settled))} is below it; {enzyme_words}")


def _why_not_below(case: Case, settled: Sequence[Level]) -> str | None:
    """The first reason why "below the line" cannot hold; None when it may."""
    return next(_reasons_against_below(case, settled), None)


def _reasons_against_below(case: Case, settled: Sequence[Level]) -> Iterator[str]:
    if reason := why_off_nomogram(case):
        yield reason
    if case.ingestion.pattern is Pattern.INTRAVENOUS:
        yield "the nomogram is not validated for intravenous acetaminophen"
    if not settled:
        yield "no level is proven to be below the line"
    if staggered_too_early(case).is_met:
        yield "staggered doses are to be treated or measured again"
    if reported_high_risk(case):
        yield f"{high_risk_words(case)} or more is reported"
    if case.liver.enzymes is EnzymeState.ELEVATED:
        yield "AST or ALT is raised"


def _unsettled(case: Case) -> dict[str, str]:
    """What keeps "not indicated" from being said although a level is below the line, and what would settle it."""
    beyond = placed(case, Place.BEYOND)
    reasons = [
        ("a level without a usable value", "a usable value of each level",
         bool(placed(case, Place.UNREADABLE) or case.unread_levels)),
        ("a level whose time or value cannot be settled", "exact time of ingestion and of each sample",
         bool(placed(case, Place.UNDECIDED))),
        ("a level below a detection limit above the line", "a lower detection limit",
         bool(placed(case, Place.WITHIN_DETECTION_LIMIT))),
        ("a level after 24 h", "an undetectable level after 24 h",
         is_detectable(beyond, case.profile.detectable_mg_l) is not False),
        ("a level on or above the line", "", bool(placed(case, Place.ABOVE))),
        ("a detectable level before the recorded ingestion", "the right time of ingestion", case.time_is_contradicted),
    ]  # fmt: skip
    return {words: missing for words, missing, holds in reasons if holds}
