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
    """Calls of one hook; `answered` with 200, `fired` with a card. Latencies are of answered calls, by nearest rank."""

    hook: str
    calls: int
    answered: int
    fired: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Calls of one hook on one UTC day, written 2026-01-15."""

    day: str
    hook: str
    answered: int
    fired: int


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule: calls in which it was met, the cards it made, and the last word on those cards."""

    rule: str
    met: int = 0
    cards: int = 0
    accepted: int = 0
    overridden: int = 0


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
        (each.hook, str(each.calls), str(each.answered), str(each.fired), rate(each.fired, each.answered))
        for each in report.hooks
    )
    columns = ("Hook", "Calls", "Answered", "With a card", "Firing rate")
    return ReportTable("hooks", "Calls by hook", columns, tuple(rows), "No call was recorded.")


def _days(report: Report) -> ReportTable:
    rows = (
        (each.day, each.hook, str(each.answered), str(each.fired), rate(each.fired, each.answered))
        for each in report.days
    )
    columns = ("Day (UTC)", "Hook", "Answered", "With a card", "Firing rate")
    return ReportTable("days", "Calls by day", columns, tuple(rows), "No call was recorded.")


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
            *(str(count) for count in (each.met, each.cards, each.accepted, each.overridden)),
            rate(each.overridden, each.accepted + each.overridden),
        )
        for each in report.rules
    )
    columns = ("Rule", "Met in calls", "Cards", "Accepted", "Overridden", "Override rate")
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
