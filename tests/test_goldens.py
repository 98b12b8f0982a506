"""The wording of every fixture case and rule row against the goldens, without HTTP: fast, and what mutants meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.sandbox.fixtures import load_cases
from tests.golden_cards import approved, cards_off_the_wire, differences, golden_name, wording
from tests.write_goldens import ROWS, WORDING

CASES = load_cases()


def test_every_word_is_as_approved() -> None:
    """Stops at the first case that is worded otherwise; `make goldens` writes them all, for reading."""
    for case in CASES:
        diff = differences(approved(golden_name(case)), wording(case, cards_off_the_wire))
        assert not diff, f"{case.slug}\n{diff}"


@pytest.mark.parametrize("name", ROWS, ids=str)
def test_every_row_is_worded_as_approved(name: Path) -> None:
    assert not (diff := differences(approved(name), ROWS[name]())), diff


def test_no_golden_is_left_of_a_case_that_is_gone() -> None:
    assert {path.name for path in WORDING.root.glob("*.md")} == {f"{case.slug}.md" for case in CASES}


def test_a_changed_wording_is_noticed_and_shown(tmp_path: Path) -> None:
    WORDING.write(tmp_path)
    (tmp_path / "unrelated-patient.md").write_text("another wording", encoding="utf-8")
    assert WORDING.stale_files(tmp_path) == [Path("unrelated-patient.md")]
    assert differences("one\ntwo\n", "one\n2\n").splitlines()[-2:] == ["-two", "+2"]
