"""What every database has to do, whichever it is: cases that take its address, run on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from cds_service.records import CardRecord, CommentLength, FeedbackRecord, Outcome, StoreUnavailableError
from cds_service.report import (
    CardFigures,
    Counted,
    DayFigures,
    FeedbackFigures,
    HookFigures,
    ReasonFigures,
    Report,
    RuleFigures,
)
from cds_service.shelf import Note
from cds_service.store.connection import open_engine
from cds_service.store.database import Database
from cds_service.store.kept import KeptCall
from cds_service.store.reporting import NO_REASON, NO_RECORD, NO_RULE
from cds_service.store.retention import MOST_ROWS
from cds_service.store.shelf import insert_note
from cds_service.store.tables import CALL_MARKS, CALLS, CARDS, FEEDBACK, METADATA, REPLAYED_TOKENS, SEALED_NOTES
from tests.store.stores import NOW, call, migrated, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.synchronize import Barrier

LATER = NOW + timedelta(minutes=5)
TOLD = FeedbackRecord("iv-nac-patient-view", "card-1", Outcome.OVERRIDDEN, outcome_at=NOW - timedelta(minutes=1))


async def the_newest_tables_are_those_the_code_knows(url: str) -> None:
    async with migrated(url):
        pass
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


async def tables_of_an_earlier_version_are_brought_up_to_date_with_their_rows(url: str) -> None:
    database = Database(url)
    await database.migrate("0001")
    await database.keep_calls([KeptCall("a" * 32, NOW, call())])
    await database.migrate()
    await database.migrate()
    assert await database.first_use("issuer", "jti", LATER)
    await database.close()
    assert [row["id"] for row in rows(url, CALLS)] == ["a" * 32]


async def processes_that_start_together_make_the_tables_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(3)
    started = [context.Process(target=_migrate_in_a_process, args=(url, together)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        await asyncio.to_thread(process.join, 60)
    assert [process.exitcode for process in started] == [0, 0, 0]
    assert rows(url, CALLS) == []


def _migrate_in_a_process(url: str, together: Barrier) -> None:
    async def migrate() -> None:
        async with migrated(url) as database:
            assert await database.keep_calls([]) == 0

    together.wait(60)
    asyncio.run(migrate())


async def a_call_is_kept_with_its_marks_and_cards(url: str) -> None:
    made = call(
        faults=("refused-incomplete",),
        gaps=("not-fetched", "not-fetched", "unit"),
        unmapped=("http://x.example|1234",),
        timings_ms={"map": 0.5},
        client="st-elsewhere",
    )
    async with migrated(url) as database:
        assert await database.keep_calls([KeptCall("a" * 32, NOW, made)]) == 0
    (kept,) = rows(url, CALLS)
    assert kept == {
        "id": "a" * 32,
        "at": NOW,
        "service": "iv-nac-patient-view",
        "hook": "patient-view",
        "hook_instance": "4e7cf7b8-3a7a-4c54-9b3b-0f7d7a3a2c11",
        "client": "st-elsewhere",
        "status": 200,
        "total_ms": 1.5,
        "timings_ms": {"map": 0.5},
        "category": "indicated",
        "silence": None,
        "card_count": 1,
        "profile": "us-2023",
        "ruleset": "0.1.0",
    }
    assert sorted((row["kind"], row["mark"]) for row in rows(url, CALL_MARKS)) == [
        ("fault", "refused-incomplete"),
        ("gap", "not-fetched"),
        ("gap", "unit"),
        ("rule", "A2-y"),
        ("rule", "B1-x"),
        ("unmapped", "http://x.example|1234"),
    ]
    assert [(row["card_id"], row["rule"], row["topic"]) for row in rows(url, CARDS)] == [
        ("card-1", "B1-x", "indicated")
    ]


async def a_call_that_is_written_twice_is_kept_once(url: str) -> None:
    kept = KeptCall("a" * 32, NOW, call())
    async with migrated(url) as database:
        await database.keep_calls([kept])
        await database.keep_calls([kept, KeptCall("b" * 32, NOW, call(cards=()))])
    assert len(rows(url, CALLS)) == 2
    assert len(rows(url, CARDS)) == 1


async def words_that_are_too_long_are_cut(url: str) -> None:
    long = "x" * 400
    made = call(hook_instance=long, profile=long, rules=(long,), unmapped=tuple(f"{n}|{long}" for n in range(200)))
    async with migrated(url) as database:
        assert await database.keep_calls([KeptCall("a" * 32, NOW, made)]) == 0
    assert len(rows(url, CALLS)[0]["hook_instance"]) == 64
    assert 0 < len([row for row in rows(url, CALL_MARKS) if row["kind"] == "unmapped"]) <= 64


async def a_row_that_is_refused_costs_no_other_row(url: str) -> None:
    batch = [KeptCall("a" * 32, NOW, call(cards=())), KeptCall("b" * 32, NOW, call(cards=(), total_ms=None))]
    async with migrated(url) as database:
        assert await database.keep_calls(batch) == 1
    assert [row["id"] for row in rows(url, CALLS)] == ["a" * 32]


async def feedback_said_twice_is_kept_once(url: str) -> None:
    async with migrated(url) as database:
        await database.keep_feedback([TOLD, TOLD], NOW)
        await database.keep_feedback([TOLD], LATER)
    (kept,) = rows(url, FEEDBACK)
    assert kept["outcome"] == "overridden"
    assert kept["outcome_at"] == kept["counted_at"] == NOW - timedelta(minutes=1)
    assert kept["received_at"] == NOW


async def a_later_outcome_is_kept_beside_the_earlier_one(url: str) -> None:
    accepted = replace(TOLD, outcome=Outcome.ACCEPTED, outcome_at=NOW)
    async with migrated(url) as database:
        await database.keep_feedback([TOLD], NOW)
        await database.keep_feedback([accepted], LATER)
    counted = sorted(rows(url, FEEDBACK), key=lambda row: row["counted_at"])
    assert [row["outcome"] for row in counted] == ["overridden", "accepted"]


async def said_again_without_a_time_it_is_the_last_word(url: str) -> None:
    untimed = replace(TOLD, outcome_at=None)
    async with migrated(url) as database:
        await database.keep_feedback([untimed], NOW)
        await database.keep_feedback([replace(untimed, outcome=Outcome.ACCEPTED)], NOW + timedelta(minutes=1))
        await database.keep_feedback([untimed], LATER)
    counted = sorted(rows(url, FEEDBACK), key=lambda row: row["counted_at"])
    assert [row["outcome"] for row in counted] == ["accepted", "overridden"]


async def a_clock_that_runs_ahead_does_not_keep_the_last_word(url: str) -> None:
    ahead = replace(TOLD, outcome_at=NOW + timedelta(days=400))
    async with migrated(url) as database:
        await database.keep_feedback([ahead], NOW)
    (kept,) = rows(url, FEEDBACK)
    assert kept["counted_at"] == NOW


async def of_feedback_the_reason_is_kept_and_never_the_words(url: str) -> None:
    told = replace(
        TOLD,
        reason="need-more-info",
        reason_system="http://x.example/cs",
        comment=CommentLength.LONG,
        suggestions=("s",),
    )
    async with migrated(url) as database:
        await database.keep_feedback([told], NOW)
    (kept,) = rows(url, FEEDBACK)
    assert (kept["reason"], kept["reason_system"]) == ("need-more-info", "http://x.example/cs")
    assert (kept["comment"], kept["suggestions"]) == ("long", ["s"])


async def a_token_is_new_once_whoever_asks(url: str) -> None:
    async with migrated(url) as one, migrated(url) as other:
        asked = [each.first_use("issuer", "jti", LATER) for each in (one, other) for _ in range(2)]
        assert sorted(await asyncio.gather(*asked)) == [False, False, False, True]
        assert await one.first_use("issuer", "another", LATER)
        assert await one.first_use("issuerj", "ti", LATER)
    digests = [row["digest"] for row in rows(url, REPLAYED_TOKENS)]
    assert len(digests) == 3
    assert all(len(digest) == 64 for digest in digests)


async def a_note_is_kept_changed_and_taken_by_one_of_any_number(url: str) -> None:
    async with migrated(url) as one, migrated(url) as other:
        await one.lay("session", "d" * 64, b"first", LATER)
        assert await other.look("d" * 64) == Note(b"first", 0)
        changed = [each.change("d" * 64, b"next", 0) for each in (one, other) for _ in range(2)]
        assert sorted(await asyncio.gather(*changed)) == [False, False, False, True]
        assert await one.look("d" * 64) == Note(b"next", 1)
        assert await other.change("d" * 64, b"last", 1)
        taken = [each.take("d" * 64) for each in (one, other) for _ in range(2)]
        assert sorted(await asyncio.gather(*taken)) == [False, False, False, True]
        assert await one.look("d" * 64) is None
        assert not await one.change("d" * 64, b"too late", 2)


async def of_too_many_notes_of_a_kind_those_that_end_first_give_way(url: str) -> None:
    engine = open_engine(url)
    async with migrated(url) as database:
        await database.lay("other", "other", b"", NOW)
        for minutes in (3, 1, 2):
            async with engine.begin() as connection:
                ends_at = NOW + timedelta(minutes=minutes)
                await insert_note(connection, "launch", f"in {minutes}", b"", ends_at, most=2)
    await engine.dispose()
    assert sorted(row["digest"] for row in rows(url, SEALED_NOTES)) == ["in 2", "in 3", "other"]


async def what_is_too_old_goes_with_all_that_belongs_to_it(url: str) -> None:
    old, limit = NOW - timedelta(days=91), NOW - timedelta(days=90)
    aged = [KeptCall(f"{n:032}", old, call(cards=())) for n in range(MOST_ROWS + 1)]
    async with migrated(url) as database:
        await database.keep_calls([*aged, KeptCall("a" * 32, limit, call(rules=()))])
        await database.keep_feedback([TOLD], old)
        await database.first_use("issuer", "expired", NOW - timedelta(seconds=1))
        await database.first_use("issuer", "in use", LATER)
        await database.lay("session", "ended", b"", NOW - timedelta(seconds=1))
        await database.lay("session", "open", b"", LATER)
        assert await database.forget(limit, NOW)
        assert len(rows(url, CALLS)) == 2
        assert not await database.forget(limit, NOW)
    assert [row["id"] for row in rows(url, CALLS)] == ["a" * 32]
    assert rows(url, CALL_MARKS) == []
    assert rows(url, FEEDBACK) == []
    assert len(rows(url, REPLAYED_TOKENS)) == 1
    assert [row["digest"] for row in rows(url, SEALED_NOTES)] == ["open"]


async def tables_of_a_later_version_are_left_alone(url: str) -> None:
    async with migrated(url):
        pass
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    database = Database(url)
    with pytest.raises(StoreUnavailableError):
        await database.migrate()
    await database.close()


async def a_report_of_nothing_has_no_figures(url: str) -> None:
    async with migrated(url) as database:
        assert await database.report(NOW - timedelta(days=1), NOW, 90) == Report(NOW - timedelta(days=1), NOW, 90)


async def a_report_counts_calls_by_what_came_of_them(url: str) -> None:
    silent = call(category=None, silence="outside the population", rules=(), topics=(), cards=(), total_ms=0.5)
    refused = call(status=412, category=None, rules=(), topics=(), cards=(), faults=("refused-incomplete",))
    gaps = call(cards=(), gaps=("unit", "unit", "not-fetched"), unmapped=("u|1", "u|2"), total_ms=99)
    ordered = call(hook="order-select", cards=(), total_ms=3, unmapped=("u|2",))
    made = [silent, refused, gaps, *[call(cards=(), total_ms=float(n)) for n in range(1, 99)]]
    kept = [KeptCall(f"{n:032}", NOW, each) for n, each in enumerate(made)]
    yesterday = KeptCall("a" * 32, NOW - timedelta(hours=13), ordered)
    outside = [KeptCall("b" * 32, LATER, call(cards=())), KeptCall("c" * 32, NOW - timedelta(days=2), call(cards=()))]
    async with migrated(url) as database:
        await database.keep_calls([*kept, yesterday, *outside])
        report = await database.report(NOW - timedelta(days=1), LATER, 90)
    assert report.hooks == (
        HookFigures("order-select", 1, 1, 1, 3.0, 3.0, 3.0),
        HookFigures("patient-view", 101, 100, 99, 49.0, 94.0, 98.0),
    )
    assert report.days == (
        DayFigures("2026-01-14", "order-select", 1, 1),
        DayFigures("2026-01-15", "patient-view", 100, 99),
    )
    assert report.categories == (Counted("indicated", 100),)
    assert report.silences == (Counted("outside the population", 1),)
    assert report.gaps == (Counted("not-fetched", 1), Counted("unit", 1))
    assert report.refusals == (Counted("incomplete", 1),)
    assert report.unmapped == (Counted("u|2", 2), Counted("u|1", 1))
    assert report.rules == (RuleFigures("A2-y", met=100), RuleFigures("B1-x", met=100))


async def a_report_tells_cards_of_shadow_mode_from_those_shown(url: str) -> None:
    two_rules = (CardRecord("card-1", "dose-check", ("F1-y", "F2-z")),)
    shown = call(rules=("F1-y",), cards=two_rules)
    shadow = replace(shown, cards=(CardRecord("card-2", "dose-check", ("F1-y",)),), is_shadow=True)
    silent = call(rules=(), topics=(), cards=(), category=None, silence="outside the population", is_shadow=True)
    async with migrated(url) as database:
        await database.keep_calls([KeptCall(f"{n:032}", NOW, each) for n, each in enumerate((shown, shadow, silent))])
        report = await database.report(NOW - timedelta(days=1), LATER, 90)
    (hook,), (day,) = report.hooks, report.days
    assert (hook.answered, hook.fired, hook.withheld) == (day.answered, day.fired, day.withheld) == (3, 1, 1)
    assert report.cards == (CardFigures("2026-01-15", "dose-check", 1, 1),)
    assert report.rules == (RuleFigures("F1-y", met=2, cards=1, withheld=1), RuleFigures("F2-z", cards=1))


async def a_report_tells_by_rule_what_became_of_cards(url: str) -> None:
    made = call(
        rules=("B1-x",),
        cards=(
            CardRecord("card-1", "indicated", ("B1-x",)),
            CardRecord("card-2", "dose-check", ("F1-y", "F2-z")),
            CardRecord("card-3", "data-needed", ()),
        ),
    )
    told = [
        TOLD,
        replace(TOLD, outcome=Outcome.ACCEPTED, outcome_at=NOW - timedelta(minutes=2)),
        replace(TOLD, card="card-2", reason="need-more-info"),
        replace(TOLD, card="card-3", outcome=Outcome.ACCEPTED),
        replace(TOLD, card="unheard-of"),
    ]
    async with migrated(url) as database:
        await database.keep_calls([KeptCall("a" * 32, NOW, made)])
        await database.keep_feedback(told, NOW)
        await database.keep_feedback([replace(TOLD, card="too old", outcome_at=NOW - timedelta(days=5))], NOW)
        report = await database.report(NOW - timedelta(days=1), LATER, 90)
    assert report.feedback == FeedbackFigures(accepted=1, overridden=3, unknown=1)
    assert report.rules == (
        RuleFigures(NO_RECORD, overridden=1),
        RuleFigures(NO_RULE, cards=1, accepted=1),
        RuleFigures("B1-x", met=1, cards=1, overridden=1),
        RuleFigures("F1-y", cards=1, overridden=1),
        RuleFigures("F2-z", cards=1, overridden=1),
    )
    assert report.reasons == (
        ReasonFigures(NO_RECORD, NO_REASON, 1),
        ReasonFigures("B1-x", NO_REASON, 1),
        ReasonFigures("F1-y", "need-more-info", 1),
        ReasonFigures("F2-z", "need-more-info", 1),
    )


CASES: list[Callable[[str], Awaitable[None]]] = [
    the_newest_tables_are_those_the_code_knows,
    tables_of_an_earlier_version_are_brought_up_to_date_with_their_rows,
    processes_that_start_together_make_the_tables_once,
    a_call_is_kept_with_its_marks_and_cards,
    a_call_that_is_written_twice_is_kept_once,
    words_that_are_too_long_are_cut,
    a_row_that_is_refused_costs_no_other_row,
    feedback_said_twice_is_kept_once,
    a_later_outcome_is_kept_beside_the_earlier_one,
    said_again_without_a_time_it_is_the_last_word,
    a_clock_that_runs_ahead_does_not_keep_the_last_word,
    of_feedback_the_reason_is_kept_and_never_the_words,
    a_token_is_new_once_whoever_asks,
    a_note_is_kept_changed_and_taken_by_one_of_any_number,
    of_too_many_notes_of_a_kind_those_that_end_first_give_way,
    what_is_too_old_goes_with_all_that_belongs_to_it,
    tables_of_a_later_version_are_left_alone,
    a_report_of_nothing_has_no_figures,
    a_report_counts_calls_by_what_came_of_them,
    a_report_tells_cards_of_shadow_mode_from_those_shown,
    a_report_tells_by_rule_what_became_of_cards,
]
