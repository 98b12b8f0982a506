"""Where the other shipped guideline profiles would conclude otherwise on the same chart.

Judges again only when a key that differs can matter for this patient, which is rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.assess import conclusion
from cds_service.clinical.findings import Category
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.liver import credible_upper_limit, is_elevated
from cds_service.clinical.nomogram import line_at, reaches
from cds_service.clinical.profile_keys import KEYS
from cds_service.clinical.profiles import PROFILES
from cds_service.clinical.quantity import Analyte

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.profiles import Profile


@dataclass(frozen=True, slots=True)
class Difference:
    """Another profile and what it concludes; `because` is the sentence of the rule that carries it."""

    profile: Profile
    category: Category
    because: str


_SETTLED_BY_COURSE = frozenset({Category.CONTINUE, Category.CRITERIA_MET})


def differing(assessment: Assessment) -> tuple[Difference, ...]:
    """The shipped profiles whose category differs; empty outside the population and while acetylcysteine runs."""
    if assessment.category is None or assessment.category in _SETTLED_BY_COURSE:
        return ()
    others = (other for other in PROFILES.values() if other.name != assessment.profile.name)
    found = (_difference(assessment, other) for other in others if _may_differ(assessment, other))
    return tuple(difference for difference in found if difference is not None)


def _difference(assessment: Assessment, other: Profile) -> Difference | None:
    category, primary = conclusion(assessment.facts, other, assessment.now)
    if category is None or primary is None or category is assessment.category:
        return None
    return Difference(other, category, primary.finding.because)


def _may_differ(assessment: Assessment, other: Profile) -> bool:
    own = assessment.profile
    changed = (field for field in _FIELDS if getattr(own, field) != getattr(other, field))
    return any(_MATTERS.get(field, _always)(assessment, other) for field in changed)


_DOSE_FIELDS = frozenset({"regimen", "max_weight_kg", "allergy_policy"})
_FIELDS = tuple(key.field for key in KEYS if key.field not in _DOSE_FIELDS)


def _always(_assessment: Assessment, _other: Profile) -> bool:
    return True


def _line_matters(assessment: Assessment, other: Profile) -> bool:
    """The leading level lies on another side of the other line."""
    point = assessment.point
    if point is None:
        return False
    theirs = reaches(point.level, line_at(other.treatment_line_mg_l, point.hours), inclusive=other.line_inclusive)
    return theirs is not point.is_on_or_above_line


def _span_matters(assessment: Assessment, _other: Profile) -> bool:
    return assessment.ingestion.pattern is Pattern.STAGGERED


def _release_matters(assessment: Assessment, _other: Profile) -> bool:
    return assessment.ingestion.is_extended_release


def _upper_limit_matters(assessment: Assessment, other: Profile) -> bool:
    results = assessment.facts.of(Analyte.ALT, Analyte.AST)
    by_fallback = (r for r in results if credible_upper_limit(r) is None)
    return any(is_elevated(r, assessment.profile) is not is_elevated(r, other) for r in by_fallback)


def _met(assessment: Assessment, *numbers: str) -> bool:
    return any(j.finding.is_met and j.rule.id.partition("-")[0] in numbers for j in assessment.judged)


def _combination_matters(assessment: Assessment, _other: Profile) -> bool:
    return assessment.ingestion.is_extended_release or _met(assessment, "B9", "B10", "B11", "B17")


def _other_cause_matters(assessment: Assessment, _other: Profile) -> bool:
    return _met(assessment, "D1")


_MATTERS: dict[str, Callable[[Assessment, Profile], bool]] = {
    "treatment_line_mg_l": _line_matters,
    "line_inclusive": _line_matters,
    "acute_span_h": _span_matters,
    "er_rule": _release_matters,
    "alt_uln_fallback_u_l": _upper_limit_matters,
    "nonnomogram_rule": _combination_matters,
    "nonapap_alf": _other_cause_matters,
}
