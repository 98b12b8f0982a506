"""The source attributes of an evidence-based decision support intervention, 45 CFR 170.315(b)(11)(iv)(A).

Which demographic and social data are used is read from what the rules look at, not stated from memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Problem
from cds_service.clinical.ruleset import SHIPPED
from cds_service.governance.changes import newest_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cds_service.clinical.consulted import Consulted

DEVELOPER = (
    "The developers of the open-source project cds_service (Apache-2.0). A site profile: the site that wrote it."
)
FUNDING = (
    "None is recorded in the project. Whoever puts the service to use states here who paid for its technical "
    "implementation: ____________________"
)

_NOT_USED = "Not used: no rule, threshold or dose depends on it, and what the record holds of it is not interpreted."
_MENTAL = frozenset({Problem.ENCEPHALOPATHY, Problem.ALTERED_MENTAL_STATUS})


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its number in the regulation, its name, and what is true of this service."""

    number: str
    name: str
    value: str
    details: tuple[str, ...] = ()


def source_attributes(changes: str, consulted: Mapping[str, Consulted]) -> tuple[Attribute, ...]:
    """All thirteen attributes. `consulted`: by rule id and part of the case, what each looks at."""
    rows: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("Bibliographic citation of the intervention", "The sources behind the rules:", _citations()),
        ("Developer of the intervention", DEVELOPER, ()),
        ("Funding source of the technical implementation", FUNDING, ()),
        ("Release and revision dates", f"Release {newest_release(changes)}.", (_reviewed(),)),
        ("Use of race", _NOT_USED, ()),
        ("Use of ethnicity", _NOT_USED, ()),
        ("Use of language", _NOT_USED, ()),
        ("Use of sexual orientation", _NOT_USED, ()),
        ("Use of gender identity", _NOT_USED, ()),
        ("Use of sex", _sex(consulted), ()),
        ("Use of date of birth", "Used, as age, by:", _users(consulted, "birth_date")),
        ("Use of social determinants of health", _NOT_USED, ()),
        ("Use of health status assessments", "Used as far as listed; nothing else of them is:", _status(consulted)),
    )
    return tuple(Attribute(f"(iv)(A)({n})", *row) for n, row in enumerate(rows, start=1))


def _citations() -> tuple[str, ...]:
    return tuple(
        f"{source.citation} ({source.strength})" + (" †" if source.verify_locally else "")
        for source in SHIPPED.evidence
    )


def _reviewed() -> str:
    dates = sorted(threshold.reviewed.isoformat() for threshold in SHIPPED.thresholds.values())
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return f"Thresholds reviewed {when}; publication dates of the sources stand in their citations."


def _sex(consulted: Mapping[str, Consulted]) -> str:
    using = _users(consulted, "sex")
    if using:
        return f"Used by {', '.join(using)}."
    return "Not used. The administrative gender comes with the patient record and no rule looks at it."


def _users(consulted: Mapping[str, Consulted], fact: str) -> tuple[str, ...]:
    return tuple(name for name, each in consulted.items() if fact in each.facts)


def _status(consulted: Mapping[str, Consulted]) -> tuple[str, ...]:
    pregnant = _with(consulted, {Problem.PREGNANCY})
    mental = sorted({*_with(consulted, _MENTAL), *_users(consulted, "mental_status")})
    return (
        f"Pregnancy, by {', '.join(pregnant)}: advice beside the recommendation, which it does not change.",
        f"Mental status (encephalopathy, coma score), by {', '.join(mental)}.",
    )


def _with(consulted: Mapping[str, Consulted], problems: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(name for name, each in consulted.items() if each.problems & frozenset(problems))
