"""Reading an answer that may hold anything: what is data, what is a fault, and what was never there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.bundles import page_from_json, page_from_prefetch, resource_from_json
from cds_service.fhir.fetched import FaultKind

LEVEL = {"resourceType": "Observation", "id": "o1"}
PATIENT = {"resourceType": "Patient", "id": "p1"}


def outcome(severity: str = "error", code: Any = "exception") -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": "Jane Doe"}],
    }


def bundle(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **more}


@pytest.mark.parametrize(
    ("body", "ids", "fault"),
    [
        (bundle({"resource": LEVEL}), ["o1"], None),
        (bundle(), [], None),
        ({"resourceType": "Bundle"}, [], None),
        ({"resourceType": "Bundle", "entry": [], "total": 0}, [], None),
        ({"resourceType": "Bundle", "entry": None, "total": 0}, [], None),
        ({"resourceType": "Bundle", "entry": None}, [], FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Bundle", "entry": None, "total": 7}, [], FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Bundle", "total": 1}, [], FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Bundle", "total": "many"}, [], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}) | {"total": 7}, ["o1"], None),
        (bundle({"resource": LEVEL}) | {"type": "collection"}, ["o1"], None),
        (bundle({"resource": LEVEL}, {"resource": None}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, None), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {"resource": PATIENT, "search": {"mode": "include"}}), ["o1", "p1"], None),
        (bundle({"resource": LEVEL}, {"resource": outcome("warning"), "search": {"mode": "outcome"}}), ["o1"], None),
        (bundle({"resource": LEVEL, "search": "match"}), ["o1"], None),
        (bundle({"resource": LEVEL, "search": {"mode": "outcome"}}), ["o1"], None),
        (bundle({"resource": outcome("information")}), [], None),
        (bundle({"resource": LEVEL}, {"resource": outcome("error")}), ["o1"], FaultKind.OPERATION_OUTCOME),
        (bundle({"resource": outcome("fatal"), "search": {"mode": "outcome"}}), [], FaultKind.OPERATION_OUTCOME),
        (bundle({"resource": LEVEL}, "garbage"), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {"resource": 5}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {"resource": {"id": "x"}}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {"resource": LEVEL | {"resourceType": ""}}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": LEVEL}, {"resource": LEVEL | {"resourceType": "a b"}}), ["o1"], FaultKind.WRONG_RESOURCE),
        (bundle({"resource": PATIENT}), ["p1"], FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Bundle", "entry": {"resource": LEVEL}}, [], FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Bundle", "entry": "x"}, [], FaultKind.WRONG_RESOURCE),
        (outcome(), [], FaultKind.OPERATION_OUTCOME),
        (outcome("information"), [], FaultKind.OPERATION_OUTCOME),
        (LEVEL, [], FaultKind.WRONG_RESOURCE),
        ({}, [], FaultKind.WRONG_RESOURCE),
        ([], [], FaultKind.WRONG_RESOURCE),
        ("text", [], FaultKind.WRONG_RESOURCE),
        (7, [], FaultKind.WRONG_RESOURCE),
        (None, [], FaultKind.WRONG_RESOURCE),
    ],
)
def test_page(body: Any, ids: list[str], fault: FaultKind | None) -> None:
    fetched = page_from_json(body, "Observation").fetched
    assert [resource["id"] for resource in fetched.resources] == ids
    assert (fetched.fault.kind if fetched.fault else None) == fault


@pytest.mark.parametrize(
    ("links", "next_link"),
    [
        ([{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}], "b"),
        ([{"relation": "next"}], ""),
        ([{"relation": "next", "url": 5}], ""),
        ({"relation": "next", "url": "b"}, "b"),
        ([{"relation": "self", "url": "a"}], None),
        (["next", None], None),
        (None, None),
    ],
)
def test_next_link(links: Any, next_link: str | None) -> None:
    assert page_from_json(bundle(link=links), "Observation").next_link == next_link


def test_prefetch_may_be_the_resource_itself() -> None:
    assert page_from_prefetch(LEVEL, "Observation").fetched.resources == (LEVEL,)
    assert page_from_prefetch(PATIENT, "Observation").fetched.fault is not None
    assert page_from_prefetch(bundle({"resource": LEVEL}), "Observation").fetched.resources == (LEVEL,)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (PATIENT, None),
        (PATIENT | {"id": "p2"}, FaultKind.WRONG_RESOURCE),
        ({"resourceType": "Patient"}, FaultKind.WRONG_RESOURCE),
        (LEVEL, FaultKind.WRONG_RESOURCE),
        (bundle({"resource": PATIENT}), FaultKind.WRONG_RESOURCE),
        (outcome(), FaultKind.OPERATION_OUTCOME),
        ([PATIENT], FaultKind.WRONG_RESOURCE),
    ],
)
def test_read(body: Any, fault: FaultKind | None) -> None:
    fetched = resource_from_json(body, "Patient", "p1")
    assert (fetched.fault.kind if fetched.fault else None) == fault
    assert fetched.resources == ((PATIENT,) if fault is None else ())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("not-found", "the server answered with an error report (not-found)"),
        ("<b>Jane</b>", "the server answered with an error report"),
        (5, "the server answered with an error report"),
        ("x" * 50, "the server answered with an error report"),
    ],
)
def test_outcome_is_told_by_its_code_and_never_by_its_text(code: Any, words: str) -> None:
    fault = page_from_json(outcome(code=code), "Observation").fetched.fault
    assert fault is not None
    assert fault.words == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Bundle", "OperationOutcome"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resourceType", "entry", "resource", "link", "search", "issue", "mode", "severity", "id"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_makes_it_raise(body: Any) -> None:
    for value in (body, bundle(body), bundle({"resource": body}), {"resourceType": "OperationOutcome", "issue": body}):
        page = page_from_prefetch(value, "Observation")
        assert all(isinstance(resource, dict) for resource in page.fetched.resources)
    assert resource_from_json(body, "Patient", "p1").resources == ()
