"""Rules A and D: the injured and the failing liver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.facts import Diagnosis, LabResult, Problem
from cds_service.clinical.findings import (
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
from cds_service.clinical.levels import leading_level
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.profiles import NonApapAlf
from cds_service.clinical.quantity import Analyte, Bounded, plain
from cds_service.clinical.thresholds import (
    HEPATOTOXICITY,
    KINGS_CREATININE,
    KINGS_GRADE,
    KINGS_INR,
    KINGS_LACTATE,
    KINGS_LACTATE_LATE,
    KINGS_PH,
    KINGS_PHOSPHATE,
    KINGS_PHOSPHATE_FROM,
    KINGS_PHOSPHATE_UNTIL,
    RAISES_SUSPICION,
    Threshold,
)

if TYPE_CHECKING:
    from cds_service.clinical.case import Case

ASK_LEVEL = Ask(Test.ACETAMINOPHEN)
ASK_ENZYMES = Ask(Test.TRANSAMINASES)
ASK_INR = Ask(Test.INR)
ASK_INJURY = Ask(Test.INJURY)
_OF_INJURY = (Analyte.CREATININE, Analyte.LACTATE, Analyte.PHOSPHATE)
"""What is read of the tests for an injured liver; glucose is only asked for."""
ASK_MENTAL_STATUS = Ask(Test.MENTAL_STATUS)

INR_CAUTION = "INR may also be raised by warfarin or by acetylcysteine itself"


def alf_with_acetaminophen(case: Case) -> Finding:
    """A1: acute liver failure and any evidence of acetaminophen, at any time after ingestion."""
    failing = case.liver.is_failing
    if failing is False:
        return not_met("acute liver failure is not charted")
    if failing is None:
        return unknown("encephalopathy is charted without a usable INR", "INR", asks=(ASK_INR,))
    if case.has_acetaminophen_evidence:
        return met(f"{alf_words(case)}; {evidence_words(case)}", asks=_if_missing(case))
    if case.has_detectable_level is None:
        return unknown(
            "acute liver failure without a usable acetaminophen level", "acetaminophen level", asks=(ASK_LEVEL,)
        )
    return not_met("acute liver failure without evidence of acetaminophen")


def _if_missing(case: Case) -> tuple[Ask, ...]:
    """INR, and the tests that tell how far an injured liver fails, where the episode has none."""
    inr = (ASK_INR,) if case.liver.inr_raised is None else ()
    has_all = all(case.newest_value(analyte) is not None for analyte in _OF_INJURY)
    return inr if has_all else (*inr, ASK_INJURY)


def alf_words(case: Case) -> str:
    """How acute liver failure is known."""
    liver = case.liver
    if liver.alf_diagnoses:
        return f"acute liver failure is charted ({liver.alf_diagnoses[0].name})"
    inr = liver.inr.reported if liver.inr else None
    return f"INR {inr} with encephalopathy and no known cirrhosis is acute liver failure ({INR_CAUTION})"


def evidence_words(case: Case) -> str:
    """What points to acetaminophen."""
    ingestion = case.ingestion
    if case.has_detectable_level:
        level = leading_level(case.levels) or max(case.levels, key=lambda lv: lv.reported.value if lv.reported else 0)
        return f"acetaminophen {level.reported} mg/L was detected"
    if ingestion.has_context:
        return "an acetaminophen exposure is charted in this episode"
    if ingestion.therapeutic:
        return "use of acetaminophen is charted"
    return "an earlier acetaminophen exposure is charted (relevant as history while the liver is injured)"


def hepatotoxicity_with_acetaminophen(case: Case) -> Finding:
    """A2: AST or ALT >1000 U/L and acetaminophen exposure, even with an undetectable level."""
    hepatotoxic = case.liver.is_hepatotoxic
    if hepatotoxic is True and case.has_acetaminophen_evidence:
        return met(
            f"{peak_words(case)} is above {HEPATOTOXICITY.value:g} U/L; {evidence_words(case)}",
            asks=_if_missing(case),
        )
    if hepatotoxic is None:
        return unknown("AST and ALT are not known", "AST and ALT", asks=(ASK_ENZYMES,))
    if hepatotoxic:
        return not_met("hepatotoxicity without evidence of acetaminophen")
    return not_met(f"no AST or ALT above {HEPATOTOXICITY.value:g} U/L")


def peak_words(case: Case) -> str:
    """The highest AST or ALT of the episode, e.g. "ALT 1450 U/L"."""
    peak = peak_enzyme(case)
    return "AST/ALT" if peak is None else f"{peak.analyte.value} {peak.reported} U/L"


def peak_enzyme(case: Case) -> LabResult | None:
    """The highest AST or ALT of the episode."""
    usable = [r for r in case.liver.enzyme_results if r.reported is not None]
    return max(usable, key=lambda r: (r.reported.value if r.reported else 0.0, r.reference), default=None)


_TOXIC_SIGNS = (Problem.RIGHT_UPPER_QUADRANT_PAIN, Problem.JAUNDICE, Problem.PERSISTENT_VOMITING)


def clinical_toxicity(case: Case) -> Finding:
    """A3: clinical toxicity and a toxic or unknown acetaminophen exposure."""
    signs = toxic_signs(case)
    if not signs:
        return not_met("no right-upper-quadrant pain, jaundice or persistent vomiting is charted")
    if not case.ingestion.is_suspected_toxic:
        return not_met("no acetaminophen exposure that could be toxic is charted")
    return met(f"{', '.join(sorted({d.problem.value for d in signs}))} after an exposure that may be toxic")


def toxic_signs(case: Case) -> list[Diagnosis]:
    """Right-upper-quadrant pain, jaundice and persistent vomiting charted in this episode."""
    return [d for d in case.facts.having(*_TOXIC_SIGNS) if in_episode(case, d)]


def in_episode(case: Case, diagnosis: Diagnosis) -> bool:
    """Charted in the episode, and not before the first dose: a sign from before it is not toxicity."""
    since = case.profile.episode_start(case.now)
    if case.ingestion.first is not None:
        since = max(since, case.ingestion.first.earliest)
    if diagnosis.onset is not None:
        return diagnosis.onset.latest >= since
    return diagnosis.recorded_at is None or diagnosis.recorded_at >= since


def kings_college(case: Case) -> Finding:
    """A4: King's College criteria (acetaminophen), with lactate and phosphate as extra."""
    if not case.has_acetaminophen_evidence:
        return not_met("King's College criteria for acetaminophen need evidence of acetaminophen")
    criteria = _kings_criteria(case)
    reasons = [words for words, is_met in criteria if is_met]
    if reasons:
        return met("; ".join(reasons), overlays=frozenset({Overlay.TRANSPLANT, Overlay.CONSULT}))
    if case.liver.is_failing is not False or case.liver.is_hepatotoxic:
        open_questions = [words for words, is_met in criteria if is_met is None]
        if open_questions:
            return unknown("King's College criteria are not all known", *open_questions)
    return not_met("no King's College criterion is met")


def _kings_criteria(case: Case) -> list[tuple[str, bool | None]]:
    injured = case.liver.enzymes is EnzymeState.ELEVATED or case.liver.inr_raised is True
    extras = [_lactate(case), _phosphate(case)] if injured else []
    return [_ph(case), _all_three(case), *extras]


def _reached(limit: Threshold, reported: Bounded | None) -> bool | None:
    return None if reported is None else limit.reached_by(reported)


def _ph(case: Case) -> tuple[str, bool | None]:
    value = case.newest_value(Analyte.ARTERIAL_PH)
    words = "arterial pH" if value is None else f"arterial pH {value.value:.2f} (counts if after fluid resuscitation)"
    return (words, _reached(KINGS_PH, value))


def _all_three(case: Case) -> tuple[str, bool | None]:
    """INR, creatinine and encephalopathy grade together; any two are not enough."""
    inr = case.liver.inr.reported if case.liver.inr else None
    creatinine = case.newest_value(Analyte.CREATININE)
    words = (
        f"INR {inr or 'not known'}, creatinine {'not known' if creatinine is None else f'{creatinine} mg/dL'} and "
        f"encephalopathy grade {_grade_words(case)} together"
    )
    return (words, all_of([_reached(KINGS_INR, inr), _reached(KINGS_CREATININE, creatinine), _grade_reached(case)]))


def _grade_words(case: Case) -> str:
    grades = [d.grade for d in case.liver.encephalopathy if d.grade is not None]
    return str(max(grades)) if grades else "not known"


def _grade_reached(case: Case) -> bool | None:
    """Grade 3-4; None when encephalopathy has no grade or mental status was never charted."""
    if not case.liver.encephalopathy:
        return False if case.liver.mental_status_charted else None
    return any_of(
        None if d.grade is None else KINGS_GRADE.reached_by_number(d.grade) for d in case.liver.encephalopathy
    )


def _lactate(case: Case) -> tuple[str, bool | None]:
    value = case.newest_value(Analyte.LACTATE)
    if value is not None and KINGS_LACTATE.reached_by(value) is False and KINGS_LACTATE_LATE.reached_by(value):
        return (f"lactate {value} mmol/L counts only if drawn after fluid resuscitation", None)
    words = "lactate" if value is None else f"lactate {value} mmol/L"
    return (f"{words} (modified criterion)", _reached(KINGS_LACTATE, value))


def _phosphate(case: Case) -> tuple[str, bool | None]:
    """Phosphate counts only in a sample drawn 48-96 h after ingestion."""
    result = case.newest(Analyte.PHOSPHATE)
    value = None if result is None else result.reported
    sampled = None if result is None else result.sampled
    elapsed = None if sampled is None else case.hours_after_first_dose(sampled.latest)
    if value is None or elapsed is None:
        return ("phosphate at 48-96 h", False)
    timely = KINGS_PHOSPHATE_FROM.reached_by_number(elapsed) and not KINGS_PHOSPHATE_UNTIL.reached_by_number(elapsed)
    return (f"phosphate {value} mg/dL at {plain(elapsed)} h", timely and KINGS_PHOSPHATE.reached_by(value))


def mental_status_unrecorded(case: Case) -> Finding:
    """A5: INR at the limit and ALT raised, but nobody has charted the mental status."""
    liver = case.liver
    if liver.is_failing or liver.encephalopathy or liver.mental_status_charted:
        return not_met("mental status is charted")
    both = all_of([liver.inr_raised, _enzymes_raised(liver.enzymes)])
    if both is False:
        return not_met("INR and AST/ALT are not both raised")
    if both is None:
        return unknown("INR or AST/ALT is not known", *_unknown_of(case))
    inr = liver.inr.reported if liver.inr else None
    return met(
        f"INR {inr} with raised AST/ALT and no mental status on the chart: encephalopathy would make this acute liver "
        f"failure ({INR_CAUTION})",
        asks=(ASK_MENTAL_STATUS,),
    )


def _enzymes_raised(state: EnzymeState) -> bool | None:
    return None if state is EnzymeState.UNKNOWN else state is EnzymeState.ELEVATED


def _unknown_of(case: Case) -> tuple[str, ...]:
    inr = () if case.liver.inr_raised is not None else ("INR",)
    return inr if case.liver.enzymes is not EnzymeState.UNKNOWN else (*inr, "AST and ALT")


def alf_of_another_cause(case: Case) -> Finding:
    """D1: acute liver failure of an established other cause, no evidence of acetaminophen."""
    causes = case.facts.having(Problem.OTHER_LIVER_CAUSE)
    failing = _failing_without_acetaminophen(case)
    if failing is None:
        return unknown("encephalopathy is charted without a usable INR", "INR")
    if not failing or not causes:
        return not_met("no acute liver failure with an established cause other than acetaminophen")
    finding = met(
        f"{alf_words(case)}; {causes[0].name} is charted and nothing points to acetaminophen. AGA 2017: NAC only in a "
        "clinical trial (unvalidated signal in grade 1-2 encephalopathy). ACG 2023: suggests IV NAC",
        asks=_level_if_missing(case),
    )
    if case.profile.nonapap_alf is NonApapAlf.TRIAL_ONLY:
        return finding._replace(category=Category.CAUTION)
    return finding


def alf_of_unknown_cause(case: Case) -> Finding:
    """D2: acute liver failure of indeterminate cause; unrecognised acetaminophen is possible."""
    failing = _failing_without_acetaminophen(case)
    if failing is None:
        return unknown("encephalopathy is charted without a usable INR", "INR")
    if not failing or case.facts.having(Problem.OTHER_LIVER_CAUSE):
        return not_met("no acute liver failure of indeterminate cause")
    peak = peak_enzyme(case)
    suspicious = peak is not None and peak.reported is not None and RAISES_SUSPICION.reached_by(peak.reported)
    hint = f"; {peak_words(case)} raises the suspicion of unrecognised acetaminophen" if suspicious else ""
    return met(f"{alf_words(case)}; no cause is established{hint}", asks=_level_if_missing(case))


def _failing_without_acetaminophen(case: Case) -> bool | None:
    return all_of([case.liver.is_failing, not case.has_acetaminophen_evidence])


def _level_if_missing(case: Case) -> tuple[Ask, ...]:
    return () if case.has_detectable_level is not None else (ASK_LEVEL,)


def injury_without_failure(case: Case) -> Finding:
    """D3: acute liver injury without failure and without acetaminophen: silent; a level would settle it."""
    if case.liver.enzymes is not EnzymeState.ELEVATED or case.liver.is_failing is True:
        return not_met("no isolated liver injury")
    if case.has_acetaminophen_evidence:
        return not_met("acetaminophen is on the chart")
    return met(f"{peak_words(case)} is raised without liver failure or evidence of acetaminophen", asks=(ASK_LEVEL,))
