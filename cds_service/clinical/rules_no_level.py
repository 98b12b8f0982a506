"""Rules C: no level that can be interpreted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Intent
from cds_service.clinical.findings import Category, Finding, met, not_met, unknown
from cds_service.clinical.ingestion import Ingestion, Pattern
from cds_service.clinical.levels import Place
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.placed_levels import HIGH_RISK, amount_words, elapsed_words, repeat_ask, reported_high_risk
from cds_service.clinical.quantity import plain
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_INR, ASK_LEVEL
from cds_service.clinical.thresholds import NOMOGRAM_START, RESULT_TURNAROUND, TREAT_WITHOUT_LEVEL

if TYPE_CHECKING:
    from cds_service.clinical.case import Case
    from cds_service.clinical.quantity import Span

_FULL_SET = (ASK_LEVEL, ASK_ENZYMES, ASK_INR)


def _has_level(case: Case) -> bool:
    """Whether a level can speak of this exposure; an early or unreadable one cannot."""
    if case.ingestion.is_timed:
        return any(level.is_interpretable for level in case.levels)
    return any(level.reported is not None for level in case.fresh_levels)


def _has_readable_level(case: Case) -> bool:
    """Any level with a value, even one that is too early to interpret."""
    return any(level.reported is not None for level in case.current_levels)


def _is_due(case: Case, first: Span) -> bool:
    """8 h have passed, or will have passed before a level drawn as soon as it makes sense is back."""
    limit = first.earliest + timedelta(hours=TREAT_WITHOUT_LEVEL.value)
    return case.now >= limit or _earliest_result(case, first.latest) > limit


def _earliest_result(case: Case, first_latest: datetime) -> datetime:
    drawn = max(case.now, first_latest + timedelta(hours=NOMOGRAM_START.value))
    return drawn + timedelta(hours=RESULT_TURNAROUND.value)


def no_level_in_time(case: Case) -> Finding:
    """C1: suspected toxic ingestion, no level, and 8 h have passed or no result comes before."""
    ingestion = case.ingestion
    if not ingestion.is_suspected_toxic or ingestion.pattern is Pattern.INTRAVENOUS:
        return not_met("no suspected toxic ingestion without a level")
    if _has_level(case):
        return not_met("a level is known")
    if ingestion.pattern is Pattern.REPEATED:
        return _repeated_without_results(case)
    if ingestion.first is None or not ingestion.is_timed or not _is_due(case, ingestion.first):
        return not_met("8 h have not passed, or the time is unknown")
    elapsed = case.since_first_dose
    since = "" if elapsed is None else f" {elapsed_words(elapsed)} after the first dose"
    return met(f"no level that can be interpreted{since}; treatment should not wait for it", asks=_FULL_SET)


def _repeated_without_results(case: Case) -> Finding:
    if case.liver.enzymes is not EnzymeState.UNKNOWN:
        return not_met("AST and ALT are known: the rules for repeated ingestion decide")
    return met("repeated supratherapeutic ingestion with neither a level nor AST and ALT", asks=_FULL_SET)


def level_expected_in_time(case: Case) -> Finding:
    """C2: suspected toxic ingestion less than 8 h ago, a level can be back in time."""
    ingestion = case.ingestion
    if ingestion.pattern is Pattern.UNSTATED_DRUG:
        return _unstated_drug(case)
    if not ingestion.is_suspected_toxic or not ingestion.is_timed or ingestion.pattern is Pattern.INTRAVENOUS:
        return not_met("no suspected toxic ingestion at a known time")
    if _has_readable_level(case) or ingestion.first is None or _is_due(case, ingestion.first):
        return not_met("a level is there, or it would come too late")
    start_by = ingestion.first.earliest + timedelta(hours=TREAT_WITHOUT_LEVEL.value)
    ask = repeat_ask(case, ingestion.first.latest + timedelta(hours=NOMOGRAM_START.value), until=start_by)
    finding = met(f"no level yet, {_since(case)} after the first dose", asks=(ask, ASK_ENZYMES))
    finding = finding._replace(start_by=start_by)
    if reported_high_risk(case):
        because = f"{finding.because}; {amount_words(case)} reported"
        return finding._replace(because=because, overlays=HIGH_RISK, category=Category.CONSIDER)
    return finding


def _since(case: Case) -> str:
    elapsed = case.since_first_dose
    return "unknown time" if elapsed is None else elapsed_words(elapsed)


def _unstated_drug(case: Case) -> Finding:
    """An overdose whose drug is not stated: only a level can show acetaminophen."""
    if _has_level(case):
        return not_met("a level is known")
    if _has_readable_level(case):
        return not_met("an early level is there")
    first = case.ingestion.first
    due = case.now if first is None else first.latest + timedelta(hours=NOMOGRAM_START.value)
    return met("a drug overdose is charted without the drug, and no level", asks=(repeat_ask(case, due), ASK_ENZYMES))


def time_unknown_without_level(case: Case) -> Finding:
    """C3: suspected overdose, time unknown, no level."""
    ingestion = case.ingestion
    if ingestion.pattern is not Pattern.UNKNOWN_TIME or not ingestion.is_suspected_toxic:
        return not_met("not: suspected overdose at an unknown time")
    if _has_level(case):
        return not_met("a level is known")
    return met("a suspected acetaminophen overdose at an unknown time, and no level", asks=_FULL_SET)


def small_accidental(case: Case) -> Finding:
    """C4: reliable, accidental and below every toxic threshold for age and weight."""
    ingestion = case.ingestion
    if not ingestion.has_context or ingestion.intent is not Intent.ACCIDENTAL:
        return not_met("no reliably accidental ingestion")
    if ingestion.pattern in {Pattern.INTRAVENOUS, Pattern.UNSTATED_DRUG}:
        return not_met("not established for this exposure")
    if ingestion.toxic is None:
        return unknown("the amount cannot be compared with the toxic threshold", *_missing_for_amount(case, ingestion))
    if ingestion.toxic:
        return not_met(f"{amount_words(case)} reaches a toxic threshold")
    if case.liver.enzymes is EnzymeState.ELEVATED or _has_level_to_settle(case):
        return not_met("a level, or raised AST or ALT, decides")
    return met(f"accidental, {amount_words(case)} reported, below every toxic threshold for age and weight")


def _has_level_to_settle(case: Case) -> bool:
    """Whether a level is there that is not simply below the line."""
    harmless = {Place.BELOW, Place.WITHIN_DETECTION_LIMIT}
    return bool(case.unread_levels) or any(level.place not in harmless for level in case.current_levels)


def _missing_for_amount(case: Case, ingestion: Ingestion) -> tuple[str, ...]:
    needs = [
        ("amount taken", not ingestion.intake.is_complete),
        ("age", case.age_years is None),
        ("body weight", ingestion.intake.is_complete),
    ]
    return tuple(words for words, is_missing in needs if is_missing)


def intravenous_overdose(case: Case) -> Finding:
    """C5: intravenous acetaminophen overdose: nomogram not validated; ask a toxicologist."""
    if case.ingestion.pattern is not Pattern.INTRAVENOUS:
        return not_met("no intravenous acetaminophen overdose")
    amount = case.ingestion.intake.in_24h_g
    given = "" if amount is None else f" of {plain(amount)} g"
    asks = (ASK_LEVEL, ASK_ENZYMES) if not case.current_levels else (ASK_ENZYMES,)
    return met(f"an intravenous acetaminophen overdose{given}: the nomogram does not apply", asks=asks)
