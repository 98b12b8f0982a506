"""What a rule says: verdicts, categories, overlays, evidence and the rows of a rule table.

Knows the shape of an answer. Must not know any particular rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cds_service.clinical.case import Case
    from cds_service.clinical.evidence import Evidence


class Verdict(StrEnum):
    """Whether a rule's condition holds. UNKNOWN is a verdict, not an absence of one."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    UNKNOWN = "UNKNOWN"


class Category(Enum):
    """What the clinician is told, most pressing first; `value` is the CDS Hooks topic code."""

    INDICATED = "indicated"
    CONSIDER = "consider"
    CONTINUE = "continue"
    REPEAT_LEVEL = "repeat-level"
    DATA_NEEDED = "data-needed"
    CAUTION = "caution"
    DOSE_CHECK = "dose-check"
    CRITERIA_MET = "criteria-met"
    NOT_INDICATED = "not-indicated"

    __hash__ = object.__hash__  # a member is one object; an Enum would hash its name anew each time

    @property
    def urgency(self) -> int:
        """Rank for choosing between categories: 0 is the most pressing."""
        return _URGENCY[self]


_URGENCY = {category: rank for rank, category in enumerate(Category)}


class Overlay(StrEnum):
    """Advice added beside the category; an overlay never changes the category."""

    HIGH_RISK = "high-risk"
    ALLERGY = "allergy"
    FLUID = "fluid"
    TRANSPLANT = "transplant"
    ECTR = "ectr"
    ASSAY_BILIRUBIN = "assay-bilirubin"
    DETECTION_LIMIT = "detection-limit"
    WEIGHT = "weight"
    CONSULT = "consult"
    PSYCHOSOCIAL = "psychosocial"
    CHARCOAL = "charcoal"


class Test(StrEnum):
    """Laboratory tests and measurements a rule may ask for."""

    __test__ = False  # not a pytest class

    ACETAMINOPHEN = "acetaminophen level"
    TRANSAMINASES = "AST and ALT"
    INR = "INR"
    INJURY = "creatinine, lactate, phosphate and glucose"
    """Asked for together while the liver is injured."""
    MENTAL_STATUS = "mental-status assessment"
    WEIGHT = "body weight"


@dataclass(frozen=True, slots=True)
class Ask:
    """A test the rule asks for, and from when it makes sense (None: now)."""

    test: Test
    not_before: datetime | None = None
    not_after: datetime | None = None


class Finding(NamedTuple):
    """A rule's answer on one patient. A tuple, since every call makes some fifty of them.

    `because`: one sentence with the values used. `missing`: what would settle an UNKNOWN, or is missing
    although the rule is MET. `cause`: further overlays this finding brings. `start_by`: the instant by
    which treatment should have started if nothing else is known.
    """

    verdict: Verdict
    because: str
    missing: tuple[str, ...] = ()
    overlays: frozenset[Overlay] = frozenset()
    asks: tuple[Ask, ...] = ()
    start_by: datetime | None = None
    category: Category | None = None

    @property
    def is_met(self) -> bool:
        """Whether the condition holds."""
        return self.verdict is Verdict.MET


def met(because: str, *, overlays: frozenset[Overlay] = frozenset(), asks: tuple[Ask, ...] = ()) -> Finding:
    """The condition holds. Rarer parts are set with `_replace`."""
    return Finding(Verdict.MET, because, overlays=overlays, asks=asks)


def not_met(because: str) -> Finding:
    """The condition does not hold."""
    return Finding(Verdict.NOT_MET, because)


def unknown(because: str, *missing: str, asks: tuple[Ask, ...] = ()) -> Finding:
    """The data cannot settle the condition; `missing` names what would."""
    return Finding(Verdict.UNKNOWN, because, missing, asks=asks)


Answer: TypeAlias = bool | None
"""Three-valued: yes, no, or not known."""


def any_of(answers: Iterable[Answer]) -> Answer:
    """Three-valued "or": True wins, else None (not known), else False."""
    seen = set(answers)
    return True if True in seen else (None if None in seen else False)


def all_of(answers: Iterable[Answer]) -> Answer:
    """Three-valued "and": False wins, else None (not known), else True."""
    seen = set(answers)
    return False if False in seen else (None if None in seen else True)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a rule table: stable id, statement in clinical words, outcome when met, evidence."""

    id: str
    statement: str
    category: Category | None
    """The category when MET; None: the rule only adds overlays or asks."""
    judge: Callable[[Case], Finding]
    evidence: tuple[Evidence, ...]
    overlays: frozenset[Overlay] = field(default=frozenset())
    statements: tuple[str, ...] = ()
    """The founding statements (S1-S10) the rule carries out."""
