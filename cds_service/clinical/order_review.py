"""The dose review of draft orders: rules F1-F4 about the bags of intravenous acetylcysteine that are selected.

Pure. Bags are compared with the regimen they are nearest to, for the patient's usable weight. What could not
be read is never right: such an order is UNKNOWN. Knows no cards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cds_service.clinical.assessment import Judged
from cds_service.clinical.evidence import FDA_LABEL, FDA_LABEL_TWO_BAG, SERVICE_ASSUMPTION, Evidence
from cds_service.clinical.findings import Category, Finding, Overlay, Rule, Verdict, met, not_met, unknown
from cds_service.clinical.monitoring import is_long_over
from cds_service.clinical.nac_progress import progress_of
from cds_service.clinical.order_faults import FaultKind, OrderFault, faults_of
from cds_service.clinical.profiles import RegimenName
from cds_service.clinical.regimen_fit import Body, Fit, PlacedBag, best_fit, cap_kg, is_right_bag
from cds_service.clinical.regimens import REGIMENS, DosingPlan, DosingRefusal, dosing_for_site, dosing_plan
from cds_service.clinical.thresholds import ADULT_AGE, ADULT_VOLUMES
from cds_service.clinical.weight import UnusableWeight, dosing_weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cds_service.clinical.case import Case
    from cds_service.clinical.facts import DrugOrder
    from cds_service.clinical.regimens import Bag, Dosing

_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """A row of the review table: stable id, statement, evidence."""

    id: str
    statement: str
    evidence: tuple[Evidence, ...]

    @property
    def number(self) -> str:
        """Such as "F1"."""
        return self.id.partition("-")[0]


REVIEW_RULES: tuple[ReviewRule, ...] = (
    ReviewRule(
        "F1-dose-off-regimen",
        "Ordered dose, infusion time or rate more than 10 % off the regimen for the weight; twice or half the dose or "
        "more, mg/kg/h written for mg/kg, a bag too many or given already, or mixed regimens are "
        "critical",
        (FDA_LABEL,),
    ),
    ReviewRule(
        "F2-diluent-off-weight-band",
        "Diluent volume not that of the weight band; above it is critical in children",
        (FDA_LABEL,),
    ),
    ReviewRule(
        "F3-regimen-not-for-this-weight",
        "Two-bag dosing ordered under 41 kg: no numbers, offer three-bag dosing",
        (FDA_LABEL_TWO_BAG,),
    ),
    ReviewRule(
        "F4-no-usable-weight",
        "Weight missing, out of date or implausible: no numbers, confirm the weight",
        (FDA_LABEL, SERVICE_ASSUMPTION),
    ),
)


@dataclass(frozen=True, slots=True)
class DoseReview:
    """What the review found in the selected bags.

    `right`: the numbers to order instead, or why there are none. `judged`: rules F1-F4. `given`: the bags of the
    site's regimen that were given or are running.
    """

    orders: tuple[DrugOrder, ...]
    fit: Fit
    faults: tuple[OrderFault, ...]
    right: Dosing
    judged: tuple[Judged, ...]
    weight_problem: str | None
    needs_card: bool
    given: tuple[int, ...]
    site_regimen: RegimenName

    @property
    def absent(self) -> tuple[int, ...]:
        """The bags of the regimen that are neither ordered nor given."""
        return tuple(number for number in self.fit.absent if number not in self.given)

    def left_of(self, plan: DosingPlan) -> tuple[Bag, ...]:
        """The bags of `plan` that were not given; none of another regimen than the one under way."""
        if self.given and plan.regimen != self.site_regimen.value:
            return ()
        return tuple(bag for bag in plan.bags if bag.number not in self.given)

    @property
    def is_critical(self) -> bool:
        """Whether any error is critical."""
        return any(fault.is_critical for fault in self.faults)

    @property
    def is_mixed(self) -> bool:
        """Whether bags of different regimens are ordered together."""
        return any(fault.kind is FaultKind.MIXED for fault in self.faults)

    @property
    def is_unread(self) -> bool:
        """Whether some dose could not be read."""
        return any(fault.kind is FaultKind.UNREAD for fault in self.faults)

    @property
    def overlays(self) -> dict[Overlay, tuple[str, ...]]:
        """The overlays the review adds, with why."""
        reasons = tuple(j.finding.because for j in self.judged if Overlay.FLUID in j.finding.overlays)
        return {Overlay.FLUID: reasons} if reasons else {}


def review_orders(case: Case, orders: Iterable[DrugOrder]) -> DoseReview | None:
    """Review the bags of these orders of intravenous acetylcysteine; None without any."""
    reviewed = tuple(order for order in orders if order.bags)
    bags = tuple(bag for order in reviewed for bag in order.bags)
    if not bags:
        return None
    usable = dosing_weight(case.facts, case.now)
    weight_kg = None if isinstance(usable, UnusableWeight) else usable.weight.kg
    problem = usable.because if isinstance(usable, UnusableWeight) else None
    fit = best_fit(bags, case.profile, weight_kg)
    faults = _faults(fit, is_child=_is_child(case, weight_kg))
    right = _right(case, fit, faults, problem)
    given = bags_given(case)
    faults = (*_mixed(fit, faults), *_too_light(case, fit), *_given_already(fit, given, case.profile.regimen), *faults)
    charted = isinstance(usable, UnusableWeight) and usable.weight is not None
    needs_weight = problem is not None and (charted or not all(_is_per_kg(bag) for bag in fit.placed))
    review = DoseReview(
        orders=reviewed,
        fit=fit,
        faults=_by_gravity(faults),
        right=right,
        judged=(),
        weight_problem=problem,
        needs_card=bool(faults) or needs_weight,
        given=given,
        site_regimen=case.profile.regimen,
    )
    return replace(review, judged=_judged(review))


def bags_given(case: Case) -> tuple[int, ...]:
    """The bags of the site's regimen that the course under way has had, or has running; none of one long over."""
    return () if is_long_over(case) or not case.nac.is_under_way else progress_of(case).bags


def _is_per_kg(bag: PlacedBag) -> bool:
    return bag.ordered.is_by_weight


def _is_child(case: Case, weight_kg: float | None) -> bool:
    """Under 18 years, or with no known age under the weight of the adult volumes."""
    age = case.age_years
    if age is not None:
        return not ADULT_AGE.reached_by_number(age)
    return weight_kg is not None and not ADULT_VOLUMES.reached_by_number(weight_kg)


def _faults(fit: Fit, *, is_child: bool) -> tuple[OrderFault, ...]:
    return tuple(fault for bag in fit.placed for fault in faults_of(fit, bag, is_child=is_child))


def _by_gravity(faults: Iterable[OrderFault]) -> tuple[OrderFault, ...]:
    """Critical ones first, an unread dose before other warnings, else by bag."""
    return tuple(
        sorted(faults, key=lambda each: (not each.is_critical, each.kind is not FaultKind.UNREAD, each.bag or 0))
    )


def _mixed(fit: Fit, faults: Sequence[OrderFault]) -> tuple[OrderFault, ...]:
    """Bags that are each right in some regimen, but not together in one."""
    is_off = any(fault.kind not in _MERELY_INCOMPLETE for fault in faults if fault.rule == "F1")
    if len(fit.placed) < _SEVERAL or not is_off or not all(_is_some_bag(bag, fit.body) for bag in fit.placed):
        return ()
    words = "the bags are of different regimens, each right only in its own"
    return (OrderFault(FaultKind.MIXED, "F1", words, "all bags of one regimen", is_critical=True),)


_MERELY_INCOMPLETE = frozenset({FaultKind.NO_DURATION, FaultKind.UNREAD, FaultKind.DUPLICATE})


def _is_some_bag(bag: PlacedBag, body: Body) -> bool:
    """Whether the bag is right in some regimen, at the same weight cap."""
    return any(is_right_bag(bag.ordered, recipe, body) for regimen in REGIMENS.values() for recipe in regimen.recipes)


def _given_already(fit: Fit, given: Sequence[int], site_regimen: RegimenName) -> Iterator[OrderFault]:
    """A bag of the course under way once more; the last one may be repeated, to go on beyond the regimen."""
    last = len(REGIMENS[site_regimen].recipes)
    left = [number for number in range(1, last + 1) if number not in given]
    right = f"go on with bag {' and '.join(map(str, left))}" if left else "no bag of the regimen is left"
    for bag in fit.placed if fit.regimen is site_regimen else ():
        if bag.number in given and bag.number != last:
            words = f"bag {bag.number} is ordered again: it was given or is running"
            yield OrderFault(FaultKind.ALREADY_GIVEN, "F1", words, right, is_critical=True, bag=bag.number,
                             reference=bag.ordered.reference, is_high=True)  # fmt: skip


def _too_light(case: Case, fit: Fit) -> tuple[OrderFault, ...]:
    """F3: a regimen without volumes for this weight."""
    weight_kg = fit.body.weight_kg
    if weight_kg is None or REGIMENS[fit.regimen].has_volumes_for(weight_kg):
        return ()
    offered = dosing_for_site(case.profile.regimen, weight_kg, max_weight_kg=case.profile.max_weight_kg)
    instead = RegimenName(offered.regimen).words if isinstance(offered, DosingPlan) else "a toxicologist's dose"
    limit = f"{ADULT_VOLUMES.value:g} kg"
    words = f"{fit.regimen.words} dosing ordered at {weight_kg:g} kg: it is not for patients under {limit}"
    return (OrderFault(FaultKind.TOO_LIGHT, "F3", words, f"{instead} dosing", is_critical=True),)


def _right(case: Case, fit: Fit, faults: Sequence[OrderFault], problem: str | None) -> Dosing:
    """The numbers to order: of the regimen the bags are meant to be, else of the site's."""
    weight_kg = fit.body.weight_kg
    if weight_kg is None:
        return DosingRefusal(problem or "no usable weight")
    meant = dosing_plan(fit.regimen, weight_kg, max_weight_kg=cap_kg(fit.regimen, case.profile))
    if isinstance(meant, DosingPlan) and not _mixed(fit, faults):
        return meant
    return dosing_for_site(case.profile.regimen, weight_kg, max_weight_kg=case.profile.max_weight_kg)


# Verdicts


def _judged(review: DoseReview) -> tuple[Judged, ...]:
    found = {"F1": _dose_finding(review), "F2": _diluent_finding(review), "F3": _weight_band_finding(review),
             "F4": _weight_finding(review)}  # fmt: skip
    return tuple(Judged(rule, found[number]) for number, rule in _RULES.items())


def _words(review: DoseReview, rule: str, *, unread: bool = False) -> str:
    said = (
        f"{fault.words} (right: {fault.right})" if fault.right else fault.words
        for fault in review.faults
        if fault.rule == rule and (fault.kind is FaultKind.UNREAD) is unread
    )  # fmt: skip
    return "; ".join(dict.fromkeys(said))


def _dose_finding(review: DoseReview) -> Finding:
    wrong, unread = _words(review, "F1"), _words(review, "F1", unread=True)
    if wrong:
        return met(wrong)._replace(missing=(unread,) if unread else ())
    if unread:
        return unknown(unread, "a dose, an infusion time and units that can be read on every bag")
    if review.weight_problem is not None and not all(_is_per_kg(bag) for bag in review.fit.placed):
        return unknown("doses in mg cannot be checked without a usable weight", "body weight")
    return not_met(f"each ordered bag is within 10 % of the {review.fit.regimen.words} regimen")


def _diluent_finding(review: DoseReview) -> Finding:
    kinds = {fault.kind for fault in review.faults if fault.rule == "F2"}
    if FaultKind.DILUENT in kinds:
        return met(_words(review, "F2"), overlays=frozenset({Overlay.FLUID}))
    stated = [
        b.ordered for b in review.fit.placed if b.ordered.diluent_ml or b.ordered.diluent_ml_kg or b.ordered.total_ml
    ]
    if len(stated) < len(review.fit.placed) or review.weight_problem is not None:
        return unknown("the diluent volume of a bag is not stated or cannot be checked", "diluent volume, body weight")
    return not_met("each diluent volume is that of the weight band")


def _weight_band_finding(review: DoseReview) -> Finding:
    words = _words(review, "F3")
    if words:
        return met(words)
    if review.fit.body.weight_kg is None and not REGIMENS[review.fit.regimen].has_volumes_for(0):
        return unknown("a regimen with a lowest weight is ordered, and no weight is usable", "body weight")
    return not_met("the ordered regimen has numbers for this weight")


def _weight_finding(review: DoseReview) -> Finding:
    if review.weight_problem is None:
        return not_met("the weight can be dosed on")
    return met(review.weight_problem)


def as_rule(row: ReviewRule) -> Rule:
    """A review row in the shape of every other rule."""
    return Rule(row.id, row.statement, Category.DOSE_CHECK, _never_judged_alone, row.evidence)


def _never_judged_alone(_case: Case) -> Finding:
    """The review is of orders; without one its condition does not hold."""
    return Finding(Verdict.NOT_MET, "no order is selected")


_RULES = {row.number: as_rule(row) for row in REVIEW_RULES}
