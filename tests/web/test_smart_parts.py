"""The parts of the SMART app by themselves: entries, scopes, lifetimes and sessions, at and around their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B.medicationstatement import MedicationStatement

from cds_service.clinical.facts import ExposureKind
from cds_service.clinical.quantity import Span
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.servers import FhirServer
from cds_service.web.smart_entry import IngestionEntryError, IngestionForm, Teller, entry_from, form_from
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
    with pytest.raises(IngestionEntryError) as refused:
        entry_from(form(**changes), "k", TELLER, NOW, zone)
    assert words in refused.value.problems[field]


def test_a_time_the_clocks_went_over_is_refused() -> None:
    with pytest.raises(IngestionEntryError, match="clocks went forward"):
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


def test_a_session_is_found_by_its_own_browser_until_it_ends() -> None:
    sessions, one = SmartSessions(), session()
    sessions.open(one, NOW)
    assert sessions.find(one.handle, "browser-1", NOW + HOUR - timedelta(seconds=1)) is one
    for browser in ("browser-2", "", "é"):
        assert sessions.find(one.handle, browser, NOW) is None
    assert sessions.find("x", "browser-1", NOW) is None
    assert sessions.find(one.handle, "browser-1", NOW + HOUR) is None
    assert sessions.find(one.handle, "browser-1", NOW) is None  # ended is forgotten


def test_neither_token_nor_patient_shows_in_what_a_log_would_print() -> None:
    text = repr(session(server=FhirServer("https://ehr.test/fhir", "secret-token"), patient_id="patient-7"))
    assert "secret-token" not in text
    assert "patient-7" not in text
    one = launch()
    assert one.state not in repr(one)
    assert one.verifier not in repr(one)


def test_the_oldest_give_way_and_the_ended_go_first() -> None:
    sessions = SmartSessions()
    first, brief = session(), session(ends_at=NOW + timedelta(seconds=1))
    for each in (first, brief):
        sessions.open(each, NOW)
    later = NOW + timedelta(seconds=2)
    others = [session() for _ in range(999)]
    for each in others:
        sessions.open(each, later)
    assert sessions.find(first.handle, "browser-1", later) is first
    sessions.open(session(), later)
    assert sessions.find(first.handle, "browser-1", later) is None
    assert sessions.find(others[0].handle, "browser-1", later) is others[0]


def test_a_sign_in_comes_back_once_to_its_own_browser() -> None:
    sessions, begun = SmartSessions(), launch()
    sessions.begin(begun, NOW)
    assert sessions.come_back(begun.state, "browser-2", NOW) is None
    assert sessions.come_back(begun.state, "browser-1", NOW) is begun
    assert sessions.come_back(begun.state, "browser-1", NOW) is None
    sessions.begin(begun, NOW)
    assert sessions.come_back(begun.state, "browser-1", NOW + HOUR) is None
