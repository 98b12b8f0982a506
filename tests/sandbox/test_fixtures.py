"""Fixture cases are read with care, and move in time without losing offset, precision or intervals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.sandbox.fixtures import FixtureCase, FixtureError, fixtures_root, load_cases, shifted

if TYPE_CHECKING:
    from pathlib import Path

ANCHOR = datetime.fromisoformat("2026-01-15T12:00:00-05:00")


def written(root: Path, slug: str, bundle: Any, expected: Any) -> Path:
    folder = root / slug
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps(bundle))
    (folder / "expected.json").write_text(json.dumps(expected))
    return root


def put(resource_type: str, logical_id: str, **more: Any) -> dict[str, Any]:
    resource = {"resourceType": resource_type, "id": logical_id, **more}
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource_type}/{logical_id}"}}


def transaction(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


EXPECTED = {"title": "A title", "anchor": "2026-01-15T12:00:00-05:00"}


def test_a_case(tmp_path: Path) -> None:
    bundle = transaction(put("Patient", "case-one"), put("Observation", "case-one-level"))
    (case,) = load_cases(written(tmp_path, "case-one", bundle, EXPECTED | {"rules": ["B1"]}))
    assert (case.slug, case.title, case.anchor) == ("case-one", "A title", ANCHOR)
    assert case.expected["rules"] == ["B1"]
    assert [resource["id"] for resource in case.resources()] == ["case-one", "case-one-level"]


@pytest.mark.parametrize(
    ("bundle", "expected", "why"),
    [
        (transaction(put("Patient", "other")), EXPECTED, "expected one Patient with the folder's name"),
        (transaction(), EXPECTED, "expected one Patient"),
        (transaction(put("Patient", "case") | {"request": {"method": "POST"}}), EXPECTED, "not put at its own address"),
        (transaction(put("Patient", "case")), {"title": "x"}, "no anchor"),
        (transaction(put("Patient", "case")), {"anchor": "yesterday"}, "no anchor"),
        (transaction(put("Patient", "case")), {"anchor": "2026-01-15T12:00:00"}, "no time zone"),
        ([], EXPECTED, "not a JSON object"),
    ],
)
def test_a_case_that_cannot_be_used(tmp_path: Path, bundle: Any, expected: Any, why: str) -> None:
    with pytest.raises(FixtureError, match=why):
        load_cases(written(tmp_path, "case", bundle, expected))


def test_a_case_without_its_expectations(tmp_path: Path) -> None:
    written(tmp_path, "case", transaction(put("Patient", "case")), EXPECTED)
    (tmp_path / "case" / "expected.json").unlink()
    with pytest.raises(FixtureError, match=r"case/expected\.json cannot be read"):
        load_cases(tmp_path)


def test_ids_are_unique_over_all_cases(tmp_path: Path) -> None:
    for slug in ("one", "two"):
        written(tmp_path, slug, transaction(put("Patient", slug), put("Observation", "same")), EXPECTED)
    with pytest.raises(FixtureError, match="Observation/same is in both one and two"):
        load_cases(tmp_path)


LATER = ANCHOR + timedelta(days=300, hours=2, seconds=5, microseconds=999_999)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("effectiveDateTime", "2026-01-15T04:00:00-05:00", "2026-11-11T06:00:05-05:00"),
        ("effectiveDateTime", "2026-01-15T09:00:00Z", "2026-11-11T11:00:05Z"),
        ("effectiveInstant", "2026-01-15T09:00:00.250+10:00", "2026-11-11T11:00:05.250+10:00"),
        ("onsetDateTime", "2026-01-15T09:00:00", "2026-11-11T11:00:05"),
        ("recordedDate", "2026-01-15", "2026-11-11"),
        ("onsetDateTime", "2026-01", "2026-11"),
        ("onsetDateTime", "2025-12", "2026-10"),
        ("onsetDateTime", "2024", "2024"),
        ("issued", "2026-01-15T09:00:00Z", "2026-11-11T11:00:05Z"),
        ("authoredOn", "2026-01-15T09:00:00Z", "2026-11-11T11:00:05Z"),
        ("start", "2026-01-15T09:00:00Z", "2026-11-11T11:00:05Z"),
        ("end", "2026-01-15T09:00Z", "2026-11-11T11:00Z"),
        ("lastUpdated", "2026-01-15T09:00:00Z", "2026-11-11T11:00:05Z"),
        ("birthDate", "1990-05-14", "1990-05-14"),
        ("valueDateTime", "2026-13-45", "2026-13-45"),
        ("valueDateTime", "yesterday", "yesterday"),
        ("valueString", "2026-01-15", "2026-01-15"),
        ("text", "taken 2026-01-15T09:00:00Z", "taken 2026-01-15T09:00:00Z"),
    ],
)
def test_shift(name: str, before: str, after: str) -> None:
    assert shifted({name: before}, ANCHOR, LATER) == {name: after}


def test_shift_reaches_every_depth_and_leaves_the_original() -> None:
    bundle = {"entry": [{"resource": {"effectiveTiming": {"event": ["2026-01-15T09:00:00Z", None]}, "n": 1.5}}]}
    moved = shifted(bundle, ANCHOR, ANCHOR + timedelta(hours=1))
    assert moved["entry"][0]["resource"] == {"effectiveTiming": {"event": ["2026-01-15T10:00:00Z", None]}, "n": 1.5}
    assert bundle["entry"][0]["resource"]["effectiveTiming"] == {"event": ["2026-01-15T09:00:00Z", None]}


def test_shift_by_nothing_changes_nothing() -> None:
    for case in load_cases():
        assert case.at(case.anchor) == case.bundle


def test_intervals_between_instants_survive_any_shift() -> None:
    bundle = {"start": "2026-03-08T01:30:00-05:00", "end": "2026-03-08T07:30:00Z"}
    moved = shifted(bundle, ANCHOR, datetime(2026, 11, 23, 12, 34, 56, 789, tzinfo=UTC))
    start, end = (datetime.fromisoformat(moved[name]) for name in ("start", "end"))
    assert end - start == timedelta(hours=1)


@pytest.mark.parametrize(("moves", "born"), [(True, "2022-11-11"), (False, "2022-01-15"), ("yes", "2022-01-15")])
def test_birth_dates_move_only_where_the_age_matters(moves: Any, born: str) -> None:
    bundle = transaction(put("Patient", "toddler", birthDate="2022-01-15"))
    case = FixtureCase("toddler", "t", ANCHOR, bundle, {"birthDateMoves": moves})
    assert case.resources(LATER)[0]["birthDate"] == born


def test_the_projects_own_cases_load() -> None:
    cases = load_cases()
    assert len(cases) >= 40
    assert all(case.title for case in cases)


def test_cases_lie_beside_the_package_or_were_installed_with_it(tmp_path: Path) -> None:
    package = tmp_path / "cds_service"
    with pytest.raises(FixtureError, match="no fixture cases"):
        fixtures_root(package)
    (package / "_fixtures").mkdir(parents=True)
    assert fixtures_root(package) == package / "_fixtures"
    (tmp_path / "fhir_fixtures").mkdir()
    assert fixtures_root(package) == tmp_path / "fhir_fixtures"
