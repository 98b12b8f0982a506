"""What the code of a rule looks at: thresholds, profile keys, diagnoses, analytes and the parts of a case.

Read from the compiled functions and not from a second list. It names whatever a function and the functions it
calls mention: what may be looked at, which can be more than the answer about one patient needs. What a part of
the case (ingestion, levels, liver, treatment) rests on is told by `PARTS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from cds_service.clinical import intake, order_review
from cds_service.clinical.case import Case
from cds_service.clinical.facts import Patient, PatientFacts, Problem
from cds_service.clinical.ingestion import Ingestion, ingestion_of
from cds_service.clinical.levels import Level, levels_of
from cds_service.clinical.liver import Liver, liver_of
from cds_service.clinical.nac_course import NacCourse, nac_course_of
from cds_service.clinical.population import membership_of
from cds_service.clinical.profile_keys import KEYS
from cds_service.clinical.profiles import Profile
from cds_service.clinical.quantity import Analyte
from cds_service.clinical.regimens import BagRecipe, Regimen
from cds_service.clinical.ruleset import SHIPPED, RuleSet
from cds_service.clinical.thresholds import Threshold
from cds_service.clinical.weight import body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PACKAGE = "cds_service.clinical"
_SPEAKING = (
    Case, Ingestion, Level, Liver, NacCourse, Patient, PatientFacts, intake.Intake, intake.Body, Profile,
    Regimen, BagRecipe,
)  # fmt: skip
_KEY_OF_FIELD = {key.field: key.name for key in KEYS}
_FACTS = frozenset(each.name for each in fields(PatientFacts) if each.init) - {"patient"} | {"birth_date", "sex"}

PARTS: Mapping[str, tuple[str, Callable[..., object]]] = {
    "ingestion": ("what was taken, when, how much and why", ingestion_of),
    "levels": ("the acetaminophen levels of the episode and where they can be read", levels_of),
    "liver": ("AST, ALT, INR, mental status and acute liver failure", liver_of),
    "nac": ("acetylcysteine ordered, running or given", nac_course_of),
    "body": ("age and usable weight", body_of),
    "population": ("whether the patient gets any card without an order", membership_of),
}
"""Parts of a case that are worked out once for all rules: what they are, and the function that does it."""


@dataclass(slots=True)
class Consulted:
    """What a function may look at. `facts`: members of `PatientFacts`, and `birth_date` of the patient."""

    thresholds: set[Threshold] = field(default_factory=set)
    profile_keys: set[str] = field(default_factory=set)
    problems: set[Problem] = field(default_factory=set)
    analytes: set[Analyte] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)


def consulted_by(function: Callable[..., object]) -> Consulted:
    """Everything the function mentions, and the functions of the clinical core that it calls."""
    found = Consulted()
    waiting: list[object] = [function]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) not in seen:
            seen.add(id(value))
            waiting.extend(_looked_into(value, found))
    return found


def rule_consults(rules: RuleSet = SHIPPED) -> dict[str, Consulted]:
    """By rule id, what each rule may look at. The dose review judges its rules together."""
    judges: dict[str, Callable[..., object]] = {row.id: row.judge for row in rules.indications}
    judges |= {row.id: row.judge for row in rules.cautions}
    judges |= {row.id: row.judge for row in rules.overlays}
    judges |= {row.id: order_review.review_orders for row in rules.reviews}
    return {rule_id: consulted_by(judge) for rule_id, judge in judges.items()}


def part_consults() -> dict[str, Consulted]:
    """By part of the case, what it is worked out from."""
    return {name: consulted_by(function) for name, (_, function) in PARTS.items()}


def _looked_into(value: object, found: Consulted) -> Iterable[object]:
    """Notes what a value says and gives what is to be looked at next."""
    match value:
        case Threshold():
            found.thresholds.add(value)
        case Problem():
            found.problems.add(value)
        case Analyte():
            found.analytes.add(value)
        case tuple() | frozenset() | list():
            return value
        case property():
            return (value.fget,)
        case FunctionType() if value.__module__.startswith(_PACKAGE):
            return _mentioned(value, found)
    return ()


def _mentioned(function: FunctionType, found: Consulted) -> Iterator[object]:
    names = frozenset(_names(function.__code__))
    found.profile_keys |= {_KEY_OF_FIELD[name] for name in names & _KEY_OF_FIELD.keys()}
    found.parts |= names & PARTS.keys() & {each.name for each in fields(Case)}
    found.facts |= names & _FACTS
    for name in names & function.__globals__.keys():
        named = function.__globals__[name]
        yield from _chosen(named, names) if named in (Problem, Analyte) else (named,)
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for kind in _SPEAKING:
        yield from (vars(kind)[name] for name in names & vars(kind).keys())


def _chosen(kind: type[Problem | Analyte], names: Iterable[str]) -> Iterator[object]:
    """The members of an enumeration that are mentioned by name."""
    return (kind[name] for name in names if name in kind.__members__)


def _names(code: CodeType) -> Iterator[str]:
    """Every name in a function's code and in the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
