"""The time axis: where things stand, what the table says, and that labels keep apart."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from cds_service.clinical.quantity import Span
from cds_service.web.timeline import LANE_HEIGHT, LANES, LEFT, RIGHT, TOP, WIDTH, timeline
from tests.clinical.facts_builders import NOW, alt, ast, chart, hours_ago, infused, inr, level, overdose, weighs

if TYPE_CHECKING:
    from cds_service.web.timeline import Timeline
    from tests.clinical.facts_builders import Fact


def drawn(*facts: Fact, shown: Span | None = None) -> Timeline:
    return timeline(chart(*facts), NOW, UTC, shown=shown)


def test_things_stand_where_they_happened() -> None:
    """With an ingestion 8 h ago the axis runs from 03:00 to 13:00: an hour is a tenth of it."""
    found = drawn(overdose(8), level(120, 4))
    hour = (RIGHT - LEFT) / 10
    ingestion, sample = found.events
    assert ingestion.left == pytest.approx(LEFT + hour, abs=0.01)
    assert sample.left == pytest.approx(LEFT + 5 * hour, abs=0.01)
    assert found.now_x == pytest.approx(LEFT + 9 * hour, abs=0.01)
    assert (ingestion.y, sample.y) == (TOP + LANE_HEIGHT / 2, TOP + LANE_HEIGHT * 1.5)


def test_the_table_says_the_same_in_order_of_time() -> None:
    found = drawn(level(120, 4), alt(30, 4), overdose((10, 8)), inr(1.1, 1), infused(10_500, 3, 2))
    assert [(row.when, row.lane, row.words) for row in found.rows] == [
        ("02:00 UTC to 04:00 UTC", "Ingestion", "Acetaminophen overdose"),
        ("08:00 UTC", "Acetaminophen", "acetaminophen 120 mg/L"),
        ("08:00 UTC", "AST and ALT", "ALT 30 U/L"),
        ("09:00 UTC to 10:00 UTC", "Acetylcysteine", found.rows[3].words),
        ("11:00 UTC", "INR", "INR 1.1"),
    ]
    assert "10,500 mg" in found.rows[3].words
    assert len(found.events) == len(found.rows)


@pytest.mark.parametrize(("ago", "is_shown"), [(7 * 24 + 1, False), (7 * 24 - 1, True), (0, True), (-47, True)])
def test_the_last_seven_days_are_shown(ago: float, *, is_shown: bool) -> None:
    assert bool(drawn(alt(30, ago)).events) is is_shown


def test_what_has_no_time_or_no_lane_is_left_out() -> None:
    assert drawn(alt(30, None), weighs(70), overdose(None)).events == ()


def test_an_unreadable_result_is_shown_as_charted() -> None:
    (row,) = drawn(level(None, 1, charted="haemolysed", status="preliminary")).rows
    assert row.words == "acetaminophen haemolysed, preliminary"


def test_a_long_text_is_cut_in_the_drawing_and_whole_in_the_table() -> None:
    found = drawn(alt(None, 1, charted="no result, sample lost on the way"))
    assert [event.label for event in found.events] == ["ALT no result, …"]
    assert found.rows[0].words == "ALT no result, sample lost on the way"


def test_an_infusion_is_a_bar() -> None:
    (bar,) = drawn(infused(10_500, 3, 2)).events
    assert bar.is_bar
    assert bar.label == "10,500 mg"


def test_labels_of_one_instant_stand_on_both_sides_of_their_lane() -> None:
    first, second = drawn(alt(30, 1), ast(28, 1)).events
    assert (first.label_y - first.y, second.label_y - second.y) == (-10, 19)


def test_labels_below_a_lane_keep_clear_of_those_above_the_next() -> None:
    """A line of text is 13 units high: at least that lies between two baselines, and some air."""
    events = drawn(alt(30, 1), ast(28, 1), inr(1, 1)).events
    below = max(event.label_y for event in events if event.y == events[0].y)
    (ratio,) = (event for event in events if event.label == "1")
    assert ratio.label_y - below >= 20


def test_the_axis_stays_where_it_is_while_now_moves() -> None:
    shown = Span(hours_ago(12), NOW)
    facts = chart(overdose(8))
    places = {timeline(facts, NOW - timedelta(hours=back), UTC, shown=shown).events[0].left for back in (0, 2, 6)}
    assert len(places) == 1


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
@pytest.mark.parametrize("ago", [1, 8, 30, 100, 167])
def test_ticks_are_few_in_order_and_inside(zone: str, ago: float) -> None:
    ticks = timeline(chart(overdose(ago)), NOW, ZoneInfo(zone)).ticks
    assert 2 <= len(ticks) <= 14
    assert [tick.x for tick in ticks] == sorted(tick.x for tick in ticks)
    assert all(LEFT <= tick.x <= RIGHT for tick in ticks)
    assert all(later.x - earlier.x > 40 for earlier, later in pairwise(ticks))
    assert RIGHT + 38 <= WIDTH  # half of the longest label


def test_an_empty_chart_has_an_axis_and_an_empty_table() -> None:
    found = drawn()
    assert (found.events, found.rows) == ((), ())
    assert [name for _, name in found.lanes] == list(LANES)
    assert LEFT < found.now_x < RIGHT
