"""The report of an evaluation: one HTML file with plots, without scripts and without anything fetched.

Pure but for the template it loads. Everything shown is escaped; patients appear by id only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cds_service.population.tables import Figures, Rows

_HEIGHT = 90.0
_WIDTH = 640.0
_GAP = 0.15
_MOST_LABELS = 7


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a plot, in the units of its SVG, with what it counts."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Columns side by side under one title; the highest fills the height, and not every column has room for a label."""

    title: str
    columns: tuple[Column, ...]
    highest: int
    width: float = _WIDTH
    height: float = _HEIGHT

    @property
    def labelled_every(self) -> int:
        """Of how many columns the first has its label written below."""
        return -(-len(self.columns) // _MOST_LABELS) or 1


def plot_of(title: str, counts: Sequence[tuple[str, int]]) -> Plot:
    """A column for each label, in order."""
    highest = max((count for _, count in counts), default=0)
    step = _WIDTH / max(len(counts), 1)
    scale = _HEIGHT / max(highest, 1)
    columns = tuple(
        Column(step * (place + _GAP), _HEIGHT - count * scale, step * (1 - 2 * _GAP), count * scale, label, count)
        for place, (label, count) in enumerate(counts)
    )
    return Plot(title, columns, highest)


def report_html(figures: Figures, run: Mapping[str, Any], intake: Mapping[str, Any]) -> str:
    """The report as HTML. `run`: what was evaluated. `intake`: what reading the input found."""
    return _template().render(
        figures=figures,
        run=sorted(run.items()),
        counted=[(name.replace("_", " "), count) for name, count in figures.totals.items()],
        intake=intake,
        rules=_monthly(figures.by_rule_and_month),
        order_rules=_monthly(figures.order_cautions),
        delays=plot_of("Hours from the first recommendation to acetylcysteine", _hours(figures)),
        examples=_examples([*figures.examples, *figures.order_examples]),
    )


def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("cds_service.population")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template("report.html")


def _monthly(rows: Rows) -> list[Plot]:
    """Cards by month for each rule, over the same months for all."""
    months = sorted({month for _, month, *_ in rows})
    counted: dict[str, dict[str, int]] = {}
    for rule, month, count, *_ in rows:
        counted.setdefault(rule, {})[month] = count
    return [plot_of(rule, [(month, by.get(month, 0)) for month in months]) for rule, by in sorted(counted.items())]


def _hours(figures: Figures) -> list[tuple[str, int]]:
    """Patients by whole hours; the ends gather what lies beyond."""
    found: dict[int, int] = dict(figures.delays)
    return [(str(hour), found.get(hour, 0)) for hour in range(min(found), max(found) + 1)] if found else []


def _examples(rows: Rows) -> dict[str, list[tuple[str, Any]]]:
    by_rule: dict[str, list[tuple[str, Any]]] = {}
    for rule, patient, at in rows:
        by_rule.setdefault(rule, []).append((patient, at))
    return by_rule
