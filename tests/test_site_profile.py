"""A site's own profile: what a file may say, and how everything wrong with it is named at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.clinical.profile_keys import KEYS
from cds_service.clinical.profiles import PROFILES, US_2023, NonNomogramRule, PoisonCentre
from cds_service.settings import Settings, SettingsError, read_settings
from cds_service.site_profile import SiteProfileError, profile_named, read_site_profile

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
base = "us-2023"
name = "st-elsewhere"
title = "St Elsewhere, 2026"
treatment_line = 100
line_inclusive = false
nonnomogram_rule = "and"
detectable = 9.5
[poison_centre]
name = "Regional centre"
phone = "555-0100"
"""


def written(folder: Path, text: str, name: str = "our-site.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_profile_is_the_base_with_its_own_choices(tmp_path: Path) -> None:
    found = read_site_profile(written(tmp_path, GOOD))
    assert (found.name, found.title) == ("st-elsewhere", "St Elsewhere, 2026")
    assert (found.treatment_line_mg_l, found.detectable_mg_l) == (100, 9.5)
    assert found.line_inclusive is False
    assert found.nonnomogram_rule is NonNomogramRule.AND
    assert found.poison_centre == PoisonCentre("Regional centre", "555-0100")
    assert found.high_risk_line_mg_l == US_2023.high_risk_line_mg_l


def test_a_profile_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    found = read_site_profile(written(tmp_path, 'base = "uk-2012"'))
    assert (found.name, found.title) == ("our-site", "site profile based on uk-2012")
    assert found.poison_centre == PROFILES["uk-2012"].poison_centre


PROBLEMS = [
    ("", "base is missing: must be one of us-2023, uk-2012, anz-2019, aga-2017"),
    ('base = "us"', "base = 'us': must be one of us-2023"),
    ("base = 1", "base = 1: must be one of"),
    ('base = "us-2023"\nname = "us-2023"', "name = 'us-2023': must be"),
    ('base = "us-2023"\nname = "A B"', "name = 'A B': must be"),
    ('base = "us-2023"\ntitle = ""', "title = '': must be"),
    ('base = "us-2023"\ntreatment_line = 140', "treatment_line = 140: must be one of 100, 150, 200 mg/L"),
    ('base = "us-2023"\ntreatment_line = "150"', "treatment_line = '150': must be"),
    ('base = "us-2023"\ntreatment_line = true', "treatment_line = True: must be"),
    ('base = "us-2023"\nline_inclusive = 1', "line_inclusive = 1: must be true or false"),
    ('base = "us-2023"\nacute_span_h = 25', "acute_span_h = 25: must be a number from 1 to 24 h"),
    ('base = "us-2023"\ninr_alf = nan', "inr_alf = nan: must be a number from 1.2 to 2"),
    ('base = "us-2023"\ndetectable = inf', "detectable = inf: must be a number from 1 to 20 mg/L"),
    ('base = "us-2023"\nregimen = "four-bag"', "must be one of three-bag, two-bag, two-bag-anz, snap"),
    ('base = "us-2023"\nregimen = ["snap"]', "regimen = ['snap']: must be one of"),
    ('base = "us-2023"\ntreatment_lines = 100', "treatment_lines: no such key (did you mean treatment_line?)"),
    ('base = "us-2023"\nzzz = 1', "zzz: no such key"),
    ('base = "us-2023"\npoison_centre = "555"', "poison_centre = '555': must be a table with name and phone"),
    ('base = "us-2023"\n[poison_centre]\nname = "X"', "must be a table with name and phone"),
    ('base = "us-2023"\n[poison_centre]\nname = "X"\nphone = 5', "poison_centre.phone = 5: must be"),
    ('base = "us-2023"\ntreatment_line = 200\nhigh_risk_line = 200', "high_risk_line = 200: must be above treatment"),
    ('base = "us-2023"\ndetectable = 20\nrsi_level = 10', "rsi_level = 10: must be at least detectable (20 mg/L)"),
    ('base = "us-2023"\ndetectable = 20\ncontext_free_level = 10', "context_free_level = 10: must be at least"),
    ('base = "us-2023"\nregimen = "two-bag"\nmax_weight_kg = 110', "max_weight_kg = 110: must be at most 100"),
    ("base = ", "is not TOML"),
    (f'base = "us-2023"\ndetectable = {"9" * 5000}', "is not TOML"),
    (f'base = "us-2023"\ndetectable = {"9" * 400}', "must be a number from 1 to 20 mg/L"),
    (f'base = "us-2023"\ntreatment_line = {"9" * 400}', "must be one of 100, 150, 200 mg/L"),
    (f'base = "us-2023"\nx = {"[" * 5000}', "is not TOML"),
    (f'base = "us-2023"\ndetectable = 0x{"f" * 9000}', "a number too large to show: must be a number from 1 to 20"),
    ('base = "us-2023"\ndetectable = 1979-05-27', "detectable = datetime.date(1979, 5, 27): must be"),
]


@pytest.mark.parametrize(("text", "told"), PROBLEMS)
def test_a_problem_names_key_value_and_range(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SiteProfileError) as caught:
        read_site_profile(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, 'base = "xx"\ntreatment_line = 1\nnope = 2\ner_rule = "x"\nname = ""')
    with pytest.raises(SiteProfileError) as caught:
        read_site_profile(path)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
@pytest.mark.parametrize("value", [-1, 1e9, "x", None, [], {}])
def test_no_key_takes_nonsense(key: object, value: object) -> None:
    known = next(k for k in KEYS if k is key)
    with pytest.raises(ValueError, match=r"one of|a number|true or false"):
        known.read(value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SiteProfileError, match="is not UTF-8"):
        read_site_profile(path)
    with pytest.raises(SiteProfileError, match="cannot be read"):
        read_site_profile(tmp_path / "absent.toml")
    with pytest.raises(SiteProfileError, match="cannot be read"):
        profile_named(str(tmp_path) + "/.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SiteProfileError, match="not a file"):
        read_site_profile(tmp_path / "folder.toml")
    with pytest.raises(SiteProfileError, match="larger than"):
        read_site_profile(written(tmp_path, "# " + "x" * 70_000))


def test_a_name_is_a_shipped_profile_or_a_file() -> None:
    assert profile_named("anz-2019") is PROFILES["anz-2019"]
    with pytest.raises(SiteProfileError, match=r"must end in \.toml"):
        profile_named("anz-2020")


# --- settings and commands ------------------------------------------------------------------------


def test_the_service_starts_on_a_site_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, GOOD)
    monkeypatch.setenv("CDS_PROFILE", str(path))
    settings = read_settings()
    path.unlink()
    assert settings.clinical_profile.name == "st-elsewhere"
    assert settings.clinical_profile.treatment_line_mg_l == 100


def test_the_default_is_a_shipped_profile() -> None:
    assert Settings().clinical_profile is US_2023


def test_the_service_does_not_start_on_a_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_PROFILE", str(written(tmp_path, 'base = "us-2023"\ntreatment_line = 140\nrsi_level = 0')))
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "CDS_PROFILE must be one of" in str(caught.value)
    assert "treatment_line = 140: must be one of 100, 150, 200 mg/L" in str(caught.value)
    assert "rsi_level = 0: must be a number from 1 to 30 mg/L" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["show", "uk-2012"], 0, ("treatment_line", "100 mg/L", "snap", "0344")),
        (["show", "uk"], 1, ("no such profile",)),
        (["diff", "us-2023", "us-2023"], 0, ("do not differ",)),
        (["diff", "us-2023", "anz-2019"], 1, ("alt_uln_fallback", "50 U/L", "treat_toxic_dose")),
        (["validate", "absent.toml"], 1, ("absent.toml", "cannot be read")),
    ],
)
def test_the_commands(arguments: list[str], code: int, told: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, ["profiles", *arguments])
    assert answer.exit_code == code
    assert [text for text in told if text not in answer.output] == []


def test_only_keys_that_differ_are_shown() -> None:
    answer = CliRunner().invoke(app, ["profiles", "diff", "us-2023", "uk-2012"])
    assert "high_risk_line" not in answer.output


def test_validate_says_what_can_be_used(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["profiles", "validate", str(written(tmp_path, GOOD))])
    assert answer.exit_code == 0
    assert "st-elsewhere (St Elsewhere, 2026) can be used" in answer.output
