"""RULES.md, rendered from the tables: what the service decides, on which evidence, with which numbers.

Run as `python -m cds_service.clinical.rules_md`; a test compares the file with the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical import order_review
from cds_service.clinical.cautions import CAUTIONS, as_rule
from cds_service.clinical.evidence import ALL_EVIDENCE, Evidence
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.nomogram import line_at
from cds_service.clinical.order_review import REVIEW_RULES
from cds_service.clinical.overlays import OVERLAYS
from cds_service.clinical.profile_keys import KEYS, rows
from cds_service.clinical.profiles import PROFILES, RegimenName
from cds_service.clinical.regimens import REGIMENS, DosingPlan, dosing_plan
from cds_service.clinical.ruleset import SHIPPED
from cds_service.clinical.thresholds import ADULT_VOLUMES, WEIGHT_MIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.findings import Rule
    from cds_service.clinical.profiles import Profile

_INTRODUCTION = """# Rules

Generated from the tables in `cds_service/clinical` by `make rules`; do not edit by hand.

The table is the whole policy. Every rule is judged on every patient and answers MET, NOT_MET or UNKNOWN;
the most pressing outcome of the rules met is shown, in the order indicated, consider, continue,
repeat-level, data-needed, caution, criteria-met, not-indicated. With no rule met and one unknown, data are needed.
While acetylcysteine is ordered, running or given, only the rules G give the outcome. Missing data never yields
"not indicated". Overlays are added and never change the outcome.

**Not for clinical use before a toxicologist and a pharmacist of the site have signed off this table.**
Sources marked † were read second-hand: verify locally.
"""


def rules_markdown() -> str:
    """The whole document."""
    parts = [
        _INTRODUCTION,
        _section("Indications", _rule_table(INDICATIONS)),
        _section("Cautions on draft orders", _rule_table(as_rule(row) for row in CAUTIONS)),
        _section("Dose review of draft orders", _rule_table(order_review.as_rule(row) for row in REVIEW_RULES)),
        _section("Overlays", _overlay_table()),
        _section("Thresholds", _threshold_table()),
        *(_section(f"Profile `{profile.name}`", _profile_table(profile)) for profile in PROFILES.values()),
        _section("What a site profile may change", _keys_table()),
        *(_section(f"Treatment line of `{profile.name}`", _line_table(profile)) for profile in PROFILES.values()),
        *(_regimen_section(name) for name in RegimenName),
        _section("Evidence", _evidence_table()),
    ]
    return "\n".join(parts)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _rule_table(rules: Iterable[Rule]) -> str:
    return _table(
        ("Rule", "Situation and outcome", "Category", "Overlays", "Statements", "Source"),
        (
            (
                f"`{rule.id}`",
                rule.statement,
                rule.category.value if rule.category else "none",
                ", ".join(sorted(rule.overlays)) or "none",
                ", ".join(rule.statements),
                "; ".join(_source(evidence) for evidence in rule.evidence),
            )
            for rule in rules
        ),
    )


def _overlay_table() -> str:
    return _table(
        ("Rule", "Situation and advice", "Overlays", "Source"),
        (
            (f"`{row.id}`", row.statement, ", ".join(row.overlays), "; ".join(_source(e) for e in row.evidence))
            for row in OVERLAYS
        ),
    )


def _source(evidence: Evidence) -> str:
    return evidence.short + (" †" if evidence.verify_locally else "")


def _threshold_table() -> str:
    return _table(
        ("Threshold", "Value", "Source", "Where", "Reviewed"),
        (
            (t.name, str(t), _source(t.source), t.locator, t.reviewed.isoformat())
            for t in sorted(set(SHIPPED.thresholds.values()), key=lambda t: (t.name, t.unit, t.value))
        ),
    )


def _profile_table(profile: Profile) -> str:
    return _table(("Key", "Value"), ((f"`{key}`", value) for key, value in rows(profile)))


def _keys_table() -> str:
    return _table(("Key", "Allowed"), ((f"`{key.name}`", key.allowed) for key in KEYS))


def _line_table(profile: Profile) -> str:
    return _table(
        ("Hours since first dose", "Treatment line, mg/L", "High-risk line, mg/L"),
        (
            (str(h), f"{line_at(profile.treatment_line_mg_l, h):.2f}", f"{line_at(profile.high_risk_line_mg_l, h):.2f}")
            for h in (4, 6, 8, 12, 16, 20, 24)
        ),
    )


def _regimen_section(name: RegimenName) -> str:
    """The bags at 70 kg, who gets them and where the dose is fixed."""
    regimen = REGIMENS[name]
    lowest = WEIGHT_MIN if regimen.has_volumes_for(WEIGHT_MIN.value) else ADULT_VOLUMES
    limits = f"From {lowest.value:g} kg; from {regimen.cap_kg:g} kg the dose is fixed at that of {regimen.cap_kg:g} kg"
    higher = (
        f" (a site may choose up to {regimen.highest_cap_kg:g} kg)" if regimen.highest_cap_kg > regimen.cap_kg else ""
    )
    below = "" if lowest is WEIGHT_MIN else f" Below {lowest.value:g} kg no numbers are given and three-bag is offered."
    plan = dosing_plan(name, 70)
    bags = _dose_table(plan) if isinstance(plan, DosingPlan) else plan.because
    text = f"{limits}{higher}.{below} Source: {_source(regimen.source)}."
    return _section(f"Regimen `{name.value}` at 70 kg", f"{text}\n\n{bags}")


def _dose_table(plan: DosingPlan) -> str:
    return _table(
        ("Bag", "Dose, mg", "Drug, mL", "Diluent, mL", "Total, mL", "Hours", "mL/h", "mg/kg/h"),
        (
            (
                str(bag.number),
                f"{bag.dose_mg:,.0f}",
                f"{bag.drug_ml:g}",
                f"{bag.diluent_ml:g}",
                f"{bag.total_ml:g}",
                f"{bag.duration_h:g}",
                f"{bag.rate_ml_h:.1f}",
                f"{bag.rate_mg_kg_h:g}",
            )
            for bag in plan.bags
        ),
    )


def _evidence_table() -> str:
    return _table(
        ("Source", "Citation", "Strength"),
        (
            (
                _source(e),
                f"[{e.citation}]({e.url})" if e.url else e.citation,
                e.strength + ("; verify locally" if e.verify_locally else ""),
            )
            for e in ALL_EVIDENCE
        ),
    )


if __name__ == "__main__":
    print(rules_markdown(), end="")  # noqa: T201 -- the command's output
