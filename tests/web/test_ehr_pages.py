"""The mini EHR from outside: charts, orders, cards, suggestions, overrides, and the case watched through time."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.web.ehr import BASE, Person, person

if TYPE_CHECKING:
    from pathlib import Path

ABOVE = "/ehr/b1-above-line-8h"


async def test_the_list_leads_to_every_fixture() -> None:
    async with person() as someone:
        await someone.open("/")
    links = set(re.findall(r'href="/ehr/([^"]+)"', someone.page.text))
    assert len(links) > 150
    assert {"b1-above-line-8h", "unrelated-patient", "rsi-level-20-treat"} <= links


@pytest.mark.parametrize(
    ("slug", "topics", "words"),
    [
        ("b1-above-line-8h", ["indicated"], "above the treatment line"),
        ("b3-below-line-8h-normal-alt", ["not-indicated"], "below"),
        ("unrelated-patient", [], "No card: outside the population."),
        ("nac-running-continue", ["continue"], "running"),
    ],
)
async def test_opening_a_chart_fires_patient_view(slug: str, topics: list[str], words: str) -> None:
    async with person() as someone:
        await someone.open(f"/ehr/{slug}")
    assert someone.page.status_code == 200
    assert someone.topics == topics
    assert words in someone.page.text
    assert someone.visit["last"]["hook"] == "patient-view"
    assert "prefetch" not in someone.visit["last"]["request"]
    assert someone.visit["last"]["timings_ms"]
    assert "fhir.levels" in someone.page.text


@pytest.mark.parametrize("typed", ["b1-above-line-8h", "  b1-above-line-8h "])
async def test_a_patient_is_opened_by_name(typed: str) -> None:
    async with person() as someone:
        someone.page = await someone.client.post("/ehr/open", data={"patient": typed})
    assert someone.topics == ["indicated"]


@pytest.mark.parametrize("typed", ["", "nobody", "../../etc", "<script>alert(1)</script>", "x" * 5000])
async def test_an_unknown_patient_is_refused_in_words(typed: str) -> None:
    async with person() as someone:
        posted = await someone.client.post("/ehr/open", data={"patient": typed})
        await someone.open("/ehr/<script>alert(1)<")
    assert posted.status_code == someone.page.status_code == 404
    assert "There is no such" in posted.text
    assert "<script>alert" not in posted.text + someone.page.text


async def ordered(someone: Person, order: str, slug: str = ABOVE, **edits: str) -> Person:
    await someone.open(slug)
    return await someone.press("order", order=order, **edits)


async def test_the_right_bags_are_drafted_selected_and_signed() -> None:
    async with person() as someone:
        await ordered(someone, "three-bag")
        assert someone.drafts == ["draft-1", "draft-2", "draft-3"]
        assert someone.visit["last"]["hook"] == "order-select"
        assert "dose-check" not in someone.topics
        selected = someone.visit["last"]["request"]["context"]["selections"]
        assert selected == [f"MedicationRequest/draft-{n}" for n in (1, 2, 3)]
        await someone.press("select", selected=["draft-2"])
        assert someone.visit["last"]["request"]["context"]["selections"] == ["MedicationRequest/draft-2"]
        await someone.press("sign")
        assert someone.visit["last"]["hook"] == "order-sign"
        assert "selections" not in someone.visit["last"]["request"]["context"]
        assert "dose-check" not in someone.topics


async def test_a_tenfold_dose_is_noticed_and_put_right() -> None:
    async with person() as someone:
        await ordered(someone, "iv-nac", dose="105000", duration_h="1")
        (check,) = (card for card in someone.cards if card["source"]["topic"]["code"] == "dose-check")
        assert "ten times" in check["summary"]
        (correction,) = check["suggestions"]
        await someone.press(f"accept:{check['uuid']}:{correction['uuid']}")
        assert someone.told[0] == f"Accepted: {correction['label']}"
        assert all(note.startswith("Feedback was not stored: HTTP ") for note in someone.told[1:])
        doses = [
            draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]
            for draft in someone.visit["drafts"]
        ]
        assert doses == [10_500.0]
        assert "dose-check" not in someone.topics


async def test_a_caution_deletes_the_draft_it_is_about() -> None:
    async with person() as someone:
        await ordered(someone, "iv-nac", "/ehr/e1-copd-eligible-for-oral-nac")
        (caution,) = someone.cards
        assert caution["source"]["topic"]["code"] == "caution"
        removal = caution["suggestions"][0]
        await someone.press(f"accept:{caution['uuid']}:{removal['uuid']}")
    words = [draft["medicationCodeableConcept"]["text"] for draft in someone.visit["drafts"]]
    assert all("injection" not in text.lower() for text in words)


async def test_an_overridden_card_is_gone_and_the_page_says_what_became_of_the_reason() -> None:
    async with person() as someone:
        await someone.open(ABOVE)
        (card,) = someone.cards
        await someone.press(
            f"override:{card['uuid']}",
            **{f"reason-{card['uuid']}": "need-more-info", f"comment-{card['uuid']}": "later"},
        )
    assert someone.topics == []
    (told,) = someone.told
    assert told == "Overridden; the reason is stored." or told.startswith("Overridden; feedback was not stored: HTTP ")


async def test_feedback_is_kept_where_there_is_a_store(tmp_path: Path) -> None:
    async with person(database_url=f"sqlite:///{tmp_path}/feedback.db") as someone:
        await someone.open(ABOVE)
        (card,) = someone.cards
        (draft, *_) = card["suggestions"]
        await someone.press(f"accept:{card['uuid']}:{draft['uuid']}")
        accepted = someone.told
        card = someone.cards[0]
        await someone.press(f"override:{card['uuid']}", **{f"reason-{card['uuid']}": "expert-contradicts"})
    assert accepted == [f"Accepted: {draft['label']}"]
    assert someone.told == ["Overridden; the reason is stored."]


@pytest.mark.parametrize("action", ["override:gone", "accept:gone:gone", "accept:", "override:", "accept:a"])
async def test_a_card_that_is_gone_is_said_to_be_gone(action: str) -> None:
    async with person() as someone:
        await (await someone.open(ABOVE)).press(action)
    assert someone.told in (
        ["That card is not shown any more."],
        ["That suggestion is not among the cards any more."],
    )


async def test_a_draft_is_removed() -> None:
    async with person() as someone:
        await ordered(someone, "three-bag")
        await someone.press("remove:draft-2")
    assert someone.drafts == ["draft-1", "draft-3"]
    assert someone.told == ["Draft removed."]


async def test_nothing_selected_and_nothing_drafted_is_quiet() -> None:
    async with person() as someone:
        await (await someone.open(ABOVE)).press("sign")
        assert someone.visit["last"]["hook"] == "patient-view"
        await ordered(someone, "level")
        await someone.press("select", selected=[])
    assert someone.page.status_code == 200
    assert someone.visit["last"]["request"]["context"]["selections"] == []


async def test_an_order_without_a_usable_weight_says_so() -> None:
    async with person() as someone:
        await ordered(someone, "three-bag", "/ehr/weight-missing-no-dose")
    assert someone.told[0].startswith("Drafted without numbers: ")


# b1-above-line-8h: overdose at 03:00, recorded at 11:45; 120 mg/L drawn at 11:00, issued at 11:40; anchor 12:00.
@pytest.mark.parametrize(
    ("minutes", "topics", "words"),
    [
        ("0", ["indicated"], "120 mg/L at 8.0 h is above the treatment line"),
        ("-15", ["indicated"], "120 mg/L at 8.0 h is above the treatment line"),
        ("-30", [], "No card: outside the population."),
        ("60", ["indicated"], "13:00 UTC, 15 Jan 2026"),
    ],
)
async def test_the_slider_shows_the_advice_of_that_moment(minutes: str, topics: list[str], words: str) -> None:
    async with person() as someone:
        await (await someone.open(ABOVE)).press("again", minutes=minutes)
    assert someone.topics == topics
    assert words in someone.page.text


@pytest.mark.parametrize(
    ("minutes", "stands_at"),
    [("99999", 1440), ("-99999", None), ("--5", 0), ("", 0), ("1e3", 0), ("9" * 40, 0), ("\u0663", 0), ("5.5", 0)],
)
async def test_the_slider_stays_within_the_case(minutes: str, stands_at: int | None) -> None:
    async with person() as someone:
        await (await someone.open(ABOVE)).press("again", minutes=minutes)
    assert someone.page.status_code == 200
    at = someone.visit["minutes"]
    assert at == stands_at if stands_at is not None else -36 * 60 - 15 <= at < 0


async def test_an_order_is_looked_at_again_when_time_moves() -> None:
    async with person() as someone:
        await ordered(someone, "iv-nac")
        await someone.press("again", minutes="30")
    assert someone.visit["last"]["hook"] == "order-select"
    assert someone.visit["minutes"] == 30


async def test_the_link_on_a_card_opens_its_nomogram() -> None:
    """Also of a case watched at an instant long past, by the application that shows it."""
    async with person() as someone:
        await someone.open(ABOVE)
        (link,) = (link for card in someone.cards for link in card["links"] if "/nomogram/" in link["url"])
        assert link["url"].startswith(f"{BASE}/nomogram/")
        await someone.open(link["url"])
    assert someone.page.status_code == 200
    assert "120 mg/L" in someone.page.text
    assert "b1-above-line-8h" not in someone.page.text


async def test_a_stale_link_says_so() -> None:
    async with person() as someone:
        await someone.open("/nomogram/gAAAAABo")
    assert someone.page.status_code == 410
    assert "This link has expired or was changed." in someone.page.text


@pytest.mark.parametrize(
    "visit",
    ["", "{", "[]", '{"patient": "b1-above-line-8h"}', '{"patient": "b1-above-line-8h", "source": "x"}'],
)
async def test_a_form_that_is_no_visit_is_refused(visit: str) -> None:
    async with person() as someone:
        answer = await someone.client.post("/ehr", data={"visit": visit, "action": "again"})
    assert answer.status_code == 400
    assert "could not be read" in answer.text


@pytest.mark.parametrize("patient", ["nobody", "../x", "1' OR 1"])
@pytest.mark.parametrize("source", ["fixture", "server"])
async def test_a_visit_of_a_patient_who_is_not_here_is_refused(patient: str, source: str) -> None:
    visit = orjson.dumps({"patient": patient, "source": source}).decode()
    async with person() as someone:
        answer = await someone.client.post("/ehr", data={"visit": visit, "action": "again"})
    assert answer.status_code == 404


HOSTILE: list[Any] = [5, None, "<script>alert(1)</script>", [], {"a": 1}, [[{}], 5, -1e300, True]]


@pytest.mark.parametrize("path", [
    ("minutes",), ("drafts",), ("selected",), ("serial",), ("last",), ("last", "answer"), ("last", "request"),
    ("last", "answer", "cards"), ("last", "timings_ms"), ("last", "hook"), ("last", "service"), ("last", "status"),
    ("last", "answer", "cards", 0), ("last", "answer", "cards", 0, "suggestions"),
    ("last", "answer", "cards", 0, "links"), ("last", "answer", "cards", 0, "source"),
    ("last", "answer", "cards", 0, "indicator"), ("last", "answer", "cards", 0, "detail"),
    ("last", "answer", "cards", 0, "overrideReasons"), ("drafts", 0), ("drafts", 0, "medicationCodeableConcept"),
    ("drafts", 0, "dosageInstruction"), ("drafts", 0, "subject"), ("drafts", 0, "id"),
])  # fmt: skip
async def test_a_tampered_visit_is_shown_refused_or_answered_but_breaks_nothing(path: tuple[Any, ...]) -> None:
    actions = ("remove:none", "accept:c1:s1") if path[0] == "last" else ("again",)
    async with person() as someone:
        for value, action in product(HOSTILE, actions):
            data = {"visit": tampered(path, value), "action": action, "selected": "draft-1"}
            answer = await someone.client.post("/ehr", data=data)
            assert answer.status_code in {200, 400}, (value, action)
            assert "<script>alert" not in answer.text


def tampered(path: tuple[Any, ...], value: Any) -> str:
    """The visit with one member replaced."""
    visit = orjson.loads(TAMPERED)
    node = visit
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return orjson.dumps(visit).decode()


TAMPERED = orjson.dumps(
    {
        "patient": "unrelated-patient",
        "source": "fixture",
        "minutes": 0,
        "serial": 1,
        "selected": ["draft-1"],
        "drafts": [
            {
                "resourceType": "MedicationRequest",
                "id": "draft-1",
                "status": "draft",
                "medicationCodeableConcept": {"text": "amoxicillin"},
                "dosageInstruction": [{"text": "once"}],
                "subject": {"reference": "Patient/unrelated-patient"},
            }
        ],
        "last": {
            "hook": "order-select",
            "service": "iv-nac-order-select",
            "request": {},
            "status": 200,
            "timings_ms": [["gather", 1.0]],
            "answer": {
                "cards": [
                    {
                        "uuid": "c1",
                        "summary": "s",
                        "indicator": "info",
                        "detail": "d",
                        "source": {"label": "l", "topic": {"code": "t", "display": "d"}},
                        "links": [{"label": "l", "url": "https://x.example/"}],
                        "suggestions": [
                            {
                                "uuid": "s1",
                                "label": "l",
                                "actions": [{"type": "create", "resource": {"resourceType": "Task"}}],
                            }
                        ],
                        "overrideReasons": [{"code": "c", "system": "s", "display": "d"}],
                    }
                ]
            },
        },
    }
)


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 3 * 1024 * 1024])
async def test_a_form_that_is_too_large_is_refused(size: int) -> None:
    async with person() as someone:
        whole = await someone.client.post("/ehr", data={"visit": "x" * size})
        calculator = await someone.client.post("/nomogram", data={"level": "1" * size})
    assert (whole.status_code, calculator.status_code) == (400, 413)


async def test_the_calculator_answers_in_words() -> None:
    async with person() as someone:
        good = await someone.client.post("/nomogram", data={"level": "182", "hours_from": "8", "weight": "70"})
        bad = await someone.client.post("/nomogram", data={"level": '"><script>alert(1)</script>'})
    assert good.status_code == 200
    assert "182 mg/L at 8.0 h is above the treatment line (75)" in good.text
    assert "10,500 mg" in good.text
    assert bad.status_code == 422
    assert "Not calculated: 1 entry needs another look." in bad.text
    assert "<script>alert" not in bad.text


async def test_an_unreachable_server_is_a_failure_not_an_empty_answer() -> None:
    async with person(default_fhir_server="http://127.0.0.1:1/fhir") as someone:
        someone.page = await someone.client.post("/ehr/open", data={"patient": "someone"})
    assert "The service gave no recommendation (HTTP 412)" in someone.page.text
    assert "No card" not in someone.page.text
