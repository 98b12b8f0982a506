"""What the rules share about levels: their words, their place, and when to draw the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Ask, Overlay, Test
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.levels import Level, Place, is_detectable
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.quantity import Elapsed, apart, hours_text, plain
from cds_service.clinical.thresholds import NOMOGRAM_START, SECOND_LEVEL_AFTER, SECOND_LEVEL_UNTIL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.case import Case


READINGS_DIFFER = "US practice 2023 treats either finding alone; AGA 2017 asks for both"
HIGH_RISK = frozenset({Overlay.HIGH_RISK, Overlay.CONSULT})


def level_words(level: Level, value: str | None = None) -> str:
    """The level with its time, e.g. "acetaminophen 182 mg/L at 8.0 h"; `value` to show other digits."""
    shown = str(level.reported) if value is None or level.reported is None else f"{level.reported.sign}{value}"
    when = "" if level.elapsed is None else f" at {elapsed_words(level.elapsed)}"
    preliminary = " (preliminary)" if level.result.status == "preliminary" else ""
    return f"acetaminophen {shown} mg/L{when}{preliminary}"


def elapsed_words(elapsed: Elapsed) -> str:
    """Hours for a sentence; a range where the time is not exact."""
    if elapsed.is_exact:
        return hours_text(elapsed.longest_h)
    return f"{max(elapsed.shortest_h, 0):.1f} to {hours_text(elapsed.longest_h)}"


def against_line(level: Level) -> str:
    """The level with the line it was read against."""
    if level.point is None:
        return level_words(level)
    point = level.point
    value, line = apart(point.level.value, point.line_mg_l)
    return f"{level_words(level, value)} against a treatment line of {line} mg/L"


def amount_words(case: Case) -> str:
    """The reported amount, e.g. "32 g"."""
    grams = case.ingestion.intake.in_24h_g
    return "an unknown amount" if grams is None else f"{plain(grams)} g"


def placed(case: Case, *places: Place) -> list[Level]:
    """The levels that lie in one of these places, oldest first."""
    return [level for level in case.levels if level.place in places]


def is_on_nomogram(case: Case) -> bool:
    """Whether hours since one acute exposure can be counted."""
    return case.ingestion.is_timed and case.ingestion.pattern is not Pattern.REPEATED


def reported_high_risk(case: Case) -> bool:
    """Whether at least the profile's high-risk amount (30 g) is reported."""
    grams = case.ingestion.intake.in_24h_g
    return grams is not None and grams >= case.profile.high_risk_dose_g


def high_risk_words(case: Case) -> str:
    """The profile's high-risk amount, e.g. "30 g"."""
    return f"{plain(case.profile.high_risk_dose_g)} g"


def why_off_nomogram(case: Case) -> str | None:
    """Why the nomogram cannot be used, in words; None when it can."""
    if is_on_nomogram(case):
        return None
    return f"hours since ingestion cannot be counted ({case.ingestion.pattern.value})"


def drawn_late_enough(case: Case, level: Level) -> bool:
    """At least 4 h after the last dose: needed before "below the line" is accepted."""
    last = case.ingestion.last
    drawn = level.sampled
    return (
        last is not None
        and drawn is not None
        and NOMOGRAM_START.reached_by_number(Elapsed.between(last, drawn).shortest_h)
    )


def settled_below(case: Case) -> list[Level]:
    """Levels that prove "below": below the line (or <10 past 24 h), and late enough after the last dose."""
    return [level for level in placed(case, Place.BELOW) if drawn_late_enough(case, level)]


def is_negative_after_24_h(case: Case) -> bool:
    """A level drawn later than 24 h and late enough after the last dose is undetectable, and AST and ALT are normal."""
    late = [level for level in case.levels if level.is_past_24_h is True]
    return (
        any(drawn_late_enough(case, level) for level in late)
        and is_detectable(late, case.profile.detectable_mg_l) is False
        and case.liver.late_enzymes is EnzymeState.NORMAL
    )


def repeat_ask(case: Case, after: datetime, *, until: datetime | None = None) -> Ask:
    """A repeat level at `after`, or at once when that has passed."""
    return Ask(Test.ACETAMINOPHEN, max(after, case.now), None if until is None or until < case.now else until)


def repeat_after(case: Case, level: Level) -> tuple[Ask, ...]:
    """A second level 4-6 h after this one, with AST and ALT."""
    drawn = level.sampled.latest if level.sampled is not None else case.now
    ask = repeat_ask(
        case,
        drawn + timedelta(hours=SECOND_LEVEL_AFTER.value),
        until=drawn + timedelta(hours=SECOND_LEVEL_UNTIL.value),
    )
    return (ask, Ask(Test.TRANSAMINASES, ask.not_before, ask.not_after))


def latest(levels: Sequence[Level]) -> Level:
    """The last of these levels."""
    return levels[-1]
