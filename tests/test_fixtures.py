"""The fixtures are complete, fresh, valid FHIR R4, and their numbers agree with the printed nomogram and label."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.medicationrequest import MedicationRequest

from tests.builders import ORDER_NAMES, draft_order
from tests.fixture_cases import ALL_CASES
from tests.fixture_cases.case import Case, Frame
from tests.write_fixtures import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path

RULES = (
    *("A1", "A2", "A3", "A4", "A5"),
    *("B1", "B2", "B2b", "B3", "B4", "B5", "B5d", "B6", "B7", "B8", "B9"),
    *("B10", "B11", "B12", "B13", "B14", "B15", "B16", "B17"),
    *("C1", "C2", "C3", "C4", "C5"),
    *("D1", "D2", "D3"),
    *("E1", "E2", "E3", "E4", "E5", "E6"),
    *("F1", "F2", "F3", "F4"),
    *("G1", "G2", "G3"),
)
TOPICS = (
    *("indicated", "caution", "dose-check", "consider", "continue", "repeat-level", "data-needed"),
    *("criteria-met", "not-indicated"),
)
# As printed: two decimals of the 150 line at these hours.
PRINTED_LINE = {4: 150.0, 6: 106.07, 8: 75.0, 12: 37.5, 16: 18.75, 20: 9.38, 24: 4.69}

_BY_SLUG = {case.slug: case for case in ALL_CASES}
_each_case = pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.slug)


def test_the_written_files_are_what_the_tables_say() -> None:
    """`python -m tests.write_fixtures` was run after the last edit."""
    assert FIXTURES.stale_files() == []


def test_staleness_is_noticed(tmp_path: Path) -> None:
    """A changed, a missing and a surplus file are each named, and writing mends them."""
    FIXTURES.write(tmp_path)
    assert FIXTURES.stale_files(tmp_path) == []
    changed = tmp_path / "b1-above-line-8h" / "expected.json"
    changed.write_text("{}", encoding="utf-8")
    missing = tmp_path / "unrelated-patient" / "bundle.json"
    missing.unlink()
    surplus = tmp_path / "no-such-case" / "bundle.json"
    surplus.parent.mkdir()
    surplus.write_text("{}", encoding="utf-8")
    assert FIXTURES.stale_files(tmp_path) == sorted(path.relative_to(tmp_path) for path in (changed, missing, surplus))
    FIXTURES.write(tmp_path)
    assert FIXTURES.stale_files(tmp_path) == []
    assert not surplus.parent.exists()


def test_the_command_refuses_unknown_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped option writes nothing and says how it is used."""
    assert FIXTURES.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_shown_on_both_sides(rule: str) -> None:
    """At least one fixture provokes the rule and at least one stops short of it."""
    assert [case.slug for case in ALL_CASES if rule in case.rules]
    assert [case.slug for case in ALL_CASES if rule in case.not_rules]


def test_every_statement_is_shown() -> None:
    """Each founding statement S1-S10 has a fixture."""
    assert {statement for case in ALL_CASES for statement in case.statements} == {f"S{n}" for n in range(1, 11)}


def test_ids_are_unique_over_all_fixtures() -> None:
    """Every fixture can be loaded into one server, and each id is a FHIR id that starts with its slug."""
    seen = Counter(entry["request"]["url"] for case in ALL_CASES for entry in case.bundle()["entry"])
    assert [url for url, times in seen.items() if times > 1] == []
    assert [url for url in seen if len(url.split("/")[1]) > 64] == []
    slugs = Counter(case.slug for case in ALL_CASES)
    assert [slug for slug, times in slugs.items() if times > 1] == []


@_each_case
def test_bundle_is_valid_fhir(case: Case) -> None:
    """The bundle is an R4 transaction, the patient bears the slug, and every id is the slug's own."""
    Bundle.model_validate(case.bundle())
    resources = [entry["resource"] for entry in case.bundle()["entry"]]
    assert resources[0]["resourceType"] == "Patient"
    assert resources[0]["id"] == case.slug
    assert [each["id"] for each in resources[1:] if not each["id"].startswith(f"{case.slug}-")] == []


@_each_case
def test_references_stay_within_the_bundle(case: Case) -> None:
    """Everything a fixture refers to is in it: a strict server accepts it."""
    bundle = case.bundle()
    own = {entry["request"]["url"] for entry in bundle["entry"]}
    referred = {
        each["resource"][element]["reference"]
        for each in bundle["entry"]
        for element in ("subject", "patient", "specimen")
        if element in each["resource"]
    }
    assert referred - own == set()


@_each_case
def test_nothing_happens_after_the_anchor(case: Case) -> None:
    """A chart read at the anchor holds nothing from the future but the planned end of a running infusion."""
    anchor = datetime.fromisoformat(case.anchor)
    resources = [entry["resource"] for entry in case.bundle()["entry"]]
    planned = [each["effectivePeriod"].pop("end", None) for each in resources if each.get("status") == "in-progress"]
    times = [value for value in _strings(resources) if _is_date_time(value)]
    assert all(end is None or _is_date_time(end) for end in planned)
    assert [time for time in times if datetime.fromisoformat(time) > anchor] == []


def _strings(node: object) -> list[str]:
    """Every string in a JSON tree."""
    if isinstance(node, dict):
        return [text for child in node.values() for text in _strings(child)]
    if isinstance(node, list):
        return [text for child in node for text in _strings(child)]
    return [node] if isinstance(node, str) else []


def _is_date_time(text: str) -> bool:
    """Whether a string is a FHIR dateTime with a time of day."""
    return len(text) > 18 and text[4] == text[7] == "-" and text[10] == "T"


@_each_case
def test_expectation_is_well_formed(case: Case) -> None:
    """Known rules, each on one side only; known topics, most urgent first, at most three; a reason in words."""
    assert set(case.rules) | set(case.not_rules) <= set(RULES)
    assert set(case.rules) & set(case.not_rules) == set()
    assert case.calls
    assert case.note
    for call in case.calls:
        assert set(call.topics) <= set(TOPICS)
        assert list(call.topics) == sorted(call.topics, key=TOPICS.index)
        assert call.hook == ("order-select" if call.order is not None else "patient-view")
        assert not isinstance(call.order, str) or call.order in ORDER_NAMES
    json.dumps(case.expected())


@pytest.mark.parametrize("name", ORDER_NAMES)
def test_named_order_is_a_valid_draft(name: str) -> None:
    """Each named order is a draft MedicationRequest of that patient."""
    order = draft_order(name, "unrelated-patient")
    MedicationRequest.model_validate(order)
    assert order["status"] == "draft"
    assert order["subject"] == {"reference": "Patient/unrelated-patient"}


@pytest.mark.parametrize(("hours", "line"), PRINTED_LINE.items())
def test_line_cases_stand_on_the_printed_line(hours: int, line: float) -> None:
    """The on-the-line level is the printed value, and the case on the other side lies within 0.1 mg/L under it."""
    on, under = (_level(f"{side}-{hours:02}h") for side in ("b1-on-line", "b3-just-under-line"))
    assert on == line
    assert under < line
    assert line - under == pytest.approx(0.01, abs=0.1)
    assert _sampled_after(f"b1-on-line-{hours:02}h") == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("slug", "elapsed"),
    [
        ("b8-sample-before-4h", timedelta(hours=3, minutes=59)),
        ("b12-24h01-level-5", timedelta(hours=24, minutes=1)),
        ("dst-spring-forward-7h-not-8h", timedelta(hours=7)),
        ("dst-fall-back-8h-not-7h", timedelta(hours=8)),
        ("mixed-zone-offsets", timedelta(hours=8)),
        ("b14-limit-10-at-22h", timedelta(hours=22)),
    ],
)
def test_elapsed_time_is_exact(slug: str, elapsed: timedelta) -> None:
    """The time from ingestion to sample, from UTC instants, is what the slug says."""
    assert _sampled_after(slug) == elapsed


@pytest.mark.parametrize(
    ("slug", "wall_clock"),
    [("dst-spring-forward-7h-not-8h", 8), ("dst-fall-back-8h-not-7h", 7)],
)
def test_daylight_saving_cases_fool_the_wall_clock(slug: str, wall_clock: int) -> None:
    """Without the offsets the difference would be another: otherwise the case tests nothing."""
    taken, sampled = (text[:19] for text in _taken_and_sampled(slug))
    assert datetime.fromisoformat(sampled) - datetime.fromisoformat(taken) == timedelta(hours=wall_clock)


def test_70_kg_three_bag_numbers() -> None:
    """70 kg: 10,500 / 3,500 / 7,000 mg, 300 mg/kg in all; bag 1 holds 52.5 mL of the 200 mg/mL concentrate."""
    dose = _BY_SLUG["b1-above-line-8h"].calls[0].dose_mg
    assert dose is not None
    assert list(dose) == [10_500, 3_500, 7_000]
    assert sum(dose) == 300 * 70
    assert dose[0] / 200 == 52.5


def test_a_frame_writes_times_in_the_zone_asked_for() -> None:
    """One instant, three ways to chart it."""
    frame = Frame("any", datetime(2026, 7, 1, 12, tzinfo=UTC), "America/New_York")
    assert frame.at(2).isoformat() == "2026-07-01T06:00:00-04:00"
    assert frame.at(2, zone="Australia/Brisbane").isoformat() == "2026-07-01T20:00:00+10:00"
    assert frame.at(timedelta(0)) == frame.anchor


def _resources(slug: str, kind: str) -> list[dict[str, object]]:
    return [each["resource"] for each in _BY_SLUG[slug].bundle()["entry"] if each["resource"]["resourceType"] == kind]


def _level(slug: str) -> float:
    """The case's only level in mg/L."""
    (value,) = (
        each["valueQuantity"]["value"]  # type: ignore[index]
        for each in _resources(slug, "Observation")
        if str(each["id"]).startswith(f"{slug}-level")
    )
    return float(value)


def _taken_and_sampled(slug: str) -> tuple[str, str]:
    """The charted ingestion time and sample time of a case with one overdose and one level."""
    (taken,) = (each["onsetDateTime"] for each in _resources(slug, "Condition"))
    (sampled,) = (
        each["effectiveDateTime"]
        for each in _resources(slug, "Observation")
        if str(each["id"]).startswith(f"{slug}-level")
    )
    return str(taken), str(sampled)


def _sampled_after(slug: str) -> timedelta:
    """Elapsed time from ingestion to sample."""
    taken, sampled = map(datetime.fromisoformat, _taken_and_sampled(slug))
    return sampled - taken
