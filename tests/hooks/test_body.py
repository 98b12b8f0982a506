"""How deep JSON is nested, counted on its bytes, agrees with a walk through what was parsed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.hooks.body import is_deeper_than

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
