"""The mutation score counts what mutmut wrote, and never a mutant that was not tried as killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.mutation_score import exit_codes_by_module, outcome, report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("exit_code", "expected"),
    [
        (1, "killed"),
        (-24, "killed"),
        (37, "refused"),
        (0, "survived"),
        (33, "survived"),
        (5, "survived"),
        (-11, "survived"),
        (None, "untried"),
        (2, "untried"),
    ],
)
def test_what_became_of_a_mutant(exit_code: int | None, expected: str) -> None:
    assert outcome(exit_code) == expected


@pytest.mark.parametrize(
    ("codes", "holds", "says"),
    [
        ([1] * 9 + [0], True, "90.0 % killed: 9 of 10"),
        ([1] * 8 + [0, 0], False, "80.0 % killed: 8 of 10"),
        ([1] * 9 + [37, 0], True, "1 refused by mypy"),
        ([1] * 10 + [None], False, "1 not tried"),
        ([], False, "0.0 % killed"),
    ],
)
def test_the_bar(codes: list[int | None], says: str, *, holds: bool) -> None:
    lines, reached = report({"some/module": {f"mutant-{at}": code for at, code in enumerate(codes)}})
    assert reached is holds
    assert says in lines[-1]


def test_the_files_of_a_run_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "cds_service" / "clinical"
    folder.mkdir(parents=True)
    (folder / "cautions.py.meta").write_text(json.dumps({"exit_code_by_key": {"a": 1}}), encoding="utf-8")
    (folder / "facts.py.meta").write_text(json.dumps({"exit_code_by_key": {}}), encoding="utf-8")
    assert exit_codes_by_module(tmp_path) == {"cds_service/clinical/cautions": {"a": 1}}
