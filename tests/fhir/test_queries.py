"""The query table keeps to what real servers answer, and discovery and search say the same."""

from __future__ import annotations

import re

import pytest

from cds_service.fhir.codes import code_from_text, term_of
from cds_service.fhir.queries import QUERIES, QUERY_BY_KEY, Query, prefetch_templates

ALLOWED_PARAMS = {"patient", "code", "category", "_count", "_sort"}
REQUIRED = {"patient", "levels", "transaminases", "exposures", "problems"}


def codes_in(query: Query) -> set[str]:
    tokens = dict(query.params)["code"].split(",")
    return {token.removeprefix("http://loinc.org|") for token in tokens}


def test_keys_and_what_is_required() -> None:
    assert [query.key for query in QUERIES] == [
        "patient",
        "levels",
        "transaminases",
        "exposures",
        "problems",
        "coagulation",
        "chemistry",
        "weight",
        "status",
        "medicationStatements",
        "medicationAdministrations",
        "medicationRequests",
        "allergies",
        "encounter",
        "otherLabs",
    ]
    assert {query.key for query in QUERIES if query.required} == REQUIRED


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.key)
def test_template_uses_only_what_every_server_offers(query: Query) -> None:
    template = query.template()
    assert set(re.findall(r"\{\{(.*?)\}\}", template)) == {"context.patientId"}
    assert ":" not in template.replace("http://", ""), "no modifiers"
    assert "today" not in template
    assert {name for name, _ in query.params} <= ALLOWED_PARAMS


@pytest.mark.parametrize("query", [each for each in QUERIES if not each.is_read], ids=lambda query: query.key)
def test_template_and_search_are_the_same_question(query: Query) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query.search_params("{{context.patientId}}"))
    assert query.template() == f"{query.resource_type}?{asked}"


@pytest.mark.parametrize(
    "query", [each for each in QUERIES if "code" in dict(each.params)], ids=lambda query: query.key
)
def test_every_code_asked_for_is_one_the_mapping_knows(query: Query) -> None:
    for code in codes_in(query):
        known = code_from_text("http://loinc.org", code)
        assert known is not None, code
        term = term_of(known)
        assert term is not None, code
        assert term.kind != "exclude", code


@pytest.mark.parametrize(
    ("key", "present", "absent"),
    [
        ("levels", {"3298-7", "14581-3", "3297-9", "60048-6"}, {"14713-2", "3299-5", "1920-8", "13622-6"}),
        ("transaminases", {"1742-6", "1920-8"}, {"110094-0", "110764-8"}),
        ("exposures", {"45285-4", "29742-4", "45359-7", "4105-3"}, {"29637-6"}),
        ("coagulation", {"6301-6", "34714-6"}, {"5902-2", "52129-4"}),
        ("chemistry", {"1975-2", "14631-6", "2160-0", "2524-7", "2744-1", "2777-1"}, {"2746-6", "11558-4"}),
        ("weight", {"29463-7"}, set()),
        ("status", {"82810-3", "9269-2"}, {"21198-7"}),
    ],
)
def test_codes_of_a_row(key: str, present: set[str], absent: set[str]) -> None:
    codes = codes_in(QUERY_BY_KEY[key])
    assert present <= codes
    assert not absent & codes


def test_levels_template_in_full() -> None:
    template = prefetch_templates()["levels"]
    assert template.startswith(
        "Observation?patient={{context.patientId}}&code=http://loinc.org|3298-7,http://loinc.org|14581-3,"
    )
    assert template.endswith("&_sort=-date&_count=200")
    assert prefetch_templates()["patient"] == "Patient/{{context.patientId}}"


def test_hints_can_be_left_out_for_a_server_that_refuses_them() -> None:
    encounter = QUERY_BY_KEY["encounter"]
    assert encounter.search_params("p1") == (("patient", "p1"), ("_sort", "-date"), ("_count", "20"))
    assert encounter.search_params("p1", with_hints=False) == (("patient", "p1"),)
    assert encounter.has_hints
    assert not QUERY_BY_KEY["patient"].has_hints


def test_only_the_facts_search_goes_without_a_category() -> None:
    assert [query.key for query in QUERIES if "category" in dict(query.params)] == ["otherLabs"]
    assert [query.key for query in QUERIES if query.is_quiet] == ["otherLabs"]
