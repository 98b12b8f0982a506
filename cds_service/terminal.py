"""Cards in a terminal, as an EHR would show them: indicator, summary, detail, suggestions, links.

Knows the response JSON of CDS Hooks and rich. Everything printed comes from a server, so control
characters are removed and no text is read as terminal markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

JsonObject = dict[str, Any]

SILENCE = "No card. The service looked and has nothing to say about this patient; this is an answer, not a failure."

_COLOUR = {"critical": "red", "warning": "yellow", "info": "blue"}


def print_cards(console: Console, cards: Iterable[JsonObject]) -> None:
    """Show the cards in the order given, or say in words that there is none."""
    shown = [_panel(card) for card in cards]
    for panel in shown:
        console.print(panel)
    if not shown:
        console.print(Text(SILENCE, style="dim"))


def print_failure(console: Console, status: int, body: object) -> None:
    """Show an error answer: its HTTP status and every issue of its OperationOutcome."""
    issues = body.get("issue", []) if isinstance(body, dict) else []
    lines = [_issue_line(issue) for issue in issues if isinstance(issue, dict)]
    text = Text("\n".join(lines) or "The answer held no OperationOutcome.")
    console.print(Panel(text, title=f"HTTP {status}: no recommendation could be made", border_style="red"))


def plain(value: object) -> str:
    """Text without control characters (line breaks stay), safe to print."""
    return "".join(mark for mark in str(value) if mark == "\n" or mark.isprintable())


def _issue_line(issue: JsonObject) -> str:
    where = ", ".join(plain(place) for place in issue.get("expression", []))
    said = f"{plain(issue.get('code', ''))}: {plain(issue.get('diagnostics', ''))}"
    return f"{said} [{where}]" if where else said


def _panel(card: JsonObject) -> Panel:
    indicator = plain(card.get("indicator", "info"))
    colour = _COLOUR.get(indicator, "white")
    source = card.get("source", {})
    title = Text(f" {indicator.upper()} · {plain(source.get('topic', {}).get('code', ''))} ", style=f"bold {colour}")
    return Panel(
        Group(*_parts(card)),
        title=title,
        title_align="left",
        subtitle=Text(plain(source.get("label", "")), style="dim"),
        border_style=colour,
    )


def _parts(card: JsonObject) -> Iterable[RenderableType]:
    yield Text(plain(card.get("summary", "")), style="bold")
    if detail := card.get("detail"):
        yield Text()
        yield Markdown(plain(detail), hyperlinks=False)
    yield from _suggestions(card)
    if reasons := card.get("overrideReasons"):
        yield Text("\nOverride reasons: " + "; ".join(plain(each.get("display", "")) for each in reasons), style="dim")
    for link in card.get("links", []):
        yield Text(f"Link: {plain(link.get('label', ''))} <{plain(link.get('url', ''))}>", style="dim")


def _suggestions(card: JsonObject) -> Iterable[Text]:
    suggestions = card.get("suggestions", [])
    if suggestions:
        yield Text(f"\nSuggestions ({plain(card.get('selectionBehavior', ''))}):")
    for suggestion in suggestions:
        mark = " (recommended)" if suggestion.get("isRecommended") else ""
        yield Text(f"  ☐ {plain(suggestion.get('label', ''))}{mark}", style="bold")
        for action in suggestion.get("actions", []):
            yield Text(f"      {plain(action.get('type', ''))}: {plain(action.get('description', ''))}")
