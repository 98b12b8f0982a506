"""Feedback on cards: the shapes that are read, what is kept of them, and what the caller is told."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.hooks.feedback import MOST_STATEMENTS, feedback_records
from cds_service.hooks.override_reasons import SYSTEM
from cds_service.records import CommentLength, FeedbackRecord, Outcome
from cds_service.store.tables import CALLS, CARDS, FEEDBACK
from tests.hooks.service import SELECT, VIEW, issues, keeping, order, prefetch, service, view
from tests.store.stores import rows

if TYPE_CHECKING:
    from pathlib import Path


SERVICE = "iv-nac-patient-view"
ROUTE = f"{VIEW}/feedback"
CARD = "0d5f2b1e-2c55-4c43-9a39-1a0a6d1ad2c8"
AT = datetime(2026, 1, 15, 11, 59, tzinfo=UTC)
CODING = {"code": "patient-ineligible", "system": SYSTEM, "display": "Patient does not meet eligibility"}
OVERRIDDEN = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-01-15T11:59:00Z"}
ACCEPTED = {"card": CARD, "outcome": "accepted", "acceptedSuggestions": [{"id": "s-1"}]}
PLAIN = FeedbackRecord(SERVICE, CARD, Outcome.OVERRIDDEN, AT)
CODED = {"reason": "patient-ineligible", "reason_system": SYSTEM}
SHORT, LONG = CommentLength.SHORT, CommentLength.LONG

# how an override reason is sent, what is kept of it
REASONS: list[tuple[Any, dict[str, Any]]] = [
    (..., {}),
    (None, {}),
    ({}, {}),
    ({"reason": CODING}, CODED),
    ({"reason": CODING, "userComment": "Mr Smith is fine"}, CODED | {"comment": SHORT}),
    ({"reason": CODING, "userComment": "x" * 81}, CODED | {"comment": LONG}),
    ({"userComment": "Mr Smith is fine"}, {"reason": "uncoded", "comment": SHORT}),
    ({"userComment": " "}, {"reason": "uncoded"}),
    (CODING, CODED),
    ({"code": CODING}, CODED),
    ({"reason": {"coding": [{"display": "?"}, CODING], "text": "Mr Smith"}}, CODED),
    ({"reason": "patient-ineligible"}, CODED),
    ({"reason": "Mr Smith is fine"}, {"reason": "uncoded", "comment": SHORT}),
    ("patient-ineligible", CODED),
    ("Patient does not meet eligibility for recommended action", CODED),
    ("Mr Smith is fine", {"reason": "uncoded", "comment": SHORT}),
    ([{"reason": CODING}, {"reason": {"code": "other"}}], CODED),
    ([{"userComment": "Mr Smith"}, {"reason": CODING}], CODED | {"comment": SHORT}),
    ({"reason": {"code": "local-7"}}, {"reason": "local-7"}),
    ({"reason": {"code": "local-7", "system": "urn:oid:1.2"}}, {"reason": "local-7", "reason_system": "urn:oid:1.2"}),
    ({"reason": {"code": "local-7", "system": "http://x.test/?patient=1"}}, {"reason": "local-7"}),
    ({"reason": {"code": "Mr Smith"}}, {"reason": "uncoded"}),
    ({"reason": {"display": "recipient assessment of risk/benefit ratio"}},
     {"reason": "risk-benefit-ratio", "reason_system": SYSTEM}),
    ({"reason": 7}, {"reason": "uncoded"}),
    (7, {"reason": "uncoded"}),
]  # fmt: skip


@pytest.mark.parametrize("member", ["overrideReason", "overrideReasons"])
@pytest.mark.parametrize(("sent", "kept"), REASONS)
def test_an_override_reason_in_any_shape(sent: Any, kept: dict[str, Any], member: str) -> None:
    statement = OVERRIDDEN if sent is ... else OVERRIDDEN | {member: sent}
    (told,) = feedback_records({"feedback": [statement]}, SERVICE)
    assert told == FeedbackRecord(SERVICE, CARD, Outcome.OVERRIDDEN, AT, **kept)
    assert "Smith" not in repr(told)


BODIES = [
    {"feedback": [OVERRIDDEN]},
    {"feedback": OVERRIDDEN},
    [OVERRIDDEN],
    OVERRIDDEN,
    {"feedback": [OVERRIDDEN | {"unheardOf": 1}], "extension": {}},
    {"feedback": [OVERRIDDEN | {"card": f" {CARD} "}]},
]


@pytest.mark.parametrize("body", BODIES)
def test_statements_in_any_wrapping(body: Any) -> None:
    assert feedback_records(body, SERVICE) == (PLAIN,)


ACCEPTED_SUGGESTIONS: list[tuple[Any, tuple[str, ...]]] = [
    ([{"id": "s-1"}, {"id": "s-2"}, {"id": "s-1"}], ("s-1", "s-2")),
    (["s-1"], ("s-1",)),
    ([{"uuid": "s-1"}], ("s-1",)),
    ([], ()),
    (None, ()),
    ("s-1", ()),
    ([{"id": "Mr Smith"}, {"id": None}, 7], ()),
]


@pytest.mark.parametrize(("sent", "kept"), ACCEPTED_SUGGESTIONS)
def test_accepted_suggestions(sent: Any, kept: tuple[str, ...]) -> None:
    (told,) = feedback_records([ACCEPTED | {"acceptedSuggestions": sent}], SERVICE)
    assert told == FeedbackRecord(SERVICE, CARD, Outcome.ACCEPTED, suggestions=kept)


TIMES = [
    ("2026-01-15T11:59:00Z", AT),
    ("2026-01-15T06:59:00.000-05:00", AT),
    ("2026-01-15T11:59:00", None),
    ("yesterday", None),
    (7, None),
    (None, None),
]


@pytest.mark.parametrize(("sent", "at"), TIMES)
def test_a_time_that_cannot_be_placed_is_left_out(sent: Any, at: datetime | None) -> None:
    (told,) = feedback_records([OVERRIDDEN | {"outcomeTimestamp": sent}], SERVICE)
    assert told.outcome_at == at


def test_a_card_id_that_is_no_token_is_kept_as_a_digest() -> None:
    told = feedback_records([OVERRIDDEN | {"card": "card of Mr Smith"}, OVERRIDDEN | {"card": "x" * 99}], SERVICE)
    assert len({each.card for each in told}) == 2
    assert all(len(each.card) == 64 and "Smith" not in each.card for each in told)


REFUSED: list[tuple[Any, str]] = [
    ({"feedback": []}, "feedback"),
    ([], "feedback"),
    ({"feedback": None}, "feedback"),
    ({"feedback": "accepted"}, "feedback"),
    (7, "feedback"),
    (None, "feedback"),
    ({}, "feedback[0].card"),
    ([7], "feedback[0]"),
    ([OVERRIDDEN, {"outcome": "accepted"}], "feedback[1].card"),
    ([OVERRIDDEN | {"card": 7}], "feedback[0].card"),
    ([OVERRIDDEN | {"card": " "}], "feedback[0].card"),
    ([OVERRIDDEN | {"card": None}], "feedback[0].card"),
    ([OVERRIDDEN | {"outcome": "ignored"}], "feedback[0].outcome"),
    ([OVERRIDDEN | {"outcome": ["accepted"]}], "feedback[0].outcome"),
    ([{"card": CARD}], "feedback[0].outcome"),
    ([OVERRIDDEN] * (MOST_STATEMENTS + 1), "feedback"),
]


@pytest.mark.parametrize(("body", "place"), REFUSED)
async def test_what_cannot_be_read_is_refused_with_its_place(body: Any, place: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url) as client:
        answer = await client.post(ROUTE, content=json.dumps(body))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == [place]
    assert rows(url, FEEDBACK) == []


async def test_feedback_joins_the_card_it_is_about(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url) as client:
        card = (await client.post(VIEW, json=view(prefetch=prefetch(level=120)))).json()["cards"][0]
        told = {"feedback": [{**OVERRIDDEN, "card": card["uuid"]}, {**ACCEPTED, "card": "unheard-of"}]}
        answer = await client.post(ROUTE, json=told)
        assert (answer.status_code, answer.json()) == (200, {})
        assert {row["card_id"] for row in rows(url, FEEDBACK)} == {card["uuid"], "unheard-of"}
        counted = (await client.get("/metrics")).text
    assert 'cds_feedback_total{outcome="accepted"} 1.0' in counted
    assert 'cds_feedback_total{outcome="overridden"} 1.0' in counted
    (kept,) = rows(url, CARDS)
    assert kept["card_id"] == card["uuid"]
    assert kept["rule"].startswith("B1-")
    assert kept["topic"] == "indicated"


async def test_each_card_is_kept_with_the_rule_that_made_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url) as client:
        cards = (await client.post(SELECT, json=order())).json()["cards"]
    kept = {row["card_id"]: (row["topic"], row["rule"].partition("-")[0]) for row in rows(url, CARDS)}
    assert [kept[card["uuid"]] for card in cards] == [("caution", "E5"), ("dose-check", "F1")][: len(cards)]


async def test_a_call_is_kept_without_anything_about_the_patient(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url) as client:
        await client.post(VIEW, json=view())
        await client.post(VIEW, json=view(prefetch=...))
    kept = {row["status"]: row for row in rows(url, CALLS)}
    assert set(kept) == {200, 412}
    assert (kept[200]["category"], kept[200]["profile"]) == ("not-indicated", "us-2023")
    assert kept[200]["ruleset"] == kept[412]["ruleset"]
    assert b"Routes" not in (tmp_path / "x.db").read_bytes()


async def test_wrong_ids_answer_404(tmp_path: Path) -> None:
    async with keeping(f"sqlite:///{tmp_path}/x.db") as client:
        answer = await client.post("/cds-services/unheard-of/feedback", json=[OVERRIDDEN])
    assert answer.status_code == 404
    assert issues(answer)[0]["code"] == "not-found"


async def test_the_shared_id_has_feedback_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    async with keeping(url, shared_service_id=True) as client:
        assert (await client.post("/cds-services/iv-nac/feedback", json=[OVERRIDDEN])).status_code == 200
    assert rows(url, FEEDBACK)[0]["service"] == "iv-nac"


async def test_where_nothing_is_kept_there_is_no_feedback() -> None:
    async with service() as client:
        answer = await client.post(ROUTE, json=[OVERRIDDEN])
        assert (await client.get("/readyz")).json()["store"] == "off"
    assert answer.status_code == 404
    assert issues(answer)


async def test_without_a_database_cards_are_given_and_feedback_is_put_off(tmp_path: Path) -> None:
    async with keeping(f"sqlite:///{tmp_path}/none/x.db", "unavailable") as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert (await client.post(VIEW, json=view())).status_code == 200
        answer = await client.post(ROUTE, json=[OVERRIDDEN])
        counted = (await client.get("/metrics")).text
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert issues(answer)[0]["code"] == "transient"
    assert "cds_store_up 0.0" in counted
    assert "cds_store_queued 1.0" in counted


async def test_the_metric_says_that_the_store_is_up(tmp_path: Path) -> None:
    async with keeping(f"sqlite:///{tmp_path}/x.db") as client:
        assert "cds_store_up 1.0" in (await client.get("/metrics")).text


async def test_comments_reach_neither_log_nor_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = OVERRIDDEN | {"overrideReason": {"userComment": "Mr Smith, MRN 12345"}, "note": "Mr Smith"}
    async with keeping(f"sqlite:///{tmp_path}/x.db") as client:
        assert (await client.post(ROUTE, json=[said])).status_code == 200
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - a few small files
    assert b"uncoded" in written
    assert b"Smith" not in written
    assert "Smith" not in caplog.text
