"""Where the other shipped guideline profiles would conclude otherwise on the same chart.

Judges again only when a key that differs can matter for this patient, which is rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cds_service.clinical.assess import conclusion
from cds_service.clinical.findings import Category
from cds_service.clinical.ingestion import Pattern
from cds_service.clinical.liver import is_credible_limit, is_elevated
from cds_service.clinical.nomogram import line_at, reaches
from cds_service.clinical.profile_keys import KEYS
from cds_service.clinical.profiles import PROFILES
from cds_service.clinical.quantity import Analyte

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.facts import LabResult
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
    own = _own(assessment)
    others = _others(assessment.profile.name, _chosen(assessment.profile))
    may_differ = [other for other, matters in others if any(may_matter(own, other) for may_matter in matters)]
    found = (_difference(assessment, other) for other in may_differ)
    return tuple(difference for difference in found if difference is not None)


def _difference(assessment: Assessment, other: Profile) -> Difference | None:
    category, primary = conclusion(assessment.facts, other, assessment.now)
    if category is None or primary is None or category is assessment.category:
        return None
    return Difference(other, category, primary.finding.because)


class _Own(NamedTuple):
    """What the assessment says that another profile is compared with.

    `met`: numbers of the rules that are met. `by_fallback`: results of AST and ALT without an upper limit of their own.
    """

    assessment: Assessment
    met: frozenset[str]
    by_fallback: tuple[LabResult, ...]


_Matters: TypeAlias = "Callable[[_Own, Profile], bool]"


def _own(assessment: Assessment) -> _Own:
    met = frozenset([j.rule.id.partition("-")[0] for j in assessment.judged if j.finding.is_met])
    results = assessment.facts.of(Analyte.ALT, Analyte.AST)
    limits = {result.upper_limit for result in results}
    credible = {limit for limit in limits if limit is not None and is_credible_limit(limit)}
    return _Own(assessment, met, tuple([result for result in results if result.upper_limit not in credible]))


_DOSE_FIELDS = frozenset({"regimen", "max_weight_kg", "allergy_policy"})
_FIELDS = tuple(key.field for key in KEYS if key.field not in _DOSE_FIELDS)
_chosen = attrgetter(*_FIELDS)


@lru_cache(maxsize=16)
def _others(name: str, chosen: tuple[object, ...]) -> tuple[tuple[Profile, tuple[_Matters, ...]], ...]:
    """The shipped profiles but the one of this name, each with how a key that differs from these can matter."""
    others = [other for other in PROFILES.values() if other.name != name]
    return tuple((other, _matters(chosen, _chosen(other))) for other in others)


def _matters(ours: tuple[object, ...], theirs: tuple[object, ...]) -> tuple[_Matters, ...]:
    changed = [field for field, own, other in zip(_FIELDS, ours, theirs, strict=True) if own != other]
    return tuple(dict.fromkeys(_MATTERS.get(field, _always) for field in changed))


def _always(_own: _Own, _other: Profile) -> bool:
    return True


def _line_matters(own: _Own, other: Profile) -> bool:
    """The leading level lies on another side of the other line."""
    point = own.assessment.point
    if point is None:
        return False
    theirs = reaches(point.level, line_at(other.treatment_line_mg_l, point.hours), inclusive=other.line_inclusive)
    return theirs is not point.is_on_or_above_line


def _span_matters(own: _Own, _other: Profile) -> bool:
    return own.assessment.ingestion.pattern is Pattern.STAGGERED


def _release_matters(own: _Own, _other: Profile) -> bool:
    return own.assessment.ingestion.is_extended_release


def _upper_limit_matters(own: _Own, other: Profile) -> bool:
    profile = own.assessment.profile
    return any(is_elevated(r, profile) is not is_elevated(r, other) for r in own.by_fallback)


def _combination_matters(own: _Own, _other: Profile) -> bool:
    return own.assessment.ingestion.is_extended_release or not own.met.isdisjoint({"B9", "B10", "B11", "B17"})


def _other_cause_matters(own: _Own, _other: Profile) -> bool:
    return "D1" in own.met


_MATTERS: dict[str, _Matters] = {
    "treatment_line_mg_l": _line_matters,
    "line_inclusive": _line_matters,
    "acute_span_h": _span_matters,
    "er_rule": _release_matters,
    "alt_uln_fallback_u_l": _upper_limit_matters,
    "nonnomogram_rule": _combination_matters,
    "nonapap_alf": _other_cause_matters,
}
