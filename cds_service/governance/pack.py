"""The whole pack as one object: what the documents are rendered from and what is written as JSON.

The same profile and date give the same pack, byte for byte; without a date none is shown.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cds_service import __version__
from cds_service.clinical.consulted import part_consults, rule_consults
from cds_service.clinical.population import REASONS
from cds_service.clinical.profile_keys import KEY_BY_NAME, rows
from cds_service.clinical.profiles import US_2023
from cds_service.clinical.ruleset import RULE_SET_HASH, RULE_SET_VERSION, SHIPPED, profile_hash, ruleset_id
from cds_service.governance import basis, statements
from cds_service.governance.attributes import source_attributes
from cds_service.governance.changes import change_history
from cds_service.governance.hazards import HAZARDS
from cds_service.governance.program import program_hash

if TYPE_CHECKING:
    from datetime import date

    from cds_service.clinical.profiles import Profile

JsonObject = dict[str, Any]


def governance_pack(profile: Profile, *, as_of: date | None = None) -> JsonObject:
    """Everything the pack says of the rules under `profile`, in JSON values. Raises `ChangesError`."""
    changes = change_history()
    looked_at = rule_consults() | part_consults()
    return {
        "as_of": None if as_of is None else as_of.isoformat(),
        "identity": _identity(profile),
        "source_attributes": [asdict(each) for each in source_attributes(changes, looked_at)],
        "intended_use": _intended_use(),
        "basis": {
            "criteria": [{"name": name, "statement": words} for name, words in statements.BASIS],
            "limits": list(statements.BASIS_LIMITS),
            "families": basis.families(looked_at),
            "parts": basis.parts(looked_at),
            "data_read": basis.data_read(),
            "evidence": [basis.evidence(source) for source in SHIPPED.evidence],
        },
        "hazards": [asdict(hazard) for hazard in HAZARDS],
        "profile": {"name": profile.name, "title": profile.title, "keys": _keys(profile)},
        "monitoring": [asdict(watch) for watch in statements.MONITORING],
        "signatures": [{"role": role, "signs": signs} for role, signs in statements.SIGNATURES],
        "changes": changes,
    }


def _identity(profile: Profile) -> JsonObject:
    return {
        "release": __version__,
        "rule_set": RULE_SET_VERSION,
        "rule_set_sha256": RULE_SET_HASH,
        "profile": profile.name,
        "profile_sha256": profile_hash(profile),
        "program_sha256": program_hash(),
        "in_force": ruleset_id(profile),
    }


def _intended_use() -> JsonObject:
    return {
        "purpose": statements.PURPOSE,
        "users": list(statements.USERS),
        "population": list(statements.POPULATION),
        "reasons": [reason for reason, _ in REASONS],
        "out_of_scope": list(statements.OUT_OF_SCOPE),
        "does_not": list(statements.DOES_NOT),
    }


def _keys(profile: Profile) -> list[JsonObject]:
    """Every key in force beside the default profile's and what a site may choose."""
    return [
        {
            "key": key,
            "value": value,
            "default": default,
            "differs": value != default,
            "allowed": KEY_BY_NAME[key].allowed if key in KEY_BY_NAME else "",
        }
        for (key, value), (_, default) in zip(rows(profile), rows(US_2023), strict=True)
    ]
