"""Requests made up from the service's own OpenAPI document: answered as documented, never with a failure of ours."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.hooks.service import view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
SERVICE_IDS = ("iv-nac-patient-view", "iv-nac-order-select", "iv-nac-order-sign")
CHECKS: list[Any] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),  # made-up bodies are large and slow to make
)


def test_every_operation_answers_as_documented(tmp_path: Path) -> None:
    app = create_app(
        Settings(database_url=f"sqlite:///{tmp_path / 'fuzz.db'}"), clock=lambda: datetime(2026, 1, 15, 12, tzinfo=UTC)
    )
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations: list[Any] = [found.ok() for found in document.get_all_operations()]  # type: ignore[union-attr] # raises for an unreadable one
    assert {"GET /cds-services", "POST /cds-services/{service_id}"} <= {operation.label for operation in operations}
    for operation in operations:
        documented = {int(status) for status in operation.definition.raw["responses"] if status.isdecimal()}
        _checked(operation, GenerationMode.POSITIVE, documented)()
        if "requestBody" in operation.definition.raw:
            _checked(operation, GenerationMode.NEGATIVE, documented)()
    shutdown_lifespans()


def _checked(operation: Any, mode: GenerationMode, documented: set[int]) -> Callable[[], None]:
    """A property of one operation: whatever is sent, the answer is one of the documented ones."""
    made = operation.as_strategy(generation_mode=mode)

    @SETTINGS
    @given(case=made, service_id=st.sampled_from(SERVICE_IDS), has_chart=st.booleans())
    def answers_as_documented(case: Any, service_id: str, has_chart: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        if "service_id" in case.path_parameters:
            case.path_parameters["service_id"] = service_id
        if has_chart and isinstance(case.body, dict):
            case.body = _with_chart(case.body, service_id)
        answer = case.call()
        assert answer.status_code in documented, (answer.status_code, answer.text[:500])
        case.validate_response(answer, checks=CHECKS)

    return answers_as_documented


def _with_chart(body: dict[str, Any], service_id: str) -> dict[str, Any]:
    """The made-up body, changed just so far that it gets past the envelope: right hook, known patient, a chart."""
    context = body.get("context")
    known = {"hook": service_id.removeprefix("iv-nac-"), "hookInstance": "fuzz", "prefetch": view()["prefetch"]}
    return body | known | {"context": (context if isinstance(context, dict) else {}) | {"patientId": "p1"}}
