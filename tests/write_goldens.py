"""Write `tests/goldens/`: what the prescriber reads of every fixture case, and what rules say on charts of their own.

`python -m tests.write_goldens` writes them and removes those of no case; `--check` only names the stale ones.
A golden that changes is read before it is committed: it is the wording people act on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cds_service.sandbox.fixtures import load_cases
from tests.clinical.wording_rows import overlays_text, profiles_text, rules_text
from tests.golden_cards import GOLDENS, cards_off_the_wire, golden_name, wording
from tests.hooks.dose_wording_rows import dose_review_text
from tests.written_files import WrittenFolder


def wanted_files() -> dict[Path, str]:
    """The wording of every case and of the rows beside them, by file name."""
    cases = {golden_name(case): wording(case, cards_off_the_wire) for case in load_cases()}
    return {**cases, **{name: text() for name, text in ROWS.items()}}


ROWS = {
    Path("rows/rules.md"): rules_text,
    Path("rows/overlays.md"): overlays_text,
    Path("rows/profiles.md"): profiles_text,
    Path("rows/dose_review.md"): dose_review_text,
}
WORDING = WrittenFolder("tests.write_goldens", GOLDENS, ("*.md", "rows/*.md"), wanted_files)


if __name__ == "__main__":
    raise SystemExit(WORDING.main(sys.argv[1:]))
