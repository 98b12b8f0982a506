"""Ways in which a chart can be damaged or disturbed, and the places of a JSON value where that can happen."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Path = tuple[str | int, ...]

GONE = object()
"""As a value: the member is taken away."""


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = {"extension": [value]}
    return value


# Nothing here can be read as another plausible value of any element: it is unreadable, or not there.
GARBAGE: tuple[Any, ...] = (
    GONE,
    None,
    True,
    [],
    {},
    "",
    " ",
    -1e14,
    1e15,
    10**30,
    {"resourceType": "Observation"},
    [[[]]],
    "x" * 200_000,
    "\u202e\u2066mg/L\u0000\u0007\u200d\U0001f480\ufeff",
    "2026-13-45T25:61:61Z",
    "2026-06-30T23:59:60Z",
    "9999-12-31T23:59:59Z",
    "0000-00-00",
    "-1",
    "NaN",
    "<script>alert(1)</script>",
    _nested(12),
)

# Beside these, values that could be meant: another date, number or status is another patient's chart.
ODD: tuple[Any, ...] = (
    *GARBAGE,
    0,
    -0.0,
    5e-324,
    1.7e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    False,
    "1900-01-01",
    "2199-12-31",
    "2026-01-15T12:00:00+14:00",
    "entered-in-error",
    "Patient/somebody-else",
    "#",
    "#self",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "https://127.0.0.1:1/Observation/1",
    _nested(40),
    list(range(5000)),
    {"reference": "#self"},
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One value put in one place."""

    path: Path
    value: Any

    def done_to(self, body: Json) -> Json:
        """A copy of the body with the damage done."""
        made = copy.deepcopy(body)
        holder: Any = made
        for key in self.path[:-1]:
            holder = holder[key]
        if self.value is GONE:
            del holder[self.path[-1]]
        else:
            holder[self.path[-1]] = copy.deepcopy(self.value)
        return made


def places(value: Any, path: Path = ()) -> list[Path]:
    """Every place within a JSON value, outermost first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[Path] = [path] if path else []
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


def at(value: Any, path: Path) -> Any:
    """What stands at a place."""
    for key in path:
        value = value[key]
    return value


@st.composite
def damaged(draw: st.DrawFn, body: Json, *, most: int = 3) -> Json:
    """The body with one to `most` places made odd, one after the other."""
    for _ in range(draw(st.integers(1, most))):
        where = places(body)
        if where:
            body = Damage(draw(st.sampled_from(where)), draw(st.sampled_from(ODD))).done_to(body)
    return body


@st.composite
def disturbed(draw: st.DrawFn, prefetch: Json) -> Json:
    """The prefetch with entries shuffled and repeated, strangers' entries among them, and references in circles.

    None of it changes what is charted about the patient.
    """
    made = copy.deepcopy(prefetch)
    for bundle in made.values():
        entries = bundle.get("entry") if isinstance(bundle, dict) else None
        if not entries:
            continue
        entries += [copy.deepcopy(entry) for entry in entries if draw(st.booleans())]
        strangers = [copy.deepcopy(entry) for entry in entries if draw(st.integers(0, 3)) == 0]
        entries += [_strangers(entry) for entry in strangers]
        entries[:] = draw(st.permutations(entries))
        for entry in entries:
            _in_circles(entry["resource"])
    return made


def _strangers(entry: Json) -> Json:
    resource = entry["resource"]
    member = "patient" if "patient" in resource else "subject"
    other = {"id": f"other-{resource['id']}"[:64], member: {"reference": "Patient/somebody-else"}}
    return entry | {"resource": resource | other}


def _in_circles(resource: Json) -> None:
    """References that lead back to where they started, in elements that no rule reads."""
    own = {"reference": f"{resource['resourceType']}/{resource['id']}"}
    resource["basedOn"] = [own, {"reference": "#self"}]
    resource["contained"] = [
        *resource.get("contained", ()),
        {"resourceType": "Medication", "id": "self", "ingredient": [{"itemReference": {"reference": "#self"}}]},
    ]
