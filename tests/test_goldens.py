"""The wording of every fixture case against the goldens, without HTTP: fast, and the test that mutants meet last."""

from __future__ import annotations

from pathlib import Path

from cds_service.sandbox.fixtures import load_cases
from tests.golden_cards import approved, cards_off_the_wire, differences, wording
from tests.write_goldens import WORDING

CASES = load_cases()


def test_every_word_is_as_approved() -> None:
    """Stops at the first case that is worded otherwise; `make goldens` writes them all, for reading."""
    for case in CASES:
        assert not (diff := differences(approved(case), wording(case, cards_off_the_wire))), f"{case.slug}\n{diff}"


def test_no_golden_is_left_of_a_case_that_is_gone() -> None:
    assert {path.name for path in WORDING.root.iterdir()} == {f"{case.slug}.md" for case in CASES}


def test_a_changed_wording_is_noticed_and_shown(tmp_path: Path) -> None:
    WORDING.write(tmp_path)
    (tmp_path / "unrelated-patient.md").write_text("another wording", encoding="utf-8")
    assert WORDING.stale_files(tmp_path) == [Path("unrelated-patient.md")]
    assert differences("one\ntwo\n", "one\n2\n").splitlines()[-2:] == ["-two", "+2"]
