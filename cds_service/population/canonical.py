"""One spelling of an assessment, so that the hook, DuckDB and Spark can be compared byte by byte.

Pure. It is the extension `org.nac-cds.assessment` that the hook's cards carry, with sorted members and without the
version of the rule set.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.hooks.extension import NAME, extension

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.assessment import Assessment


def assessment_bytes(assessment: Assessment) -> bytes:
    """The assessment as the primary card of a patient-view call carries it, as canonical JSON."""
    return extension_bytes(extension(assessment, assessment.category)[NAME])


def extension_bytes(members: Mapping[str, Any]) -> bytes:
    """The members of a card's extension as canonical JSON."""
    kept = {name: value for name, value in members.items() if name != "version"}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def assessment_digest(assessment: Assessment) -> str:
    """SHA-256 of `assessment_bytes`, in hex: equal exactly where the assessments are."""
    return sha256(assessment_bytes(assessment)).hexdigest()
