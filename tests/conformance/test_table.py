"""docs/conformance.md is what the tests say, and no conformance test stands without its requirement."""

from __future__ import annotations

from collections import Counter

from tests.conformance.requirement import Level, shown_by, shows
from tests.conformance.write_table import TABLE, conformance_modules, functions_in, rows, table


def test_the_page_is_written_from_the_tests() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(), "run `make conformance`"


def test_every_conformance_test_shows_a_requirement() -> None:
    bare = [
        place
        for module in conformance_modules()
        if module.__name__ != __name__
        for place, function in functions_in(module)
        if not shown_by(function)
    ]
    assert bare == []


def test_every_requirement_has_an_id_of_its_own() -> None:
    assert [name for name, times in Counter(requirement.id for requirement, _ in rows()).items() if times > 1] == []


def test_a_test_may_show_several_requirements() -> None:
    def shown() -> None:
        """Nothing."""

    marked = shows("X1", "section", Level.MUST, "one")(shows("X2", "section", Level.MAY, "two")(shown))
    assert [requirement.id for requirement in shown_by(marked)] == ["X1", "X2"]
