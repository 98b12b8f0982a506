"""Small builders of facts: a patient who took acetaminophen some hours before NOW, in as few words as possible.

Every time is given in hours before NOW (`ago`), so that a row of a table reads like the chart it stands for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cds_service.clinical.assess import assess
from cds_service.clinical.case import Case, case_from
from cds_service.clinical.facts import (
    CharcoalDose,
    CoIngestant,
    DataGap,
    Diagnosis,
    DrugOrder,
    Exposure,
    ExposureKind,
    LabResult,
    MentalStatus,
    NacSource,
    NacTherapy,
    OrderedSubstance,
    Patient,
    PatientFacts,
    Problem,
    Route,
    Weight,
)
from cds_service.clinical.profiles import US_2023, Profile
from cds_service.clinical.quantity import Analyte, Bounded, Comparator, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.assessment import Assessment
    from cds_service.clinical.findings import Category, Finding, Verdict

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ADULT_BIRTH = date(1990, 5, 14)

Ago = float | tuple[float, float] | None
"""Hours before NOW; a pair is the interval from the first to the second; None: no time is charted."""
Fact = (
    Exposure
    | LabResult
    | Diagnosis
    | CoIngestant
    | NacTherapy
    | CharcoalDose
    | Weight
    | MentalStatus
    | DrugOrder
    | DataGap
)


def hours_ago(ago: float) -> datetime:
    return NOW - timedelta(hours=ago)


def span(ago: Ago) -> Span | None:
    if ago is None:
        return None
    if isinstance(ago, tuple):
        return Span(hours_ago(ago[0]), hours_ago(ago[1]))
    return Span.at(hours_ago(ago))


def bounded(value: float | str | None) -> Bounded | None:
    """75 is a number, "<10" a bound, None a result without a usable value."""
    if value is None or isinstance(value, (int, float)):
        return None if value is None else Bounded(float(value))
    sign = value.rstrip("0123456789.")
    return Bounded(float(value[len(sign) :]), Comparator(sign or "="))


def _reference(kind: str, *parts: object) -> str:
    return f"{kind}/{'-'.join(str(part) for part in parts)}"


# --- results --------------------------------------------------------------------------------------


def result(analyte: Analyte, value: float | str | None, ago: Ago = 1, **changes: Any) -> LabResult:
    made = LabResult(
        analyte, bounded(value), span(ago), "final", _reference("Observation", analyte, value, ago), f"{value}"
    )
    return made._replace(**changes)


def level(mg_l: float | str | None, ago: Ago = 1, **changes: Any) -> LabResult:
    return result(Analyte.ACETAMINOPHEN, mg_l, ago, **changes)


def alt(u_l: float | str | None, ago: Ago = 1, **changes: Any) -> LabResult:
    return result(Analyte.ALT, u_l, ago, **changes)


def ast(u_l: float | str | None, ago: Ago = 1, **changes: Any) -> LabResult:
    return result(Analyte.AST, u_l, ago, **changes)


def inr(value: float | str | None, ago: Ago = 1, **changes: Any) -> LabResult:
    return result(Analyte.INR, value, ago, **changes)


# --- exposures ------------------------------------------------------------------------------------


def overdose(ago: Ago, *, charted: float | None = 0.5, **changes: Any) -> Exposure:
    """A poisoning entry with its onset, written down `charted` hours before NOW."""
    made = Exposure(
        ExposureKind.POISONING,
        _reference("Condition", "overdose", ago, charted),
        "Acetaminophen overdose",
        span(ago),
        None if charted is None else hours_ago(charted),
    )
    return replace(made, **changes)


def unstated_overdose(ago: Ago, **changes: Any) -> Exposure:
    return overdose(ago, kind=ExposureKind.GENERIC_OVERDOSE, name="Drug overdose", **changes)


def amount(grams: float, ago: Ago = None, **changes: Any) -> Exposure:
    """A reported amount, without a time of its own unless one is given."""
    made = Exposure(
        ExposureKind.REPORTED_AMOUNT,
        _reference("Observation", "amount", grams, ago),
        "Reported amount",
        span(ago),
        hours_ago(0.5),
        amount_mg=grams * 1000,
    )
    return replace(made, **changes)


def took(grams: float | None, ago: Ago, **changes: Any) -> Exposure:
    """A statement of one dose of an immediate-release tablet."""
    made = Exposure(
        ExposureKind.MEDICATION,
        _reference("MedicationStatement", grams, ago),
        "acetaminophen 500 MG Oral Tablet",
        span(ago),
        None if ago is not None else hours_ago(0.5),
        amount_mg=None if grams is None else grams * 1000,
        route=Route.ORAL,
    )
    return replace(made, **changes)


def given(grams: float | None, ago: Ago, **changes: Any) -> Exposure:
    """A dose given by staff."""
    return took(grams, ago, reference=_reference("MedicationAdministration", grams, ago), **changes)


def course(grams_a_day: float | None, ago: Ago, **changes: Any) -> Exposure:
    """A course of repeated doses; an exact `ago` is an open-ended one."""
    daily = None if grams_a_day is None else grams_a_day * 1000
    return took(None, ago, is_course=True, daily_amount_mg=daily, **changes)


def dose_time(ago: float) -> Exposure:
    return Exposure(ExposureKind.DOSE_TIME, _reference("Observation", "dose-time", ago), "Time of dose", span(ago))


# --- the rest -------------------------------------------------------------------------------------


def has(problem: Problem, ago: Ago = 1, **changes: Any) -> Diagnosis:
    made = Diagnosis(problem, _reference("Condition", problem.name, ago), problem.value, span(ago))
    return replace(made, **changes)


def weighs(kg: float, ago: Ago = 2) -> Weight:
    return Weight(kg, span(ago), _reference("Observation", "weight", kg, ago), f"{kg} kg")


def alert(ago: Ago = 1) -> MentalStatus:
    return MentalStatus(_reference("Observation", "gcs", ago), span(ago), "GCS 15")


def nac(
    source: NacSource, status: str, ago: Ago = 1, *, route: Route = Route.INTRAVENOUS, **changes: Any
) -> NacTherapy:
    reference = _reference(source.value, "nac", status, ago)
    made = NacTherapy(source, reference, "acetylcysteine", route, status, span(ago))
    return replace(made, **changes)


def infused(mg: float | None, began: float, ended: float, status: str = "completed", **changes: Any) -> NacTherapy:
    """An infusion with its charted period; a negative `ended` is a planned end ahead."""
    period = span((began, ended))
    return nac(NacSource.ADMINISTRATION, status, (began, ended), dose_mg=mg, infused=period, **changes)


def charcoal(ago: Ago = 2) -> CharcoalDose:
    return CharcoalDose(_reference("MedicationAdministration", "charcoal", ago), "activated charcoal", span(ago))


def order(
    substance: OrderedSubstance = OrderedSubstance.ACETYLCYSTEINE,
    route: Route = Route.INTRAVENOUS,
    *reasons: Problem,
) -> DrugOrder:
    return DrugOrder("MedicationRequest/draft", substance.value, substance, route, frozenset(reasons))


def coingestant(effect: str = "opioid", ago: Ago = 6) -> CoIngestant:
    return CoIngestant(_reference("MedicationStatement", effect, ago), f"an {effect}", effect, span(ago))


# --- people ---------------------------------------------------------------------------------------

_FIELDS: tuple[tuple[type, str], ...] = (
    (Exposure, "exposures"),
    (LabResult, "results"),
    (Diagnosis, "diagnoses"),
    (CoIngestant, "coingestants"),
    (NacTherapy, "nac"),
    (CharcoalDose, "charcoal"),
    (Weight, "weights"),
    (MentalStatus, "mental_status"),
    (DrugOrder, "orders"),
    (DataGap, "gaps"),
)


def chart(*facts: Fact, born: date | None = ADULT_BIRTH) -> PatientFacts:
    """A patient with these facts, each put where it belongs."""
    rows: dict[str, Any] = {name: tuple(fact for fact in facts if isinstance(fact, kind)) for kind, name in _FIELDS}
    return PatientFacts(Patient("Patient/p", born), **rows)


def born_years_ago(years: float) -> date:
    return (NOW - timedelta(days=years * 365.25)).date()


def case_of(facts: PatientFacts, profile: Profile = US_2023) -> Case:
    return case_from(facts, profile, NOW)


def assessed(*facts: Fact, profile: Profile = US_2023, born: date | None = ADULT_BIRTH) -> Assessment:
    return assess(chart(*facts, born=born), profile, NOW)


def outcome(*facts: Fact, **options: Any) -> Category | None:
    return assessed(*facts, **options).category


def finding(assessment: Assessment, number: str) -> Finding:
    """What the rule with this number ("B2b") said; of a caution judged on several orders the first."""
    found: list[Finding] = [j.finding for j in assessment.judged if j.rule.id.partition("-")[0] == number]
    return found[0]


def verdict(number: str, *facts: Fact, **options: Any) -> Verdict:
    return finding(assessed(*facts, **options), number).verdict


def rules_met(assessment: Assessment) -> set[str]:
    """Numbers of the rules met."""
    return {j.rule.id.partition("-")[0] for j in assessment.judged if j.finding.is_met}


def numbers(rule_ids: Iterable[str]) -> list[str]:
    return [rule_id.partition("-")[0] for rule_id in rule_ids]
