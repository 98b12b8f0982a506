"""No test of the pages reads what is not there yet: whatever changes a page is left to the visitor, who waits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_ACTING = {"click", "dblclick", "tap", "dispatch_event", "go_back", "reload", "set_content"}
_NOT_WAITING = {"count", "is_visible", "is_hidden", "is_checked", "is_enabled", "is_disabled", "wait_for_timeout"}
_SENDING_KEYS = {"Enter", " ", "Space"}
VISITS = sorted({*_HERE.glob("*.py"), _HERE.parent / "take_pictures.py"} - {_HERE / "visitor.py"})


def hasty(source: str) -> list[str]:
    """The calls in a test that may run ahead of the page, each with its line."""
    calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
    return [f"{each.lineno}: {each.func.attr}" for each in calls
            if isinstance(each.func, ast.Attribute) and is_hasty(each.func, each.args)]  # fmt: skip


def is_hasty(called: ast.Attribute, given: list[ast.expr]) -> bool:
    is_of_keyboard = isinstance(called.value, ast.Attribute) and called.value.attr == "keyboard"
    keys = {each.value for each in given if isinstance(each, ast.Constant)}
    return called.attr in _ACTING | _NOT_WAITING or (is_of_keyboard and bool(keys & _SENDING_KEYS))


@pytest.mark.parametrize("path", VISITS, ids=lambda path: path.name)
def test_only_the_visitor_changes_a_page(path: Path) -> None:
    assert hasty(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("page.click('a')", ["1: click"]),
        ("page.locator('a').count()", ["1: count"]),
        ("page.keyboard.press('Enter')", ["1: press"]),
        ("page.keyboard.press('Tab')", []),
        ("someone.press('Sign all')", []),
    ],
)
def test_what_runs_ahead_is_found(line: str, found: list[str]) -> None:
    assert hasty(line) == found
