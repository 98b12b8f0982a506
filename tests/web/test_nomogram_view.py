"""What the nomogram page says of an assessment: marks, lines and clock times against a table written by hand."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.profiles import PROFILES
from cds_service.web.nomogram_view import Moment, NomogramView, has_nomogram, nomogram_view
from tests.clinical.facts_builders import Fact, alt, assessed, level, overdose, took, weighs


def view(*facts: Fact, **options: Any) -> NomogramView:
    return nomogram_view(assessed(*facts, **options), UTC)


# NOW is 12:00 UTC. Columns: facts, value, hours, place, line at the latest possible time, on or above.
@pytest.mark.parametrize(
    ("facts", "value", "hours", "place", "line", "is_above"),
    [
        ((overdose(8), level(75, 0)), "75 mg/L", "8.0 h", "on or above the line", 75.0, True),
        ((overdose(8), level(74.9, 0)), "74.9 mg/L", "8.0 h", "below the line", 75.0, False),
        ((overdose(9), level(120, 1)), "120 mg/L", "8.0 h", "on or above the line", 75.0, True),
        ((overdose(4), level(150, 0)), "150 mg/L", "4.0 h", "on or above the line", 150.0, True),
        ((overdose(24), level(4.68, 0)), "4.68 mg/L", "24.0 h", "below the line", 4.6875, False),
        ((overdose((10, 6)), level(60, 0)), "60 mg/L", "6.0 h to 10.0 h", "on or above the line", 53.033, True),
        ((overdose((10, 3)), level(40, 0)), "40 mg/L", "3.0 h to 10.0 h",
         "the time or value cannot settle it", 53.033, None),
        ((overdose(22), level("<10", 0)), "<10 mg/L", "22.0 h",
         "below a detection limit that lies above the line", 6.629, None),
        ((overdose(8), level(">300", 0)), ">300 mg/L", "8.0 h", "on or above the line", 75.0, True),
        ((overdose(3.9), level(60, 0)), "60 mg/L", "3.9 h", "before 4 h", None, None),
        ((overdose(24.1), level(60, 0)), "60 mg/L", "24.1 h", "after 24 h", None, None),
        ((overdose(None), level(60, 0)), "60 mg/L", "not known", "the time or value cannot settle it", None, None),
        ((overdose(8), level(60, None)), "60 mg/L", "not known", "the time or value cannot settle it", None, None),
        ((overdose(8), level(None, 0)), "None", "not known", "no usable value", None, None),
        ((overdose(8), level(60, 9)), "60 mg/L", "-1.0 h", "before the recorded ingestion", None, None),
    ],
)  # fmt: skip
def test_where_a_level_lies(
    facts: tuple[Fact, ...], value: str, hours: str, place: str, line: float | None, *, is_above: bool | None
) -> None:
    (mark,) = view(*facts).marks
    assert (mark.value, mark.hours, mark.place, mark.is_above) == (value, hours, place, is_above)
    assert mark.line_mg_l == (None if line is None else pytest.approx(line, abs=0.001))


# The level is due and treatment starts at clock times counted by hand from NOW, 12:00 UTC.
@pytest.mark.parametrize(
    ("facts", "moments"),
    [
        ((overdose(8), level(75, 0)), []),
        ((overdose(3), level(60, 0)), [("level-due", "Next level due 13:00 UTC", 4.0, 4.0)]),
        (
            (overdose(2),),
            [
                ("start-by", "Start NAC by 18:00 UTC if no result is back", 8.0, 8.0),
                ("level-due", "Next level due between 14:00 and 18:00 UTC", 4.0, 8.0),
            ],
        ),
        (
            # 4 + 4 * log2(150 / 10) = 19.63 h before 12:00 is 16:22 the day before.
            (overdose(None), level(10, 0), alt(20)),
            [
                (
                    "crossing",
                    "On the treatment line if ingested at or before 16:22 UTC on 14 Jan (10 mg/L at 19.6 h)",
                    pytest.approx(19.6276, abs=0.0001),
                    pytest.approx(19.6276, abs=0.0001),
                )
            ],
        ),
    ],
)
def test_what_is_due_and_when(facts: tuple[Fact, ...], moments: list[tuple[Any, ...]]) -> None:
    found = view(*facts).moments
    assert [(each.role, each.words, each.hours_from, each.hours_to) for each in found] == moments


def test_a_crossing_names_the_level_it_was_found_for() -> None:
    (crossing,) = view(overdose(None), level(40, 3), level(10, 0), alt(20)).moments
    # 40 mg/L meets the line at 4 + 4 * log2(3.75) = 11.63 h: 21:22 for the first sample. 10 mg/L: 16:22.
    assert isinstance(crossing, Moment)
    assert crossing.level_mg_l in {40.0, 10.0}
    assert f"{crossing.level_mg_l:g} mg/L" in crossing.words


def test_clock_times_are_shown_in_the_zone_of_the_site() -> None:
    shown = nomogram_view(assessed(overdose(3), level(60, 0)), ZoneInfo("America/New_York"))
    assert shown.now == "07:00 EST"
    assert shown.ingestion == "acute ingestion at a known time, first dose 04:00 EST"
    assert shown.moments[0].words == "Next level due 08:00 EST"
    assert shown.now_hours == 3.0


@pytest.mark.parametrize(
    ("profile", "bases"),
    [
        ("us-2023", {"treatment": 150.0, "high-risk": 300.0, "original": 200.0}),
        ("uk-2012", {"treatment": 100.0, "original": 200.0}),
        ("anz-2019", {"treatment": 150.0, "original": 200.0}),
        ("aga-2017", {"treatment": 150.0, "original": 200.0}),
    ],
)
def test_the_lines_are_those_of_the_profile(profile: str, bases: dict[str, float]) -> None:
    chosen = PROFILES[profile]
    found = {line.role: line.base_mg_l for line in view(overdose(8), level(75, 0), profile=chosen).lines}
    assert {"high-risk": chosen.high_risk_line_mg_l} | bases == found


def test_every_level_is_shown_oldest_first_with_its_status() -> None:
    marks = view(overdose(12), level(30, 0), level(60, 4, status="preliminary")).marks
    assert [(mark.value, mark.hours, mark.status) for mark in marks] == [
        ("60 mg/L", "8.0 h", "preliminary"),
        ("30 mg/L", "12.0 h", "final"),
    ]


@pytest.mark.parametrize(
    ("facts", "has_one"),
    [
        ((overdose(8), level(75, 0)), True),
        ((overdose(2),), True),
        ((overdose(None), level(10, 0)), True),
        ((overdose(None),), False),
        ((weighs(70),), False),
        ((took(8, 30), took(8, 4), overdose(30), level(40, 0)), False),
    ],
)
def test_there_is_a_nomogram_where_a_level_or_hours_can_be_shown(facts: tuple[Fact, ...], *, has_one: bool) -> None:
    assert has_nomogram(assessed(*facts)) is has_one


def test_outside_the_population_nothing_is_recommended() -> None:
    shown = view(weighs(70))
    assert (shown.finding, shown.topic, shown.marks, shown.moments) == ("No recommendation on these data", None, (), ())
