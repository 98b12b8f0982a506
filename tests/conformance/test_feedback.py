"""Feedback: what became of a card, in the shape of the specification and in the shapes seen in the wild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.requirement import Level, shows
from tests.conformance.schemas import OUTCOME, complaints
from tests.hooks.service import VIEW, Json, issues, prefetch, service, view

if TYPE_CHECKING:
    from pathlib import Path

FEEDBACK = f"{VIEW}/feedback"
CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
SUGGESTION = "e56e1945-20b3-4393-8503-a1a20fd73152"
AT = "2026-01-15T12:05:31Z"
CODING = {
    "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
    "code": "patient-contraindication",
    "display": "Patient has contraindication to recommended action",
}


def accepted(**changes: Any) -> Json:
    """A suggestion was accepted; a member set to `...` is left out."""
    made = {"card": CARD, "outcome": "accepted", "acceptedSuggestions": [{"id": SUGGESTION}], "outcomeTimestamp": AT}
    return {name: value for name, value in (made | changes).items() if value is not ...}


def overridden(**changes: Any) -> Json:
    """A card was overridden."""
    return {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT} | changes


def kept(folder: Path) -> Json:
    """Settings of a service that keeps feedback in a file of its own."""
    return {"database_url": f"sqlite:///{folder / 'feedback.db'}"}


TAKEN = [
    pytest.param([accepted()], id="accepted"),
    pytest.param([accepted(acceptedSuggestions=[{"id": SUGGESTION}, {"id": CARD}])], id="several suggestions"),
    pytest.param([overridden()], id="overridden without a reason"),
    pytest.param([overridden(overrideReason={"reason": CODING})], id="a reason"),
    pytest.param([overridden(overrideReason={"reason": CODING, "userComment": "allergic"})], id="reason and comment"),
    pytest.param([overridden(overrideReason={"userComment": "allergic"})], id="a comment only"),
    pytest.param([overridden(overrideReason={"reason": {"code": "x", "system": "urn:own"}})], id="own code"),
    pytest.param([overridden(overrideReasons=[{"reason": CODING}])], id="overrideReasons, an array"),
    pytest.param([accepted(outcomeTimestamp="1985-04-12T23:20:50.52Z")], id="a fraction of a second"),
    pytest.param([accepted(extension={"com.example.x": 1}, future=[None])], id="unknown members"),
    pytest.param([accepted(), overridden(), accepted()], id="several, and one card twice"),
]


@shows("F1", "Feedback", Level.MAY, "{base}/cds-services/{id}/feedback takes an object with an array `feedback`.")
@shows("F2", "Suggestion accepted", Level.MUST, "Accepted suggestions are taken by card and suggestion uuid.")
@shows("F3", "Overridden guidance", Level.MUST, "An override is taken with and without a reason, coded or in words.")
@pytest.mark.parametrize("feedback", TAKEN)
async def test_feedback_is_taken(feedback: list[Json], tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        answer = await client.post(FEEDBACK, json={"feedback": feedback})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@shows("F4", "Suggestion accepted", Level.MUST, "The same feedback may come several times, alone or with other cards'.")
async def test_feedback_may_come_again(tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        answers = [await client.post(FEEDBACK, json={"feedback": [accepted()]}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


@shows("F5", "Feedback", Level.MUST, "The uuids of cards and suggestions that were given out come back here.")
async def test_feedback_on_a_card_of_this_service(tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        card = (await client.post(VIEW, json=view(prefetch=prefetch(level=120)))).json()["cards"][0]
        chosen = [{"id": suggestion["uuid"]} for suggestion in card["suggestions"]]
        answer = await client.post(
            FEEDBACK, json={"feedback": [accepted(card=card["uuid"], acceptedSuggestions=chosen)]}
        )
    assert answer.status_code == 200


REFUSED = [
    pytest.param({}, id="no feedback"),
    pytest.param({"feedback": []}, id="empty feedback"),
    pytest.param({"feedback": "x"}, id="feedback a text"),
    pytest.param({"feedback": [7]}, id="feedback of numbers"),
    pytest.param({"feedback": [accepted(card=...)]}, id="no card"),
    pytest.param({"feedback": [accepted(card=" ")]}, id="a blank card"),
    pytest.param({"feedback": [accepted(card=5)]}, id="a card that is no text"),
    pytest.param({"feedback": [accepted(outcome=...)]}, id="no outcome"),
    pytest.param({"feedback": [accepted(outcome="ignored")]}, id="an outcome nobody defined"),
    pytest.param({"feedback": [accepted(), accepted(outcome=None)]}, id="one good, one bad"),
]


@shows("F6", "Feedback", Level.MUST, "`card` and `outcome` (accepted or overridden) are required: without, 400.")
@pytest.mark.parametrize("body", REFUSED)
async def test_feedback_without_what_is_required_is_refused(body: Json, tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        answer = await client.post(FEEDBACK, json=body)
    assert answer.status_code == 400
    assert complaints(OUTCOME, answer.json()) == []
    assert issues(answer)[0]["expression"][0].startswith("feedback")


@shows("F7", "Feedback", Level.HOUSE, "Lenient reading: a timestamp that cannot be read does not lose the outcome.")
@pytest.mark.parametrize("at", [..., None, "", "yesterday", 7, "2026-01-15"])
async def test_an_odd_timestamp_loses_nothing(at: Any, tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        answer = await client.post(FEEDBACK, json={"feedback": [accepted(outcomeTimestamp=at)]})
    assert answer.status_code == 200


@shows("F8", "Feedback", Level.MUST, "Feedback belongs to a listed service; another id is not found.")
async def test_feedback_for_an_unknown_service(tmp_path: Path) -> None:
    async with service(**kept(tmp_path)) as client:
        answer = await client.post("/cds-services/none/feedback", json={"feedback": [accepted()]})
    assert answer.status_code == 404
    assert complaints(OUTCOME, answer.json()) == []


@shows("F9", "Cross-Origin Resource Sharing", Level.MUST, "Browsers may ask before sending it, and read refusals.")
async def test_browsers_may_send_feedback(tmp_path: Path) -> None:
    origin = {"Origin": "https://ehr.test"}
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    async with service(**kept(tmp_path)) as client:
        preflight = await client.options(FEEDBACK, headers=origin | asking)
        refused = await client.post(FEEDBACK, content=b"{", headers=origin)
    assert preflight.status_code == 200
    assert refused.status_code == 400
    assert {each.headers["access-control-allow-origin"] for each in (preflight, refused)} == {"*"}
