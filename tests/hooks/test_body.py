"""How deep JSON is nested, counted on its bytes, agrees with a walk; a call is parsed like any JSON, in part."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.hooks.body import is_deeper_than, parsed, parsed_call
from cds_service.hooks.errors import InvalidRequestError

_AWKWARD = st.text(alphabet='\\"[]{}a,:\n\u00e9', max_size=12)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | _AWKWARD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_AWKWARD, inner, max_size=4),
    max_leaves=40,
)


def depth(value: Any) -> int:
    """Levels of arrays and objects around the innermost value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(value=_VALUES, is_spaced=st.booleans())
def test_the_bytes_tell_the_depth(value: Any, is_spaced: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    written = orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_spaced else None)
    assert not is_deeper_than(written, depth(value))
    assert depth(value) == 0 or is_deeper_than(written, depth(value) - 1)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        (rb'["\\"]', 1),
        (rb'["\\", "["]', 1),
        (rb'["\"[\"", []]', 2),
        (rb'["\\\"[", {"\\\\": [1]}]', 3),
        (rb'{"\\":"]\\","[":[]}', 2),
        (rb'"[[[["', 0),
    ],
)
def test_escapes_hide_no_bracket_and_make_none(text: bytes, levels: int) -> None:
    orjson.loads(text)
    assert not is_deeper_than(text, levels)
    assert levels == 0 or is_deeper_than(text, levels - 1)


CALL: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "1",
    "fhirServer": "https://ehr.example.org",
    "fhirAuthorization": {"access_token": "x"},
    "context": {"patientId": "p", "deep": [[[]]]},
    "extension": {"unread": [1, 2]},
}
RESULT = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"text": "Hemoglobin"},
    "effectiveDateTime": "2026-01-15T08:00:00Z",
    "valueQuantity": {"value": 13.9, "unit": "g/dL"},
    "note": "@",
}


def call_with(note: bytes, **prefetch: Any) -> bytes:
    page = {"resourceType": "Bundle", "entry": [{"resource": RESULT}]}
    return orjson.dumps(CALL | {"prefetch": {"chemistry": page} | prefetch}).replace(b'"@"', note)


def test_a_call_is_parsed_as_ever_but_for_its_results() -> None:
    raw = call_with(b'"\xc2\xb5"', patient={"resourceType": "Patient", "id": "p"}, problems=None)
    call, whole = parsed_call(b"\xef\xbb\xbf" + raw), parsed(raw)
    page = call["prefetch"].pop("chemistry")
    assert [each.resource for each in page.fetched.plain] == [
        each["resource"] for each in whole["prefetch"].pop("chemistry")["entry"]
    ]
    del whole["extension"]
    assert call == whole


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(orjson.dumps(CALL), id="no prefetch"),
        pytest.param(orjson.dumps(CALL | {"prefetch": None}), id="null"),
        pytest.param(orjson.dumps(CALL | {"prefetch": [1]}), id="no object"),
        pytest.param(call_with(b"1", levels=[]), id="a list of levels"),
        pytest.param(call_with(b"1", levels=RESULT), id="one level"),
        pytest.param(call_with(b"1", levels={"resourceType": "Bundle", "entry": None}), id="null for entries"),
        pytest.param(b'{"hook": 7}', id="little"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b"null", id="null alone"),
    ],
)
def test_what_is_unusual_about_a_call_is_parsed_whole(raw: bytes) -> None:
    names = ("hook", "hookInstance", "fhirServer", "fhirAuthorization", "context", "prefetch")
    call, whole = parsed_call(raw), parsed(raw)
    if isinstance(whole, dict):
        call, whole = ({name: each.get(name) for name in names} for each in (call, whole))
    assert call == whole


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\\ud800"', id="half a pair"),
        pytest.param(b'"\x01"', id="a control character"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[1,]", id="one comma too many"),
        pytest.param(b"[" * 2000 + b"]" * 2000, id="beyond any depth"),
    ],
)
def test_what_nobody_reads_has_to_be_json_too(note: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parsed_call(call_with(note))
