"""Overlays that do not belong to one rule: whom to call and what to mind. They never change the category."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Intent, Problem
from cds_service.clinical.findings import Overlay
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.liver import EnzymeState, newest
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.regimens import DosingPlan, DosingRefusal
from cds_service.clinical.thresholds import BILIRUBIN_INTERFERENCE, LOW_WEIGHT, YOUNG_CHILD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.clinical.assessment import Judged
    from cds_service.clinical.case import Case


def overlay_reasons(
    case: Case, judged: Iterable[Judged], dosing: DosingPlan | DosingRefusal | None
) -> dict[Overlay, tuple[str, ...]]:
    """Every overlay that applies, with the reasons, in a fixed order."""
    reasons: dict[Overlay, list[str]] = {}
    for item in judged:
        if item.finding.is_met:
            for overlay in sorted(item.rule.overlays | item.finding.overlays):
                reasons.setdefault(overlay, []).append(item.finding.because)
    for overlay, reason in (*_case_overlays(case), *_dosing_overlays(dosing)):
        reasons.setdefault(overlay, []).append(reason)
    return {overlay: tuple(dict.fromkeys(reasons[overlay])) for overlay in Overlay if overlay in reasons}


def _case_overlays(case: Case) -> list[tuple[Overlay, str]]:
    found = [(Overlay.CONSULT, words) for words, applies in _CONSULT if applies(case)]
    found += [(Overlay.ALLERGY, words) for words, applies in _ALLERGY if applies(case)]
    if case.ingestion.intent is Intent.SELF_HARM:
        found.append((Overlay.PSYCHOSOCIAL, "the exposure is charted as intentional"))
    if bilirubin := _interfering_bilirubin(case):
        found.append((Overlay.ASSAY_BILIRUBIN, bilirubin))
    return found


def _interfering_bilirubin(case: Case) -> str | None:
    """Bilirubin above 10 mg/dL beside a detected level: flagged, never used to suppress."""
    since = case.now - timedelta(days=case.profile.episode_days)
    recent = [r for r in case.facts.of(Analyte.BILIRUBIN) if r.sampled is None or r.sampled.latest >= since]
    result = newest(recent)
    if result is None or result.reported is None or not BILIRUBIN_INTERFERENCE.reached_by(result.reported):
        return None
    if not any(level.reported is not None for level in case.levels):
        return None
    return f"bilirubin {result.reported} mg/dL can give a falsely positive level in enzymatic assays"


def _dosing_overlays(dosing: DosingPlan | DosingRefusal | None) -> list[tuple[Overlay, str]]:
    if isinstance(dosing, DosingRefusal):
        return [(Overlay.WEIGHT, dosing.because)]
    if isinstance(dosing, DosingPlan) and dosing.needs_fluid_warning:
        words = (
            f"below {LOW_WEIGHT.value:g} kg the diluent can cause hyponatraemia and seizures: watch sodium and volume"
        )
        return [(Overlay.FLUID, words)]
    return []


def _is_injured(case: Case) -> bool:
    return case.liver.enzymes is EnzymeState.ELEVATED or case.liver.is_hepatotoxic is True


def _is_young(case: Case) -> bool:
    return case.age_years is not None and YOUNG_CHILD.reached_by_number(case.age_years)


_CONSULT: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("acute liver failure", lambda case: case.liver.is_failing is True),
    (
        "extended-release product or delaying co-ingestant",
        lambda case: case.ingestion.has_context and case.ingestion.may_absorb_late,
    ),
    (
        "unknown time or repeated ingestion with liver injury",
        lambda case: (case.is_untimed or case.ingestion.pattern is Pattern.REPEATED) and _is_injured(case),
    ),
    ("under six years of age", _is_young),
    ("pregnancy (dose and thresholds are unchanged)", lambda case: bool(case.facts.having(Problem.PREGNANCY))),
    ("intravenous acetaminophen", lambda case: case.ingestion.pattern is Pattern.INTRAVENOUS),
    ("previous reaction to acetylcysteine", lambda case: bool(case.facts.having(Problem.NAC_REACTION))),
    ("dialysis", lambda case: bool(case.facts.having(Problem.DIALYSIS))),
)

_SLOWER = "slower first bag, be ready to treat anaphylaxis, talk to a toxicologist; treatment is not withheld"
_ALLERGY: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    (f"previous reaction to acetylcysteine: {_SLOWER}", lambda case: bool(case.facts.having(Problem.NAC_REACTION))),
    (f"asthma: {_SLOWER}", lambda case: bool(case.facts.having(Problem.ASTHMA))),
)
