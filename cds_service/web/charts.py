"""Drawings of a report's figures, each beside a table with the same numbers.

Knows pygal. Pure: the same figures give the same drawing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pygal  # type: ignore[import-untyped]  # it has no types
from pygal.style import Style  # type: ignore[import-untyped]  # as above

# pygal looks for plug-ins by a hook on every import of the process, in a way Python has given up; none is used here.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.report import Report

WIDTH, HEIGHT = 800, 400
_MOST_BARS = 20
# Told apart by those who do not see colours, and in print: dark blue, orange, light blue.
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#1b1f24",
    foreground_strong="#1b1f24",
    foreground_subtle="#5b636b",
    colors=("#0b4f8a", "#d9730d", "#7fb6e6"),
    font_family="system-ui, sans-serif",
)


def draw(slug: str, title: str, report: Report) -> bytes:
    """The drawing beside the table of this name, as SVG. Raises KeyError when the table has none."""
    chart = _DRAWN[slug](report)
    chart.title = title
    chart.add_xml_filter(_without_scripts)
    svg: bytes = chart.render()
    return svg


def _without_scripts(root: Any) -> Any:
    """The drawing without the data that pygal leaves for a script of its own."""
    for parent in list(root.iter()):
        for script in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(script)
    return root


def _bars(kind: type[Any]) -> Any:
    return kind(
        style=_STYLE,
        width=WIDTH,
        height=HEIGHT,
        js=(),
        no_prefix=True,
        margin=10,
        print_values=False,
        x_label_rotation=20 if kind is not pygal.HorizontalStackedBar else 0,
        legend_at_bottom=True,
        no_data_text="Nothing to show",
        truncate_label=28,
    )


def _days(report: Report) -> Any:
    days = sorted({each.day for each in report.days})
    fired = {day: sum(each.fired for each in report.days if each.day == day) for day in days}
    withheld = {day: sum(each.withheld for each in report.days if each.day == day) for day in days}
    answered = {day: sum(each.answered for each in report.days if each.day == day) for day in days}
    chart = _bars(pygal.StackedBar)
    chart.x_labels = days
    chart.add("With a card", [fired[day] for day in days])
    if any(withheld.values()):
        chart.add("Withheld (shadow)", [withheld[day] for day in days])
    chart.add("Silent", [answered[day] - fired[day] - withheld[day] for day in days])
    return chart


def _latencies(report: Report) -> Any:
    chart = _bars(pygal.Bar)
    chart.y_title = "ms"
    chart.x_labels = [each.hook for each in report.hooks]
    chart.add("p50", [each.p50_ms for each in report.hooks])
    chart.add("p95", [each.p95_ms for each in report.hooks])
    chart.add("p99", [each.p99_ms for each in report.hooks])
    return chart


def _rules(report: Report) -> Any:
    answered = [each for each in report.rules if each.accepted + each.overridden]
    most_first = sorted(answered, key=lambda each: -(each.accepted + each.overridden))
    told = most_first[:_MOST_BARS][::-1]  # drawn from the bottom up
    chart = _bars(pygal.HorizontalStackedBar)
    chart.x_labels = [each.rule for each in told]
    chart.add("Accepted", [each.accepted for each in told])
    chart.add("Overridden", [each.overridden for each in told])
    return chart


def _reasons(report: Report) -> Any:
    counts: dict[str, int] = {}
    for each in report.reasons:
        counts[each.reason] = counts.get(each.reason, 0) + each.overridden
    return _one_series("Overridden", sorted(counts.items(), key=lambda item: -item[1]))


def _one_series(name: str, values: list[tuple[str, int]]) -> Any:
    chart = _bars(pygal.HorizontalStackedBar)
    upwards = values[:_MOST_BARS][::-1]
    chart.x_labels = [label for label, _ in upwards]
    chart.add(name, [count for _, count in upwards])
    return chart


_DRAWN: dict[str, Callable[[Report], Any]] = {
    "days": _days,
    "latencies": _latencies,
    "categories": lambda report: _one_series("Calls", [(each.name, each.calls) for each in report.categories]),
    "rules": _rules,
    "reasons": _reasons,
    "silences": lambda report: _one_series("Calls", [(each.name, each.calls) for each in report.silences]),
}
