"""The mutants of a small package: what its tests notice is killed, what they do not has survived, on one collection."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.mutation_run import in_order
from tests.mutation_score import ROOT, exit_codes_by_module, outcome

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {
    "pyproject.toml": """
        [tool.mutmut]
        source_paths = ["dose"]
        also_copy = ["checks"]
        pytest_add_cli_args_test_selection = ["checks"]
        timeout_multiplier = 1
    """,
    "dose/__init__.py": "",
    "dose/cap.py": """
        def capped(weight_kg: float) -> bool:
            return weight_kg > 100
        def unseen(weight_kg: float) -> bool:
            return weight_kg < 40
        def endless(bags: int) -> int:
            while bags > 0:
                bags -= 1
            return bags
    """,
    # Each test leaves a trace: a fork that saw what an earlier one did would fail without a mutant, and kill them all.
    "checks/test_cap.py": """
        from dose.cap import capped, endless
        seen = []
        def test_above():
            assert capped(101)
            seen.append(1)
            assert len(seen) == 1
        def test_far_below():
            assert not capped(60)
        def test_it_ends():
            assert endless(2) == 0
    """,
}


def _unindented(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder: Path = tmp_path_factory.mktemp("package")
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(_unindented(text), encoding="utf-8")
    command = [sys.executable, "-P", str(ROOT / "tests" / "mutation_run.py"), "--processes", "2"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    found: dict[str, list[str]] = {}
    for name, code in exit_codes_by_module(folder / "mutants")["dose/cap"].items():
        found.setdefault(name.partition(".x_")[2].partition("__")[0], []).append(outcome(code))
    return found


def test_a_noticed_change_is_killed_and_another_survives(outcomes: dict[str, list[str]]) -> None:
    assert sorted(outcomes["capped"]) == ["killed", "survived"]  # > 101 is noticed at 101, >= 100 is not


def test_a_change_that_no_test_reaches_survives(outcomes: dict[str, list[str]]) -> None:
    assert set(outcomes["unseen"]) == {"survived"}


def test_a_change_that_never_ends_is_killed(outcomes: dict[str, list[str]]) -> None:
    assert "killed" in outcomes["endless"]


def test_the_tests_of_the_module_come_first_and_quick_ones_before_slow_ones() -> None:
    tests = ["tests/test_goldens.py::a", "tests/test_slow.py::b", "tests/test_fast.py::c", "tests/test_cap.py::d"]
    seconds = {"tests/test_slow.py::b": 2.0, "tests/test_fast.py::c": 0.1, "tests/test_cap.py::d": 9.0}
    assert [each[-1] for each in in_order(tests, "dose.cap.x_capped__mutmut_1", seconds)] == ["d", "a", "c", "b"]
