"""What a site can see of its own use: the figures of a span of time, and how they read as tables.

Pure. Knows no database and no page: the store computes the figures, the command line and the dashboard show
the same tables. A rate of nothing is no rate: it is never shown as zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NOTHING = "n/a"


@dataclass(frozen=True, slots=True)
class HookFigures:
    """Calls of one hook; `answered` with 200, `fired` with a card, `withheld` with one that shadow mode did not show.

    Latencies are of answered calls, by nearest rank.
    """

    hook: str
    calls: int
    answered: int
    fired: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Calls of one hook on one UTC day, written 2026-01-15."""

    day: str
    hook: str
    answered: int
    fired: int
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class CardFigures:
    """Cards of one topic on one UTC day: those shown, and those that shadow mode withheld."""

    day: str
    topic: str
    shown: int
    withheld: int


@dataclass(frozen=True, slots=True)
class MonthDone:
    """What was done in one UTC month (2026-01), by an evaluation of the charts, in patients.

    `recommended`: for whom treatment would first have been recommended. `begun`: whose acetylcysteine began.
    """

    month: str
    recommended: int
    begun: int
    needless: int
    missed: int


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule: calls in which it was met, the cards it made that were shown or withheld, and the last word on them."""

    rule: str
    met: int = 0
    cards: int = 0
    accepted: int = 0
    overridden: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class ReasonFigures:
    """How often the cards of a rule were overridden for a reason."""

    rule: str
    reason: str
    overridden: int


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many calls something was seen."""

    name: str
    calls: int


@dataclass(frozen=True, slots=True)
class FeedbackFigures:
    """The last word on each card that was told about; `unknown`: cards of which there is no record."""

    accepted: int = 0
    overridden: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The figures from `since` up to `until`; `kept_days`: how long the site keeps records at all."""

    since: datetime
    until: datetime
    kept_days: int
    hooks: tuple[HookFigures, ...] = ()
    days: tuple[DayFigures, ...] = ()
    cards: tuple[CardFigures, ...] = ()
    categories: tuple[Counted, ...] = ()
    rules: tuple[RuleFigures, ...] = ()
    reasons: tuple[ReasonFigures, ...] = ()
    silences: tuple[Counted, ...] = ()
    gaps: tuple[Counted, ...] = ()
    refusals: tuple[Counted, ...] = ()
    unmapped: tuple[Counted, ...] = ()
    feedback: FeedbackFigures = field(default_factory=FeedbackFigures)

    @property
    def span(self) -> str:
        """The span of time in words."""
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC; records are kept {self.kept_days} days"


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table: `slug` names it in addresses, `empty` is said when there is no row."""

    slug: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str


def tables(report: Report) -> tuple[ReportTable, ...]:
    """Every table of a report, in the order in which it is read."""
    return (
        _hooks(report),
        _days(report),
        _cards(report),
        _latencies(report),
        _counted("categories", "Calls by category", "Category", report.categories, "No card was given."),
        _rules(report),
        _feedback(report),
        _reasons(report),
        _counted("silences", "Silence by reason", "Reason", report.silences, "No call was answered with silence."),
        _counted("gaps", "Data gaps", "Kind", report.gaps, "No data gap was named."),
        _counted("unmapped", "Codes and units that no table knows", "Code or unit", report.unmapped, "None was seen."),
        _counted("refusals", "Refused calls", "Kind", report.refusals, "No call was refused."),
    )


def _hooks(report: Report) -> ReportTable:
    rows = (
        (each.hook, *map(str, (each.calls, each.answered, each.fired, each.withheld)), _firing(each))
        for each in report.hooks
    )
    columns = ("Hook", "Calls", "Answered", "With a card", _WITHHELD, "Firing rate")
    return ReportTable("hooks", "Calls by hook", columns, tuple(rows), "No call was recorded.")


def _days(report: Report) -> ReportTable:
    rows = (
        (each.day, each.hook, *map(str, (each.answered, each.fired, each.withheld)), _firing(each))
        for each in report.days
    )
    columns = ("Day (UTC)", "Hook", "Answered", "With a card", _WITHHELD, "Firing rate")
    return ReportTable("days", "Calls by day", columns, tuple(rows), "No call was recorded.")


_WITHHELD = "Withheld (shadow)"


def _firing(each: HookFigures | DayFigures) -> str:
    """Of the answered calls those for which there was a card, shown or not."""
    return rate(each.fired + each.withheld, each.answered)


def _cards(report: Report) -> ReportTable:
    counts: dict[str, tuple[int, int]] = {}
    for each in report.cards:
        shown, withheld = counts.get(each.topic, (0, 0))
        counts[each.topic] = (shown + each.shown, withheld + each.withheld)
    rows = tuple((topic, str(shown), str(withheld)) for topic, (shown, withheld) in sorted(counts.items()))
    return ReportTable("cards", "Cards by topic", ("Topic", "Shown", _WITHHELD), rows, "No card was made.")


def comparison(report: Report, done: Iterable[MonthDone]) -> ReportTable:
    """What the service said in each month beside what an evaluation of the charts says was done.

    The two know each other only by the month: no record of a call says whose chart it was about.
    """
    by_month = {each.month: each for each in done}
    months = sorted({each.day[:7] for each in report.days} | by_month.keys())
    rows = tuple(_compared(month, report, by_month.get(month)) for month in months)
    return ReportTable(
        "compared", "What was said and what was done, by month", _COMPARED, rows, "No month was told of."
    )


_COMPARED = (
    *("Month (UTC)", "Calls answered", "Indicated: shown", "withheld", "Caution or dose check: shown", "withheld"),
    *("Charts: first recommended", "Acetylcysteine begun", "of it needless", "Recommended, missed"),
)
_INDICATED = frozenset({"indicated"})
_ABOUT_ORDERS = frozenset({"caution", "dose-check"})


def _compared(month: str, report: Report, done: MonthDone | None) -> tuple[str, ...]:
    days = [each for each in report.days if each.day.startswith(month)]
    said = [
        count
        for topics in (_INDICATED, _ABOUT_ORDERS)
        for count in _shown_and_withheld(each for each in report.cards if each.topic in topics and month in each.day)
    ]
    asked = [sum(each.answered for each in days), *said] if days else [None] * (1 + len(said))
    known = [None] * 4 if done is None else [done.recommended, done.begun, done.needless, done.missed]
    return (month, *(NOTHING if count is None else str(count) for count in (*asked, *known)))


def _shown_and_withheld(cards: Iterable[CardFigures]) -> tuple[int, int]:
    counted = list(cards)
    return sum(each.shown for each in counted), sum(each.withheld for each in counted)


def _latencies(report: Report) -> ReportTable:
    rows = (
        (each.hook, *(_milliseconds(value) for value in (each.p50_ms, each.p95_ms, each.p99_ms)))
        for each in report.hooks
    )
    columns = ("Hook", "p50 ms", "p95 ms", "p99 ms")
    return ReportTable("latencies", "Time to answer", columns, tuple(rows), "No call was recorded.")


def _rules(report: Report) -> ReportTable:
    rows = (
        (
            each.rule,
            *(str(count) for count in (each.met, each.cards, each.withheld, each.accepted, each.overridden)),
            rate(each.overridden, each.accepted + each.overridden),
        )
        for each in report.rules
    )
    columns = ("Rule", "Met in calls", "Cards shown", _WITHHELD, "Accepted", "Overridden", "Override rate")
    return ReportTable("rules", "Rules, their cards and what became of them", columns, tuple(rows), "No rule was met.")


def _feedback(report: Report) -> ReportTable:
    told = report.feedback
    counts = (told.accepted, told.overridden, told.unknown)
    row = (*map(str, counts), rate(told.overridden, told.accepted + told.overridden))
    columns = ("Accepted", "Overridden", "About cards without a record", "Override rate")
    rows = (row,) if any(counts) else ()
    return ReportTable("feedback", "Feedback", columns, rows, "No feedback was given.")


def _reasons(report: Report) -> ReportTable:
    rows = tuple((each.rule, each.reason, str(each.overridden)) for each in report.reasons)
    columns = ("Rule", "Reason", "Overridden")
    return ReportTable("reasons", "Override reasons by rule", columns, rows, "No card was overridden.")


def _counted(slug: str, title: str, what: str, counted: Iterable[Counted], empty: str) -> ReportTable:
    rows = tuple((each.name, str(each.calls)) for each in counted)
    return ReportTable(slug, title, (what, "Calls"), rows, empty)


def rate(part: int, whole: int) -> str:
    """Such as "12.5 %"; n/a where there is nothing to take a part of."""
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


def _milliseconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"
