"""A visit goes out with the page and comes back: whole when it is one, refused or stripped when it is not."""

from __future__ import annotations

import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.web.ehr_visit import (
    MOST_DRAFTS,
    Exchange,
    Visit,
    VisitError,
    accepted,
    as_text,
    reference,
    visit_from_text,
)

CARD = {"uuid": "c1", "summary": "s", "indicator": "info", "detail": "d", "source": {"label": "l"}}
Json = dict[str, Any]


def order(identity: str = "draft-1", **members: Any) -> Json:
    return {"resourceType": "MedicationRequest", "id": identity, "status": "draft"} | members


def exchange(*cards: Json, **members: Any) -> Exchange:
    whole: Json = {"hook": "order-select", "service": "iv-nac-order-select", "request": {"a": 1}, "status": 200}
    return Exchange(**(whole | {"answer": {"cards": list(cards)}, "timings_ms": (("gather", 1.5),)} | members))


def text_of(**members: Any) -> str:
    return orjson.dumps({"patient": "p", "source": "fixture"} | members).decode()


@pytest.mark.parametrize(
    "visit",
    [
        Visit("p"),
        Visit("p", "server", -45),
        Visit("p", "fixture", 30, (order(), order("draft-2")), ("draft-2",), 2, exchange(CARD)),
    ],
)
def test_a_visit_comes_back_as_it_went(visit: Visit) -> None:
    assert visit_from_text(as_text(visit)) == visit


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"p"', "5", "{}", '{"patient": "p"}', '{"patient": "", "source": "fixture"}',
     '{"patient": 5, "source": "fixture"}', '{"patient": "p", "source": "elsewhere"}', "[" * 5000,
     '{"patient": "p", "source": ["fixture"]}', '{"patient": "p", "source": "fixture"' + " " * 1_100_000 + "}"],
)  # fmt: skip
def test_what_is_no_visit_is_refused(text: str) -> None:
    with pytest.raises(VisitError):
        visit_from_text(text)


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({"minutes": "5"}, {"minutes": 0}),
        ({"minutes": 1.5}, {"minutes": 0}),
        ({"serial": None}, {"serial": 0}),
        ({"selected": "draft-1"}, {"selected": ()}),
        ({"selected": ["a", 5, None]}, {"selected": ("a",)}),
        ({"drafts": "x"}, {"drafts": ()}),
        ({"drafts": [order(), 5, {}, {"id": "x"}, order("d", id=7), order("e", resourceType=None)]},
         {"drafts": (order(),)}),
        ({"drafts": [order(f"d{n}") for n in range(99)]}, {"drafts": tuple(order(f"d{n}") for n in range(30))}),
        ({"last": "x"}, {"last": None}),
        ({"last": {"status": 200}}, {"last": None}),
        ({"last": {"status": "200", "hook": "order-select", "service": "x"}}, {"last": None}),
        ({"last": {"status": 200, "hook": "order-dispatch", "service": "x"}}, {"last": None}),
        ({"last": {"status": 200, "hook": ["order-select"], "service": "x"}}, {"last": None}),
        ({"last": {"status": 200, "hook": "order-select", "service": "../../metrics"}}, {"last": None}),
        ({"told": ["<b>"]}, {"told": ()}),
    ],
)  # fmt: skip
def test_what_has_the_wrong_shape_is_left_out(members: Json, kept: Json) -> None:
    found = visit_from_text(text_of(**members))
    assert {name: getattr(found, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"cards": [CARD, 5, None, {"uuid": "x"}, CARD | {"detail": None}]}, {"cards": [CARD]}),
        ({"cards": 5}, {"cards": []}),
        ({"cards": [CARD | {"suggestions": "x", "links": [1, {"url": "u"}], "overrideReasons": None}]},
         {"cards": [CARD | {"suggestions": [], "links": [{"url": "u"}], "overrideReasons": []}]}),
        ({"resourceType": "OperationOutcome", "issue": [1, {"code": "x"}]},
         {"resourceType": "OperationOutcome", "issue": [{"code": "x"}]}),
        ("no object", {}),
    ],
)  # fmt: skip
def test_an_answer_comes_back_in_a_shape_that_can_be_shown(answer: Any, shown: Json) -> None:
    last = {"hook": "order-select", "service": "iv-nac-order-select", "status": 200, "answer": answer}
    found = visit_from_text(text_of(last=last)).last
    assert found is not None
    assert found.answer == shown


def test_timings_come_back_as_names_and_numbers() -> None:
    last = {"hook": "order-select", "service": "s", "status": 200, "timings_ms": [["a", 1], ["b"], 5, ["c", "x"]]}
    found = visit_from_text(text_of(last=last)).last
    assert found is not None
    assert found.timings_ms == (("a", 1.0),)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(string.printable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("minutes", "drafts", "selected", "serial", "last", "told", "unknown"), json_values),
    )
)
def test_no_shape_breaks_the_reading(members: Json) -> None:
    visit = visit_from_text(text_of(**members))
    assert visit_from_text(as_text(visit)) == visit


def suggestion(*actions: Json) -> Json:
    return {"uuid": "s1", "label": "Do it", "actions": list(actions)}


def after(*actions: Json, drafts: tuple[Json, ...] = (order("draft-1"), order("draft-2"))) -> Visit:
    card = CARD | {"suggestions": [suggestion(*actions)]}
    visit = Visit("p", drafts=drafts, selected=("draft-1",), serial=2, last=exchange(card))
    return accepted(visit, "c1", "s1")


def test_a_create_action_adds_a_ticked_draft_under_an_id_of_its_own() -> None:
    found = after({"type": "create", "resource": order("theirs", note=[{"text": "x"}])})
    assert [draft["id"] for draft in found.drafts] == ["draft-1", "draft-2", "draft-3"]
    assert found.drafts[2]["note"] == [{"text": "x"}]
    assert found.selected == ("draft-1", "draft-3")
    assert (found.serial, found.told) == (3, ("Accepted: Do it",))


def test_an_update_action_replaces_the_draft_of_that_id() -> None:
    found = after({"type": "update", "resource": order("draft-1", status="on-hold")})
    assert [(draft["id"], draft["status"]) for draft in found.drafts] == [("draft-1", "on-hold"), ("draft-2", "draft")]


def test_a_delete_action_removes_the_draft_and_its_tick() -> None:
    found = after({"type": "delete", "resourceId": "MedicationRequest/draft-1"})
    assert [reference(draft) for draft in found.drafts] == ["MedicationRequest/draft-2"]
    assert found.selected == ()


def test_actions_are_taken_in_order() -> None:
    found = after(
        {"type": "delete", "resourceId": "MedicationRequest/draft-1"}, {"type": "create", "resource": order()}
    )
    assert [draft["id"] for draft in found.drafts] == ["draft-2", "draft-3"]


@pytest.mark.parametrize(
    "action",
    [{"type": "create"}, {"type": "update", "resource": 5}, {"type": "delete"}, {"type": "explode"}, {},
     {"type": "delete", "resourceId": "MedicationRequest/other"}, {"type": "update", "resource": order("other")}],
)  # fmt: skip
def test_an_action_that_fits_nothing_changes_nothing(action: Json) -> None:
    assert after(action).drafts == (order("draft-1"), order("draft-2"))


def test_a_suggestion_that_is_gone_is_said_to_be_gone() -> None:
    found = accepted(Visit("p", last=exchange(CARD)), "c1", "gone")
    assert found.told == ("That suggestion is not among the cards any more.",)
    assert accepted(Visit("p"), "c1", "s1").told == found.told


def test_no_more_drafts_than_a_page_can_hold() -> None:
    full = Visit("p").add([order() for _ in range(MOST_DRAFTS + 5)])
    assert len(full.drafts) == len(full.selected) - 5 == MOST_DRAFTS
