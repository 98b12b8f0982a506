"""RULES.md is what the tables say, and the tables hold every rule once."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.cautions import CAUTIONS, as_rule
from cds_service.clinical.evidence import ALL_EVIDENCE
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.rules_md import rules_markdown

if TYPE_CHECKING:
    from cds_service.clinical.findings import Rule

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = (
    *(f"A{n}" for n in range(1, 6)),
    *(f"B{n}" for n in range(1, 18)),
    "B2b",
    "B5d",
    *(f"C{n}" for n in range(1, 6)),
    *(f"D{n}" for n in range(1, 4)),
    *(f"E{n}" for n in range(1, 7)),
)
RULES: tuple[Rule, ...] = (*INDICATIONS, *map(as_rule, CAUTIONS))
IDS = [rule.id for rule in RULES]


def test_the_file_is_rendered_from_the_tables() -> None:
    assert (ROOT / "RULES.md").read_text(encoding="utf-8") == rules_markdown(), "run `make rules`"


@pytest.mark.parametrize("number", EXPECTED)
def test_every_rule_is_in_the_tables_once(number: str) -> None:
    assert Counter(rule_id.partition("-")[0] for rule_id in IDS)[number] == 1


def test_nothing_but_the_rules_and_the_monitoring_of_a_running_course() -> None:
    assert {rule_id.partition("-")[0] for rule_id in IDS} - set(EXPECTED) <= {"G1", "G2", "G3"}


@pytest.mark.parametrize("rule_id", IDS)
def test_ids_are_a_number_and_a_kebab_case_name(rule_id: str) -> None:
    number, _, name = rule_id.partition("-")
    assert number
    assert name == name.lower()
    assert name.replace("-", "").isalnum()


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_every_rule_has_its_sources(rule: Rule) -> None:
    assert rule.evidence
    assert set(rule.evidence) <= set(ALL_EVIDENCE)


def test_every_founding_statement_is_carried_out() -> None:
    carried = {statement for rule in RULES for statement in rule.statements}
    assert carried == {f"S{n}" for n in range(1, 11)}


@pytest.mark.parametrize("shown", ["106.07", "75.00", "37.50", "18.75", "9.38", "4.69", "10,500", "3,500", "7,000"])
def test_hand_checked_numbers_are_on_the_page(shown: str) -> None:
    assert f"| {shown} " in rules_markdown()


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "cds_service" / "clinical" / "rules_md.py"), run_name="__main__")
    assert capsys.readouterr().out == rules_markdown()


def test_second_hand_sources_are_marked() -> None:
    page = rules_markdown()
    for source in ALL_EVIDENCE:
        assert (f"{source.short} †" in page) is source.verify_locally
