"""What /docs says about the hook routes: they read raw bodies, so the description is written here.

Knows OpenAPI. Examples are synthetic.
"""

from __future__ import annotations

from typing import Any

from cds_service.clinical.findings import Category
from cds_service.fhir.queries import QUERIES
from cds_service.hooks.models import Hook
from cds_service.hooks.override_reasons import override_reasons
from cds_service.records import Outcome

_OUTCOME_EXAMPLE = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "required",
            "diagnostics": "context.patientId is required and must not be blank",
            "expression": ["context.patientId"],
        }
    ],
}
_FAILURE_WORDS = {
    "400": "The request is malformed, or names another patient's data; the issue says what and where",
    "401": "The site lists the clients it trusts, and the token is not of one of them",
    "404": "No such service",
    "408": "The body did not arrive in time",
    "412": "Required data are missing: one issue per prefetch key",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "503": "The service has as many calls in hand as it takes; Retry-After says when to call again",
    "default": "Any other failure; there is no recommendation",
}
_REQUEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["hook", "hookInstance", "context"],
    "properties": {
        "hook": {"type": "string", "enum": [hook.value for hook in Hook]},
        "hookInstance": {"type": "string", "minLength": 1, "description": "unique per call, a UUID"},
        "context": {
            "type": "object",
            "required": ["patientId"],
            "properties": {
                "patientId": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"},
                "userId": {"type": "string"},
                "encounterId": {"type": "string"},
                "selections": {"type": "array", "items": {"type": "string"}, "description": "order-select"},
                "draftOrders": {"type": "object", "description": "order-select and order-sign: a FHIR Bundle"},
            },
        },
        "fhirServer": {"type": "string", "format": "uri"},
        "fhirAuthorization": {
            "type": "object",
            "required": ["access_token"],
            "properties": {"access_token": {"type": "string"}, "token_type": {"type": "string", "enum": ["Bearer"]}},
        },
        "prefetch": {
            "type": "object",
            "description": "resources or Bundles by the keys of discovery; null where there are none",
            "properties": {query.key: {"type": "object", "nullable": True} for query in QUERIES},
        },
    },
}
_REQUEST_EXAMPLE = {
    "hook": "patient-view",
    "hookInstance": "4e7cf7b8-3a7a-4c54-9b3b-0f7d7a3a2c11",
    "context": {"userId": "Practitioner/example", "patientId": "example"},
    "fhirServer": "https://fhir.example.org/r4",
}
_CARD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["uuid", "summary", "indicator", "source"],
    "properties": {
        "uuid": {"type": "string", "format": "uuid"},
        "summary": {"type": "string", "minLength": 1, "maxLength": 139},
        "indicator": {"type": "string", "enum": ["info", "warning", "critical"]},
        "detail": {"type": "string", "description": "GitHub Flavored Markdown without HTML"},
        "source": {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}}},
        "suggestions": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["label", "uuid"]}},
        "selectionBehavior": {"type": "string", "enum": ["at-most-one", "any"]},
        "overrideReasons": {"type": "array", "items": {"type": "object", "required": ["code", "system", "display"]}},
        "links": {"type": "array", "items": {"type": "object", "required": ["label", "url", "type"]}},
        "extension": {"type": "object"},
    },
}
_OUTCOME_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "FHIR OperationOutcome",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"type": "string", "enum": ["OperationOutcome"]},
        "issue": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["severity", "code"]}},
    },
}
_CARDS_EXAMPLE = {
    "cards": [
        {
            "uuid": "0d5f2b1e-2c55-4c43-9a39-1a0a6d1ad2c8",
            "summary": "Acetaminophen 182 mg/L at 8.0 h is above the treatment line (75): consider starting IV NAC now",
            "indicator": "critical",
            "source": {"label": "IV NAC decision support"},
        }
    ]
}

_FEEDBACK_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["feedback"],
    "properties": {
        "feedback": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["card", "outcome"],
                "properties": {
                    "card": {"type": "string", "minLength": 1, "description": "uuid of the card"},
                    "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
                    "acceptedSuggestions": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"id": {"type": "string"}}},
                    },
                    "overrideReason": {
                        "type": "object",
                        "properties": {
                            "reason": {"type": "object", "description": "the Coding that was chosen"},
                            "userComment": {"type": "string", "description": "read for its length; never kept"},
                        },
                    },
                    "outcomeTimestamp": {"type": "string", "description": "an instant with its zone"},
                },
            },
        }
    },
}
_FEEDBACK_EXAMPLE = {
    "feedback": [
        {
            "card": "0d5f2b1e-2c55-4c43-9a39-1a0a6d1ad2c8",
            "outcome": "overridden",
            "overrideReason": {"reason": override_reasons(Category.INDICATED)[0]},
            "outcomeTimestamp": "2026-01-15T12:00:00Z",
        }
    ]
}


def _json(schema: dict[str, Any], example: object) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example}}


_FAILURE_CONTENT = _json(_OUTCOME_SCHEMA, _OUTCOME_EXAMPLE)
_CARDS_CONTENT = _json(
    {"type": "object", "required": ["cards"], "properties": {"cards": {"type": "array", "items": _CARD_SCHEMA}}},
    _CARDS_EXAMPLE,
)

FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": _FAILURE_CONTENT} for status, words in _FAILURE_WORDS.items()
}
"""Every failure is an OperationOutcome; "default" also keeps the framework from announcing an answer of its own."""

CALL: dict[str, Any] = {
    "parameters": [{"name": "service_id", "in": "path", "required": True, "schema": {"type": "string"}}],
    "requestBody": {"required": True, "content": _json(_REQUEST_SCHEMA, _REQUEST_EXAMPLE)},
    "responses": {
        "200": {"description": "The cards; an empty list is a decision to stay silent", "content": _CARDS_CONTENT}
    },
}

FEEDBACK_FAILURES: dict[int | str, dict[str, Any]] = {
    **{status: FAILURES[status] for status in ("400", "404", "408", "413", "415", "default")},
    "503": {"description": "Feedback cannot be kept now; nothing was taken", "content": _FAILURE_CONTENT},
}

FEEDBACK: dict[str, Any] = {
    "requestBody": {"required": True, "content": _json(_FEEDBACK_SCHEMA, _FEEDBACK_EXAMPLE)},
    "responses": {"200": {"description": "The feedback is kept", "content": _json({"type": "object"}, {})}},
}
