"""Assessments built by hand, so that the wording is tested apart from the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_service.clinical.assessment import Assessment, Input, Judged, OrderCaution
from cds_service.clinical.evidence import FDA_LABEL, RUMACK_MATTHEW, US_CONSENSUS_2023, Evidence
from cds_service.clinical.facts import (
    DrugOrder,
    Exposure,
    ExposureKind,
    LabResult,
    OrderedSubstance,
    Patient,
    PatientFacts,
    Route,
)
from cds_service.clinical.findings import Category, Finding, Rule, Verdict, not_met
from cds_service.clinical.ingestion import Ingestion, Pattern
from cds_service.clinical.nomogram import NomogramPoint, line_at
from cds_service.clinical.population import Membership
from cds_service.clinical.profiles import US_2023
from cds_service.clinical.quantity import Analyte, Bounded, Span
from cds_service.clinical.regimens import dosing_plan

NOW = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)
INGESTED = NOW - timedelta(hours=9)
DRAWN = NOW - timedelta(hours=1)

ACUTE = Ingestion(
    Pattern.ACUTE,
    records=(Exposure(ExposureKind.POISONING, "Condition/overdose", "Acetaminophen overdose", Span.at(INGESTED)),),
    first=Span.at(INGESTED),
    last=Span.at(INGESTED),
)


def point(level: float | Bounded, hours: float = 8.0) -> NomogramPoint:
    """A level plotted at `hours` on the 150 line."""
    bounded = level if isinstance(level, Bounded) else Bounded(level)
    return NomogramPoint(hours, bounded, line_at(150, hours), line_at(300, hours))


def judged(
    rule_id: str,
    finding: Finding,
    *,
    category: Category | None = None,
    evidence: tuple[Evidence, ...] = (US_CONSENSUS_2023, RUMACK_MATTHEW),
    statement: str = "The statement of the rule.",
) -> Judged:
    """A judged row of a rule table."""
    rule = Rule(rule_id, statement, category, lambda _: finding, evidence)
    return Judged(rule, finding)


def facts(level: float = 182, **changes: Any) -> PatientFacts:
    """A patient with one level."""
    result = LabResult(
        Analyte.ACETAMINOPHEN, Bounded(level), Span.at(DRAWN), "final", "Observation/level", f"{level:g} mg/L"
    )
    return replace(PatientFacts(Patient("Patient/p1"), results=(result,)), **changes)


def assessment(**changes: Any) -> Assessment:
    """Above the line at 8 h, 70 kg; every part can be replaced by its name."""
    primary = judged(
        "B1-level-on-or-above-treatment-line",
        Finding(Verdict.MET, "acetaminophen 182 mg/L at 8.0 h against a treatment line of 75 mg/L"),
        category=Category.INDICATED,
    )
    other = judged("B3-below-line", not_met("no level is proven to be below the line"), category=Category.NOT_INDICATED)
    above = Assessment(
        now=NOW,
        profile=US_2023,
        facts=facts(),
        membership=Membership(("a poisoning or exposure is charted in the current episode",)),
        category=Category.INDICATED,
        primary=primary,
        judged=(primary, other),
        cautions=(),
        overlays=frozenset(),
        overlay_reasons={},
        asks=(),
        start_by=None,
        ingestion=ACUTE,
        levels=(),
        point=point(182),
        crosses_at=None,
        dosing=dosing_plan(US_2023.regimen, 70, max_weight_kg=US_2023.max_weight_kg),
        inputs=(Input("Observation/level", "Acetaminophen", "182", "mg/L", DRAWN, "final"),),
        gaps=(),
    )
    return replace(above, **changes)


def of_rule(rule_id: str, because: str, category: Category, **changes: Any) -> Assessment:
    """An assessment whose primary rule is `rule_id`."""
    finding = changes.pop("finding", None) or Finding(Verdict.MET, because)
    primary = judged(rule_id, finding, category=category)
    return assessment(category=category, primary=primary, judged=(primary,), **changes)


def outside(**changes: Any) -> Assessment:
    """A patient outside the population."""
    nothing: dict[str, Any] = {
        "category": None,
        "primary": None,
        "judged": (),
        "membership": Membership(()),
        "point": None,
        "dosing": None,
        "inputs": (),
        "facts": PatientFacts(Patient("Patient/p1")),
        "ingestion": Ingestion(Pattern.NONE),
    }
    return assessment(**(nothing | changes))


IV_NAC = DrugOrder(
    "MedicationRequest/nac", "acetylcysteine injection", OrderedSubstance.ACETYLCYSTEINE, Route.INTRAVENOUS
)
ORAL_NAC = replace(IV_NAC, reference="MedicationRequest/oral", name="acetylcysteine capsule", route=Route.ORAL)
NAC_WITHOUT_ROUTE = replace(IV_NAC, reference="MedicationRequest/unrouted", route=Route.UNKNOWN)
ACETAMINOPHEN = DrugOrder("MedicationRequest/apap", "acetaminophen tablet", OrderedSubstance.ACETAMINOPHEN, Route.ORAL)
UNIDENTIFIED = DrugOrder("MedicationRequest/unknown", "", OrderedSubstance.UNIDENTIFIED)
AMOXICILLIN = DrugOrder("MedicationRequest/amox", "amoxicillin", OrderedSubstance.OTHER, Route.ORAL)


def caution(rule_id: str, order: DrugOrder, *, is_critical: bool = False, oral: bool = False) -> OrderCaution:
    """A caution that fired on an order."""
    finding = Finding(Verdict.MET, f"{order.name} is ordered")
    return OrderCaution(
        judged(rule_id, finding, category=Category.CAUTION, evidence=(FDA_LABEL,)),
        order,
        is_critical=is_critical,
        alternative_is_oral_nac=oral,
    )
