"""The one line of a card: finding, line and ask, at most 139 characters.

Pure wording. Each line is built from variants of finding and ask; the fullest ask that fits is kept
with the fullest finding that fits, so that no number is ever cut.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from cds_service.clinical.findings import Category, Overlay, Test
from cds_service.clinical.quantity import Analyte, apart, hours_text, plain
from cds_service.hooks.clock import between, clock_time
from cds_service.hooks.markdown import capitalised, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from cds_service.clinical.assessment import Assessment, Judged
    from cds_service.clinical.findings import Ask
    from cds_service.clinical.nomogram import NomogramPoint

LONGEST_SUMMARY = 139

# Rules that speak about a plotted level, with what they add to "is above/on/below the treatment line".
_PLOTTED = {
    "B1": "",
    "B2": "",
    "B2b": " after a very large reported amount",
    "B3": "",
    "B4": ", with AST/ALT above the upper limit",
    "B5": " (extended release)",
    "B5d": ", with late absorption possible and AST/ALT above the upper limit",
    "B6": ", with a co-ingestant that slows absorption",
    "B7": ", with late absorption possible",
    "B15": ", less than 4 h after the last dose",
}

# What a finding off the nomogram does not say by itself.
_SITUATIONS = {
    "B9": "Ingestion time unknown",
    "B10": "More than 24 h since ingestion",
    "B11": "Repeated supratherapeutic ingestion",
}
# Explanations in brackets have room in the detail; that a result is preliminary has to stay.
_ASIDE = re.compile(r"\s*\((?!preliminary\))[^()]*\)")

# The finding in few words where no level is plotted, by rule number.
_HEADLINES = {
    "A1": "Acute liver failure with evidence of acetaminophen",
    "A2": "AST or ALT above 1000 U/L after acetaminophen",
    "A3": "Signs of liver injury after a toxic or unknown acetaminophen exposure",
    "A5": "INR raised with raised ALT, mental status not recorded",
    "B8": "Acetaminophen level drawn before 4 h cannot be interpreted",
    "B9": "Ingestion time unknown, with acetaminophen detectable or AST/ALT raised",
    "B10": "More than 24 h since ingestion, with acetaminophen detectable or AST/ALT raised",
    "B11": "Repeated supratherapeutic ingestion, with acetaminophen or AST/ALT raised",
    "B12": "Acetaminophen and AST/ALT are below the limits that would treat",
    "B13": "Acetaminophen exposure, with one test still missing",
    "B14": "The level is below the laboratory's detection limit",
    "B16": "The ingestion time is too uncertain to read the nomogram",
    "B17": "The ingestion time may lie more than 24 h back",
    "C1": "Suspected toxic acetaminophen ingestion, no level in time",
    "C2": "Suspected toxic acetaminophen ingestion, no level yet",
    "C3": "Suspected acetaminophen overdose, time unknown, no level",
    "C4": "Accidental acetaminophen ingestion below the toxic amount",
    "C5": "Intravenous acetaminophen overdose",
    "D1": "Acute liver failure of another established cause",
    "D2": "Acute liver failure of undetermined cause",
    "D3": "Acute liver injury without evidence of acetaminophen",
    "G1": "Every criterion for completing IV NAC is met",
    "G2": "Not every criterion for completing IV NAC is met",
    "G3": "Not every criterion for completing IV NAC is known",
}

_TEST_ORDER = {test: place for place, test in enumerate(Test)}
BEFORE_THE_END = "before the last bag ends"
_TEST_NAMES = {
    Test.ACETAMINOPHEN: "acetaminophen level",
    Test.TRANSAMINASES: "AST/ALT",
    Test.INR: "INR",
    Test.INJURY: "creatinine, lactate, phosphate, glucose",
    Test.MENTAL_STATUS: "mental status",
    Test.WEIGHT: "weight",
}


def rule_number(judged: Judged) -> str:
    """The number of a rule id: "B1" of "B1-level-on-or-above-treatment-line"."""
    return judged.rule.id.split("-", 1)[0]


def fitted(findings: Sequence[str], asks: Sequence[str]) -> str:
    """The fullest ask with the fullest finding that fits in 139 characters, each given fullest first."""
    said = [finding for finding in findings if finding] or ["IV NAC"]
    line = ""
    for ask, finding in product(asks, said):
        line = one_line(f"{finding}: {ask}", longest=10_000)
        if len(line) <= LONGEST_SUMMARY:
            return line
    return one_line(line, longest=LONGEST_SUMMARY - 2)


def primary_summary(assessment: Assessment, zone: tzinfo, asks: Sequence[str] = ()) -> str:
    """The summary of the primary card; `asks` replace the ask of the category (an order is already selected)."""
    return fitted(findings_of(assessment), asks or _asks_of(assessment, zone))


def findings_of(assessment: Assessment) -> tuple[str, ...]:
    """The finding of the primary rule, fullest wording first."""
    if assessment.primary is None:
        return ("The chart cannot settle whether IV NAC is indicated",)
    number = rule_number(assessment.primary)
    if assessment.point is not None and number in _PLOTTED and not _is_treated_off_the_line(assessment, number):
        plotted = plotted_finding(assessment)
        return (f"{plotted}{_PLOTTED[number]}", plotted)
    because = _ASIDE.sub("", assessment.primary.finding.because).rstrip(".").replace(": ", ", ")
    because = because.replace("intravenous acetylcysteine", "IV NAC") if number.startswith("G") else because
    situation = f"{_SITUATIONS[number]}, {because}" if number in _SITUATIONS else ""
    fallback = _HEADLINES.get(number) or (plotted_finding(assessment) if number in _PLOTTED else "")
    told = (situation, because, fallback) if because else (fallback or assessment.primary.finding.because,)
    return tuple(capitalised(text) for text in told if text)


def _is_treated_off_the_line(assessment: Assessment, number: str) -> bool:
    """A level below the line that the profile treats for another reason, which has to be the headline."""
    return assessment.category is Category.INDICATED and number in {"B5", "B15"}


def plotted_finding(assessment: Assessment) -> str:
    """Such as "Acetaminophen 182 mg/L at 8.0 h is above the treatment line (75)"; empty without a plotted level."""
    point = assessment.point
    if point is None:
        return ""
    at = "at" if _is_exactly_timed(assessment, point) else "at up to"
    status = " (preliminary)" if _is_preliminary(assessment, point) else ""
    return f"Acetaminophen {level_text(point)} mg/L{status} {at} {hours_text(point.hours)} is {_place(point)}"


def _is_exactly_timed(assessment: Assessment, point: NomogramPoint) -> bool:
    """Whether the hours of the plotted level are one number, not the end of an interval."""
    first = assessment.ingestion.first
    return (
        first is not None
        and first.is_exact
        and any(
            result.reported == point.level and result.sampled is not None and result.sampled.is_exact
            for result in assessment.facts.of(Analyte.ACETAMINOPHEN)
        )
    )


def _is_preliminary(assessment: Assessment, point: NomogramPoint) -> bool:
    return any(
        result.status == "preliminary" and result.reported == point.level
        for result in assessment.facts.of(Analyte.ACETAMINOPHEN)
    )


def _place(point: NomogramPoint) -> str:
    """Where the level lies, such as "above the treatment line (75)"."""
    side = _side(point, point.line_mg_l)
    line = plain(point.line_mg_l) if side == "on" else apart(point.level.value, point.line_mg_l)[1]
    return f"{side} the treatment line ({line})"


def _side(point: NomogramPoint, line_mg_l: float) -> str:
    if point.level.at_least(line_mg_l) is None:
        return "not clearly above or below"
    if point.level.above(line_mg_l):
        return "above"
    return "on" if point.level.at_least(line_mg_l) else "below"


def level_text(point: NomogramPoint) -> str:
    """The plotted level, with as many digits as it takes not to look equal to a line it is not on."""
    return f"{point.level.sign}{apart(point.level.value, point.line_mg_l)[0]}"


def _asks_of(assessment: Assessment, zone: tzinfo) -> tuple[str, ...]:
    """What the card asks for, fullest wording first."""
    match assessment.category:
        case Category.INDICATED:
            start = "consider starting IV NAC now"
            risk = Overlay.HIGH_RISK in assessment.overlays
            return (f"{start}; high risk, call a toxicologist", start) if risk else (start,)
        case Category.CONSIDER:
            return _consider_asks(assessment, zone)
        case Category.CONTINUE:
            return _continue_asks(assessment, zone)
        case Category.CRITERIA_MET | Category.NOT_INDICATED | Category.CAUTION as settled:
            return _SETTLED_ASKS[settled]
        case _:
            return _test_asks(assessment, zone)


_SETTLED_ASKS = {
    Category.CRITERIA_MET: ("the clinician decides whether to end it", "the clinician decides"),
    Category.NOT_INDICATED: ("IV NAC is not indicated now",),
    Category.CAUTION: ("IV NAC only within a clinical trial",),
}


def _continue_asks(assessment: Assessment, zone: tzinfo) -> tuple[str, ...]:
    """Continue, and repeat the tests: by the clock where the end of the last bag is known."""
    levels = [ask for ask in assessment.asks if ask.test is Test.TRANSAMINASES]
    when = (when_text(levels[0], assessment, zone) if levels else BEFORE_THE_END).removesuffix(f", {BEFORE_THE_END}")
    return (f"continue; recheck level, AST/ALT and INR {when}", f"continue; recheck {when}", "continue IV NAC")


def _consider_asks(assessment: Assessment, zone: tzinfo) -> tuple[str, ...]:
    consider = "IV NAC can be considered"
    if assessment.primary is not None and rule_number(assessment.primary) == "D1":
        return (f"{consider} (AGA: in a trial only; ACG: suggested)", consider)
    return (*(f"{consider}; {tests}" for tests in _test_variants(assessment, zone)), consider)


def _test_asks(assessment: Assessment, zone: tzinfo) -> tuple[str, ...]:
    """The tests with their clock times, and by when to start NAC if no result is back."""
    missing = assessment.primary.finding.missing if assessment.primary else ()
    needed = (f"still needed: {', '.join(missing)}",) if missing else ()
    asks = (*_test_variants(assessment, zone), *needed, "more data are needed to decide on IV NAC")
    if assessment.start_by is None:
        return asks
    start = start_by_text(assessment, zone)
    return (*(f"{ask}; {start} if no result" for ask in asks), start)


def _test_variants(assessment: Assessment, zone: tzinfo) -> tuple[str, ...]:
    """All tests with their windows, then only the most telling test, then that with its first moment only."""
    if not assessment.asks:
        return ()
    leading = _in_order(assessment.asks)[0]
    earliest = replace(leading, not_after=None)
    shorter = (f"check {_test_text(ask, assessment, zone)}" for ask in (leading, earliest))
    return tuple(dict.fromkeys((tests_text(assessment, zone), *shorter)))


def _in_order(asks: Iterable[Ask]) -> list[Ask]:
    """The level first, the other tests in the order they are listed."""
    return sorted(asks, key=lambda ask: _TEST_ORDER[ask.test])


def start_by_text(assessment: Assessment, zone: tzinfo) -> str:
    """Such as "start IV NAC by 14:00 EST"; "now" once that time has come."""
    if assessment.start_by is None or assessment.start_by <= assessment.now:
        return "start IV NAC now"
    return f"start IV NAC by {clock_time(assessment.start_by, assessment.now, zone)}"


def tests_text(assessment: Assessment, zone: tzinfo) -> str:
    """Such as "check acetaminophen level, INR at 14:00 EST; AST/ALT now"; empty when nothing is asked for."""
    by_time: dict[str, list[str]] = {}
    for ask in _in_order(assessment.asks):
        by_time.setdefault(when_text(ask, assessment, zone), []).append(_TEST_NAMES[ask.test])
    asked = [f"{', '.join(names)} {when}" for when, names in by_time.items()]
    return f"check {'; '.join(asked)}" if asked else ""


def _test_text(ask: Ask, assessment: Assessment, zone: tzinfo) -> str:
    return f"{_TEST_NAMES[ask.test]} {when_text(ask, assessment, zone)}"


def when_text(ask: Ask, assessment: Assessment, zone: tzinfo) -> str:
    """When a test makes sense: "now", "at 14:00 EST", "between 14:00 and 16:00 EST", or before NAC ends."""
    if ask.not_before is None and assessment.category is Category.CONTINUE and ask.test is not Test.MENTAL_STATUS:
        return _before_the_end(ask, assessment, zone)
    if ask.not_before is None or ask.not_before <= assessment.now:
        return "now"
    if ask.not_after is None or ask.not_after <= ask.not_before:
        return f"at {clock_time(ask.not_before, assessment.now, zone)}"
    return between(ask.not_before, ask.not_after, assessment.now, zone)


def _before_the_end(ask: Ask, assessment: Assessment, zone: tzinfo) -> str:
    """By when to repeat a test while NAC runs."""
    if ask.not_after is None or ask.not_after <= assessment.now:
        return BEFORE_THE_END
    return f"by {clock_time(ask.not_after, assessment.now, zone)}, {BEFORE_THE_END}"
