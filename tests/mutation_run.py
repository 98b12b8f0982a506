"""Tries the mutants: `python -P tests/mutation_run.py [NAME…]`, where a name may hold `*`.

mutmut makes the mutants, asks mypy about each, finds out which tests reach which function and keeps the results. Only
its way of running tests is replaced: it would let pytest collect the tests anew for each mutant, which takes longer
than most mutants live. Here one process collects them once and is forked for every mutant; each fork turns its mutant
on and runs the tests that reach the function, those of the function's own module first, until one fails.

It is a script and no module of `tests`: that package has to be the copy that lies beside the mutants.
"""

from __future__ import annotations

import argparse
import gc
import os
import warnings
from typing import TYPE_CHECKING
from unittest.mock import patch

import mutmut.__main__ as mutmut_command
import pytest
from mutmut.configuration import config
from mutmut.runners.harness import CollectTestsFailedException, PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd
from mutmut.workers.isolation import ForkServerRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GOLDENS = "test_goldens"
_SECONDS_OF_CONTROL = 3600


def in_order(tests: Iterable[str], mutant: str | None, seconds: dict[str, float]) -> list[str]:
    """The tests in the order in which they are likely to notice the mutant soonest: its module's, goldens, the rest."""
    module = (mutant or "").rpartition(".")[0].rpartition(".")[2]

    def rank(test: str) -> tuple[int, float, str]:
        file = test.partition("::")[0]
        return 0 if module and module in file else 1 if _GOLDENS in file else 2, seconds.get(test, 0.0), test

    return sorted(tests, key=rank)


class CollectedTests(PytestRunner):
    """Runs tests that an open pytest session has collected."""

    def __init__(self, session: pytest.Session) -> None:
        super().__init__()
        self._session = session
        self._items = {item.nodeid: item for item in session.items}

    def warm_up(self) -> None:
        """Nothing: the tests are collected."""

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """0 if all of these tests pass, else 1; a test that is not among the collected ones is an error."""
        wanted = [self._items[test] for test in in_order(tests, mutant_name, state().duration_by_test)]
        for item, following in zip(wanted, [*wanted[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._session.testsfailed:
                return 1
        return 0


class CollectingOnce(ForkServerRunner):
    """mutmut's server of forks, within a pytest session that stays open for all of them."""

    def __init__(self, max_workers: int = 1) -> None:
        super().__init__(max_workers, PytestRunner, {})

    def startup(self) -> None:
        """Start the server and let it run every test without a mutant, as it will with one: nothing may fail of itself.

        Raises CollectTestsFailedException when a test fails or cannot be collected.
        """
        super().startup()
        self.submit("", list(state().duration_by_test), _SECONDS_OF_CONTROL, 0)
        if self.wait_for_result().exit_code:
            raise CollectTestsFailedException

    def _forkserver_main(self, work_fd: int, result_fd: int) -> None:
        def serve(session: pytest.Session) -> int:
            self.test_runner_class, self.test_runner_args = CollectedTests, {"session": session}
            with warnings.catch_warnings():
                # The server drops a file without closing it, for which the first test of every fork would fail.
                warnings.simplefilter("ignore", ResourceWarning)
                super(CollectingOnce, self)._forkserver_main(work_fd, result_fd)
            return 0

        if in_session(serve):
            raise CollectTestsFailedException


def in_session(work: Callable[[pytest.Session], int]) -> int:
    """What the work answers when it is done in the place of running the collected tests; 1 if none were collected."""
    answers: list[int] = []

    class InsteadOfAllTests:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            gc.collect()
            gc.freeze()  # else every fork copies all that its collector looks at
            answers.append(1 if session.testsfailed else work(session))
            return True

    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    with change_cwd("mutants"):
        # Without capturing: the forks would share, and empty for each other, one file of what was captured.
        options = ["--rootdir=.", "-q", "-s", *config().pytest_add_cli_args]
        pytest.main([*options, *config().pytest_add_cli_args_test_selection], plugins=[InsteadOfAllTests()])
    return answers[0] if answers else 1


def main() -> None:
    """Make the mutants and try those of the names, again if need be; without names, those that have no result yet."""
    asked = argparse.ArgumentParser(description=main.__doc__)
    asked.add_argument("names", nargs="*", help="a mutant, as in cds_service.clinical.nomogram.x_line_at__mutmut_1")
    asked.add_argument("--processes", type=int, default=os.cpu_count(), help="how many mutants to try at once")
    chosen = asked.parse_args()
    with patch.object(mutmut_command, "get_mutant_runner", CollectingOnce):
        mutmut_command._run(chosen.names, chosen.processes)  # noqa: SLF001 - what `mutmut run` calls


if __name__ == "__main__":
    main()
