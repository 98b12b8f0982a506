"""What strangers and broken servers try on the SMART app, and what they get: no session, no token, no write."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from tests.builders import APAP_500_TABLET, APAP_LEVEL, Amount, medication_statement, observation, patient
from tests.hooks.service import NOW
from tests.web.smart_ehr import APP, EHR, FHIR, UNKNOWN_TIME, WRITE, action, chart, form_token, launched, query_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.web.smart_ehr import Json, Launched

STRANGER = "https://stranger.test"
LAUNCH, CALLBACK = f"{APP}/smart/launch", f"{APP}/smart/callback"
ENTER = {"action": "enter", "earliest": "2026-01-15T03:00", "product": "immediate", "amount_g": "12"}


def is_quiet(answer: httpx.Response) -> bool:
    """Whether an answer sends the browser nowhere, and repeats nothing of what strangers wrote."""
    return "location" not in answer.headers and "stranger" not in answer.text and "<script>" not in answer.text


REFUSED_LAUNCHES = [
    ({"launch": "x"}, 403),
    ({"iss": "", "launch": "x"}, 403),
    ({"iss": f"{STRANGER}/fhir", "launch": "x"}, 403),
    ({"iss": f"{FHIR}x", "launch": "x"}, 403),
    ({"iss": f"{FHIR}/tenant", "launch": "x"}, 403),
    ({"iss": f"{FHIR}/../other", "launch": "x"}, 403),
    ({"iss": f"{FHIR}?x={STRANGER}", "launch": "x"}, 403),
    ({"iss": "https://ehr.test@stranger.test/fhir", "launch": "x"}, 403),
    ({"iss": "https://ehr.test\\@stranger.test/fhir", "launch": "x"}, 403),
    ({"iss": "http://ehr.test/fhir", "launch": "x"}, 403),
    ({"iss": "javascript:alert(1)//stranger", "launch": "x"}, 403),
    ({"iss": "<script>alert(1)</script>", "launch": "x"}, 403),
    ({"iss": FHIR, "launch": ""}, 400),
    ({"iss": FHIR, "launch": "x" * 4097}, 400),
    ([("iss", FHIR), ("iss", f"{STRANGER}/fhir"), ("launch", "x")], 403),
]


@pytest.mark.parametrize(("query", "status"), REFUSED_LAUNCHES)
async def test_only_servers_of_the_site_may_launch(query: Any, status: int) -> None:
    async with launched() as it:
        answer = await it.browser.get(LAUNCH, params=query)
        assert answer.status_code == status
        assert is_quiet(answer)
        assert it.ehr.authorized == []


async def test_only_the_listed_issuers_may_launch() -> None:
    async with launched(
        allowed_fhir_servers=(FHIR, "https://other.test/fhir"), smart_issuers=("https://other.test/fhir",)
    ) as it:
        assert (await it.browser.get(LAUNCH, params={"iss": FHIR, "launch": "x"})).status_code == 403


REFUSED_CONFIGURATIONS: list[Json] = [
    {"authorization_endpoint": ...},
    {"token_endpoint": ...},
    {"token_endpoint": 7},
    {"authorization_endpoint": "http://ehr.test/auth/authorize"},
    {"token_endpoint": "http://ehr.test/auth/token"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"authorization_endpoint": f"{EHR}/auth/authorize#fragment"},
    {"authorization_endpoint": f"{EHR}/auth/authorize?x=1\\stranger"},
    {"code_challenge_methods_supported": ["plain"]},
]


@pytest.mark.parametrize("configuration", REFUSED_CONFIGURATIONS)
async def test_nobody_is_sent_to_sign_in_at_an_unsafe_place(configuration: Json) -> None:
    async with launched() as it:
        it.ehr.configuration = configuration
        answer = await it.browser.get(LAUNCH, params={"iss": FHIR, "launch": "x"})
        assert answer.status_code == 502
        assert is_quiet(answer)


async def started(it: Launched) -> dict[str, str]:
    """The parameters of the way back to the app after a granted sign-in that was not followed yet."""
    sent = await it.browser.get(LAUNCH, params={"iss": FHIR, "launch": "x"})
    back = await it.browser.get(sent.headers["location"])
    assert back.headers["location"].startswith(f"{CALLBACK}?")
    return query_of(back.headers["location"])


def tampered(query: dict[str, str]) -> list[Any]:
    """Ways back that the app must refuse."""
    return [
        {"code": query["code"]},
        query | {"state": ""},
        query | {"state": query["state"][:-1] + ("A" if query["state"][-1] != "A" else "B")},
        query | {"state": "é"},
        [*query.items(), ("state", "other")],
    ]


async def test_a_way_back_without_the_right_state_is_refused_and_leaves_the_right_one_usable() -> None:
    async with launched() as it:
        query = await started(it)
        for wrong in tampered(query):
            answer = await it.browser.get(CALLBACK, params=wrong)
            assert answer.status_code == 400
            assert is_quiet(answer)
        assert it.ehr.server.tokens == []
        assert (await it.browser.get(CALLBACK, params=query)).status_code == 303


async def test_a_way_back_in_another_browser_is_refused() -> None:
    async with launched() as it, it.another_browser() as other:
        query = await started(it)
        assert (await other.get(CALLBACK, params=query)).status_code == 400
        await other.get(LAUNCH, params={"iss": FHIR, "launch": "x"})
        assert (await other.get(CALLBACK, params=query)).status_code == 400
        assert it.ehr.server.tokens == []


async def test_a_way_back_is_good_once() -> None:
    async with launched() as it:
        query = await started(it)
        assert (await it.browser.get(CALLBACK, params=query)).status_code == 303
        assert (await it.browser.get(CALLBACK, params=query)).status_code == 400


async def test_a_code_of_an_earlier_sign_in_is_refused_by_the_server() -> None:
    async with launched() as it:
        first = await started(it)
        await it.browser.get(CALLBACK, params=first)
        second = await started(it)
        answer = await it.browser.get(CALLBACK, params=second | {"code": first["code"]})
        assert answer.status_code == 502
        assert "expired or was used already" in answer.text


async def test_a_stolen_code_is_worthless_without_the_verifier() -> None:
    async with launched() as it, it.another_browser() as thief:
        victim = await started(it)
        sent = await thief.get(LAUNCH, params={"iss": FHIR, "launch": "x"})
        own = query_of(sent.headers["location"])["state"]
        answer = await thief.get(CALLBACK, params={"code": victim["code"], "state": own})
        assert answer.status_code == 502
        assert it.ehr.server.tokens == []


async def test_a_sign_in_that_took_too_long_is_refused() -> None:
    now = [NOW]
    async with launched(clock=lambda: now[0]) as it:
        query = await started(it)
        now[0] += timedelta(minutes=10)
        assert (await it.browser.get(CALLBACK, params=query)).status_code == 400


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"error": "access_denied", "error_description": "<script>stranger</script>"}, "access was denied"),
        ({"error": "<script>stranger</script>"}, "refused without a reason"),
        ({"error": "server_error"}, "the authorization server failed"),
        ({}, "no code"),
        ({"code": "x", "iss": "https://stranger.test"}, "from another server"),
    ],
)
async def test_a_sign_in_that_failed_is_told_in_our_own_words(told: dict[str, str], words: str) -> None:
    async with launched() as it:
        query = await started(it)
        answer = await it.browser.get(CALLBACK, params={"state": query["state"]} | told)
        assert answer.status_code in {400, 403}
        assert words in answer.text
        assert is_quiet(answer)
        assert (await it.browser.get(CALLBACK, params=query)).status_code == 400


async def test_a_denied_sign_in_is_told() -> None:
    async with launched() as it:
        it.ehr.is_granted = False
        assert "access was denied" in (await it.launch()).text


async def slow() -> Response:
    await asyncio.sleep(30)
    return JSONResponse({})


def answering(response: Callable[[], Response]) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return response()

    return answer


GOOD = {"access_token": "t" * 20, "token_type": "Bearer", "patient": UNKNOWN_TIME, "scope": "patient/*.read"}
TOKEN_ANSWERS = [
    pytest.param(slow, "did not answer in time", id="slow"),
    *(
        pytest.param(answering(lambda made=made: made), words, id=name)  # type: ignore[misc]
        for name, made, words in [
            ("500", PlainTextResponse("stranger", 500), "answered 500"),
            ("html", PlainTextResponse("<script>stranger</script>"), "no access token"),
            ("a-list", JSONResponse([1]), "no access token"),
            ("redirect", RedirectResponse(f"{STRANGER}/token"), "answered 307"),
            ("huge", PlainTextResponse("x" * 300_000), "too large"),
            ("invalid-client", JSONResponse({"error": "invalid_client"}, 401), "not known to the server"),
            ("no-token", JSONResponse(GOOD | {"access_token": ""}), "no access token"),
            ("token-with-line-break", JSONResponse(GOOD | {"access_token": "a\r\nX: y"}), "no access token"),
            ("another-type", JSONResponse(GOOD | {"token_type": "mac"}), "no access token"),
            ("no-patient", JSONResponse(GOOD | {"patient": None}), "which patient"),
            ("patient-with-path", JSONResponse(GOOD | {"patient": "../Group/1"}), "which patient"),
            ("patient-with-query", JSONResponse(GOOD | {"patient": "1?_include=*"}), "which patient"),
            ("forged-identity", JSONResponse(GOOD | {"id_token": "e30.e30.e30"}), "does not verify"),
        ]
    ),
]


@pytest.mark.parametrize(("answer", "words"), TOKEN_ANSWERS)
async def test_a_token_answer_that_cannot_be_used_opens_no_session(
    answer: Callable[[], Awaitable[Response]], words: str
) -> None:
    async with launched(fhir_timeout_seconds=0.2) as it:
        it.ehr.token_answer = answer
        page = await it.launch()
        assert page.status_code == 502
        assert words in page.text
        assert is_quiet(page)
        assert it.ehr.fhir_tokens == []


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://stranger.test"},
        {"aud": "another-app"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": int(NOW.timestamp()) - 120},
    ],
)
async def test_an_identity_token_for_someone_or_something_else_ends_the_launch(claims: Json) -> None:
    async with launched() as it:
        it.ehr.server.claims = claims
        page = await it.launch()
        assert page.status_code == 502
        assert "identity token does not verify" in page.text


async def test_an_identity_token_of_a_foreign_key_ends_the_launch() -> None:
    async with launched() as it:
        it.ehr.server.key = ECKey.generate_key("P-384", {"kid": "ehr-1"})
        assert "identity token does not verify" in (await it.launch()).text


@pytest.mark.parametrize(
    ("user", "source"),
    [
        (f"{FHIR}/Practitioner/dr-2", "Practitioner/dr-2"),
        (f"{STRANGER}/fhir/Practitioner/dr-2", None),
        ("Person/dr-2", None),
        ("<script>alert(1)</script>", None),
        (None, None),
    ],
)
async def test_only_a_user_of_the_same_server_becomes_the_source_of_an_entry(
    user: str | None, source: str | None
) -> None:
    async with launched(smart_scopes=WRITE) as it:
        it.ehr.server.claims = {"fhirUser": user}
        page = await it.post(await it.launch(), **ENTER)
        page = await it.post(page, action=action(page, "review"))
        assert is_quiet(page)
        await it.post(page, action=action(page, "write"))
        (stored,) = it.store.all("MedicationStatement")
        assert stored.get("informationSource") == (None if source is None else {"reference": source})


async def test_a_tampered_or_foreign_cookie_opens_nothing() -> None:
    async with launched() as it, it.another_browser() as other:
        page = await it.launch()
        assert (await other.get(str(page.url))).status_code == 401
        await other.get(LAUNCH, params={"iss": FHIR, "launch": "x"})
        assert (await other.get(str(page.url))).status_code == 401
        (value,) = it.browser.cookies.values()
        for wrong in (f"x{value}", f"{value[:5]}{value[6:]}", value.rpartition(".")[0], "é", ".", ""):
            header = [(b"Cookie", f"__Host-nac-app={wrong}".encode())]
            assert (await other.get(str(page.url), headers=header)).status_code == 401


async def test_a_form_without_its_token_changes_nothing() -> None:
    async with launched(smart_scopes=WRITE) as it:
        page = await it.launch()
        another = await it.launch()
        for token in ("", "x", "é", form_token(another)):
            answer = await it.post(page, **ENTER, form_token=token)
            assert answer.status_code == 403
        assert "Entered here" not in (await it.browser.get(str(page.url))).text


async def test_a_form_without_a_session_or_too_large_changes_nothing() -> None:
    async with launched() as it:
        page = await it.launch()
        assert (await it.browser.post(f"{APP}/smart/app/x", data=ENTER)).status_code == 401
        assert (await it.post(page, **ENTER, filler="x" * 9000)).status_code == 413


async def test_a_token_that_the_server_no_longer_takes_is_told_and_is_not_called_normal() -> None:
    async with launched() as it:
        page = await it.launch()
        it.ehr.revoked.update(it.ehr.server.tokens)
        again = await it.browser.get(str(page.url))
        assert again.status_code == 200
        assert "No advice: data that the decision needs could not be had." in again.text
        assert "the server answered 401" in again.text
        assert "data-topic" not in again.text


async def test_another_patient_in_the_answers_is_never_shown() -> None:
    other = "somebody-else"
    store = chart(UNKNOWN_TIME)
    level = observation("foreign", UNKNOWN_TIME, APAP_LEVEL, value=Amount(400, "mg/L", "mg/L"), at=NOW)
    store.put(
        level | {"subject": {"reference": f"Patient/{other}"}, "patient": {"reference": f"Patient/{UNKNOWN_TIME}"}}
    )
    async with launched(store=store) as it:
        page = await it.launch()
        assert "400 mg/L" not in page.text
        assert "Observation/foreign" not in page.text.partition('id="timeline-table"')[2].partition("</figure>")[0]
        assert "does not belong to this patient was left out (Observation/foreign)" in page.text


async def test_chart_texts_are_shown_as_text() -> None:
    store = chart(UNKNOWN_TIME)
    attack = "<script>alert('x')</script>"
    store.put(patient(UNKNOWN_TIME, name=attack, birth_date="1990-05-14"))
    drug = medication_statement("drug", UNKNOWN_TIME, APAP_500_TABLET, at=NOW - timedelta(hours=5))
    drug["medicationCodeableConcept"]["text"] = f"acetaminophen {attack}"
    store.put(drug)
    async with launched(store=store) as it:
        page = await it.launch()
        assert "&lt;script&gt;alert" in page.text
        assert "<script>" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


WRITE_FAILURES = [
    (403, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]},
     "Not written to the chart: the server answered 403: the server answered with an error report (forbidden)."),
    (422, "<script>stranger</script>", "Not written to the chart: the server answered 422."),
    (500, {}, "Not written to the chart: the server answered 500."),
    (412, {}, "Not written to the chart: the server answered 412."),
    (302, {}, "Not written to the chart: the server pointed elsewhere (302), which is not followed."),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "words"), WRITE_FAILURES)
async def test_a_refused_write_is_told_plainly_and_can_be_tried_again(status: int, body: object, words: str) -> None:
    async with launched(smart_scopes=WRITE) as it:
        fhir = it.ehr.fhir

        async def refusing(scope: Any, receive: Any, send: Any) -> None:
            headers = {"Location": f"{STRANGER}/x"} if status == 302 else {}
            app = JSONResponse(body, status, headers) if scope["method"] == "POST" else fhir
            await app(scope, receive, send)

        it.ehr.fhir = refusing
        page = await it.post(await it.launch(), **ENTER)
        page = await it.post(page, action=action(page, "review"))
        write = action(page, "write")
        failed = await it.post(page, action=write)
        assert words in failed.text
        assert "Entered here, not in the chart" in failed.text
        assert is_quiet(failed)
        it.ehr.fhir = fhir
        done = await it.post(failed, action=write)
        assert "In the chart as MedicationStatement/" in done.text


async def test_a_write_whose_answer_got_lost_is_read_back_and_not_doubled() -> None:
    async with launched(smart_scopes=WRITE, fhir_timeout_seconds=0.5) as it:
        fhir = it.ehr.fhir

        async def forgetful(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] != "POST":
                await fhir(scope, receive, send)
                return

            async def nobody(_: Any) -> None:
                """The answer gets lost."""

            await fhir(scope, receive, nobody)
            await asyncio.sleep(30)

        it.ehr.fhir = forgetful
        page = await it.post(await it.launch(), **ENTER)
        page = await it.post(page, action=action(page, "review"))
        write = action(page, "write")
        lost = await it.post(page, action=write)
        assert "It is not known whether the entry was stored" in lost.text
        assert len(it.store.all("MedicationStatement")) == 1
        it.ehr.fhir = fhir
        again = await it.post(page, action=write)
        assert "Written to the chart" in again.text
        assert len(it.store.all("MedicationStatement")) == 1


async def test_two_confirmations_at_once_write_once() -> None:
    async with launched(smart_scopes=WRITE) as it:
        page = await it.post(await it.launch(), **ENTER)
        page = await it.post(page, action=action(page, "review"))
        write = action(page, "write")
        await asyncio.gather(*(it.post(page, action=write) for _ in range(4)))
        assert len(it.ehr.conditions) == 1
        assert len(it.store.all("MedicationStatement")) == 1


async def test_an_entry_removed_while_it_is_being_written_is_shown_as_written() -> None:
    async with launched(smart_scopes=WRITE) as it:
        fhir, arrived, removed = it.ehr.fhir, asyncio.Event(), asyncio.Event()

        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "POST":
                arrived.set()
                await removed.wait()
            await fhir(scope, receive, send)

        it.ehr.fhir = waiting
        page = await it.post(await it.launch(), **ENTER)
        review = await it.post(page, action=action(page, "review"))
        writing = asyncio.create_task(it.post(review, action=action(review, "write")))
        await arrived.wait()
        assert "Entered here" not in (await it.post(page, action=action(page, "remove"))).text
        removed.set()
        assert "In the chart as MedicationStatement/" in (await writing).text
