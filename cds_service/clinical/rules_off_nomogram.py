"""Rules B9-B13: the nomogram does not apply."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Answer, Ask, Category, Finding, all_of, met, not_met, unknown
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, is_detectable
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.nomogram import hours_on_line, line_at, reaches
from cds_service.clinical.placed_levels import (
    READINGS_DIFFER,
    drawn_late_enough,
    is_on_nomogram,
    latest,
    level_words,
    placed,
    settled_below,
)
from cds_service.clinical.profiles import NonNomogramRule
from cds_service.clinical.quantity import Elapsed
from cds_service.clinical.rules_detection_limit import level_hidden_by_detection_limit, off_nomogram_threshold
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_LEVEL, peak_words
from cds_service.clinical.thresholds import NOMOGRAM_END, NOMOGRAM_START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.case import Case


def _negative_without_time(case: Case, threshold: float) -> bool | None:
    """Whether every level near the exposure is below the threshold; None when none is, or one is unreadable."""
    recent_overdose = case.ingestion.pattern is Pattern.REPEATED and case.ingestion.ends_in_overdose
    settled = [lv for lv in case.fresh_levels if not recent_overdose or drawn_late_enough(case, lv)]
    if not settled or case.unread_levels:
        return None
    detected = is_detectable(case.fresh_levels, threshold)
    return None if detected is None else not detected


def _off_nomogram_finding(case: Case, threshold: float, levels: Sequence[Level], enzymes_raised: Answer) -> Finding:
    """B9-B11: level at the threshold or AST/ALT raised; under the "and" reading, both."""
    reached = is_detectable(levels, threshold)
    parts = []
    if reached:
        top = max(levels, key=lambda lv: lv.reported.value if lv.reported else 0.0)
        parts.append(f"{level_words(top)} is at or above {threshold:g} mg/L")
    if enzymes_raised:
        parts.append(f"{peak_words(case)} is raised")
    if not parts:
        return _off_nomogram_negative(reached, enzymes_raised, has_levels=bool(levels))
    finding = met(" and ".join(parts))
    if all_of([reached, enzymes_raised]):
        return finding
    finding = finding._replace(because=f"{finding.because} ({READINGS_DIFFER})", asks=_missing_asks(case))
    if case.profile.nonnomogram_rule is NonNomogramRule.AND:
        return finding._replace(category=Category.CONSIDER)
    return finding


def _missing_asks(case: Case) -> tuple[Ask, ...]:
    level = () if case.levels else (ASK_LEVEL,)
    return (*level, ASK_ENZYMES) if case.liver.enzymes is EnzymeState.UNKNOWN else level


def _off_nomogram_negative(reached: Answer, enzymes_raised: Answer, *, has_levels: bool) -> Finding:
    missing = [] if has_levels and reached is False else ["acetaminophen level"]
    if enzymes_raised is None:
        missing.append("AST and ALT")
    if missing:
        return unknown(f"not known: {', '.join(missing)}", *missing)
    return not_met("no level at the threshold, AST and ALT normal")


def _enzymes_raised(case: Case) -> bool | None:
    state = case.liver.enzymes
    return None if state is EnzymeState.UNKNOWN else state is EnzymeState.ELEVATED


def time_unknown(case: Case) -> Finding:
    """B9: ingestion time unknown or unreliable; detectable level or raised AST/ALT."""
    if case.time_is_contradicted:
        level = replace(latest(placed(case, Place.BEFORE_INGESTION)), elapsed=None)
        words = (
            f"{level_words(level)} was drawn before the recorded ingestion, so the time of ingestion is not reliable"
        )
        return met(words, asks=(ASK_ENZYMES,))
    if not case.is_untimed:
        return not_met("the time of ingestion is known")
    if case.unread_levels and not case.levels:
        return unknown(case.unread_levels[0].text, "acetaminophen level", asks=(ASK_LEVEL,))
    if not (case.ingestion.has_context or case.levels):
        return not_met("no acetaminophen exposure or level is charted")
    raised = _enzymes_raised(case)
    if not case.ingestion.has_any_acetaminophen and not is_detectable(case.levels, case.profile.detectable_mg_l):
        raised = False if raised else raised
    return _off_nomogram_finding(case, case.profile.detectable_mg_l, case.levels, raised)


def crosses_at(case: Case) -> datetime | None:
    """With an unknown time: the level is on the line if ingested at or before this instant (t_cross)."""
    if not case.is_untimed:
        return None
    crossings = [at for level in case.levels if (at := _crossing(case, level)) is not None]
    return max(crossings, default=None)


def _crossing(case: Case, level: Level) -> datetime | None:
    if level.sampled is None or level.reported is None:
        return None
    if level.reported.at_least(case.profile.detectable_mg_l) is not True:
        return None
    hours = hours_on_line(case.profile.treatment_line_mg_l, level.reported.value)
    if not NOMOGRAM_START.value <= hours <= NOMOGRAM_END.value:
        return None
    return level.sampled.latest - timedelta(hours=hours)


def beyond_24_h(case: Case) -> Finding:
    """B10: later than 24 h after the first dose; detectable level or raised AST/ALT."""
    late = [level for level in case.levels if level.is_past_24_h is True]
    if not is_on_nomogram(case) or not (late or case.liver.late_elevated):
        return not_met("nothing was sampled later than 24 h after the first dose")
    raised: bool | None = case.liver.late_elevated or case.liver.enzymes is EnzymeState.ELEVATED
    if not raised and case.liver.late_enzymes is EnzymeState.UNKNOWN and not settled_below(case):
        raised = None
    return _off_nomogram_finding(case, case.profile.detectable_mg_l, late, raised)


def repeated_supratherapeutic(case: Case) -> Finding:
    """B11: repeated supratherapeutic ingestion; level of 20 mg/L or raised AST/ALT."""
    if case.ingestion.pattern is not Pattern.REPEATED:
        return not_met("no repeated supratherapeutic ingestion")
    finding = _off_nomogram_finding(case, case.profile.rsi_level_mg_l, case.levels, _enzymes_raised(case))
    above = [level for level in case.levels if _is_above_line_from_last_dose(case, level)]
    if above and not finding.is_met:
        return met(f"{level_words(latest(above))} is on or above the treatment line counted from the last dose")
    return finding


def _is_above_line_from_last_dose(case: Case, level: Level) -> bool:
    """Doses more than a day apart of which the last was an overdose of its own: the line counts from it too."""
    last = case.ingestion.last
    if last is None or level.sampled is None or level.reported is None or not case.ingestion.ends_in_overdose:
        return False
    elapsed = Elapsed.between(last, level.sampled)
    if elapsed.longest_h < NOMOGRAM_START.value or NOMOGRAM_END.reached_by_number(elapsed.shortest_h):
        return False
    line = line_at(case.profile.treatment_line_mg_l, min(elapsed.longest_h, NOMOGRAM_END.value))
    return reaches(level.reported, line, inclusive=case.profile.line_inclusive) is True


_OFF_NOMOGRAM = (time_unknown, beyond_24_h, repeated_supratherapeutic)


def _applies_off_nomogram(case: Case) -> bool:
    late = any(level.is_past_24_h is True for level in case.levels) and not settled_below(case)
    return (case.is_untimed and case.ingestion.has_context) or case.ingestion.pattern is Pattern.REPEATED or late


def _off_nomogram_level_negative(case: Case) -> bool | None:
    threshold = off_nomogram_threshold(case)
    if not case.ingestion.is_timed:
        return _negative_without_time(case, threshold)
    late = [level for level in case.levels if level.is_past_24_h is True]
    if not late or case.unread_levels or placed(case, Place.UNREADABLE):
        return None
    detected = is_detectable(late, threshold)
    return None if detected is None else not detected


def _off_nomogram_enzymes(case: Case) -> EnzymeState:
    return case.liver.late_enzymes if case.ingestion.is_timed else case.liver.enzymes


def off_nomogram_negative(case: Case) -> Finding:
    """B12: off the nomogram, level below its threshold and AST/ALT normal, both known."""
    if not _applies_off_nomogram(case):
        return not_met("the nomogram decides")
    if any(rule(case).is_met for rule in _OFF_NOMOGRAM):
        return not_met("a rule for treatment off the nomogram is met")
    if case.ingestion.pattern is Pattern.INTRAVENOUS:
        return not_met("not established for intravenous acetaminophen")
    negative = _off_nomogram_level_negative(case)
    if negative and _off_nomogram_enzymes(case) is EnzymeState.NORMAL:
        return met(f"{level_words(latest(case.levels))}, AST and ALT normal")
    is_raised = _off_nomogram_enzymes(case) is EnzymeState.ELEVATED
    because = "AST or ALT raised, and the drug taken is not stated" if is_raised else "level or AST/ALT not known"
    return unknown(because, *_missing_off_nomogram(case))


def _missing_off_nomogram(case: Case) -> tuple[str, ...]:
    level = () if _off_nomogram_level_negative(case) else ("acetaminophen level",)
    if _off_nomogram_enzymes(case) is EnzymeState.ELEVATED:
        return (*level, "which drug was taken")
    return level if _off_nomogram_enzymes(case) is not EnzymeState.UNKNOWN else (*level, "AST and ALT")


def off_nomogram_one_missing(case: Case) -> Finding:
    """B13: off the nomogram, one test missing and the other negative."""
    if not _applies_off_nomogram(case) or any(rule(case).is_met for rule in _OFF_NOMOGRAM):
        return not_met("nothing is missing off the nomogram")
    if level_hidden_by_detection_limit(case) is not None:
        return not_met("the level is below a detection limit: nothing is missing, but it cannot tell")
    if case.ingestion.is_accidental_and_small and not case.levels:
        return not_met("an accidental ingestion below every toxic threshold needs no level")
    level_negative = _off_nomogram_level_negative(case) is True
    enzymes_normal = _off_nomogram_enzymes(case) is EnzymeState.NORMAL
    if level_negative == enzymes_normal:
        return not_met("not: one test missing and the other negative")
    missing, ask = ("AST and ALT", ASK_ENZYMES) if level_negative else ("acetaminophen level", ASK_LEVEL)
    known = level_words(latest(case.levels)) if level_negative else "AST and ALT normal"
    return met(f"{known}; {missing} not known", asks=(ask,))._replace(missing=(missing,))
