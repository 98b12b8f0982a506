"""The one entry point: assess a patient at an instant, keeping every intermediate.

Fold: of the rules that are met the most pressing category wins, and A before B before C before D among
equals; with no rule met but one unknown, data are needed; outside the population nothing is said.
Overlays are added afterwards and never change the category.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.assessment import Assessment, Judged
from cds_service.clinical.case import Case, case_from
from cds_service.clinical.cautions import Standing, cautions_on
from cds_service.clinical.facts import DataGap, GapKind, NacSource, PatientFacts
from cds_service.clinical.findings import Ask, Category, Finding, Verdict
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.inputs import inputs_of
from cds_service.clinical.levels import leading_level
from cds_service.clinical.nac_progress import progress_of
from cds_service.clinical.order_review import review_orders
from cds_service.clinical.overlays import overlay_reasons
from cds_service.clinical.population import membership_of
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.regimens import DosingPlan, DosingRefusal, dosing_for_site
from cds_service.clinical.rules_off_nomogram import crosses_at
from cds_service.clinical.thresholds import CLOCK_TOLERANCE, WEIGHT_MIN
from cds_service.clinical.weight import UnusableWeight, dosing_weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cds_service.clinical.assessment import OrderCaution
    from cds_service.clinical.facts import DrugOrder
    from cds_service.clinical.findings import Overlay
    from cds_service.clinical.profiles import Profile

_MONITORING = "G"
_ASKED_FIRST = ("B3-", "B7-", "B", "C")


def assess(facts: PatientFacts, profile: Profile, now: datetime) -> Assessment:
    """Judge every rule on one patient at `now` (aware) under `profile`."""
    case = case_from(facts, profile, now)
    membership = membership_of(case)
    judged = tuple([Judged(rule, rule.judge(case)) for rule in INDICATIONS])
    if facts.medications_unread:
        judged = tuple(map(_held_back, judged))
    met = _met(judged)
    category, primary = _fold(judged, met, nac_under_way=case.nac.is_under_way) if membership.is_member else _SILENT
    caution_rows, cautions = cautions_on(case, Standing(category, frozenset(item.rule.id for item in met)))
    dosing = _dosing(case) if category in {Category.INDICATED, Category.CONSIDER} else None
    review = review_orders(case, _uncautioned(facts.orders, cautions))
    reasons = overlay_reasons(case, met, dosing) if category is not None else {}
    reasons = reasons if review is None else _with_reasons(reasons, review.overlays)
    leading = leading_level(case.levels)
    return Assessment(
        now=now,
        profile=profile,
        facts=facts,
        membership=membership,
        category=category,
        primary=primary,
        judged=(*judged, *caution_rows, *(review.judged if review is not None else ())),
        cautions=cautions,
        overlays=frozenset(reasons),
        overlay_reasons=reasons,
        asks=asks_of(judged, category),
        start_by=None if case.nac.is_under_way else _start_by(met, category),
        ingestion=case.ingestion,
        levels=case.levels,
        point=None if leading is None else leading.point,
        crosses_at=crosses_at(case) if category is Category.INDICATED else None,
        dosing=dosing,
        inputs=inputs_of(case),
        gaps=facts.gaps if category is None else tuple(dict.fromkeys((*facts.gaps, *_missing(case, dosing)))),
        nac=progress_of(case) if case.nac.is_under_way else None,
        dose_review=review,
    )


def _uncautioned(orders: Iterable[DrugOrder], cautions: Iterable[OrderCaution]) -> tuple[DrugOrder, ...]:
    """The orders no caution stands against: a dose is not put right where the drug itself is in question."""
    questioned = {caution.order for caution in cautions}
    return tuple(order for order in orders if order not in questioned)


def _with_reasons(
    reasons: dict[Overlay, tuple[str, ...]], added: dict[Overlay, tuple[str, ...]]
) -> dict[Overlay, tuple[str, ...]]:
    """The reasons of every overlay, those of the dose review last."""
    overlays = dict.fromkeys((*reasons, *added))
    return {overlay: (*reasons.get(overlay, ()), *added.get(overlay, ())) for overlay in overlays}


def conclusion(facts: PatientFacts, profile: Profile, now: datetime) -> tuple[Category | None, Judged | None]:
    """The category and the rule that carries it, without anything else an assessment holds."""
    case = case_from(facts, profile, now)
    if not membership_of(case).is_member:
        return _SILENT
    judged = [Judged(rule, rule.judge(case)) for rule in INDICATIONS]
    return _fold(judged, _met(judged), nac_under_way=case.nac.is_under_way)


def _missing(case: Case, dosing: DosingPlan | DosingRefusal | None) -> list[DataGap]:
    """What the decision would use and the chart does not have, in the same form as what could not be read."""
    absent = [
        (Analyte.ACETAMINOPHEN, "no acetaminophen level is charted in this episode", not case.levels),
        (Analyte.ALT, "no AST or ALT is charted in this episode", not case.liver.enzyme_results),
    ]
    gaps = [DataGap(GapKind.MISSING, analyte.value, words) for analyte, words, is_missing in absent if is_missing]
    gaps += _lapsed_courses(case)
    gaps += _future_times(case)
    if isinstance(dosing, DosingRefusal):
        gaps.append(DataGap(GapKind.MISSING, Analyte.WEIGHT.value, dosing.because))
    return gaps


def _lapsed_courses(case: Case) -> list[DataGap]:
    """Acetylcysteine on the chart that does not stand for treatment now."""
    return [
        DataGap(GapKind.NEEDS_CONFIRMATION, "medications", _LAPSED[therapy.source], therapy.reference)
        for therapy in case.nac.lapsed
    ]


_LAPSED = {
    NacSource.REQUEST: "intravenous acetylcysteine was ordered, and neither runs by its period nor was it ever charted "
    "as given: confirm whether it was",
    NacSource.ADMINISTRATION: "intravenous acetylcysteine was given before the newest level, and does not count for it",
    NacSource.STATEMENT: "intravenous acetylcysteine was given before the newest level, and does not count for it",
}


def _future_times(case: Case) -> list[DataGap]:
    """Charted times that lie ahead of now and were not used."""
    limit = case.now + timedelta(hours=CLOCK_TOLERANCE.value)
    late = [("exposure", e.reference) for e in case.facts.exposures if e.taken is not None and e.taken.earliest > limit]
    late += [
        (r.analyte.value, r.reference)
        for r in case.facts.results
        if r.sampled is not None and r.sampled.earliest > limit
    ]
    words = "the charted time lies in the future and was not used"
    return [DataGap(GapKind.UNUSABLE_TIME, about, words, reference) for about, reference in late]


def _category_of(item: Judged) -> Category | None:
    return item.finding.category or item.rule.category


def _held_back(judged: Judged) -> Judged:
    """While the drugs cannot be read "not indicated" is not said: they may hold another dose, or what delays one."""
    if not (judged.finding.is_met and judged.rule.category is Category.NOT_INDICATED):
        return judged
    because = f"{judged.finding.because}; but the drugs taken or given could not be read and may change this"
    return Judged(judged.rule, Finding(Verdict.UNKNOWN, because, ("the list of drugs taken or given",)))


def _met(judged: Iterable[Judged]) -> list[Judged]:
    return [item for item in judged if item.finding.is_met]


_SILENT: tuple[None, None] = None, None


def _fold(
    judged: Sequence[Judged], met: Iterable[Judged], *, nac_under_way: bool
) -> tuple[Category | None, Judged | None]:
    """The category of a member of the population and the rule that carries it; `met`: those that are."""
    telling = [item for item in met if _category_of(item) is not None]
    if nac_under_way:
        telling = [item for item in telling if item.rule.id.startswith(_MONITORING)]
    primary = min(telling, key=lambda item: (_category_of(item) or Category.NOT_INDICATED).urgency, default=None)
    if primary is None:
        return Category.DATA_NEEDED, _first_unknown(judged)
    if _category_of(primary) is Category.NOT_INDICATED and (open_failure := _open_failure(judged)):
        return Category.DATA_NEEDED, open_failure
    return _category_of(primary), primary


def _open_failure(judged: Iterable[Judged]) -> Judged | None:
    """A failing liver that is not excluded: nothing is said not to be indicated beside it."""
    return next((j for j in judged if j.rule.id.startswith("A1-") and j.finding.verdict is Verdict.UNKNOWN), None)


def _first_unknown(judged: Iterable[Judged]) -> Judged | None:
    """The open question to show: about the level (B, C) before the liver (A, D), in the order of the table."""
    open_questions = [item for item in judged if item.finding.verdict is Verdict.UNKNOWN and item.finding.missing]
    return min(open_questions, key=_question_rank, default=None)


def _question_rank(item: Judged) -> int:
    return next(
        (rank for rank, prefix in enumerate(_ASKED_FIRST) if item.rule.id.startswith(prefix)), len(_ASKED_FIRST)
    )


def _dosing(case: Case) -> DosingPlan | DosingRefusal:
    """The site's regimen for a usable weight; otherwise no numbers, and why."""
    usable = dosing_weight(case.facts, case.now)
    if isinstance(usable, UnusableWeight):
        too_light = usable.weight is not None and WEIGHT_MIN.reached_by_number(usable.weight.kg)
        return DosingRefusal(usable.because, needs_consult=too_light)
    return dosing_for_site(case.profile.regimen, usable.weight.kg, max_weight_kg=case.profile.max_weight_kg)


def asks_of(judged: Sequence[Judged], category: Category | None) -> tuple[Ask, ...]:
    """What the met rules ask for, and, while data are open, the unknown ones; the earliest time of each test."""
    if category in {None, Category.CRITERIA_MET}:
        return ()
    asking = [item.finding for item in judged if item.finding.asks]
    earliest: dict[str, Ask] = {}
    for ask in (ask for finding in asking if _asks_now(finding, category) for ask in finding.asks):
        known = earliest.get(ask.test)
        if known is None or _sooner(ask, known):
            earliest[ask.test] = ask
    return tuple(earliest.values())


def _asks_now(finding: Finding, category: Category | None) -> bool:
    return finding.is_met or (finding.verdict is Verdict.UNKNOWN and category is not Category.NOT_INDICATED)


def _sooner(ask: Ask, known: Ask) -> bool:
    """A stated time is kept over "now": a level drawn too early would be worthless."""
    if known.not_before is None:
        return ask.not_before is not None or (ask.not_after is not None and known.not_after is None)
    return ask.not_before is not None and ask.not_before < known.not_before


def _start_by(met: Iterable[Judged], category: Category | None) -> datetime | None:
    if category not in {Category.DATA_NEEDED, Category.CONSIDER, Category.REPEAT_LEVEL}:
        return None
    times = [item.finding.start_by for item in met if item.finding.start_by is not None]
    return min(times, default=None)
