"""While acetylcysteine is ordered or running: continue, and what is known of the criteria to complete it.

A later low level never cancels a course. Completion is the clinician's decision: this service names the
criteria that are open or not met and never says stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.findings import Ask, Finding, met, not_met
from cds_service.clinical.liver import EnzymeState
from cds_service.clinical.rules_liver import ASK_ENZYMES, ASK_INR, ASK_LEVEL, peak_words
from cds_service.clinical.thresholds import COMPLETION_INR

if TYPE_CHECKING:
    from cds_service.clinical.case import Case
    from cds_service.clinical.levels import Level

# Repeated before the last bag ends.
_MONITORING: tuple[Ask, ...] = (ASK_LEVEL, ASK_ENZYMES, ASK_INR)


def criterion_not_met(case: Case) -> Finding:
    """G2: acetylcysteine under way and a criterion for completion is not met."""
    open_criteria = _not_met(case)
    if not case.nac.is_under_way or not open_criteria:
        return not_met("no acetylcysteine under way with a criterion that is not met")
    return met(f"{case.nac.state.value}; not met: {'; '.join(open_criteria)}", asks=_MONITORING)


def criteria_not_known(case: Case) -> Finding:
    """G3: acetylcysteine under way; the whole course and clinical state are not known to this service."""
    if not case.nac.is_under_way or _not_met(case):
        return not_met("no acetylcysteine under way with open criteria")
    return met(
        f"{case.nac.state.value}; the criteria for completion (full course given, level below "
        f"{case.profile.detectable_mg_l:g} mg/L, INR below {COMPLETION_INR.value:g}, AST and ALT normal or falling, "
        "clinically well) are not all known",
        asks=_MONITORING,
    )


def _not_met(case: Case) -> list[str]:
    level = _newest_level(case)
    detected = level is not None and level.reported is not None and (
        level.reported.at_least(case.profile.detectable_mg_l) is True
    )  # fmt: skip
    inr = case.liver.inr.reported if case.liver.inr else None
    criteria = [
        (f"level {level.reported if level else ''} mg/L", detected),
        (f"INR {inr}", inr is not None and COMPLETION_INR.reached_by(inr) is False),
        (f"{peak_words(case)}", case.liver.enzymes is EnzymeState.ELEVATED),
    ]
    return [words for words, is_open in criteria if is_open]


def _newest_level(case: Case) -> Level | None:
    usable = [level for level in case.levels if level.reported is not None]
    return usable[-1] if usable else None
