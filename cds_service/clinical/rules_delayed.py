"""Rules B5-B7: absorption may be delayed by the product or by a co-ingestant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import (
    Finding,
    met,
    not_met,
    unknown,
)
from cds_service.clinical.levels import Level, Place
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.placed_levels import (
    against_line,
    is_on_nomogram,
    latest,
    level_words,
    placed,
    repeat_after,
    why_off_nomogram,
)
from cds_service.clinical.quantity import Elapsed
from cds_service.clinical.rules_liver import ASK_ENZYMES, peak_words
from cds_service.clinical.rules_nomogram import proven_below
from cds_service.clinical.thresholds import (
    SECOND_LEVEL_AFTER,
)

if TYPE_CHECKING:
    from cds_service.clinical.case import Case


def _delayed_and_detectable(case: Case) -> Level | None:
    """The latest level that is, or may be, 10 mg/L or more and below the line, with delayed absorption possible."""
    levels = [
        lv for lv in placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
        if lv.reported is not None and lv.reported.at_least(case.profile.detectable_mg_l) is not False
    ]  # fmt: skip
    return latest(levels) if levels and case.ingestion.may_absorb_late else None


def _has_second_level(case: Case) -> bool:
    """Two interpretable levels at least 4 h apart."""
    drawn = sorted(lv.sampled for lv in placed(case, Place.BELOW, Place.ABOVE, Place.BEYOND) if lv.sampled is not None)
    return len(drawn) > 1 and SECOND_LEVEL_AFTER.reached_by_number(Elapsed.between(drawn[0], drawn[-1]).shortest_h)


def _needs_second_level(case: Case) -> Finding:
    """B5 and B6: 10 mg/L or more below the line, absorption may be delayed, one level only."""
    if reason := why_off_nomogram(case):
        return not_met(reason)
    level = _delayed_and_detectable(case)
    if level is None:
        return not_met("no level of 10 mg/L or more below the line")
    if placed(case, Place.ABOVE) or _has_second_level(case):
        return not_met("a second level, or one above the line, is already there")
    return met(f"{against_line(level)} is below it, but absorption may be delayed", asks=repeat_after(case, level))


def extended_release_needs_second_level(case: Case) -> Finding:
    """B5: extended release, level between 10 mg/L and the line: second level 4-6 h after the first."""
    if not case.ingestion.is_extended_release:
        return not_met("no extended-release product is charted")
    return _needs_second_level(case)


def coingestant_needs_second_level(case: Case) -> Finding:
    """B6: opioid or anticholinergic co-ingestion, as B5."""
    if not case.ingestion.delaying:
        return not_met("no opioid or anticholinergic co-ingestant is charted")
    return _needs_second_level(case)


def delayed_absorption_with_raised_enzymes(case: Case) -> Finding:
    """B5d: delayed absorption possible, 10 mg/L or more below the line, AST or ALT raised."""
    level = _delayed_and_detectable(case)
    if level is None or not is_on_nomogram(case):
        return not_met("not: delayed absorption with a level of 10 mg/L or more below the line")
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return _delayed_and_raised(case, level)
    if case.liver.enzymes is EnzymeState.UNKNOWN:
        return unknown("AST and ALT are not known", "AST and ALT", asks=(ASK_ENZYMES,))
    return not_met("AST and ALT are normal")


def _delayed_and_raised(case: Case, level: Level) -> Finding:
    if level.reported is None or not level.reported.at_least(case.profile.detectable_mg_l):
        return unknown("a level of 10 mg/L or more cannot be excluded", "a lower detection limit")
    return met(f"{level_words(level)}, {peak_words(case)} raised, absorption may be delayed")


def delayed_absorption_settled(case: Case) -> Finding:
    """B7: delayed absorption possible, but below 10 mg/L or a second level is below the line too; AST/ALT normal."""
    if not case.ingestion.may_absorb_late:
        return not_met("nothing on the chart delays absorption")
    if _delayed_and_detectable(case) is not None and not _has_second_level(case):
        return not_met("a second level is needed")
    return proven_below(case, "AST and ALT normal, no further rise expected")
