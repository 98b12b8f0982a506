"""JSON schemas of what a CDS service sends, written from the field tables of CDS Hooks 2.0.1.

HL7 publishes no schema of it that a package registry holds. Closed (`additionalProperties: false`): a member the
tables do not name is a mistake, but for `extension`. `version` of discovery is the 3.0 ballot's.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "pattern": r"\S"}
UUID: Schema = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
ADDRESS: Schema = {"type": "string", "pattern": r"^https?://[^\s/]+\S*$"}
EXTENSION: Schema = {"type": "object", "minProperties": 1, "propertyNames": {"pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"}}
RESOURCE: Schema = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": TEXT}}


def _closed(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**properties, "extension": EXTENSION},
        "additionalProperties": False,
    }


def _filled(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


CODING = _closed(("code", "system", "display"), code=TEXT, system=ADDRESS, display=TEXT)

SERVICE = _closed(
    ("hook", "id", "description"),
    hook=TEXT,
    id={"type": "string", "pattern": "^[A-Za-z0-9._~-]+$"},
    title=TEXT,
    description=TEXT,
    prefetch={"type": "object", "minProperties": 1, "additionalProperties": TEXT},
    usageRequirements=TEXT,
    version={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
)
DISCOVERY: Schema = _closed(("services",), services={"type": "array", "items": SERVICE})

CREATE = _closed(("type", "description", "resource"), type={"const": "create"}, description=TEXT, resource=RESOURCE)
UPDATE = _closed(
    ("type", "description", "resource"),
    type={"const": "update"},
    description=TEXT,
    resource={**RESOURCE, "required": ["resourceType", "id"]},
)
DELETE = _closed(
    ("type", "description", "resourceId"),
    type={"const": "delete"},
    description=TEXT,
    resourceId={"type": "string", "pattern": r"^[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}$"},
)
ACTION: Schema = {"oneOf": [CREATE, UPDATE, DELETE]}

SUGGESTION = _closed(
    ("label", "uuid"), label=TEXT, uuid=UUID, isRecommended={"type": "boolean"}, actions=_filled(ACTION)
)
LINK: Schema = {
    "oneOf": [
        _closed(("label", "url", "type"), label=TEXT, url=ADDRESS, type={"const": "absolute"}),
        _closed(("label", "url", "type"), label=TEXT, url=ADDRESS, type={"const": "smart"}, appContext=TEXT),
    ]
}
SOURCE = _closed(("label",), label=TEXT, url=ADDRESS, icon=ADDRESS, topic=CODING)
CARD: Schema = {
    **_closed(
        ("uuid", "summary", "indicator", "source"),
        uuid=UUID,
        summary={"type": "string", "pattern": r"^[^\r\n\t]*\S[^\r\n\t]*$", "maxLength": 139},
        detail=TEXT,
        indicator={"enum": ["info", "warning", "critical"]},
        source=SOURCE,
        suggestions=_filled(SUGGESTION),
        selectionBehavior={"enum": ["at-most-one", "any"]},
        overrideReasons=_filled(CODING),
        links=_filled(LINK),
    ),
    "dependentRequired": {"suggestions": ["selectionBehavior"], "selectionBehavior": ["suggestions"]},
}
RESPONSE = _closed(("cards",), cards={"type": "array", "items": CARD})

ISSUE: Schema = {
    "type": "object",
    "required": ["severity", "code", "diagnostics"],
    "properties": {
        "severity": {"enum": ["fatal", "error", "warning", "information"]},
        "code": TEXT,
        "diagnostics": TEXT,
        "expression": _filled(TEXT),
    },
    "additionalProperties": False,
}
OUTCOME: Schema = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": _filled(ISSUE)},
    "additionalProperties": False,
}


def complaints(schema: Schema, value: Any) -> list[str]:
    """What does not fit the schema, with its place; nothing when the value fits."""
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
