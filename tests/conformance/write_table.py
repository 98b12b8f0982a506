"""Write docs/conformance.md from the requirements beside the tests; `make conformance` runs it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import tests.conformance
from tests.conformance.requirement import Requirement, shown_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

TABLE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

_HEAD = """# Conformance to CDS Hooks

What the specification asks of a CDS *service*, in our words, with the section it stands in and the test that shows it.
`make conformance` writes this page from the tests, and a test compares it; every test listed runs in `make test`.

The target is CDS Hooks 2.0.1, in a form that 1.0 clients read, with the parts of the 3.0 ballot that do not disturb
them. "house" marks what no specification asks but is held here; "not used" an optional feature that is left out on
purpose. HL7 publishes no schema of CDS Hooks in a package registry: the tests hold answers against closed JSON schemas
written from the field tables. What is asked of clients, of TLS and of contracts is not listed.

"""
_GROUPS = {
    "D": "Discovery",
    "T": "Prefetch templates",
    "P": "Prefetched data",
    "R": "Requests",
    "C": "Answers",
    "K": "Cards",
    "H": "HTTP",
    "F": "Feedback",
}


def conformance_modules() -> Iterator[ModuleType]:
    """The test modules of this package."""
    for found in pkgutil.iter_modules(tests.conformance.__path__, "tests.conformance."):
        if found.name.rpartition(".")[2].startswith("test_"):
            yield importlib.import_module(found.name)


def functions_in(module: ModuleType) -> Iterator[tuple[str, object]]:
    """The test functions a module defines, with where they stand."""
    file = module.__name__.rpartition(".")[2]
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and function.__module__ == module.__name__:
            yield f"{file}.py::{name}", function


def rows() -> list[tuple[Requirement, str]]:
    """Every requirement with its test, in the order of the ids."""
    found = [
        (requirement, place)
        for module in conformance_modules()
        for place, function in functions_in(module)
        for requirement in shown_by(function)
    ]
    return sorted(found, key=lambda row: (list(_GROUPS).index(row[0].id[0]), int(row[0].id[1:])))


def table() -> str:
    """The page."""
    lines = [_HEAD]
    for letter, title in _GROUPS.items():
        group = [row for row in rows() if row[0].id[0] == letter]
        if group:
            lines.append(f"## {title}\n\n| | Requirement | Level | Where it stands | Status | Test |\n")
            lines.append("|---|---|---|---|---|---|\n")
            lines += [_line(requirement, place) for requirement, place in group]
            lines.append("\n")
    return "".join(lines).rstrip("\n") + "\n"


def _line(requirement: Requirement, place: str) -> str:
    text = re.sub(r"(\{\{|\}\})", r"`\1`", requirement.text).replace("|", "\\|")
    where = f"{requirement.section}, {requirement.source}"
    cells = (requirement.id, text, requirement.level, where, requirement.status, f"`{place}`")
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(table(), encoding="utf-8")
