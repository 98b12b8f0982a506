"""What the assessment looked at, so that every card can show it: value, unit, time, status, reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.assessment import Input
from cds_service.clinical.facts import Diagnosis, Exposure, LabResult, NacTherapy, Problem, Weight
from cds_service.clinical.liver import newest
from cds_service.clinical.quantity import CANONICAL_UNIT, Analyte, Span, plain
from cds_service.clinical.rules_liver import peak_enzyme

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cds_service.clinical.case import Case

_SHOWN_PROBLEMS = tuple(problem for problem in Problem if problem is not Problem.ACETAMINOPHEN_TOXICITY)


def inputs_of(case: Case) -> tuple[Input, ...]:
    """Levels, enzymes (newest and peak), INR, exposures, problems, acetylcysteine and weight, without repeats."""
    results: list[LabResult] = [level.result for level in case.levels]
    results += [r for a in (Analyte.ALT, Analyte.AST) if (r := newest(_enzymes(case, a))) is not None]
    peak = peak_enzyme(case)
    results += [r for r in (peak, case.liver.inr) if r is not None]
    results += [r for a in _OTHERS if (r := case.newest(a)) is not None]
    rows = [
        *map(_result_input, results),
        *map(_exposure_input, (*case.ingestion.records, *case.ingestion.therapeutic, *case.ingestion.history)),
        *map(_diagnosis_input, case.facts.having(*_SHOWN_PROBLEMS)),
        *map(_therapy_input, (*case.nac.administrations, *case.nac.records)),
        *_weight_inputs(case.facts.weights),
    ]
    return tuple(dict.fromkeys(rows))


_OTHERS = (Analyte.BILIRUBIN, Analyte.CREATININE, Analyte.LACTATE, Analyte.ARTERIAL_PH, Analyte.PHOSPHATE)


def _enzymes(case: Case, analyte: Analyte) -> list[LabResult]:
    return [r for r in case.liver.enzyme_results if r.analyte is analyte]


def _start(span: Span | None) -> datetime | None:
    return None if span is None else span.earliest


def _result_input(result: LabResult) -> Input:
    value = result.charted if result.reported is None else str(result.reported)
    unit = None if result.reported is None else CANONICAL_UNIT[result.analyte] or None
    return Input(result.reference, result.analyte.value, value, unit, _start(result.sampled), result.status)


def _exposure_input(exposure: Exposure) -> Input:
    amount = "" if exposure.amount_mg is None else f", {plain(exposure.amount_mg / 1000)} g"
    return Input(
        exposure.reference, exposure.kind.value, f"{exposure.name}{amount}", None, _start(exposure.taken), None
    )


def _diagnosis_input(diagnosis: Diagnosis) -> Input:
    return Input(diagnosis.reference, diagnosis.problem.value, diagnosis.name, None, _start(diagnosis.onset), None)


def _therapy_input(therapy: NacTherapy) -> Input:
    return Input(therapy.reference, "acetylcysteine", therapy.name, None, _start(therapy.given), therapy.status)


def _weight_inputs(weights: Iterable[Weight]) -> list[Input]:
    dated = [(w.measured.latest, w.kg, w.reference, w) for w in weights if w.measured is not None]
    if not dated:
        return []
    latest = max(dated, key=lambda row: row[:3])[3]
    return [Input(latest.reference, "weight", plain(latest.kg), "kg", _start(latest.measured), latest.kind.value)]
