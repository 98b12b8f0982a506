"""Rules B8 and B15-B17: the sample is too early, or its time is uncertain."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Ask, Category, Finding, any_of, met, not_met, unknown
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, leading_level
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.nomogram import line_at, reaches
from cds_service.clinical.placed_levels import (
    HIGH_RISK,
    READINGS_DIFFER,
    against_line,
    amount_words,
    drawn_late_enough,
    is_negative_after_24_h,
    is_on_nomogram,
    latest,
    level_words,
    placed,
    repeat_ask,
    reported_high_risk,
    why_off_nomogram,
)
from cds_service.clinical.profiles import NonNomogramRule
from cds_service.clinical.quantity import plain
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_LEVEL, peak_words
from cds_service.clinical.thresholds import NOMOGRAM_END, NOMOGRAM_START

if TYPE_CHECKING:
    from cds_service.clinical.case import Case


def sample_too_early(case: Case) -> Finding:
    """B8: the only level was drawn before 4 h."""
    early = placed(case, Place.TOO_EARLY)
    if not early or case.ingestion.first is None or any(lv.is_interpretable for lv in case.levels):
        return not_met("no level from before 4 h stands alone")
    last = case.ingestion.last or case.ingestion.first
    ask = repeat_ask(case, last.latest + timedelta(hours=NOMOGRAM_START.value))
    because = f"{level_words(latest(early))} was drawn before {NOMOGRAM_START.value:g} h and cannot be interpreted"
    finding = met(because, asks=(ask, ASK_ENZYMES))
    if reported_high_risk(case):
        because = f"{because}; {amount_words(case)} reported"
        return finding._replace(because=because, overlays=HIGH_RISK, category=Category.CONSIDER)
    return finding


def staggered_too_early(case: Case) -> Finding:
    """B15: staggered, below the line, but the sample is less than 4 h after the last dose.

    Where the doses span more than the profile's acute span (UK: 1 h), its guideline treats whatever the level.
    """
    if case.ingestion.pattern is Pattern.STAGGERED and case.ingestion.exceeds_acute_span:
        return _staggered_beyond_span(case)
    last = case.ingestion.last
    below = placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
    if case.ingestion.pattern is not Pattern.STAGGERED or last is None or not below:
        return not_met("not: staggered doses with a level below the line")
    if any(drawn_late_enough(case, level) for level in below) or placed(case, Place.ABOVE):
        return not_met("a level is above the line, or was drawn 4 h or more after the last dose")
    ask = repeat_ask(case, last.latest + timedelta(hours=NOMOGRAM_START.value))
    level = latest(below)
    where = "is below it" if level.place is Place.BELOW else "does not prove a level below it"
    return met(f"{against_line(level)} {where}, and was drawn less than 4 h after the last dose", asks=(ask,))


def _staggered_beyond_span(case: Case) -> Finding:
    if not case.ingestion.is_suspected_toxic:
        return not_met("staggered, but accidental and below every toxic threshold")
    if is_negative_after_24_h(case):
        return not_met("later than 24 h, with an undetectable level and normal AST and ALT")
    words = f"doses staggered over more than {case.profile.acute_span_h:g} h"
    because = f"{words}, which the profile {case.profile.name} treats without the nomogram"
    return met(because, asks=_results_missing(case))._replace(category=Category.INDICATED)


def _results_missing(case: Case) -> tuple[Ask, ...]:
    level = () if case.current_levels else (ASK_LEVEL,)
    return (*level, ASK_ENZYMES) if case.liver.enzymes is EnzymeState.UNKNOWN else level


def time_as_interval(case: Case) -> Finding:
    """B16: the time is an interval: above the line at the latest time treats; not below all over it is undecided."""
    if reason := why_off_nomogram(case):
        return not_met(reason)
    uncertain = [lv for lv in case.levels if lv.elapsed is not None and not lv.elapsed.is_exact]
    above = [level for level in uncertain if level.place is Place.ABOVE]
    if above:
        words = f"{against_line(leading_level(above) or above[0])} at the latest possible time"
        return met(words)._replace(category=Category.INDICATED)
    undecided = [level for level in uncertain if level.place is Place.UNDECIDED]
    if not undecided or placed(case, Place.ABOVE):
        return not_met("no level with an undecided time")
    return _undecided(case, latest(undecided))


def _undecided(case: Case, level: Level) -> Finding:
    """The sample may be earlier than 4 h, and is not above the line at the latest time it can have."""
    last = case.ingestion.last
    after = case.now if last is None else last.latest + timedelta(hours=NOMOGRAM_START.value)
    because = f"{level_words(level)}: the sample may be earlier than 4 h, so below the line is not proven"
    finding = met(because, asks=(repeat_ask(case, after),))
    finding = finding._replace(missing=("exact time of ingestion and of the sample",))
    if reported_high_risk(case):
        because = f"{because}; {amount_words(case)} reported"
        return finding._replace(because=because, overlays=HIGH_RISK, category=Category.CONSIDER)
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return finding._replace(because=f"{because}; {peak_words(case)} is raised", category=Category.CONSIDER)
    return finding


def interval_spanning_end(case: Case) -> Finding:
    """B17: the sample may be before or after 24 h: the line at 24 h and the rule for later samples both apply."""
    spanning = [lv for lv in case.levels if lv.is_past_24_h is None and lv.elapsed is not None]
    if not spanning or not is_on_nomogram(case):
        return not_met("no sample time that spans 24 h")
    at_end = line_at(case.profile.treatment_line_mg_l, NOMOGRAM_END.value)
    inclusive = case.profile.line_inclusive
    reached = any_of(
        None if lv.reported is None else reaches(lv.reported, at_end, inclusive=inclusive) for lv in spanning
    )
    if reached:
        return met(f"{level_words(latest(spanning))}, perhaps later than 24 h: at or above {plain(at_end)} mg/L")
    if case.liver.late_elevated:
        return _raised_at_end(case, latest(spanning))
    if reached is None:
        return unknown("the bound of the level cannot settle it", "a lower detection limit")
    return not_met("below the line at 24 h, AST and ALT not raised")


def _raised_at_end(case: Case, level: Level) -> Finding:
    """AST or ALT raised alone: treated by the reading "or", considered by "and"."""
    finding = met(f"{level_words(level)}, perhaps later than 24 h: {peak_words(case)} raised ({READINGS_DIFFER})")
    if case.profile.nonnomogram_rule is NonNomogramRule.AND:
        return finding._replace(category=Category.CONSIDER)
    return finding
