"""The machine-readable side of a card: the extension `org.nac-cds.assessment`.

Pure. Members without a value are omitted. Chart strings are kept on one line, otherwise as charted.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from cds_service.clinical.findings import Category, Overlay, Verdict
from cds_service.clinical.regimens import DosingPlan
from cds_service.clinical.ruleset import RULE_SET_VERSION
from cds_service.hooks.markdown import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cds_service.clinical.assessment import Assessment, Input, Judged
    from cds_service.clinical.facts import DataGap
    from cds_service.clinical.nomogram import NomogramPoint
    from cds_service.clinical.regimens import Bag

NAME = "org.nac-cds.assessment"
_DIGITS = 4
# Advice that has a section on the card but no code among the published overlays.
_TOLD_IN_WORDS_ONLY = frozenset({Overlay.CHARCOAL})
_BAG_DIGITS = 1
_TELLING = (Verdict.MET, Verdict.UNKNOWN, Verdict.NOT_MET)


def extension(assessment: Assessment, category: Category | None) -> dict[str, Any]:
    """The extension of one card of `category`: every rule's verdict, the inputs, the gaps, the numbers.

    `category` None: what would stand beside a card if the assessment had one.
    """
    return {
        NAME: present(
            {
                "category": None if category is None else category.value,
                "rules": [_rule(judged) for judged in _all_judged(assessment)],
                "overlays": sorted(overlay.value for overlay in assessment.overlays - _TOLD_IN_WORDS_ONLY),
                "profile": assessment.profile.name,
                "inputs": _inputs(assessment.inputs),
                "data_gaps": [_gap(gap) for gap in assessment.gaps],
                "nomogram": _nomogram(assessment.point) if assessment.point else None,
                "dosing": _dosing(assessment, category),
                "version": RULE_SET_VERSION,
            }
        )
    }


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: not None, and not an empty list, object or text; zero is one."""
    return {name: value for name, value in members.items() if value or value == 0}


def _all_judged(assessment: Assessment) -> tuple[Judged, ...]:
    """Every rule once, in table order; a rule judged on several orders by its most telling verdict."""
    everything = (*assessment.judged, *(caution.judged for caution in assessment.cautions))
    telling = {judged.rule.id: judged for judged in everything}
    if len(telling) == len(everything):
        return everything
    telling.clear()
    for judged in everything:
        known = telling.get(judged.rule.id)
        if known is None or _TELLING.index(judged.finding.verdict) < _TELLING.index(known.finding.verdict):
            telling[judged.rule.id] = judged
    return tuple(telling.values())


def _rule(judged: Judged) -> dict[str, Any]:
    finding = judged.finding
    said = {"id": judged.rule.id, "verdict": str(finding.verdict)}
    if because := one_line(finding.because):
        said["because"] = because
    return said | {"missing": [one_line(text) for text in finding.missing]} if finding.missing else said


def _inputs(inputs: Sequence[Input]) -> list[dict[str, Any]]:
    """The charted values. Most share their instant with others: each instant is written out once."""
    instants = {used.at for used in inputs if used.at is not None}
    stamps = {at: at.astimezone(UTC).isoformat().replace("+00:00", "Z") for at in instants}
    return [_input(used, None if used.at is None else stamps[used.at]) for used in inputs]


def _input(used: Input, stamp: str | None) -> dict[str, Any]:
    return present(
        {
            "reference": one_line(used.reference),
            "value": one_line(used.value),
            "unit": used.unit,
            "at": stamp,
            "status": one_line(used.status or ""),
        }
    )


def _gap(gap: DataGap) -> dict[str, Any]:
    return present(
        {
            "kind": gap.kind.value,
            "about": gap.about,
            "text": one_line(gap.text),
            "reference": one_line(gap.reference or ""),
        }
    )


def _nomogram(point: NomogramPoint) -> dict[str, float]:
    return {
        "hours": round(point.hours, _DIGITS),
        "level_mg_l": round(point.level.value, _DIGITS),
        "line_mg_l": round(point.line_mg_l, _DIGITS),
        "high_risk_line_mg_l": round(point.high_risk_line_mg_l, _DIGITS),
    }


def _dosing(assessment: Assessment, category: Category | None) -> list[dict[str, Any]]:
    """The bags of the assessment; on a dose check those that are right for what was ordered."""
    review = assessment.dose_review if category is Category.DOSE_CHECK else None
    plan = assessment.dosing if review is None else review.right
    return [_bag(bag) for bag in plan.bags] if isinstance(plan, DosingPlan) else []


def _bag(bag: Bag) -> dict[str, Any]:
    """One bag; mg and mL to a tenth, which no syringe or pump betters."""
    return {
        "regimen": bag.regimen,
        "bag": bag.number,
        "dose_mg": round(bag.dose_mg, _BAG_DIGITS),
        "drug_ml": round(bag.drug_ml, _BAG_DIGITS),
        "diluent_ml": round(bag.diluent_ml, _BAG_DIGITS),
        "total_ml": round(bag.total_ml, _BAG_DIGITS),
        "duration_h": bag.duration_h,
        "rate_ml_h": round(bag.rate_ml_h, _DIGITS),
        "rate_mg_kg_h": round(bag.rate_mg_kg_h, _DIGITS),
    }
