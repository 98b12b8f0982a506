"""The basis of each recommendation: rule by rule what it says, on which evidence, with which numbers and data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cds_service.clinical import cautions, order_review
from cds_service.clinical.consulted import PARTS, Consulted
from cds_service.clinical.ruleset import SHIPPED
from cds_service.fhir.queries import QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cds_service.clinical.evidence import Evidence
    from cds_service.clinical.findings import Rule
    from cds_service.clinical.overlays import OverlayRule
    from cds_service.clinical.thresholds import Threshold

JsonObject = dict[str, Any]

_FACT_WORDS = {
    "birth_date": "date of birth",
    "charcoal": "activated charcoal",
    "coingestants": "co-ingestants",
    "diagnoses": "problems and diagnoses",
    "exposures": "exposures",
    "gaps": "data gaps",
    "mental_status": "mental-status assessments",
    "nac": "acetylcysteine records",
    "orders": "draft orders",
    "results": "laboratory results",
    "unselected": "other draft orders",
    "weights": "body weights",
}


def families(consulted: Mapping[str, Consulted]) -> list[JsonObject]:
    """Every rule by table, with its evidence and what it may look at."""
    return [
        {"name": name, "rules": [_rule(rule, consulted[rule.id]) for rule in rules]}
        for name, rules in (
            ("Indications", SHIPPED.indications),
            ("Cautions on draft orders", tuple(cautions.as_rule(row) for row in SHIPPED.cautions)),
            ("Dose review of draft orders", tuple(order_review.as_rule(row) for row in SHIPPED.reviews)),
        )
    ] + [{"name": "Overlays", "rules": [_overlay(row, consulted[row.id]) for row in SHIPPED.overlays]}]


def parts(consulted: Mapping[str, Consulted]) -> list[JsonObject]:
    """What is worked out once for all rules, and what it rests on."""
    return [
        {"name": name, "statement": words} | _looks_at(replace(consulted[name], parts=consulted[name].parts - {name}))
        for name, (words, _) in PARTS.items()
    ]


def data_read() -> list[JsonObject]:
    """What is asked of a chart: the rows of the query table."""
    return [
        {"key": query.key, "resource": query.resource_type, "name": query.name, "required": query.required}
        for query in QUERIES
    ]


def evidence(source: Evidence) -> JsonObject:
    """A source with its grade."""
    return {
        "key": source.key,
        "short": source.short,
        "citation": source.citation,
        "strength": source.strength,
        "url": source.url,
        "verify_locally": source.verify_locally,
    }


def threshold(limit: Threshold) -> JsonObject:
    """A number with its side, source, place in the source and date of review."""
    return {
        "name": limit.name,
        "value": str(limit),
        "source": limit.source.short,
        "locator": limit.locator,
        "reviewed": limit.reviewed.isoformat(),
        "verify_locally": limit.source.verify_locally,
    }


def _rule(rule: Rule, looked_at: Consulted) -> JsonObject:
    return {
        "id": rule.id,
        "statement": rule.statement,
        "category": rule.category.value if rule.category else None,
        "overlays": sorted(overlay.value for overlay in rule.overlays),
        "evidence": [evidence(source) for source in rule.evidence],
    } | _looks_at(looked_at)


def _overlay(row: OverlayRule, looked_at: Consulted) -> JsonObject:
    return {
        "id": row.id,
        "statement": row.statement,
        "category": None,
        "overlays": sorted(overlay.value for overlay in row.overlays),
        "evidence": [evidence(source) for source in row.evidence],
    } | _looks_at(looked_at)


def _looks_at(looked_at: Consulted) -> JsonObject:
    """In a fixed order, whatever order the code was read in."""
    return {
        "thresholds": [threshold(limit) for limit in _in_order(looked_at.thresholds)],
        "profile_keys": sorted(looked_at.profile_keys),
        "diagnoses": sorted(problem.value for problem in looked_at.problems),
        "analytes": sorted(analyte.value for analyte in looked_at.analytes),
        "data": sorted(_FACT_WORDS[fact] for fact in looked_at.facts),
        "parts": sorted(looked_at.parts),
    }


def _in_order(limits: Iterable[Threshold]) -> list[Threshold]:
    return sorted(limits, key=lambda limit: (limit.name, limit.unit, limit.value))
