"""The chart at an earlier instant: nothing from the future, and what ran then still runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.fhir.replay import as_it_stood, chart_at, known_from
from cds_service.sandbox.fixtures import load_cases
from tests import builders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.sandbox.fixtures import FixtureCase

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
CASES = load_cases()
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*")
_HOURS_BEFORE = (0, 0.25, 1, 2, 3.5, 5, 8, 12, 20, 30, 50, 24 * 8)


def timed(resource: dict[str, Any]) -> Iterator[tuple[str, datetime]]:
    """Every instant of a resource with the names that lead to it."""
    stack: list[tuple[str, Any]] = [("", resource)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            stack.extend((f"{path}.{name}", each) for name, each in node.items())
        elif isinstance(node, list):
            stack.extend((path, each) for each in node)
        elif isinstance(node, str) and _INSTANT.fullmatch(node):
            instant = datetime.fromisoformat(node)
            yield path, instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_nothing_in_a_chart_lies_in_the_future(case: FixtureCase) -> None:
    for hours in _HOURS_BEFORE:
        at = case.anchor - timedelta(hours=hours)
        for resource in chart_at(case.resources(), at):
            later = [path for path, instant in timed(resource) if instant > at]
            assert set(later) <= {".effectivePeriod.end"}, (resource["id"], later, at)
            if later:
                assert resource["status"] == "in-progress"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_the_chart_only_grows_and_at_the_anchor_is_whole(case: FixtureCase) -> None:
    before: set[str] = set()
    for hours in sorted(_HOURS_BEFORE, reverse=True):
        known = {each["id"] for each in chart_at(case.resources(), case.anchor - timedelta(hours=hours))}
        assert before <= known
        before = known
    assert chart_at(case.resources(), case.anchor) == list(case.resources())


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("resource", "since"),
    [
        (builders.observation("a", "p", builders.ALT, value=None, at=NOW, issued=NOW + HOUR), NOW + HOUR),
        (builders.observation("a", "p", builders.ALT, value=None, at=NOW), NOW),
        (builders.observation("a", "p", builders.ALT, value=None, at=None), None),
        (builders.condition("c", "p", onset=NOW - HOUR, recorded=NOW), NOW),
        (builders.condition("c", "p", onset=NOW - HOUR), NOW - HOUR),
        (builders.condition("c", "p", onset=(NOW - 2 * HOUR, NOW)), NOW - 2 * HOUR),
        (builders.condition("c", "p"), None),
        (builders.condition("c", "p", recorded="2026-01-15"), NOW.replace(hour=0)),
        (builders.condition("c", "p", recorded="not a date", onset=NOW), NOW),
        ({"resourceType": "MedicationRequest", "authoredOn": NOW.isoformat()}, NOW),
        ({"resourceType": "MedicationStatement", "dateAsserted": NOW.isoformat()}, NOW),
        ({"resourceType": "MedicationStatement", "effectivePeriod": {"start": NOW.isoformat()}}, NOW),
        ({"resourceType": "Encounter", "period": {"start": NOW.isoformat()}}, NOW),
        ({"resourceType": "Encounter", "period": "soon"}, None),
        ({"resourceType": "Patient", "birthDate": "2030-01-01"}, None),
        ({"resourceType": "Specimen"}, None),
        (builders.specimen("s", "p", collected=NOW), NOW),
        ({}, None),
    ],
)
def test_from_when_a_resource_is_known(resource: dict[str, Any], since: datetime | None) -> None:
    assert known_from(resource) == since


def infusion(status: str = "completed", end: datetime | None = NOW + HOUR) -> dict[str, Any]:
    period = {"start": (NOW - HOUR).isoformat()} | ({} if end is None else {"end": end.isoformat()})
    return {"resourceType": "MedicationAdministration", "id": "i", "status": status, "effectivePeriod": period}


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        (infusion(), "in-progress"),
        (infusion(end=NOW), "completed"),
        (infusion(end=NOW - timedelta(minutes=1)), "completed"),
        (infusion(end=None), "completed"),
        (infusion(status="stopped"), "stopped"),
        (infusion(status="in-progress"), "in-progress"),
        (infusion() | {"resourceType": "MedicationStatement"}, "active"),
        (infusion(status="entered-in-error") | {"resourceType": "MedicationStatement"}, "entered-in-error"),
        (infusion(end=NOW) | {"resourceType": "MedicationStatement"}, "completed"),
        ({"resourceType": "MedicationAdministration", "status": "completed"}, "completed"),
        ({"resourceType": "Observation", "status": "final", "effectivePeriod": {"end": "2027-01-01"}}, "final"),
    ],
)
def test_an_infusion_that_ended_later_was_still_running(resource: dict[str, Any], status: str) -> None:
    before = dict(resource)
    assert as_it_stood(resource, NOW)["status"] == status
    assert resource == before


def test_when_a_course_would_end_was_not_known() -> None:
    course = infusion() | {"resourceType": "MedicationStatement"}
    assert as_it_stood(course, NOW)["effectivePeriod"] == {"start": (NOW - HOUR).isoformat()}


def test_a_running_infusion_appears_when_it_began() -> None:
    assert chart_at([infusion()], NOW - HOUR - timedelta(seconds=1)) == []
    assert [each["status"] for each in chart_at([infusion()], NOW - HOUR)] == ["in-progress"]
    assert [each["status"] for each in chart_at([infusion()], NOW + HOUR)] == ["completed"]
