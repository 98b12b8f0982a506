"""The SMART app from launch to write-back, against an authorization server and a FHIR server that wants its token."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.hooks.service import NOW
from tests.web.smart_authorization import PRACTITIONER
from tests.web.smart_ehr import APP, FHIR, UNKNOWN_TIME, WRITE, action, chart, launched

if TYPE_CHECKING:
    from tests.web.smart_ehr import Json, Launched

EARLY = {"action": "enter", "earliest": "2026-01-15T03:00", "product": "immediate", "amount_g": "12"}


async def cards(it: Launched) -> list[Json]:
    """The cards of the hook call that the EHR makes for the launched patient."""
    call = {
        "hook": "patient-view",
        "hookInstance": "4e7cf7b8-3a7a-4c54-9b3b-0f7d7a3a2c11",
        "context": {"userId": PRACTITIONER, "patientId": UNKNOWN_TIME},
        "fhirServer": FHIR,
        "fhirAuthorization": {
            "access_token": it.ehr.server.tokens[0],
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "cds",
        },
    }
    answer = await it.browser.post(f"{APP}/cds-services/iv-nac-patient-view", json=call)
    found: list[Json] = answer.json()["cards"]
    return found


async def topics(it: Launched) -> list[str]:
    return [card["source"]["topic"]["code"] for card in await cards(it)]


async def test_an_ehr_launch_shows_the_chart_and_the_advice() -> None:
    async with launched() as it:
        page = await it.launch()
        assert page.status_code == 200, page.text
        assert str(page.url).startswith(f"{APP}/smart/app/")
        assert page.url.query == b""
        assert "Test, B9-Unknown-Time-Level-10" in page.text
        assert 'data-topic="indicated"' in page.text
        for part in ('class="nomogram"', 'class="timeline"', 'class="rules"'):
            assert part in page.text
        assert set(it.ehr.fhir_tokens) == set(it.ehr.server.tokens)


async def test_the_sign_in_asks_as_smart_has_it() -> None:
    async with launched() as it:
        await it.launch(iss=f"{FHIR}/")
        asked = it.ehr.authorized[0]
        assert asked["aud"] == f"{FHIR}/"
        assert asked["launch"] == "ehr-launch-1"
        assert asked["scope"] == "launch openid fhirUser patient/*.read"
        assert asked["redirect_uri"] == f"{APP}/smart/callback"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 32


async def test_a_standalone_launch_starts_from_the_list_of_servers_and_asks_for_a_patient() -> None:
    async with launched() as it:
        start = await it.browser.get(f"{APP}/smart/launch")
        assert f'href="/smart/launch?iss={FHIR.replace(":", "%3A")}"' in start.text
        page = await it.launch(launch=None)
        assert 'data-topic="indicated"' in page.text
        assert it.ehr.authorized[0]["scope"] == "launch/patient openid fhirUser patient/*.read"
        assert "launch" not in it.ehr.authorized[0]


async def test_a_confidential_client_proves_itself() -> None:
    async with launched(smart_client_secret="s" * 32) as it:
        assert (await it.launch()).status_code == 200


async def test_the_cookie_is_bound_to_this_host_and_hidden_from_scripts() -> None:
    async with launched() as it:
        answer = await it.browser.get(f"{APP}/smart/launch", params={"iss": FHIR, "launch": "x"})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-nac-app=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert answer.headers["cache-control"] == "no-store"


async def test_neither_page_cookie_nor_log_shows_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # as the service's own pool has it; the one of the tests is not that
        caplog.set_level(logging.WARNING, name)
    async with launched(smart_scopes=WRITE) as it:
        page = await it.launch()
        pages = [page, await it.post(page, **EARLY)]
        pages.append(await it.post(pages[-1], action=action(pages[-1], "review")))
        pages.append(await it.post(pages[-1], action=action(pages[-1], "write")))
        pages.append(await it.post(pages[-1], action="close"))
        (token,) = it.ehr.server.tokens
        for each in pages:
            for answer in (*each.history, each):
                assert token not in answer.text + str(answer.headers) + str(answer.url)
        told = caplog.text + " ".join(str(record.__dict__) for record in caplog.records)
        assert token not in told
        assert UNKNOWN_TIME not in told


async def test_an_entered_time_is_assessed_and_named_as_entered_here() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY)
        assert "Entered here, not in the chart" in page.text
        assert "Acetaminophen, 12 g, taken 03:00 UTC" in page.text
        assert "entered here, not in the chart)" in page.text
        assert 'data-topic="not-indicated"' in page.text  # 10 mg/L at 8 h, with normal transaminases
        assert "Other users and the EHR&#39;s cards do not know of it" in page.text
        assert it.store.all("MedicationStatement") == ()
        again = await it.post(page, action=action(page, "remove"))
        assert 'data-topic="indicated"' in again.text
        assert "Entered here" not in again.text


async def test_the_same_entry_sent_twice_counts_once_and_no_more_than_a_few_are_kept() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY)
        page = await it.post(page, **EARLY)
        assert "That was entered already; it is counted once." in page.text
        assert page.text.count("Entered here, not in the chart") == 1
        for grams in ("13", "14", "15", "16", "17"):
            page = await it.post(page, **EARLY | {"amount_g": grams})
        assert "there are 5 entries already" in page.text
        assert page.text.count("Entered here, not in the chart") == 5


async def test_a_refused_entry_says_why_at_its_field_and_keeps_what_was_typed() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY | {"earliest": "2026-01-15T13:00", "amount_g": "<b>"})
        assert page.status_code == 422
        assert "Must be not in the future" in page.text
        assert "Must be a number" in page.text
        assert 'value="&lt;b&gt;"' in page.text
        assert "Entered here" not in page.text


async def test_an_unrelated_chart_is_silent_in_words() -> None:
    unrelated = "unrelated-patient"
    async with launched(store=chart(unrelated)) as it:
        it.ehr.server.context["patient"] = unrelated
        page = await it.launch()
        assert "No advice: the chart tells of no acetaminophen exposure" in page.text
        assert "data-topic" not in page.text


async def test_an_interval_is_carried_as_an_interval() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY | {"latest": "2026-01-15T06:00"})
        assert "taken between 03:00 and 06:00 UTC" in page.text


async def test_an_entry_that_times_nothing_is_said_to_time_nothing() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY | {"amount_g": "1"})
        assert "it does not time the ingestion" in page.text
        assert 'data-topic="indicated"' in page.text


async def test_without_the_scope_nothing_can_be_written() -> None:
    async with launched() as it:
        page = await it.post(await it.launch(), **EARLY)
        assert "Write to the chart" not in page.text
        key = action(page, "remove").partition(":")[2]
        refused = await it.post(page, action=f"write:{key}")
        assert "Nothing was done." in refused.text
        assert it.store.all("MedicationStatement") == ()


@pytest.mark.parametrize("scope", ["patient/*.read", "patient/MedicationStatement.rs", "patient/Condition.write"])
async def test_a_scope_that_was_not_granted_is_not_used(scope: str) -> None:
    async with launched(smart_scopes=WRITE) as it:
        it.ehr.server.context["scope"] = f"launch openid {scope}"
        page = await it.post(await it.launch(), **EARLY)
        assert "review:" not in page.text


async def test_writing_is_confirmed_stored_once_and_read_back() -> None:
    async with launched(smart_scopes=WRITE) as it:
        page = await it.post(await it.launch(), **EARLY)
        review = await it.post(page, action=action(page, "review"))
        assert "Write this to the chart?" in review.text
        assert f"with {PRACTITIONER} as its source" in review.text
        assert it.store.all("MedicationStatement") == ()
        write = action(review, "write")
        done = await it.post(review, action=write)
        (stored,) = it.store.all("MedicationStatement")
        assert f"Written to the chart as MedicationStatement/{stored['id']}" in done.text
        assert f"In the chart as MedicationStatement/{stored['id']}" in done.text
        assert 'data-topic="not-indicated"' in done.text
        twice = await it.post(review, action=write)
        assert "in the chart already; nothing was written" in twice.text
        assert len(it.store.all("MedicationStatement")) == 1
        assert stored["effectiveDateTime"] == "2026-01-15T03:00:00+00:00"
        assert stored["informationSource"] == {"reference": PRACTITIONER}
        assert stored["subject"] == {"reference": f"Patient/{UNKNOWN_TIME}"}
        assert stored["medicationCodeableConcept"]["text"] == "Acetaminophen"
        assert it.ehr.conditions == [
            f"identifier={APP.replace(':', '%3A').replace('/', '%2F')}%2Fsmart%2Fapp%7C" + write[6:]
        ]


async def test_the_service_reads_what_was_written_with_the_next_call() -> None:
    async with launched(smart_scopes=WRITE) as it:
        page = await it.launch()
        assert await topics(it) == ["indicated"]
        page = await it.post(page, **EARLY)
        page = await it.post(page, action=action(page, "review"))
        await it.post(page, action=action(page, "write"))
        assert await topics(it) == ["not-indicated"]


async def test_cards_offer_the_app_beside_the_nomogram_only_where_it_is_on() -> None:
    async with launched() as it:
        await it.launch()
        (card,) = await cards(it)
        assert [link["type"] for link in card["links"][:2]] == ["absolute", "smart"]
        assert card["links"][1] == {
            "label": "Open in the IV NAC app",
            "url": f"{APP}/smart/launch",
            "type": "smart",
        }
    async with launched(smart_client_id="") as it:
        for path in ("/smart/launch", "/smart/callback", "/smart/app/x"):
            assert (await it.browser.get(f"{APP}{path}")).status_code == 404


async def test_two_patients_in_two_tabs_stay_two() -> None:
    other = "b3-below-line-8h-normal-alt"
    async with launched(store=chart(UNKNOWN_TIME, other)) as it:
        first = await it.launch()
        it.ehr.server.context["patient"] = other
        second = await it.launch()
        again = await it.browser.get(str(first.url))
        assert "B9-Unknown-Time" in again.text
        assert "B9-Unknown-Time" not in second.text
        entered = await it.post(second, **EARLY)
        assert "Entered here" in entered.text
        assert "Entered here" not in (await it.browser.get(str(first.url))).text


async def test_a_session_ends_with_its_token_and_when_closed() -> None:
    now = [NOW]
    async with launched(clock=lambda: now[0]) as it:
        it.ehr.server.context["expires_in"] = 600
        page = await it.launch()
        now[0] += timedelta(seconds=599)
        assert (await it.browser.get(str(page.url))).status_code == 200
        now[0] += timedelta(seconds=1)
        assert (await it.browser.get(str(page.url))).status_code == 401
        page = await it.launch()
        closed = await it.post(page, action="close")
        assert "The session is closed" in closed.text
        assert (await it.browser.get(str(page.url))).status_code == 401
