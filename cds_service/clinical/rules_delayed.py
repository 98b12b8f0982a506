"""Rules B5-B7: absorption may be delayed by the product or by a co-ingestant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import Answer, Category, Finding, met, not_met, unknown
from cds_service.clinical.intake import is_toxic_within_a_day
from cds_service.clinical.levels import Level, Place
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.placed_levels import (
    READINGS_DIFFER,
    against_line,
    amount_words,
    is_negative_after_24_h,
    is_on_nomogram,
    latest,
    level_words,
    placed,
    repeat_after,
    why_off_nomogram,
)
from cds_service.clinical.profiles import ErRule, NonNomogramRule
from cds_service.clinical.quantity import Elapsed, plain
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_LEVEL, peak_words
from cds_service.clinical.rules_nomogram import proven_below
from cds_service.clinical.thresholds import SECOND_LEVEL_AFTER
from cds_service.clinical.weight import body_of

if TYPE_CHECKING:
    from cds_service.clinical.case import Case


def _delayed_and_detectable(case: Case) -> Level | None:
    """The latest level that is, or may be, 10 mg/L or more and below the line, with delayed absorption possible."""
    levels = [
        lv for lv in placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
        if lv.reported is not None and lv.reported.at_least(case.profile.detectable_mg_l) is not False
    ]  # fmt: skip
    return latest(levels) if levels and case.ingestion.may_absorb_late else None


def _detectable(case: Case) -> str:
    return f"{plain(case.profile.detectable_mg_l)} mg/L"


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
        return not_met(f"no level of {_detectable(case)} or more below the line")
    if placed(case, Place.ABOVE) or _has_second_level(case):
        return not_met("a second level, or one above the line, is already there")
    return met(f"{against_line(level)} is below it, but absorption may be delayed", asks=repeat_after(case, level))


def extended_release_needs_second_level(case: Case) -> Finding:
    """B5: extended release: second level 4-6 h after the first, unless the profile treats at once."""
    if not case.ingestion.is_extended_release:
        return not_met("no extended-release product is charted")
    match case.profile.er_rule:
        case ErRule.TREAT_TOXIC_DOSE if _is_toxic_dose(case):
            return _toxic_extended_release(case)
        case ErRule.NON_NOMOGRAM:
            return _off_nomogram_extended_release(case)
        case _:
            return _needs_second_level(case)


def _is_toxic_dose(case: Case) -> Answer:
    """At least 10 g or 200 mg/kg reported; None when the amount cannot be compared."""
    return is_toxic_within_a_day(case.ingestion.intake, body_of(case.facts, case.now))


def _toxic_extended_release(case: Case) -> Finding:
    """The reading of Australia and New Zealand: whatever the level."""
    if is_negative_after_24_h(case):
        return not_met("later than 24 h, with an undetectable level and normal AST and ALT")
    because = f"extended release, {amount_words(case)} reported, which the profile {case.profile.name} treats at once"
    level = () if case.current_levels else (ASK_LEVEL,)
    asks = (*level, ASK_ENZYMES) if case.liver.enzymes is EnzymeState.UNKNOWN else level
    return met(because, asks=asks)._replace(category=Category.INDICATED)


def _off_nomogram_extended_release(case: Case) -> Finding:
    """Extended release read without the line: a level of 10 mg/L or more, or raised AST or ALT, or both."""
    level = _delayed_and_detectable(case)
    raised = case.liver.enzymes is EnzymeState.ELEVATED
    detected = (
        level is not None and level.reported is not None and level.reported.at_least(case.profile.detectable_mg_l)
    )
    if not is_on_nomogram(case) or placed(case, Place.ABOVE) or not (level or raised):
        return not_met("no extended release with a detectable level below the line or raised AST or ALT")
    if not detected and not raised:
        return _needs_second_level(case)
    parts = [words for words, holds in _off_nomogram_parts(case, level, detected=bool(detected)) if holds]
    finding = met(f"extended release, {' and '.join(parts)}")
    is_treated = case.profile.nonnomogram_rule is NonNomogramRule.OR or (detected and raised)
    finding = finding._replace(category=Category.INDICATED if is_treated else Category.CONSIDER)
    if detected and raised:
        return finding
    asks = () if level is None else repeat_after(case, level)
    return finding._replace(because=f"{finding.because} ({READINGS_DIFFER})", asks=asks)


def _off_nomogram_parts(case: Case, level: Level | None, *, detected: bool) -> tuple[tuple[str, bool], ...]:
    level_part = "" if level is None else level_words(level)
    return ((level_part, detected), (f"{peak_words(case)} raised", case.liver.enzymes is EnzymeState.ELEVATED))


def coingestant_needs_second_level(case: Case) -> Finding:
    """B6: opioid or anticholinergic co-ingestion, as B5."""
    if not case.ingestion.delaying:
        return not_met("no opioid or anticholinergic co-ingestant is charted")
    return _needs_second_level(case)


def delayed_absorption_with_raised_enzymes(case: Case) -> Finding:
    """B5d: delayed absorption possible, 10 mg/L or more below the line, AST or ALT raised."""
    level = _delayed_and_detectable(case)
    if level is None or not is_on_nomogram(case):
        return not_met(f"not: delayed absorption with a level of {_detectable(case)} or more below the line")
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return _delayed_and_raised(case, level)
    if case.liver.enzymes is EnzymeState.UNKNOWN:
        return unknown("AST and ALT are not known", "AST and ALT", asks=(ASK_ENZYMES,))
    return not_met("AST and ALT are normal")


def _delayed_and_raised(case: Case, level: Level) -> Finding:
    if level.reported is None or not level.reported.at_least(case.profile.detectable_mg_l):
        return unknown(f"a level of {_detectable(case)} or more cannot be excluded", "a lower detection limit")
    return met(f"{level_words(level)}, {peak_words(case)} raised, absorption may be delayed")


def delayed_absorption_settled(case: Case) -> Finding:
    """B7: delayed absorption possible, but below 10 mg/L or a second level is below the line too; AST/ALT normal."""
    if not case.ingestion.may_absorb_late:
        return not_met("nothing on the chart delays absorption")
    if extended_release_needs_second_level(case).is_met:
        return not_met("extended release is to be treated or measured again")
    if _hinges_on_amount(case):
        return unknown("extended release of an unknown amount: a toxic dose would be treated", "amount taken")
    if _delayed_and_detectable(case) is not None and not _has_second_level(case):
        return not_met("a second level is needed")
    return proven_below(case, "AST and ALT normal, no further rise expected")


def _hinges_on_amount(case: Case) -> bool:
    """Whether the profile treats a toxic dose of extended release and the amount cannot be compared."""
    treats_dose = case.profile.er_rule is ErRule.TREAT_TOXIC_DOSE and case.ingestion.is_extended_release
    return treats_dose and _is_toxic_dose(case) is None
