"""Prefetch templates: only what the specification lets a service ask, so that every client can satisfy them."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.fhir.queries import prefetch_templates
from tests.conformance.requirement import Level, shows
from tests.conformance.test_discovery import discovered
from tests.ehr import satisfied

TEMPLATES = prefetch_templates()
EACH = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())

# Context fields that patient-view, order-select and order-sign all mark as usable in tokens, and always send.
TOKENS = {"context.patientId", "context.userId"}
READ = re.compile(r"[A-Z][A-Za-z]+/\{\{[A-Za-z.]+\}\}")
SEARCH = re.compile(r"[A-Z][A-Za-z]+\?[a-z_]+=[^&=]+(&[a-z_]+=[^&=]+)*")
REFERENCES, TOKEN_PARAMETERS = {"patient"}, {"code", "category"}
TOKEN_LIST = re.compile(r"[^|,]*\|?[^|,]+(,[^|,]*\|?[^|,]+)*")


def parameters(template: str) -> list[tuple[str, str]]:
    _, _, query = template.partition("?")
    return parse_qsl(query, strict_parsing=True) if query else []


@shows("T1", "Prefetch Template", Level.MUST, "Discovery gives every template under the key its data come back with.")
async def test_discovery_offers_these_templates() -> None:
    assert all(each["prefetch"] == TEMPLATES for each in await discovered())


@shows("T2", "Prefetch tokens", Level.MUST, "A token stands between {{ and }} and holds the path of a context field.")
@shows("T3", "Prefetch tokens", Level.MUST, "Only first-level fields that every subscribed hook offers are tokens.")
@EACH
def test_tokens_are_first_level_context_fields(template: str) -> None:
    found = re.findall(r"\{\{(.*?)\}\}", template)
    assert found
    assert set(found) <= TOKENS
    assert re.sub(r"\{\{[A-Za-z.]+\}\}", "", template).count("{") == 0


@shows("T4", "Prefetch query restrictions", Level.SHOULD, "A template is an instance read or a type-level search.")
@EACH
def test_a_template_is_a_read_or_a_search_of_a_fhir_type(template: str) -> None:
    assert READ.fullmatch(template) or SEARCH.fullmatch(template)
    assert get_fhir_model_class(re.split(r"[/?]", template)[0])


@shows("T5", "Prefetch query restrictions", Level.SHOULD, "Searches use references, token equality, _count and _sort.")
@EACH
def test_searches_keep_to_the_recommended_subset(template: str) -> None:
    for name, value in parameters(template):
        match name:
            case "_count":
                assert int(value) > 0
            case "_sort":
                assert value == "-date"
            case _ if name in REFERENCES:
                assert value == "{{context.patientId}}"
            case _:
                assert name in TOKEN_PARAMETERS
                assert TOKEN_LIST.fullmatch(value)


@shows("T6", "Prefetch query restrictions", Level.SHOULD, "No modifier, chain, include or computed date is asked for.")
@EACH
def test_no_modifiers_chains_includes_or_dates(template: str) -> None:
    names = [name for name, _ in parameters(template)]
    assert not any(":" in name or "." in name or name.startswith(("_include", "_revinclude")) for name in names)
    assert "today" not in template
    assert "date" not in names


@shows("T7", "Prefetch Template", Level.MUST, "A template, its tokens replaced, is a relative FHIR request that works.")
def test_a_plain_fhir_server_can_answer_every_template() -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
    found = satisfied(TEMPLATES, {"patientId": "p1"}, [patient, condition])
    assert found.keys() == TEMPLATES.keys()
    assert found["patient"] == patient
    assert [entry["resource"] for entry in found["problems"]["entry"]] == [condition]
