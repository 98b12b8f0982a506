"""The store at work: it never makes a caller wait, loses nothing it can keep, and says when it cannot."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cds_service.records import FeedbackRecord, Outcome, StoreUnavailableError
from cds_service.shelf import Note
from cds_service.store import store as store_module
from cds_service.store.condition import Condition
from cds_service.store.kept import key_at
from tests.store.stores import NOW, QUICK, FakeDatabase, call, opened, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.store.kept import KeptCall
    from cds_service.store.store import Database

FEEDBACK = FeedbackRecord("iv-nac-patient-view", "card-1", Outcome.ACCEPTED)
LATER = NOW + timedelta(minutes=5)


async def test_calls_are_written_in_the_background_in_order() -> None:
    database = FakeDatabase()
    async with opened(lambda: database) as store:
        assert store.condition == "up"
        for number in range(3):
            store.keep_call(call(total_ms=float(number)))
        await until(lambda: len(database.calls) == 3)
    assert [kept.call.total_ms for kept in database.calls] == [0.0, 1.0, 2.0]
    assert len({kept.id for kept in database.calls}) == 3
    assert {kept.at for kept in database.calls} == {NOW}
    assert database.is_closed


async def test_what_is_queued_is_written_when_the_service_stops() -> None:
    database = FakeDatabase()
    async with opened(lambda: database, pace=store_module.Pace(gather=30)) as store:
        store.keep_call(call())
    assert len(database.calls) == 1
    assert store.queued == 0


def test_keys_of_calls_are_unique_and_follow_each_other_in_time() -> None:
    instants = [NOW + timedelta(milliseconds=number) for number in range(300)]
    keys = [key_at(instant) for instant in instants]
    assert keys == sorted(keys)
    assert {len(key) for key in keys} == {32}
    assert key_at(NOW) != key_at(NOW)


async def test_what_comes_while_calls_are_written_is_gathered_anew() -> None:
    database = FakeDatabase()
    written: list[int] = []

    class Busy(FakeDatabase):
        async def keep_calls(self, kept: Sequence[KeptCall]) -> int:
            written.append(len(kept))
            if len(written) < 4:
                store.keep_call(call())
            return await database.keep_calls(kept)

    store = store_module.Store(Busy, clock=lambda: NOW, keep_for=timedelta(days=90), pace=store_module.Pace(gather=30))
    for _ in range(store_module.MOST_AT_ONCE + 2):
        store.keep_call(call())
    await store.open(5.0)
    assert written == [store_module.MOST_AT_ONCE, 2]
    assert store.queued == 2
    await store.close()
    assert written == [store_module.MOST_AT_ONCE, 2, 2, 1]
    assert store.queued == 0


async def test_feedback_and_tokens_are_kept_at_once() -> None:
    database = FakeDatabase()
    async with opened(lambda: database) as store:
        await store.keep_feedback([FEEDBACK])
        assert database.feedback == [FEEDBACK]
        assert await store.first_use("issuer", "new", LATER)
        assert not await store.first_use("issuer", "used", LATER)


async def test_notes_are_kept_at_once_or_refused() -> None:
    database = FakeDatabase()
    async with opened(lambda: database) as store:
        await store.lay("session", "d", b"sealed", LATER, NOW)
        assert await store.change("d", b"changed", 0)
        assert await store.look("d") == Note(b"changed", 1)
        assert await store.take("d")
        assert not await store.take("d")
        database.fails = "no server"
        for asked in (
            store.look("d"),
            store.take("d"),
            store.change("d", b"", 0),
            store.lay("k", "d", b"", LATER, NOW),
        ):
            with pytest.raises(StoreUnavailableError):
                await asked


async def test_a_database_that_is_down_is_not_asked_by_any_call() -> None:
    database = FakeDatabase("no server")
    async with opened(lambda: database, pace=store_module.Pace(first_retry=30)) as store:
        assert store.condition == "unavailable"
        assert database.tries == 1
        store.keep_call(call())
        for _ in range(20):
            with pytest.raises(StoreUnavailableError) as told:
                await store.keep_feedback([FEEDBACK])
            with pytest.raises(StoreUnavailableError):
                await store.first_use("issuer", "new", LATER)
        assert database.tries == 1
        assert 29 <= told.value.retry_after_seconds <= 31
        assert store.queued == 1


async def test_it_comes_back_by_itself_and_writes_what_waited() -> None:
    database = FakeDatabase("no server")
    async with opened(lambda: database) as store:
        store.keep_call(call())
        await until(lambda: database.tries >= 3)
        assert store.queued == 1
        database.fails = None
        await until(lambda: store.is_up)
        assert len(database.calls) == 1
        await store.keep_feedback([FEEDBACK])


async def test_a_failure_in_mid_use_is_told_and_tried_again() -> None:
    database = FakeDatabase()
    async with opened(lambda: database, pace=store_module.Pace(look=30, first_retry=0.2)) as store:
        database.fails = "disk full"
        with pytest.raises(StoreUnavailableError):
            await store.keep_feedback([FEEDBACK])
        assert store.condition == "unavailable"
        assert database.feedback == []
        database.fails = None
        await until(lambda: store.is_up)


async def test_an_idle_store_notices_that_the_database_has_gone() -> None:
    database = FakeDatabase()
    async with opened(lambda: database) as store:
        assert store.is_up
        database.fails = "stopped"
        await until(lambda: not store.is_up)


async def test_pauses_between_tries_grow() -> None:
    condition = Condition(1.0, 60.0)
    pauses = []
    for _ in range(9):
        condition.went_down("x", 100.0)
        pauses.append(condition.seconds_to_retry(100.0))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    condition.came_up()
    assert condition.seconds_to_retry(100.0) == 0
    condition.went_down("x", 100.0)
    assert condition.seconds_to_retry(100.5) == 0.5


async def test_each_change_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cds_service.store")
    database = FakeDatabase("no server")
    async with opened(lambda: database) as store:
        await until(lambda: database.tries >= 4)
        database.fails = None
        await until(lambda: store.is_up)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "no server" in caplog.text


async def test_beyond_the_longest_queue_calls_are_counted_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    lost: list[int] = []
    database = FakeDatabase("no server")
    async with opened(lambda: database, pace=store_module.Pace(first_retry=30), on_lost=lost.append) as store:
        for _ in range(store_module.MOST_QUEUED + 2):
            store.keep_call(call())
        assert store.queued == store_module.MOST_QUEUED
        assert lost == [1, 1]
    assert sum(lost) == store_module.MOST_QUEUED + 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


async def test_calls_the_database_refuses_are_counted_as_lost() -> None:
    lost: list[int] = []
    database = FakeDatabase()
    database.refused = 1
    async with opened(lambda: database, on_lost=lost.append) as store:
        store.keep_call(call())
        await until(lambda: lost == [1])
        assert store.queued == 0
        assert store.is_up


async def test_what_is_too_old_is_forgotten_until_nothing_is_left() -> None:
    database = FakeDatabase()
    async with opened(lambda: database):
        await until(lambda: len(database.forgotten) >= 2)
    assert set(database.forgotten) == {(NOW - timedelta(days=90), NOW)}


async def test_neither_start_nor_end_waits_for_a_database_that_hangs() -> None:
    release = threading.Event()

    def hanging() -> Database:
        release.wait(20)
        return FakeDatabase()

    async with asyncio.timeout(15):
        async with opened(hanging, pace=store_module.Pace(close=0.05, first_try=0.05), wait_seconds=0) as store:
            assert store.condition == "opening"
            with pytest.raises(StoreUnavailableError):
                await store.keep_feedback([FEEDBACK])
        release.set()


async def test_feedback_that_comes_first_waits_for_the_first_try() -> None:
    database = FakeDatabase()
    async with opened(lambda: database, pace=store_module.Pace(first_try=20), wait_seconds=0) as store:
        await store.keep_feedback([FEEDBACK])
    assert database.feedback == [FEEDBACK]


async def test_a_database_that_cannot_be_opened_is_tried_again() -> None:
    failing = [StoreUnavailableError("no such address"), StoreUnavailableError("no such address")]

    def sometimes() -> Database:
        if failing:
            raise failing.pop()
        return FakeDatabase()

    async with opened(sometimes) as store:
        assert store.condition == "unavailable"
        await until(lambda: store.is_up)


async def test_a_fault_of_our_own_does_not_pass_for_a_store_that_works(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeDatabase):
        async def keep_calls(self, kept: object) -> int:
            raise KeyError(kept)

    async with opened(Broken, pace=QUICK) as store:
        store.keep_call(call())
        await until(lambda: store.condition == "unavailable")
    assert "KeyError" in caplog.text
