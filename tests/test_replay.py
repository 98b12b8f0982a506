"""The registers of used tokens: in memory, and one shared with a way out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cds_service.records import StoreUnavailableError
from cds_service.replay import MemoryReplayRegister, ReplayRegister, SharedReplayRegister

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def test_the_same_id_of_another_issuer_is_another_token() -> None:
    register = MemoryReplayRegister(lambda: NOW)
    uses = [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1"), ("b", "1")]
    assert [await register.first_use(*use, later(5)) for use in uses] == [True, True, True, False, False]


async def test_a_token_is_remembered_until_it_cannot_be_shown_again() -> None:
    now = NOW
    register = MemoryReplayRegister(lambda: now)
    assert await register.first_use("a", "1", later(5))
    now = later(5)
    assert not await register.first_use("a", "1", later(5))
    now = later(5.01)
    assert await register.first_use("a", "1", later(10))


async def test_the_memory_is_bounded_and_forgets_first_what_expires_first() -> None:
    register = MemoryReplayRegister(lambda: NOW, most=2)
    for jti, minutes in (("long", 9), ("short", 1), ("next", 5)):
        assert await register.first_use("a", jti, later(minutes))
    assert not await register.first_use("a", "long", later(9))
    assert not await register.first_use("a", "next", later(5))
    assert await register.first_use("a", "short", later(1))


class Answering:
    """A shared register that does what it is told: answer, fail or hang."""

    def __init__(self, answers: list[bool | type[Exception] | Exception | None]) -> None:
        self._answers = answers

    async def first_use(self, issuer: str, jti: str, expires_at: datetime) -> bool:  # noqa: ARG002 - the protocol's
        answer = self._answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if answer is not None and not isinstance(answer, bool):
            raise answer
        return bool(answer)


def shared(register: ReplayRegister, failures: list[str]) -> SharedReplayRegister:
    memory = MemoryReplayRegister(lambda: NOW)
    return SharedReplayRegister(register, memory, on_failure=lambda: failures.append("failed"), seconds=0.05)


@pytest.mark.parametrize(
    ("answer", "is_first", "failures"),
    [(True, True, 0), (False, False, 0), (StoreUnavailableError("down"), True, 1), (None, True, 1)],
)
async def test_what_the_shared_register_says_counts_unless_it_cannot_say(
    answer: bool | type[Exception] | None,  # noqa: FBT001 - a row of the table
    is_first: bool,  # noqa: FBT001 - a row of the table
    failures: int,
) -> None:
    counted: list[str] = []
    assert await shared(Answering([answer]), counted).first_use("a", "1", later(5)) is is_first
    assert len(counted) == failures


async def test_what_is_wrong_with_the_shared_register_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    register = shared(Answering([StoreUnavailableError("down"), StoreUnavailableError("down"), True, True]), counted)
    for jti in "1234":
        assert await register.first_use("a", jti, later(5))
    told = [record.getMessage() for record in caplog.records]
    assert len(counted) == 2
    assert ["does not answer" in told[0], "answers again" in told[1], len(told)] == [True, True, 2]


async def test_a_fault_of_the_programme_is_not_taken_for_a_database_that_is_down() -> None:
    with pytest.raises(ZeroDivisionError):
        await shared(Answering([ZeroDivisionError]), []).first_use("a", "1", later(5))
