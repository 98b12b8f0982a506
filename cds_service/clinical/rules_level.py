"""Rules B: what a level says, on the nomogram and off it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.findings import (
    Answer,
    Ask,
    Category,
    Finding,
    Overlay,
    Test,
    all_of,
    any_of,
    met,
    not_met,
    unknown,
)
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, is_detectable, is_detection_limit, leading_level
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.nomogram import hours_on_line, line_at
from cds_service.clinical.profiles import NonNomogramRule
from cds_service.clinical.quantity import Bounded, Elapsed, hours_text, plain
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_LEVEL, peak_words
from cds_service.clinical.thresholds import (
    NOMOGRAM_END,
    NOMOGRAM_START,
    SECOND_LEVEL_AFTER,
    SECOND_LEVEL_UNTIL,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.case import Case

HIGH_RISK = frozenset({Overlay.HIGH_RISK, Overlay.CONSULT})


# --- words shared by the findings -----------------------------------------------------------------


def level_words(level: Level) -> str:
    """The level with its time, e.g. "acetaminophen 182 mg/L at 8.0 h"."""
    when = "" if level.elapsed is None else f" at {elapsed_words(level.elapsed)}"
    preliminary = " (preliminary)" if level.result.status == "preliminary" else ""
    return f"acetaminophen {level.reported} mg/L{when}{preliminary}"


def elapsed_words(elapsed: Elapsed) -> str:
    """Hours for a sentence; a range where the time is not exact."""
    if elapsed.is_exact:
        return hours_text(elapsed.longest_h)
    return f"{max(elapsed.shortest_h, 0):.1f} to {hours_text(elapsed.longest_h)}"


def against_line(level: Level) -> str:
    """The level with the line it was read against."""
    if level.point is None:
        return level_words(level)
    return f"{level_words(level)} against a treatment line of {plain(level.point.line_mg_l)} mg/L"


# --- shared judgements ----------------------------------------------------------------------------


def _placed(case: Case, *places: Place) -> list[Level]:
    return [level for level in case.levels if level.place in places]


def _is_on_nomogram(case: Case) -> bool:
    return case.ingestion.is_timed and case.ingestion.pattern is not Pattern.REPEATED


def reported_high_risk(case: Case) -> bool:
    """Whether at least the profile's high-risk amount (30 g) is reported."""
    grams = case.ingestion.intake.in_24h_g
    return grams is not None and grams >= case.profile.high_risk_dose_g


def _off_nomogram(case: Case) -> str | None:
    if _is_on_nomogram(case):
        return None
    return f"hours since ingestion cannot be counted ({case.ingestion.pattern.value})"


def _drawn_late_enough_after_last_dose(case: Case, level: Level) -> bool:
    """At least 4 h after the last dose: needed before "below the line" is accepted."""
    last = case.ingestion.last
    drawn = level.sampled
    return (
        last is not None
        and drawn is not None
        and NOMOGRAM_START.reached_by_number(Elapsed.between(last, drawn).shortest_h)
    )


def _settled_below(case: Case) -> list[Level]:
    """Levels that prove "below": below the line (or <10 past 24 h), and late enough after the last dose."""
    return [level for level in _placed(case, Place.BELOW) if _drawn_late_enough_after_last_dose(case, level)]


def _unsettled(case: Case) -> tuple[str, ...]:
    """What keeps "not indicated" from being said although a level is below the line."""
    beyond = _placed(case, Place.BEYOND)
    reasons = [
        ("a level without a usable value", bool(_placed(case, Place.UNREADABLE) or case.unread_levels)),
        ("a level whose time or value cannot be settled", bool(_placed(case, Place.UNDECIDED))),
        ("a level below a detection limit above the line", bool(_placed(case, Place.WITHIN_DETECTION_LIMIT))),
        ("a level after 24 h", is_detectable(beyond, case.profile.detectable_mg_l) is not False),
        ("a level on or above the line", bool(_placed(case, Place.ABOVE))),
        ("a detectable level before the recorded ingestion", case.time_is_contradicted),
    ]
    return tuple(words for words, holds in reasons if holds)


def repeat_ask(case: Case, after: datetime, *, until: datetime | None = None) -> Ask:
    """A repeat level at `after`, or at once when that has passed."""
    return Ask(Test.ACETAMINOPHEN, max(after, case.now), None if until is None or until < case.now else until)


def _repeat_after(case: Case, level: Level) -> tuple[Ask, ...]:
    """A second level 4-6 h after this one, with AST and ALT."""
    drawn = level.sampled.latest if level.sampled is not None else case.now
    ask = repeat_ask(
        case,
        drawn + timedelta(hours=SECOND_LEVEL_AFTER.value),
        until=drawn + timedelta(hours=SECOND_LEVEL_UNTIL.value),
    )
    return (ask, Ask(Test.TRANSAMINASES, ask.not_before, ask.not_after))


def _latest(levels: Sequence[Level]) -> Level:
    return levels[-1]


# --- on the nomogram ------------------------------------------------------------------------------


def above_line(case: Case) -> Finding:
    """B1: on or above the treatment line, at the latest time the sample can have been drawn."""
    if reason := _off_nomogram(case):
        return not_met(reason)
    above = _placed(case, Place.ABOVE)
    if above:
        return met(against_line(leading_level(above) or above[0]))
    if not case.levels and not case.unread_levels:
        return unknown("no acetaminophen level", "acetaminophen level", asks=(ASK_LEVEL,))
    open_places = (Place.UNDECIDED, Place.WITHIN_DETECTION_LIMIT, Place.UNREADABLE, Place.TOO_EARLY)
    if _placed(case, *open_places) or case.unread_levels:
        return unknown("a level cannot be read against the line", "an interpretable acetaminophen level")
    return not_met("no level is on or above the treatment line")


def above_line_high_risk(case: Case) -> Finding:
    """B2: B1, and on or above the 300 line or at least 30 g reported."""
    if not above_line(case).is_met:
        return not_met("no level is on or above the treatment line")
    very_high = [lv for lv in _placed(case, Place.ABOVE) if lv.point and lv.point.is_on_or_above_high_risk_line]
    if very_high:
        level = leading_level(very_high) or very_high[0]
        line = level.point.high_risk_line_mg_l if level.point else 0.0
        return met(f"{level_words(level)} is on or above the high-risk line of {plain(line)} mg/L", overlays=HIGH_RISK)
    if reported_high_risk(case):
        return met(f"{amount_words(case)} reported, with a level above the line", overlays=HIGH_RISK)
    return not_met("below the high-risk line, and no 30 g or more reported")


def amount_words(case: Case) -> str:
    """The reported amount, e.g. "32 g"."""
    grams = case.ingestion.intake.in_24h_g
    return "an unknown amount" if grams is None else f"{plain(grams)} g"


def large_amount_below_line(case: Case) -> Finding:
    """B2b: at least 30 g reported and the level below the line."""
    below = _placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
    if not reported_high_risk(case) or not below:
        return not_met("not: 30 g or more reported with a level below the line")
    if _placed(case, Place.ABOVE):
        return not_met("a level is on or above the line")
    level = _latest(below)
    because = f"{amount_words(case)} reported although {against_line(level)} is below it"
    return met(because, overlays=HIGH_RISK, asks=_repeat_after(case, level))


def below_line(case: Case) -> Finding:
    """B3: reliable acute immediate-release ingestion, below the line, AST and ALT normal."""
    if case.ingestion.may_absorb_late:
        return not_met("absorption may be delayed (extended release or co-ingestant)")
    return _below(case, "AST and ALT normal")


def below_line_with_raised_enzymes(case: Case) -> Finding:
    """B4: as B3, but AST or ALT raised (up to 1000 U/L)."""
    settled = _settled_below(case) or _placed(case, Place.WITHIN_DETECTION_LIMIT)
    if case.liver.enzymes is not EnzymeState.ELEVATED or not settled or _placed(case, Place.ABOVE):
        return not_met("not: below the line with raised AST or ALT")
    level = _latest(settled)
    because = f"{against_line(level)} is below it, but {peak_words(case)} is raised"
    return met(because, asks=_repeat_after(case, level))


def _below(case: Case, enzyme_words: str) -> Finding:
    """Below the line with AST and ALT normal and everything settled: the shared part of B3 and B7."""
    settled = _settled_below(case)
    if reason := _why_not_below(case, settled):
        return not_met(reason)
    open_points = _unsettled(case)
    if open_points:
        return unknown(f"{against_line(_latest(settled))}, but {'; '.join(open_points)}", *open_points)
    if case.liver.enzymes is EnzymeState.UNKNOWN:
        return unknown("below the line, AST and ALT since the ingestion not known", "AST and ALT", asks=(ASK_ENZYMES,))
    return met(f"{against_line(_latest(settled))} is below it; {enzyme_words}")


def _why_not_below(case: Case, settled: Sequence[Level]) -> str | None:
    """The first reason why "below the line" cannot hold; None when it may."""
    reasons = (
        (_off_nomogram(case) or "", not _is_on_nomogram(case)),
        ("the nomogram is not validated for intravenous acetaminophen", case.ingestion.pattern is Pattern.INTRAVENOUS),
        ("no level is proven to be below the line", not settled),
        ("30 g or more is reported", reported_high_risk(case)),
        ("AST or ALT is raised", case.liver.enzymes is EnzymeState.ELEVATED),
    )
    return next((reason for reason, holds in reasons if holds), None)


def _delayed_and_detectable(case: Case) -> Level | None:
    """The latest level that is, or may be, 10 mg/L or more and below the line, with delayed absorption possible."""
    levels = [
        lv for lv in _placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
        if lv.reported is not None and lv.reported.at_least(case.profile.detectable_mg_l) is not False
    ]  # fmt: skip
    return _latest(levels) if levels and case.ingestion.may_absorb_late else None


def _has_second_level(case: Case) -> bool:
    """Two interpretable levels at least 4 h apart."""
    drawn = sorted(lv.sampled for lv in _placed(case, Place.BELOW, Place.ABOVE, Place.BEYOND) if lv.sampled is not None)
    return len(drawn) > 1 and SECOND_LEVEL_AFTER.reached_by_number(Elapsed.between(drawn[0], drawn[-1]).shortest_h)


def _needs_second_level(case: Case) -> Finding:
    """B5 and B6: 10 mg/L or more below the line, absorption may be delayed, one level only."""
    if reason := _off_nomogram(case):
        return not_met(reason)
    level = _delayed_and_detectable(case)
    if level is None:
        return not_met("no level of 10 mg/L or more below the line")
    if _placed(case, Place.ABOVE) or _has_second_level(case):
        return not_met("a second level, or one above the line, is already there")
    return met(f"{against_line(level)} is below it, but absorption may be delayed", asks=_repeat_after(case, level))


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
    if level is None or not _is_on_nomogram(case):
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
    return _below(case, "AST and ALT normal, no further rise expected")


def sample_too_early(case: Case) -> Finding:
    """B8: the only level was drawn before 4 h."""
    early = _placed(case, Place.TOO_EARLY)
    if not early or case.ingestion.first is None or any(lv.is_interpretable for lv in case.levels):
        return not_met("no level from before 4 h stands alone")
    last = case.ingestion.last or case.ingestion.first
    ask = repeat_ask(case, last.latest + timedelta(hours=NOMOGRAM_START.value))
    because = f"{level_words(_latest(early))} was drawn before {NOMOGRAM_START.value:g} h and cannot be interpreted"
    finding = met(because, asks=(ask, ASK_ENZYMES))
    if reported_high_risk(case):
        because = f"{because}; {amount_words(case)} reported"
        return replace(finding, because=because, overlays=HIGH_RISK, category=Category.CONSIDER)
    return finding


def staggered_too_early(case: Case) -> Finding:
    """B15: staggered, below the line, but the sample is less than 4 h after the last dose."""
    last = case.ingestion.last
    below = _placed(case, Place.BELOW, Place.WITHIN_DETECTION_LIMIT)
    if case.ingestion.pattern is not Pattern.STAGGERED or last is None or not below:
        return not_met("not: staggered doses with a level below the line")
    if any(_drawn_late_enough_after_last_dose(case, level) for level in below) or _placed(case, Place.ABOVE):
        return not_met("a level was drawn 4 h or more after the last dose")
    ask = repeat_ask(case, last.latest + timedelta(hours=NOMOGRAM_START.value))
    return met(f"{against_line(_latest(below))} is below it, but less than 4 h after the last dose", asks=(ask,))


def time_as_interval(case: Case) -> Finding:
    """B16: the time is an interval: above the line at the latest time treats; not below all over it is undecided."""
    if reason := _off_nomogram(case):
        return not_met(reason)
    uncertain = [lv for lv in case.levels if lv.elapsed is not None and not lv.elapsed.is_exact]
    above = [level for level in uncertain if level.place is Place.ABOVE]
    if above:
        words = f"{against_line(leading_level(above) or above[0])} at the latest possible time"
        return replace(met(words), category=Category.INDICATED)
    undecided = [level for level in uncertain if level.place is Place.UNDECIDED]
    if not undecided or _placed(case, Place.ABOVE):
        return not_met("no level with an undecided time")
    return _undecided(case, _latest(undecided))


def _undecided(case: Case, level: Level) -> Finding:
    """The sample may be earlier than 4 h, and is not above the line at the latest time it can have."""
    last = case.ingestion.last
    after = case.now if last is None else last.latest + timedelta(hours=NOMOGRAM_START.value)
    because = f"{level_words(level)}: the sample may be earlier than 4 h, so below the line is not proven"
    finding = met(because, asks=(repeat_ask(case, after),))
    finding = replace(finding, missing=("exact time of ingestion and of the sample",))
    if reported_high_risk(case):
        because = f"{because}; {amount_words(case)} reported"
        return replace(finding, because=because, overlays=HIGH_RISK, category=Category.CONSIDER)
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return replace(finding, because=f"{because}; {peak_words(case)} is raised", category=Category.CONSIDER)
    return finding


def interval_spanning_end(case: Case) -> Finding:
    """B17: the sample may be before or after 24 h: the line at 24 h and the rule for later samples both apply."""
    spanning = [lv for lv in case.levels if lv.is_past_24_h is None and lv.elapsed is not None]
    if not spanning or not _is_on_nomogram(case):
        return not_met("no sample time that spans 24 h")
    at_end = line_at(case.profile.treatment_line_mg_l, NOMOGRAM_END.value)
    reached = any_of(None if lv.reported is None else lv.reported.at_least(at_end) for lv in spanning)
    if reached or case.liver.late_elevated:
        why = f"at or above {plain(at_end)} mg/L" if reached else f"{peak_words(case)} raised"
        return met(f"{level_words(_latest(spanning))}, perhaps later than 24 h: {why}")
    if reached is None:
        return unknown("the bound of the level cannot settle it", "a lower detection limit")
    return not_met("below the line at 24 h, AST and ALT not raised")


# --- off the nomogram -----------------------------------------------------------------------------


def _negative_without_time(case: Case, threshold: float) -> bool | None:
    """Whether every level near the exposure is below the threshold; None when none is, or one is unreadable."""
    if not case.fresh_levels or case.unread_levels:
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
    disagreement = "US practice 2023 treats either finding alone; AGA 2017 asks for both"
    finding = replace(finding, because=f"{finding.because} ({disagreement})", asks=_missing_asks(case, reached))
    if case.profile.nonnomogram_rule is NonNomogramRule.AND:
        return replace(finding, category=Category.CONSIDER)
    return finding


def _missing_asks(case: Case, reached: Answer) -> tuple[Ask, ...]:
    level = (ASK_LEVEL,) if reached is None and not case.levels else ()
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
        levels = _placed(case, Place.BEFORE_INGESTION)
        words = f"{level_words(_latest(levels))}: drawn before the recorded ingestion, so its time is not reliable"
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
    if level.sampled is None or level.reported is None or level.reported.value <= 0:
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
    if not _is_on_nomogram(case) or not (late or case.liver.late_elevated):
        return not_met("nothing was sampled later than 24 h after the first dose")
    raised: bool | None = case.liver.late_elevated or case.liver.enzymes is EnzymeState.ELEVATED
    if not raised and case.liver.late_enzymes is EnzymeState.UNKNOWN and not _settled_below(case):
        raised = None
    return _off_nomogram_finding(case, case.profile.detectable_mg_l, late, raised)


def repeated_supratherapeutic(case: Case) -> Finding:
    """B11: repeated supratherapeutic ingestion; level of 20 mg/L or raised AST/ALT."""
    if case.ingestion.pattern is not Pattern.REPEATED:
        return not_met("no repeated supratherapeutic ingestion")
    return _off_nomogram_finding(case, case.profile.rsi_level_mg_l, case.levels, _enzymes_raised(case))


_OFF_NOMOGRAM = (time_unknown, beyond_24_h, repeated_supratherapeutic)


def _applies_off_nomogram(case: Case) -> bool:
    late = any(level.is_past_24_h is True for level in case.levels) and not _settled_below(case)
    return (case.is_untimed and case.ingestion.has_context) or case.ingestion.pattern is Pattern.REPEATED or late


def _off_nomogram_threshold(case: Case) -> float:
    repeated = case.ingestion.pattern is Pattern.REPEATED
    return case.profile.rsi_level_mg_l if repeated else case.profile.detectable_mg_l


def _off_nomogram_level_negative(case: Case) -> bool | None:
    threshold = _off_nomogram_threshold(case)
    if not case.ingestion.is_timed:
        return _negative_without_time(case, threshold)
    late = [level for level in case.levels if level.is_past_24_h is True]
    if not late or case.unread_levels or _placed(case, Place.UNREADABLE):
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
        return met(f"{level_words(_latest(case.levels))}, AST and ALT normal")
    return unknown("level or AST/ALT not known", *_missing_off_nomogram(case))


def _missing_off_nomogram(case: Case) -> tuple[str, ...]:
    level = () if _off_nomogram_level_negative(case) else ("acetaminophen level",)
    if _off_nomogram_enzymes(case) is EnzymeState.ELEVATED:
        return (*level, "which drug was taken")
    return level if _off_nomogram_enzymes(case) is not EnzymeState.UNKNOWN else (*level, "AST and ALT")


def off_nomogram_one_missing(case: Case) -> Finding:
    """B13: off the nomogram, one test missing and the other negative."""
    if not _applies_off_nomogram(case) or any(rule(case).is_met for rule in _OFF_NOMOGRAM):
        return not_met("nothing is missing off the nomogram")
    if _level_hidden_by_detection_limit(case) is not None:
        return not_met("the level is below a detection limit: nothing is missing, but it cannot tell")
    if case.ingestion.is_accidental_and_small and not case.levels:
        return not_met("an accidental ingestion below every toxic threshold needs no level")
    level_negative = _off_nomogram_level_negative(case) is True
    enzymes_normal = _off_nomogram_enzymes(case) is EnzymeState.NORMAL
    if level_negative == enzymes_normal:
        return not_met("not: one test missing and the other negative")
    missing, ask = ("AST and ALT", ASK_ENZYMES) if level_negative else ("acetaminophen level", ASK_LEVEL)
    known = level_words(_latest(case.levels)) if level_negative else "AST and ALT normal"
    return replace(met(f"{known}; {missing} not known", asks=(ask,)), missing=(missing,))


def detection_limit(case: Case) -> Finding:
    """B14: the level is below a detection limit that lies above the threshold or line."""
    level = _level_hidden_by_detection_limit(case)
    if level is None:
        return not_met("no detection limit above the threshold or line")
    if case.liver.enzymes is EnzymeState.ELEVATED:
        return not_met("AST or ALT is raised: other rules decide")
    because = f"{against_line(level)} does not prove a level below it (detection limit)"
    overlays = frozenset({Overlay.DETECTION_LIMIT})
    enzymes = case.liver.late_enzymes if level.is_past_24_h is True else case.liver.enzymes
    settled = enzymes is EnzymeState.NORMAL and not _open_beside_detection_limit(case)
    if settled and not reported_high_risk(case):
        return replace(met(f"{because}; AST and ALT are normal", overlays=overlays), category=Category.NOT_INDICATED)
    missing = () if enzymes is EnzymeState.NORMAL else ("AST and ALT",)
    return replace(met(because, overlays=overlays, asks=(ASK_ENZYMES,)), missing=missing)


def _level_hidden_by_detection_limit(case: Case) -> Level | None:
    if case.ingestion.is_timed:
        late = [lv for lv in case.levels if lv.is_past_24_h is True]
        hidden = _placed(case, Place.WITHIN_DETECTION_LIMIT) + _hidden(late, case.profile.detectable_mg_l)
    else:
        hidden = _hidden(case.fresh_levels, _off_nomogram_threshold(case)) if case.ingestion.has_context else []
    return _latest(hidden) if hidden else None


def _hidden(levels: Sequence[Level], threshold: float) -> list[Level]:
    """Levels whose reported bound is a detection limit above the threshold."""
    return [lv for lv in levels if lv.reported is not None and _hides(lv.reported, threshold)]


def _hides(reported: Bounded, threshold: float) -> bool:
    return reported.at_least(threshold) is None and is_detection_limit(reported)


def _open_beside_detection_limit(case: Case) -> bool:
    """Anything else that keeps "not indicated" from being said."""
    ingestion = case.ingestion
    if case.unread_levels or _placed(case, Place.UNREADABLE, Place.ABOVE) or ingestion.pattern is Pattern.INTRAVENOUS:
        return True
    if not ingestion.is_timed:
        threshold = _off_nomogram_threshold(case)
        return any(
            lv.reported is None or (lv.reported.at_least(threshold) is not False and lv not in _hidden([lv], threshold))
            for lv in case.levels
        )
    hidden = _placed(case, Place.WITHIN_DETECTION_LIMIT) + [lv for lv in case.levels if lv.is_past_24_h is True]
    late_enough = any(_drawn_late_enough_after_last_dose(case, level) for level in hidden)
    return not late_enough or bool(_placed(case, Place.UNDECIDED)) or case.time_is_contradicted
