"""Which rules these are: one hash over everything the tables say, and one over the profile in force.

Covers rule texts, outcomes, sources, thresholds, regimens, shipped profiles and the ranges of their keys.
Must not know where the identity is shown. What a rule's function does is identified by the release, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from cds_service import __version__
from cds_service.clinical import thresholds
from cds_service.clinical.canonical import canonical
from cds_service.clinical.cautions import CAUTIONS, CautionRule
from cds_service.clinical.evidence import ALL_EVIDENCE, Evidence
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.order_review import REVIEW_RULES, ReviewRule
from cds_service.clinical.overlays import OVERLAYS, OverlayRule
from cds_service.clinical.profile_keys import KEYS, Key
from cds_service.clinical.profiles import PROFILES, Profile
from cds_service.clinical.regimens import CONCENTRATE_MG_ML, REGIMENS, Regimen
from cds_service.clinical.thresholds import Threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.findings import Rule
    from cds_service.clinical.profiles import RegimenName

_SHORT = 8


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every table of the policy. `thresholds` by the name of their constant."""

    indications: tuple[Rule, ...]
    cautions: tuple[CautionRule, ...]
    reviews: tuple[ReviewRule, ...]
    overlays: tuple[OverlayRule, ...]
    thresholds: Mapping[str, Threshold]
    evidence: tuple[Evidence, ...]
    regimens: Mapping[RegimenName, Regimen]
    concentrate_mg_ml: float
    profiles: Mapping[str, Profile]
    keys: tuple[Key, ...]


SHIPPED = RuleSet(
    indications=INDICATIONS,
    cautions=CAUTIONS,
    reviews=REVIEW_RULES,
    overlays=OVERLAYS,
    thresholds={name: value for name, value in vars(thresholds).items() if isinstance(value, Threshold)},
    evidence=ALL_EVIDENCE,
    regimens=REGIMENS,
    concentrate_mg_ml=CONCENTRATE_MG_ML,
    profiles=PROFILES,
    keys=KEYS,
)


def content_hash(rules: RuleSet) -> str:
    """SHA-256 of the tables, in hexadecimal; the same on every platform and in every process."""
    return sha256(canonical(rules).encode()).hexdigest()


@cache
def profile_hash(profile: Profile) -> str:
    """SHA-256 of every key of a profile, in hexadecimal; a site's own choices change it."""
    return sha256(canonical(profile).encode()).hexdigest()


RULE_SET_HASH = content_hash(SHIPPED)
RULE_SET_VERSION = f"{__version__}+{RULE_SET_HASH[:_SHORT]}"
"""The release the rules came with and the start of their hash, such as "0.1.0+1a2b3c4d"."""


@cache
def ruleset_id(profile: Profile) -> str:
    """Rules and profile in force, for an audit line: "0.1.0+1a2b3c4d.us-2023.5e6f7a8b"."""
    return f"{RULE_SET_VERSION}.{profile.name}.{profile_hash(profile)[:_SHORT]}"
