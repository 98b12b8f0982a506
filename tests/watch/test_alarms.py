"""Alarms: cards that stopped coming, and codes and units nobody mapped."""

from __future__ import annotations

import pytest

from cds_service.hooks.metrics import Metrics
from cds_service.watch.alarms import FEWEST_FIRINGS, FEWEST_SILENT, MISSED_FIRINGS, MOST_TOKENS, Alarms, Firing
from tests.watch.records import call, fired

ALARM = "no-cards-patient-view"


def observed(*groups: tuple[int, bool]) -> tuple[Alarms, Metrics]:
    """Alarms that saw so many calls with or without a card, in this order."""
    metrics = Metrics()
    alarms = Alarms(metrics)
    for count, has_card in groups:
        for _ in range(count):
            alarms.observe(fired() if has_card else call())
    return alarms, metrics


FIRING = [
    ("never fired", [(10_000, False)], False),
    ("too few cards to know a rate", [(FEWEST_FIRINGS - 1, True), (10_000, False)], False),
    ("often, then silent", [(FEWEST_FIRINGS, True), (FEWEST_SILENT, False)], True),
    ("one call short of the fewest", [(FEWEST_FIRINGS, True), (FEWEST_SILENT - 1, False)], False),
    ("a rare card resets", [(FEWEST_FIRINGS, True), (FEWEST_SILENT - 1, False), (1, True), (1, False)], False),
]


@pytest.mark.parametrize(("case", "groups", "is_raised"), FIRING, ids=[row[0] for row in FIRING])
def test_the_alarm_is_raised_when_cards_stop(case: str, groups: list[tuple[int, bool]], is_raised: bool) -> None:  # noqa: FBT001 - a table column
    alarms, metrics = observed(*groups)
    assert (alarms.names == (ALARM,)) is is_raised, case
    assert (f'cds_alarm{{name="{ALARM}"}} 1.0' in metrics.as_text().decode()) is is_raised


def test_where_cards_are_rare_silence_has_to_be_longer() -> None:
    one_in_100 = [(99, False), (1, True)] * FEWEST_FIRINGS
    assert observed(*one_in_100, (MISSED_FIRINGS * 100 - 1, False))[0].names == ()
    assert observed(*one_in_100, (MISSED_FIRINGS * 100, False))[0].names == (ALARM,)


def test_the_alarm_ends_with_the_next_card_and_both_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    alarms, metrics = observed((FEWEST_FIRINGS, True), (FEWEST_SILENT + 50, False), (2, True))
    assert alarms.names == ()
    assert f'cds_alarm{{name="{ALARM}"}} 0.0' in metrics.as_text().decode()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [ALARM, ALARM]


@pytest.mark.parametrize(("status", "is_counted"), [(200, True), (412, True), (400, False), (401, False), (404, False)])
def test_calls_that_were_not_understood_say_nothing_about_cards(status: int, is_counted: bool) -> None:  # noqa: FBT001 - a table column
    alarms, _ = observed((FEWEST_FIRINGS, True))
    for _ in range(FEWEST_SILENT):
        alarms.observe(call(status=status))
    assert bool(alarms.names) is is_counted


def test_each_hook_has_its_own_alarm() -> None:
    alarms, _ = observed((FEWEST_FIRINGS, True), (FEWEST_SILENT - 1, False))
    alarms.observe(fired(hook="order-sign"))
    alarms.observe(call())
    assert alarms.names == (ALARM,)


def test_the_ratio_is_of_the_recent_calls() -> None:
    firing = Firing()
    assert firing.ratio == 0
    for has_fired in (True, False, False, True):
        firing.count(has_fired=has_fired)
    assert firing.ratio == 0.5
    _, metrics = observed((1, True), (3, False))
    assert 'cds_firing_ratio{hook="patient-view"} 0.25' in metrics.as_text().decode()


def test_an_unknown_code_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    alarms, _ = observed()
    for _ in range(3):
        alarms.observe(call(unmapped=("urn:lab|APAP", "mg%")))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("unmapped code urn:lab|APAP: ")
    assert said[1].startswith("unmapped unit mg%: ")


def test_a_flood_of_unknown_codes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    alarms, _ = observed()
    for number in range(MOST_TOKENS + 10):
        alarms.observe(call(unmapped=(f"urn:lab|{number}",)))
    assert len(caplog.records) == MOST_TOKENS + 1
    assert "only counted" in caplog.records[-1].getMessage()
