"""Write `tests/goldens/<slug>.md`: what the prescriber reads of every fixture case.

`python -m tests.write_goldens` writes them and removes those of no case; `--check` only names the stale ones.
A golden that changes is read before it is committed: it is the wording people act on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cds_service.sandbox.fixtures import load_cases
from tests.golden_cards import GOLDENS, cards_off_the_wire, golden_name, wording
from tests.written_files import WrittenFolder

if TYPE_CHECKING:
    from pathlib import Path


def wanted_files() -> dict[Path, str]:
    """The wording of every case, by file name."""
    return {golden_name(case): wording(case, cards_off_the_wire) for case in load_cases()}


WORDING = WrittenFolder("tests.write_goldens", GOLDENS, ("*.md",), wanted_files)


if __name__ == "__main__":
    raise SystemExit(WORDING.main(sys.argv[1:]))
