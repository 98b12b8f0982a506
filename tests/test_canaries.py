"""The canaries: answered as written down under every profile that may be configured, and noticed when they are not."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.canaries import CANARIES, ask_canaries, canary_cases, canary_results
from cds_service.clinical.profiles import PROFILES
from cds_service.sandbox.fixtures import FixtureCase, FixtureError, load_case
from cds_service.server import canary_watch
from cds_service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

# Each key at an end of its range: the strictest and the laxest profile that a site may write.
STRICT = """
name = "strictest"
base = "us-2023"
treatment_line = 200
high_risk_line = 500
line_inclusive = false
acute_span_h = 1
episode_days = 2
context_free_level = 50
nonnomogram_rule = "and"
detectable = 20
rsi_level = 30
alt_uln_fallback = 80
inr_alf = 2.0
high_risk_dose_g = 60
"""
LAX = """
name = "laxest"
base = "us-2023"
treatment_line = 100
high_risk_line = 200
line_inclusive = true
acute_span_h = 24
episode_days = 30
context_free_level = 10
nonnomogram_rule = "or"
detectable = 1
rsi_level = 1
alt_uln_fallback = 20
inr_alf = 1.2
high_risk_dose_g = 10
"""


@pytest.fixture(scope="module")
def cases() -> tuple[FixtureCase, ...]:
    return canary_cases()


def settings(**changes: Any) -> Settings:
    return Settings(database_url="", **changes)


def site(folder: Path, text: str) -> str:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_there_are_positive_and_negative_canaries(cases: tuple[FixtureCase, ...]) -> None:
    by_slug = {case.slug: case for case in cases}
    expected = [scene.expected_topics(by_slug[scene.slug]) for scene in CANARIES]
    assert ("indicated",) in expected
    assert ("not-indicated",) in expected
    assert () in expected
    assert len({(scene.slug, scene.hook, scene.order) for scene in CANARIES}) == len(CANARIES)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_shipped_profile_answers_them(profile: str, cases: tuple[FixtureCase, ...]) -> None:
    results = canary_results(settings(profile=profile), cases)
    assert [each.words for each in results if not each.is_well] == []
    assert {each.profile for each in results} == {"us-2023", profile}
    treated = {each.case for each in results if each.profile == profile and each.words == "indicated"}
    assert {"b1-above-line-8h", "a1-alf-100h-after-overdose"} <= treated


@pytest.mark.parametrize("text", [STRICT, LAX], ids=["strictest", "laxest"])
def test_a_sites_own_profile_answers_them(text: str, cases: tuple[FixtureCase, ...], tmp_path: Path) -> None:
    results = canary_results(settings(profile=site(tmp_path, text)), cases)
    assert [f"{each.name}: {each.words}" for each in results if not each.is_well] == []
    assert len({each.profile for each in results}) == 2


def test_a_sites_file_is_not_read_again(cases: tuple[FixtureCase, ...], tmp_path: Path) -> None:
    chosen = settings(profile=site(tmp_path, STRICT))
    (tmp_path / "site.toml").unlink()
    assert all(each.is_well for each in canary_results(chosen, cases))


def test_other_settings_do_not_change_the_answers(
    cases: tuple[FixtureCase, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDS_PROFILE", "aga-2017")
    chosen = settings(shared_service_id=True, deadline_seconds=0.5, timezone="America/New_York", profile="uk-2012")
    results = canary_results(chosen, cases)
    assert [each.words for each in results if not each.is_well] == []
    assert {each.profile for each in results} == {"us-2023", "uk-2012"}


def test_a_canary_that_falls_silent_is_vital(cases: tuple[FixtureCase, ...]) -> None:
    years_later = [replace(case, anchor=case.anchor + timedelta(days=3000)) for case in cases]
    by_name = {(each.case, each.hook): each for each in canary_results(settings(), years_later)}
    silent = by_name["b1-above-line-8h", "patient-view"]
    assert (silent.is_well, silent.is_vital, silent.words) == (False, True, "silence; expected indicated")
    assert by_name["unrelated-patient", "patient-view"].is_well
    negative = by_name["b3-below-line-8h-normal-alt", "patient-view"]
    assert (negative.is_well, negative.is_vital) == (False, False)


def test_a_path_that_gives_no_answer_is_vital(cases: tuple[FixtureCase, ...]) -> None:
    elsewhere = [replace(case, bundle={"entry": case.bundle["entry"][1:]}) for case in cases]
    unwell = [each for each in canary_results(settings(), elsewhere) if not each.is_well]
    assert "unrelated-patient" in {each.case for each in unwell}
    assert {each.words for each in unwell} == {"HTTP 412 instead of cards"}
    assert all(each.is_vital for each in unwell)


def test_missing_fixtures_are_a_failing_canary(cases: tuple[FixtureCase, ...], tmp_path: Path) -> None:
    with pytest.raises(FixtureError):
        load_case("b1-above-line-8h", tmp_path)
    assert all(each.is_well for each in ask_canaries(settings()))
    assert len(ask_canaries(settings())) == len(CANARIES)
    assert {case.slug for case in cases} == {scene.slug for scene in CANARIES}


def test_canary_calls_are_neither_audited_nor_told_as_alarms(
    cases: tuple[FixtureCase, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "cds_service"):
        canary_results(settings(), cases)
    assert [record for record in caplog.records if record.name.startswith("cds_service")] == []


@pytest.mark.parametrize(("minutes", "is_watched"), [(0, False), (15, True)])
def test_a_site_may_do_without_canaries(minutes: float, is_watched: bool) -> None:  # noqa: FBT001 - a table column
    assert (canary_watch(settings(canary_minutes=minutes)) is not None) is is_watched
