"""While acetylcysteine is ordered, running or just given: continue, or the criteria to complete it are met.

A later low level never cancels a course. Completion is the clinician's decision: this service names the
criteria that are met, not met or not known, and never says stop. A criterion counts as met only by a result
drawn since the course began and near to now (or to the end of the course).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import GapKind, LabResult, Problem
from cds_service.clinical.findings import Answer, Ask, Category, Finding, Overlay, Test, all_of, any_of, met, not_met
from cds_service.clinical.levels import Place, with_usable_time
from cds_service.clinical.liver import EnzymeState, is_elevated, newest
from cds_service.clinical.nac_course import NacState
from cds_service.clinical.nac_progress import NacProgress, progress_of, progress_words
from cds_service.clinical.placed_levels import against_line, placed
from cds_service.clinical.quantity import Analyte, Comparator, hours, plain
from cds_service.clinical.rules_delayed import coingestant_needs_second_level, extended_release_needs_second_level
from cds_service.clinical.rules_liver import in_episode, kings_college, toxic_signs
from cds_service.clinical.thresholds import (
    COMPLETION_FALL,
    COMPLETION_INR,
    COMPLETION_RESULT_AGE,
    COURSE_LONG_OVER,
    COURSE_MG_KG,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cds_service.clinical.case import Case
    from cds_service.clinical.quantity import Bounded

_REPEATED = (Test.ACETAMINOPHEN, Test.TRANSAMINASES, Test.INR)
_UNSEEN_PROBLEMS = frozenset({GapKind.NOT_FETCHED, GapKind.TRUNCATED})
_CLINICIAN_CONFIRMS = "nothing on the chart speaks against the patient being well, which the clinician confirms"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion for completing a course; `words` give its value, `missing` what would settle it."""

    is_met: Answer
    words: str
    missing: str


def criteria_met(case: Case) -> Finding:
    """G1: every criterion is met; the clinician decides."""
    criteria = _criteria(case) if case.nac.is_under_way else ()
    if not criteria or all_of(c.is_met for c in criteria) is not True:
        return not_met("no course of acetylcysteine with every criterion met")
    words = "; ".join(c.words for c in criteria)
    return met(f"every criterion for completing acetylcysteine is met: {words}{_noted(case)}; the clinician decides")


def criterion_not_met(case: Case) -> Finding:
    """G2: acetylcysteine under way and a criterion for completion is not met."""
    criteria = _criteria(case) if case.nac.is_under_way else ()
    against = [c.words for c in criteria if c.is_met is False]
    if not against:
        return not_met("no acetylcysteine under way with a criterion that is not met")
    finding = met(f"{_state_words(case)}; not yet met - {', '.join(against)}{_noted(case)}", asks=_asks(case))
    return finding._replace(
        missing=_missing(criteria),
        overlays=_doubt(criteria),
        category=Category.CONSIDER if is_long_over(case) else None,
    )


def criteria_not_known(case: Case) -> Finding:
    """G3: acetylcysteine under way, none of its criteria known not to be met, and some not known."""
    criteria = _criteria(case) if case.nac.is_under_way else ()
    if not criteria or all_of(c.is_met for c in criteria) is not None:
        return not_met("no acetylcysteine under way with open criteria")
    unknown_ones = ", ".join(c.missing for c in criteria if c.is_met is None)
    finding = met(f"{_state_words(case)}; not yet known - {unknown_ones}{_noted(case)}", asks=_asks(case))
    return finding._replace(
        missing=_missing(criteria),
        overlays=_doubt(criteria),
        category=Category.DATA_NEEDED if is_long_over(case) else None,
    )


def _state_words(case: Case) -> str:
    if not is_long_over(case):
        return case.nac.state.value
    return f"{case.nac.state.value}, the last charted infusion more than {COURSE_LONG_OVER.value:g} h ago"


def _missing(criteria: Sequence[Criterion]) -> tuple[str, ...]:
    return tuple(c.missing for c in criteria if c.is_met is None)


def _doubt(criteria: Sequence[Criterion]) -> frozenset[Overlay]:
    """With the whole course given and the criteria not all met, whether to end it is a question for a toxicologist."""
    return frozenset({Overlay.CONSULT}) if criteria[0].is_met else frozenset()


# --- what to repeat, and by when


def _asks(case: Case) -> tuple[Ask, ...]:
    """The repeat tests: by the end of the last bag where it is known; at once when no infusion runs any more.

    While the liver is injured also those that tell how far.
    """
    tests = (*_REPEATED, Test.INJURY) if case.liver.enzymes is EnzymeState.ELEVATED else _REPEATED
    progress = progress_of(case)
    ends_at = None if progress.running is None else progress.running.ends_course_at
    is_over = case.nac.state is NacState.GIVEN and (progress.is_whole_course is True or is_long_over(case))
    if is_over or (ends_at is not None and ends_at <= case.now):
        return tuple(Ask(test, not_before=case.now) for test in tests)
    return tuple(Ask(test, not_after=ends_at) for test in tests)


def is_long_over(case: Case) -> bool:
    """Whether the course was given and its last charted infusion lies more than a day back."""
    if case.nac.state is not NacState.GIVEN:
        return False
    ended_at = progress_of(case).ended_at
    return ended_at is not None and COURSE_LONG_OVER.reached_by_number(hours(case.now - ended_at))


def _noted(case: Case) -> str:
    """A level on or above the line since the course began, and a second level that is due."""
    since = progress_of(case).since
    crossed = [
        lv for lv in placed(case, Place.ABOVE)
        if since is not None and lv.sampled is not None and lv.sampled.latest >= since
    ]  # fmt: skip
    notes = [f"{against_line(level)}, drawn since it began" for level in crossed[-1:]]
    if extended_release_needs_second_level(case).is_met or coingestant_needs_second_level(case).is_met:
        notes.append("a second level is due, because absorption may be delayed")
    return "".join(f"; {note}" for note in notes)


# --- the criteria


def _criteria(case: Case) -> tuple[Criterion, ...]:
    """Whole course, level, INR, AST and ALT, clinical state: in this order."""
    return case.once(_judged_criteria)


def _judged_criteria(case: Case) -> tuple[Criterion, ...]:
    progress = progress_of(case)
    return (
        _whole_course(case, progress),
        _low_level(case, progress),
        _low_inr(case, progress),
        _settled_enzymes(case, progress),
        _clinically_well(case),
    )


def _whole_course(case: Case, progress: NacProgress) -> Criterion:
    words = progress_words(progress, case.now) or "the amount given"
    missing = f"whether {COURSE_MG_KG.value:g} mg/kg have been given ({'; '.join(progress.still_open)})"
    return Criterion(progress.is_whole_course, words, missing)


def _low_level(case: Case, progress: NacProgress) -> Criterion:
    limit = case.profile.detectable_mg_l
    results = [level.result._replace(sampled=level.sampled) for level in case.levels]
    criterion = _judged(case, progress, results, lambda r: r.below(limit))
    is_hidden = criterion.is_met is True and case.unread_levels
    return Criterion(
        None if is_hidden else criterion.is_met,
        f"level {criterion.words} mg/L",
        f"a current acetaminophen level (below {limit:g} mg/L)",
    )


def _low_inr(case: Case, progress: NacProgress) -> Criterion:
    results = [with_usable_time(r, case.now) for r in case.facts.of(Analyte.INR)]
    criterion = _judged(case, progress, results, COMPLETION_INR.reached_by)
    return Criterion(
        criterion.is_met, f"INR {criterion.words}", f"a current INR (below {COMPLETION_INR.value:g})"
    )  # fmt: skip


def _settled_enzymes(case: Case, progress: NacProgress) -> Criterion:
    """AST and ALT, as far as measured: normal, or down by a quarter or more from the peak of the episode."""
    found = [
        (name, results, _judged_enzyme(case, progress, results))
        for name in (Analyte.ALT, Analyte.AST)
        if (results := [r for r in case.liver.enzyme_results if r.analyte is name])
    ]
    measured = [
        (f"{name.value} {judged.words} U/L{_against_peak(r)}", judged.is_met)
        for name, r, judged in found
        if judged.words
    ]
    answer = all_of(is_met for _, is_met in measured) if measured else None
    return Criterion(
        answer,
        ", ".join(words for words, is_met in measured if answer or is_met is False),
        "a current AST and ALT (normal, or down by 25 to 50 % from the peak)",
    )


def _judged_enzyme(case: Case, progress: NacProgress, results: Sequence[LabResult]) -> Criterion:
    by_value = {id(r.reported): r for r in results if r.reported is not None}
    peak = _peak(results)

    def is_settled(reported: Bounded) -> Answer:
        result = by_value[id(reported)]
        elevated = is_elevated(result, case.profile)
        above = None if peak is None else reported.above(peak * (1 - COMPLETION_FALL.value))
        return any_of([None if elevated is None else not elevated, None if above is None else not above])

    return _judged(case, progress, results, is_settled)


def _peak(results: Sequence[LabResult]) -> float | None:
    """The highest value of the episode; an upper bound proves no peak."""
    below = {Comparator.LESS, Comparator.LESS_OR_EQUAL}
    values = [r.reported.value for r in results if r.reported is not None and r.reported.comparator not in below]
    return max(values, default=None)


def _against_peak(results: Sequence[LabResult]) -> str:
    latest, peak = newest(results), _peak(results)
    if peak is None or latest is None or latest.reported is None or latest.reported.value >= peak:
        return ""
    fall_percent = 100 * (1 - latest.reported.value / peak)
    return f" (peak {plain(peak)}, down {fall_percent:.0f} %; guidelines ask for 25 to 50 %)"


def _judged(
    case: Case, progress: NacProgress, results: Sequence[LabResult], is_good: Callable[[Bounded], Answer]
) -> Criterion:
    """The newest result since the course began; good only if it is near to now and nothing newer is unread."""
    since = progress.since
    drawn = [r for r in results if r.sampled is not None and (since is None or r.sampled.earliest >= since)]
    latest = newest(drawn)
    if latest is None or latest.reported is None or latest.sampled is None:
        return Criterion(None, "", "")
    answer = is_good(latest.reported)
    unread = any(
        r.reported is None and r.sampled is not None and r.sampled.latest > latest.sampled.latest for r in drawn
    )
    shown = answer is True and since is not None and not unread and _is_near(case, progress, latest.sampled.earliest)
    return Criterion(answer if answer is not True or shown else None, str(latest.reported), "")


def _is_near(case: Case, progress: NacProgress, drawn_at: datetime) -> bool:
    until = min(progress.ended_by or case.now, case.now)
    return drawn_at >= until - timedelta(hours=COMPLETION_RESULT_AGE.value)


def _clinically_well(case: Case) -> Criterion:
    """Cannot be proven from silence: met only in that nothing charted speaks against it."""
    against = _signs_of_illness(case)
    unseen = [g for g in case.facts.gaps if g.about == "problems" and g.kind in _UNSEEN_PROBLEMS]
    return Criterion(
        False if against else (None if unseen else True),
        f"signs of illness, {', '.join(against)}" if against else _CLINICIAN_CONFIRMS,
        "the problem list, which could not be read in full",
    )


def _signs_of_illness(case: Case) -> list[str]:
    problems = {d.problem.value for d in (*case.liver.encephalopathy, *toxic_signs(case))}
    if case.liver.is_failing is True:
        problems.add(Problem.ACUTE_LIVER_FAILURE.value)
    if kings_college(case).is_met:
        problems.add("a King's College criterion")
    return sorted(problems | ({Problem.ALTERED_MENTAL_STATUS.value} if has_altered_mental_status(case) else set()))


def has_altered_mental_status(case: Case) -> bool:
    """Encephalopathy, or another altered mental status of this episode with no full coma score after it."""
    if case.liver.encephalopathy:
        return True
    assessed = [m.assessed.earliest for m in case.facts.mental_status if m.assessed is not None]
    clear_at = max((at for at in assessed if at <= case.now), default=None)
    altered = [d for d in case.facts.having(Problem.ALTERED_MENTAL_STATUS) if in_episode(case, d)]
    times = [d.onset.latest if d.onset is not None else d.recorded_at for d in altered]
    return any(at is None or clear_at is None or at >= clear_at for at in times)
