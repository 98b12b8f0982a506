"""How many mutants of the last `mutmut run` the tests killed, and which survived without an explanation.

`python -m tests.mutation_score` prints the score by module and exits with 1 below the bar, or when a mutant was
not tried. Mutants that mypy refuses are counted apart: no test has to notice what never passes `make lint`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"
BAR_PERCENT = 90.0

# Exit codes as mutmut keeps them for each mutant.
_KILLED = frozenset({1, 3})
_TIMED_OUT = frozenset({-24, 24, 36, 152, 255})
_REFUSED_BY_MYPY = 37
_NOT_TRIED = frozenset({None, 2})


@dataclass(frozen=True, slots=True)
class Score:
    """Mutants by what became of them."""

    killed: int
    refused: int
    survived: int
    untried: int

    @property
    def percent(self) -> float:
        """Of the mutants that were tried and that mypy lets through, how many the tests noticed."""
        tried = self.killed + self.survived
        return 100 * self.killed / tried if tried else 0.0


def outcome(exit_code: int | None) -> str:
    """What an exit code says; a mutant that no test reaches, or that crashed strangely, has survived."""
    if exit_code in _NOT_TRIED:
        return "untried"
    if exit_code == _REFUSED_BY_MYPY:
        return "refused"
    return "killed" if exit_code in _KILLED | _TIMED_OUT else "survived"


def scored(exit_codes: dict[str, int | None]) -> Score:
    """The score of these mutants."""
    counted = Counter(map(outcome, exit_codes.values()))
    return Score(counted["killed"], counted["refused"], counted["survived"], counted["untried"])


def exit_codes_by_module(folder: Path = MUTANTS) -> dict[str, dict[str, int | None]]:
    """The mutants of every module that has any, as the last run left them."""
    found = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py.meta"))}
    return {
        str(path.relative_to(folder)).removesuffix(".py.meta"): data["exit_code_by_key"]
        for path, data in found.items()
        if data["exit_code_by_key"]
    }


def report(modules: dict[str, dict[str, int | None]]) -> tuple[list[str], bool]:
    """A line for each module and one for all; whether the bar is reached and every mutant was tried."""
    everything = {name: code for codes in modules.values() for name, code in codes.items()}
    lines = [_line(module, scored(codes)) for module, codes in modules.items()]
    total = scored(everything)
    return [*lines, _line("all", total)], bool(everything) and not total.untried and total.percent >= BAR_PERCENT


def _line(name: str, score: Score) -> str:
    return (
        f"{name:45} {score.percent:5.1f} % killed: {score.killed} of {score.killed + score.survived}, "
        f"{score.refused} refused by mypy, {score.untried} not tried"
    )


def main() -> int:
    """Print the score; the exit status says whether it holds."""
    lines, holds = report(exit_codes_by_module())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
