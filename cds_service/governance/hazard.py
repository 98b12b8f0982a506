"""A hazard: what could harm a patient, why, how badly, and what holds it off.

Every mitigation names the rules or the tests that hold it; a test looks each of them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The worst credible harm if nothing stopped it. How likely it is only a site can judge."""

    CATASTROPHIC = "death or irreversible liver failure"
    SERIOUS = "injury that needs treatment or a longer stay"
    MODERATE = "needless treatment, delay or discomfort"
    PRIVACY = "disclosure of patient data"


@dataclass(frozen=True, slots=True)
class Mitigation:
    """What holds a hazard off. `tests`: "path::name"; `rules`: rule ids or the number they begin with."""

    words: str
    tests: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard; `left`: what remains for the site to hold off."""

    id: str
    hazard: str
    causes: tuple[str, ...]
    severity: Severity
    mitigations: tuple[Mitigation, ...]
    left: str
