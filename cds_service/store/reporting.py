"""The figures of a report, counted by the database. Knows SQL that SQLite and PostgreSQL both read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, distinct, func, select

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
from cds_service.store.calls import FAULT, GAP, RULE, SHADOW, UNMAPPED
from cds_service.store.tables import CALL_MARKS, CALLS, CARDS, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Executable, Subquery
    from sqlalchemy.ext.asyncio import AsyncConnection

MOST_LINES = 200
"""Lines of one table, the most frequent first."""
NO_RULE, NO_REASON, NO_RECORD = "(no rule)", "(none given)", "(card without a record)"

_ANSWERED = CALLS.c.status == 200  # noqa: PLR2004 - HTTP's own number
_IS_SHADOW = (
    select(CALL_MARKS.c.call_id).where(CALL_MARKS.c.call_id == CALLS.c.id, CALL_MARKS.c.kind == SHADOW).exists()
)
_FIRED = and_(CALLS.c.card_count > 0, ~_IS_SHADOW)
_WITHHELD = and_(CALLS.c.card_count > 0, _IS_SHADOW)
_REFUSED = "refused-"


@dataclass(frozen=True, slots=True)
class _Span:
    """What is counted: from `since` up to `until`, the latter excluded."""

    connection: AsyncConnection
    since: datetime
    until: datetime

    @property
    def calls(self) -> ColumnElement[bool]:
        return and_(CALLS.c.at >= self.since, CALLS.c.at < self.until)

    async def rows(self, statement: Executable) -> Sequence[Any]:
        return (await self.connection.execute(statement)).all()


async def read_report(connection: AsyncConnection, since: datetime, until: datetime, kept_days: int) -> Report:
    """Every figure from `since` up to `until`, the latter excluded."""
    span = _Span(connection, since, until)
    return Report(
        since,
        until,
        kept_days,
        hooks=await _hooks(span),
        days=await _days(span),
        cards=await _cards(span),
        categories=await _counted(span, CALLS.c.category),
        rules=await _rules(span),
        reasons=await _reasons(span),
        silences=await _counted(span, CALLS.c.silence),
        gaps=await _marks(span, GAP),
        refusals=_named_after(_REFUSED, await _marks(span, FAULT)),
        unmapped=await _marks(span, UNMAPPED),
        feedback=await _feedback(span),
    )


async def _hooks(span: _Span) -> tuple[HookFigures, ...]:
    counts = (
        select(CALLS.c.hook, func.count(), _how_many(_ANSWERED), _how_many(_FIRED), _how_many(_WITHHELD))
        .where(span.calls)
        .group_by(CALLS.c.hook)
        .order_by(CALLS.c.hook)
    )
    latencies = {hook: (p50, p95, p99) for hook, p50, p95, p99 in await span.rows(_latencies(span))}
    return tuple(
        HookFigures(hook, calls, answered, fired, *latencies.get(hook, (None, None, None)), withheld)
        for hook, calls, answered, fired, withheld in await span.rows(counts)
    )


def _latencies(span: _Span) -> Executable:
    """By hook the least time that so many percent of the answered calls did not exceed."""
    place = func.row_number().over(partition_by=CALLS.c.hook, order_by=CALLS.c.total_ms)
    of = func.count().over(partition_by=CALLS.c.hook)
    ranked = (
        select(CALLS.c.hook, CALLS.c.total_ms, place.label("place"), of.label("of"))
        .where(span.calls, _ANSWERED)
        .subquery()
    )
    percentiles = (
        func.min(case((ranked.c.place * 100 >= ranked.c.of * percent, ranked.c.total_ms))) for percent in (50, 95, 99)
    )
    return select(ranked.c.hook, *percentiles).group_by(ranked.c.hook)


async def _days(span: _Span) -> tuple[DayFigures, ...]:
    day = func.date(CALLS.c.at)
    counts = (
        select(day, CALLS.c.hook, func.count(), _how_many(_FIRED), _how_many(_WITHHELD))
        .where(span.calls, _ANSWERED)
        .group_by(day, CALLS.c.hook)
        .order_by(day, CALLS.c.hook)
    )
    return tuple(DayFigures(str(at), hook, *numbers) for at, hook, *numbers in await span.rows(counts))


async def _cards(span: _Span) -> tuple[CardFigures, ...]:
    """Each card once, however many rules made it."""
    made = (
        select(CARDS.c.card_id, CARDS.c.topic, func.date(CALLS.c.at).label("day"), _as_number(_IS_SHADOW))
        .join(CALLS, CALLS.c.id == CARDS.c.call_id)
        .where(span.calls)
        .distinct()
        .subquery()
    )
    is_withheld = made.c.withheld == 1
    counts = (
        select(made.c.day, made.c.topic, _how_many(~is_withheld), _how_many(is_withheld))
        .group_by(made.c.day, made.c.topic)
        .order_by(made.c.day, made.c.topic)
    )
    return tuple(CardFigures(str(day), topic, *numbers) for day, topic, *numbers in await span.rows(counts))


def _as_number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0).label("withheld")


async def _counted(span: _Span, column: ColumnElement[Any]) -> tuple[Counted, ...]:
    counts = (
        select(column, func.count())
        .where(span.calls, column.is_not(None))
        .group_by(column)
        .order_by(func.count().desc(), column)
    )
    return tuple(Counted(name, calls) for name, calls in await span.rows(counts))


async def _marks(span: _Span, kind: str) -> tuple[Counted, ...]:
    counts = (
        select(CALL_MARKS.c.mark, func.count())
        .join(CALLS, CALLS.c.id == CALL_MARKS.c.call_id)
        .where(span.calls, CALL_MARKS.c.kind == kind)
        .group_by(CALL_MARKS.c.mark)
        .order_by(func.count().desc(), CALL_MARKS.c.mark)
        .limit(MOST_LINES)
    )
    return tuple(Counted(mark, calls) for mark, calls in await span.rows(counts))


def _named_after(prefix: str, marks: tuple[Counted, ...]) -> tuple[Counted, ...]:
    return tuple(Counted(each.name.removeprefix(prefix), each.calls) for each in marks if each.name.startswith(prefix))


# --- rules and feedback ---------------------------------------------------------------------------------


async def _rules(span: _Span) -> tuple[RuleFigures, ...]:
    """Rules that were met, made a card, or were told about, by their ids."""
    met = {each.name: each.calls for each in await _marks(span, RULE)}
    made = await span.rows(_cards_by_rule(span))
    cards = {(rule or NO_RULE, is_withheld): count for rule, is_withheld, count in made}
    told: dict[tuple[str, str], int] = {}
    for rule, outcome, _, count in await span.rows(_told_by_rule(span)):
        told[_rule_name(rule), outcome] = told.get((_rule_name(rule), outcome), 0) + count
    names = sorted({*met, *(rule for rule, _ in cards), *(rule for rule, _ in told)})
    return tuple(
        RuleFigures(name, met.get(name, 0), cards.get((name, 0), 0), told.get((name, "accepted"), 0),
                    told.get((name, "overridden"), 0), cards.get((name, 1), 0))
        for name in names
    )  # fmt: skip


async def _reasons(span: _Span) -> tuple[ReasonFigures, ...]:
    told = await span.rows(_told_by_rule(span))
    found = [
        ReasonFigures(_rule_name(rule), reason or NO_REASON, count)
        for rule, outcome, reason, count in told
        if outcome == "overridden"
    ]
    return tuple(sorted(found, key=lambda each: (each.rule, -each.overridden, each.reason))[:MOST_LINES])


def _rule_name(rule: str | None) -> str:
    return NO_RECORD if rule is None else rule or NO_RULE


def _cards_by_rule(span: _Span) -> Executable:
    made = (
        select(CARDS.c.rule, CARDS.c.card_id, _as_number(_IS_SHADOW))
        .join(CALLS, CALLS.c.id == CARDS.c.call_id)
        .where(span.calls)
        .subquery()
    )
    counted = func.count(distinct(made.c.card_id))
    return select(made.c.rule, made.c.withheld, counted).group_by(made.c.rule, made.c.withheld)


def _told_by_rule(span: _Span) -> Executable:
    """The last words by rule, outcome and reason; a card that several rules made counts for each."""
    last = _last_words(span)
    return (
        select(CARDS.c.rule, last.c.outcome, last.c.reason, func.count())
        .select_from(last.outerjoin(CARDS, CARDS.c.card_id == last.c.card_id))
        .where(last.c.place == 1)
        .group_by(CARDS.c.rule, last.c.outcome, last.c.reason)
    )


def _last_words(span: _Span) -> Subquery:
    """What was told in the span, with the place of each statement among those about its card: 1 is the last."""
    newest_first = (FEEDBACK.c.counted_at.desc(), FEEDBACK.c.id.desc())
    place = func.row_number().over(partition_by=FEEDBACK.c.card_id, order_by=newest_first)
    return (
        select(FEEDBACK.c.card_id, FEEDBACK.c.outcome, FEEDBACK.c.reason, place.label("place"))
        .where(FEEDBACK.c.counted_at >= span.since, FEEDBACK.c.counted_at < span.until)
        .subquery()
    )


async def _feedback(span: _Span) -> FeedbackFigures:
    last = _last_words(span)
    is_known = select(CARDS.c.card_id).where(CARDS.c.card_id == last.c.card_id).exists()
    counts = select(
        _how_many(last.c.outcome == "accepted"), _how_many(last.c.outcome == "overridden"), _how_many(~is_known)
    ).where(last.c.place == 1)
    ((accepted, overridden, unknown),) = await span.rows(counts)
    return FeedbackFigures(accepted, overridden, unknown)


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
