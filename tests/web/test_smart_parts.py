"""The parts of the SMART app by themselves: entries, scopes, lifetimes and sessions, at and around their limits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B.medicationstatement import MedicationStatement

from cds_service.clinical.facts import ExposureKind
from cds_service.clinical.quantity import Span
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.servers import FhirServer
from cds_service.records import StoreUnavailableError
from cds_service.shelf import MemoryShelf
from cds_service.web.entry import EntryError
from cds_service.web.smart_entry import IngestionForm, Teller, entry_from, form_from
from cds_service.web.smart_http import JsonAnswer, LaunchError, is_safe_endpoint
from cds_service.web.smart_oauth import (
    Launch,
    SmartConfiguration,
    error_words,
    grant_from,
    permits_create,
    scopes_of_launch,
)
from cds_service.web.smart_sessions import Session, SmartSessions
from tests.hooks.service import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.shelf import Note, Shelf
    from cds_service.web.smart_entry import Entered

SECRET = "s" * 32
NEW_YORK = ZoneInfo("America/New_York")
TELLER = Teller("p1", "Practitioner/1", "https://app.test/smart/app")
HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def form(**changes: str) -> IngestionForm:
    return form_from({"earliest": "2026-01-15T06:00", "amount_g": "12,5"} | changes)


TIMES = [
    ("2026-01-15T06:00", "", UTC, Span.at(utc(2026, 1, 15, 6))),
    ("2026-01-15T06:00", "2026-01-15T06:00", UTC, Span.at(utc(2026, 1, 15, 6))),
    ("2026-01-15T06:00:30", "", UTC, Span.at(utc(2026, 1, 15, 6, 0, 30))),
    ("2026-01-15T06:00", "2026-01-15T08:30", UTC, Span(utc(2026, 1, 15, 6), utc(2026, 1, 15, 8, 30))),
    ("2026-01-15T06:00", "", NEW_YORK, Span.at(utc(2026, 1, 15, 11))),
    ("2026-01-14T12:00", "2026-01-15T12:00", UTC, Span(utc(2026, 1, 14, 12), utc(2026, 1, 15, 12))),
]


@pytest.mark.parametrize(("earliest", "latest", "zone", "taken"), TIMES)
def test_times_are_those_of_the_display_zone(earliest: str, latest: str, zone: ZoneInfo, taken: Span) -> None:
    entered = entry_from(form(earliest=earliest, latest=latest), "k", TELLER, NOW, zone)
    assert entered.taken == taken
    (exposure,) = facts_from_resources([entered.resource], "p1").exposures
    assert exposure.taken == taken
    assert not exposure.is_course


def test_a_time_that_occurs_twice_is_the_interval_it_may_mean() -> None:
    now = utc(2026, 11, 1, 12)
    entered = entry_from(form(earliest="2026-11-01T01:30"), "k", TELLER, now, NEW_YORK)
    assert entered.taken == Span(utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 6, 30))
    (exposure,) = facts_from_resources([entered.resource], "p1").exposures
    assert exposure.taken == entered.taken


REFUSED = [
    ({"earliest": ""}, UTC, "earliest", "a date and a time"),
    ({"earliest": "2026-01-15"}, UTC, "earliest", "a date and a time"),
    ({"earliest": "06:00"}, UTC, "earliest", "a date and a time"),
    ({"earliest": "2026-01-15T06:00Z"}, UTC, "earliest", "a date and a time"),
    ({"earliest": "<script>"}, UTC, "earliest", "a date and a time"),
    ({"earliest": "0001-01-01T00:00"}, UTC, "earliest", "30 days"),
    ({"earliest": "2025-12-16T11:59"}, UTC, "earliest", "30 days"),
    ({"earliest": "2026-01-15T12:01"}, UTC, "earliest", "future"),
    ({"earliest": "2026-01-15T07:01"}, NEW_YORK, "earliest", "future"),
    ({"latest": "2026-01-15T12:01"}, UTC, "latest", "future"),
    ({"latest": "2026-01-15T05:59"}, UTC, "latest", "not before"),
    ({"earliest": "2026-01-14T11:59", "latest": "2026-01-15T12:00"}, UTC, "latest", "24 hours"),
    ({"amount_g": "0"}, UTC, "amount_g", "a number"),
    ({"amount_g": "-1"}, UTC, "amount_g", "a number"),
    ({"amount_g": "1e3"}, UTC, "amount_g", "a number"),
    ({"amount_g": "1000"}, UTC, "amount_g", "a number"),
    ({"amount_g": "nan"}, UTC, "amount_g", "a number"),
    ({"product": "aspirin"}, UTC, "product", "list"),
]


@pytest.mark.parametrize(("changes", "zone", "field", "words"), REFUSED)
def test_what_cannot_be_used_is_named_by_field(changes: dict[str, str], zone: ZoneInfo, field: str, words: str) -> None:
    with pytest.raises(EntryError) as refused:
        entry_from(form(**changes), "k", TELLER, NOW, zone)
    assert words in refused.value.problems[field]


def test_a_time_the_clocks_went_over_is_refused() -> None:
    with pytest.raises(EntryError, match="clocks went forward"):
        entry_from(form(earliest="2026-03-08T02:30"), "k", TELLER, utc(2026, 3, 8, 12), NEW_YORK)


PRODUCTS = [
    ("immediate", False, frozenset(), "Acetaminophen"),
    ("extended", True, frozenset(), "Acetaminophen, extended release"),
    ("opioid", False, frozenset({"opioid"}), "Acetaminophen with an opioid"),
    ("anticholinergic", False, frozenset({"anticholinergic"}), "Acetaminophen with an anticholinergic"),
]


@pytest.mark.parametrize(("product", "is_extended", "delaying", "name"), PRODUCTS)
def test_the_chart_reading_takes_the_resource_for_what_was_told(
    product: str,
    is_extended: bool,  # noqa: FBT001 - a column of the table
    delaying: frozenset[str],
    name: str,
) -> None:
    entered = entry_from(form(product=product), "k", TELLER, NOW, UTC)
    MedicationStatement.model_validate(entered.resource)
    facts = facts_from_resources([entered.resource], "p1")
    (exposure,) = facts.exposures
    assert exposure.kind is ExposureKind.MEDICATION
    assert (exposure.is_extended_release, exposure.delaying_ingredients) == (is_extended, delaying)
    assert (exposure.name, exposure.amount_mg) == (name, 12_500)
    assert exposure.recorded_at == NOW
    assert [gap for gap in facts.gaps if "MedicationStatement" in (gap.reference or "")] == []


def test_an_unknown_amount_is_none() -> None:
    entered = entry_from(form(amount_g=""), "k", TELLER, NOW, UTC)
    assert "dosage" not in entered.resource
    (exposure,) = facts_from_resources([entered.resource], "p1").exposures
    assert exposure.amount_mg is None


SCOPES = [
    ("patient/MedicationStatement.write", True),
    ("patient/*.write", True),
    ("patient/*.*", True),
    ("user/MedicationStatement.write", True),
    ("patient/MedicationStatement.c", True),
    ("patient/MedicationStatement.cruds", True),
    ("patient/MedicationStatement.rs", False),
    ("patient/MedicationStatement.read", False),
    ("patient/MedicationStatement.", False),
    ("patient/Medication.write", False),
    ("system/MedicationStatement.write", False),
    ("patient/MedicationStatement.cruds?status=active", False),
    ("launch/patient", False),
    ("", False),
]


@pytest.mark.parametrize(("scope", "may"), SCOPES)
def test_scopes_of_both_versions_are_read(scope: str, may: bool) -> None:  # noqa: FBT001 - a column of the table
    assert permits_create(frozenset({"openid", scope}), "MedicationStatement") is may


@pytest.mark.parametrize(
    ("configured", "is_from_ehr", "asked"),
    [
        ("launch openid launch/patient", True, "launch openid"),
        ("launch openid launch/patient", False, "launch/patient openid"),
        ("patient/*.read", True, "launch patient/*.read"),
        ("patient/*.read", False, "launch/patient patient/*.read"),
    ],
)
def test_a_launch_asks_for_its_own_context(configured: str, is_from_ehr: bool, asked: str) -> None:  # noqa: FBT001
    assert scopes_of_launch(configured, is_from_ehr=is_from_ehr) == asked


def test_foreign_error_codes_are_not_repeated() -> None:
    assert "stranger" not in error_words("stranger")
    assert "stranger" not in error_words(["stranger"])
    assert error_words("access_denied") == "access was denied"


LIFETIMES = [
    (600, timedelta(minutes=10)),
    ("600", timedelta(minutes=10)),
    (3600, HOUR),
    (86400, HOUR),
    (1e300, HOUR),
    ("9" * 5000, HOUR),
    (0, timedelta(0)),
    (-5, timedelta(0)),
    (None, HOUR),
    (True, HOUR),
    ("soon", HOUR),
    ([], HOUR),
]


def launch(**changes: object) -> Launch:
    usual = {
        "base": "https://ehr.test/fhir",
        "configuration": SmartConfiguration("https://ehr.test/a", "https://ehr.test/t"),
        "scopes": "launch patient/*.read",
        "browser": "browser-1",
        "ends_at": NOW + HOUR,
    }
    return Launch(**usual | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("told", "lifetime"), LIFETIMES)
def test_a_token_is_kept_as_long_as_it_lives_and_an_hour_at_most(told: object, lifetime: timedelta) -> None:
    members = {"access_token": "t", "token_type": "bearer", "patient": "p1", "expires_in": told}
    grant = grant_from(JsonAnswer(200, members), launch())
    assert grant.lifetime == lifetime
    assert grant.scopes == {"launch", "patient/*.read"}
    assert "access_token" not in repr(grant)


def test_a_scope_that_is_no_text_grants_nothing() -> None:
    members = {"access_token": "t", "token_type": "Bearer", "patient": "p1", "scope": ["patient/*.write"]}
    assert grant_from(JsonAnswer(200, members), launch()).scopes == frozenset()


def test_an_error_with_a_good_status_is_an_error() -> None:
    with pytest.raises(LaunchError, match="expired or was used already"):
        grant_from(JsonAnswer(200, {"error": "invalid_grant", "access_token": "t"}), launch())


ENDPOINTS = [
    ("https://ehr.test/authorize", True),
    ("https://ehr.test/authorize?tenant=1&x=%20", True),
    ("http://127.0.0.1:9/authorize", True),
    ("http://localhost/authorize", True),
    ("http://ehr.test/authorize", False),
    ("https://user@ehr.test/authorize", False),
    ("https://ehr.test/authorize#x", False),
    ("https://ehr.test/authorize?x=#y", False),
    ("https://ehr.test/authorize?x=\\y", False),
    ("https://ehr.test/authorize?x=y z", False),
    ("https://ehr.test/authorize?x=\r\nX: y", False),
    ("https://ehr.test/authorize?x=é", False),
    ("//ehr.test/authorize", False),
    ("", False),
    (None, False),
    (7, False),
]


@pytest.mark.parametrize(("address", "is_safe"), ENDPOINTS)
def test_endpoints_are_https_or_on_this_machine(address: object, is_safe: bool) -> None:  # noqa: FBT001
    assert is_safe_endpoint(address) is is_safe


def session(**changes: object) -> Session:
    usual = {"browser": "browser-1", "server": FhirServer("https://ehr.test/fhir", "t"), "patient_id": "p1",
             "user": None, "may_write": False, "ends_at": NOW + HOUR}  # fmt: skip
    return Session(**usual | changes)  # type: ignore[arg-type]


def sessions_on(shelf: Shelf, secret: str = SECRET) -> SmartSessions:
    return SmartSessions(shelf, secret)


async def test_a_session_is_found_by_its_own_browser_until_it_ends() -> None:
    sessions, one = sessions_on(MemoryShelf()), session()
    await sessions.open(one, NOW)
    assert await sessions.find(one.handle, "browser-1", NOW + HOUR - timedelta(seconds=1)) == one
    for browser in ("browser-2", "", "é"):
        assert await sessions.find(one.handle, browser, NOW) is None
    assert await sessions.find("x", "browser-1", NOW) is None
    assert await sessions.find("\ud800", "browser-1", NOW) is None
    assert await sessions.find(one.handle, "browser-1", NOW + HOUR) is None
    assert await sessions.find(one.handle, "browser-1", NOW) is None  # ended is forgotten


async def test_a_session_comes_back_whole_from_another_process_with_the_same_secret_and_no_other() -> None:
    shelf = MemoryShelf()
    entered = entry_from(form(latest="2026-01-15T08:00"), "k", TELLER, NOW, UTC)
    whole = session(
        entered=(replace(entered, writer="w", writing_until=NOW),), told=("Something.",), user="Practitioner/1"
    )
    await sessions_on(shelf).open(whole, NOW)
    assert await sessions_on(shelf).find(whole.handle, "browser-1", NOW) == whole
    assert await sessions_on(shelf, "another secret " * 3).find(whole.handle, "browser-1", NOW) is None


async def test_what_stands_on_the_shelf_tells_nothing() -> None:
    kept: list[bytes] = []

    class Watched(MemoryShelf):
        async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime, now: datetime) -> None:
            kept.append(f"{kind} {digest} ".encode() + sealed)
            await super().lay(kind, digest, sealed, ends_at, now)

    sessions, begun = sessions_on(Watched()), launch()
    one = session(server=FhirServer("https://ehr.test/fhir", "secret-token"), patient_id="patient-7")
    await sessions.open(one, NOW)
    await sessions.begin(begun, NOW)
    secrets = ("secret-token", "patient-7", one.handle, one.browser, one.form_token, begun.state, begun.verifier)
    assert len(kept) == 2
    for note in kept:
        assert not any(each.encode() in note for each in secrets)


async def test_a_note_put_in_the_place_of_another_opens_nothing() -> None:
    """Who can write to the database, and has no secret, can only lose sessions, not swap them."""

    class Swapping(MemoryShelf):
        async def look(self, digest: str) -> Note | None:  # noqa: ARG002 - whatever is asked for
            return await super().look(self.only)

        only = ""

        async def lay(self, kind: str, digest: str, sealed: bytes, ends_at: datetime, now: datetime) -> None:
            self.only = digest
            await super().lay(kind, digest, sealed, ends_at, now)

    sessions, one = sessions_on(Swapping()), session()
    await sessions.open(one, NOW)
    assert await sessions.find(one.handle, "browser-1", NOW) == one
    assert await sessions.find("another", "browser-1", NOW) is None


async def test_edits_at_the_same_time_are_all_kept() -> None:
    shelf, one = MemoryShelf(), session()
    await sessions_on(shelf).open(one, NOW)
    entries = [entry_from(form(amount_g=str(grams)), f"{grams}", TELLER, NOW, UTC) for grams in range(1, 5)]

    def having(entered: Entered) -> Callable[[Session], Session]:
        return lambda newest: newest.having(entered)

    await asyncio.gather(*(sessions_on(shelf).change(one, having(each)) for each in entries))
    found = await sessions_on(shelf).find(one.handle, "browser-1", NOW)
    assert found is not None
    assert {each.key for each in found.entered} == {"1", "2", "3", "4"}


async def test_a_session_that_is_never_left_alone_is_refused_in_the_end() -> None:
    class Contended(MemoryShelf):
        async def change(self, digest: str, sealed: bytes, edition: int) -> bool:  # noqa: ARG002 - never the newest
            return False

    sessions, one = sessions_on(Contended()), session()
    await sessions.open(one, NOW)
    with pytest.raises(StoreUnavailableError):
        await sessions.change(one, lambda newest: newest.telling("x"))
    await sessions.close(one)
    assert await sessions.change(one, lambda newest: newest.telling("x")) is None


def test_neither_token_nor_patient_shows_in_what_a_log_would_print() -> None:
    text = repr(session(server=FhirServer("https://ehr.test/fhir", "secret-token"), patient_id="patient-7"))
    assert "secret-token" not in text
    assert "patient-7" not in text
    one = launch()
    assert one.state not in repr(one)
    assert one.verifier not in repr(one)


async def test_those_that_end_first_give_way_and_the_ended_go_before_them() -> None:
    sessions = sessions_on(MemoryShelf())
    first, brief = session(), session(ends_at=NOW + timedelta(seconds=1))
    for each in (first, brief):
        await sessions.open(each, NOW)
    await sessions.begin(launch(), NOW)  # of another kind: it neither counts nor gives way
    later = NOW + timedelta(seconds=2)
    others = [session() for _ in range(999)]
    for each in others:
        await sessions.open(each, later)
    assert await sessions.find(first.handle, "browser-1", later) == first
    await sessions.open(session(), later)
    assert await sessions.find(first.handle, "browser-1", later) is None
    assert await sessions.find(others[0].handle, "browser-1", later) == others[0]


async def test_a_sign_in_comes_back_once_to_its_own_browser() -> None:
    sessions, begun = sessions_on(MemoryShelf()), launch()
    await sessions.begin(begun, NOW)
    assert await sessions.come_back(begun.state, "browser-2", NOW) is None
    assert await sessions.come_back(begun.state, "browser-1", NOW) == begun
    assert await sessions.come_back(begun.state, "browser-1", NOW) is None
    await sessions.begin(begun, NOW)
    assert await sessions.come_back(begun.state, "browser-1", NOW + HOUR) is None
