"""Every mitigation of the hazard log is held by something that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.consulted import rule_consults
from cds_service.governance.hazards import HAZARDS
from cds_service.governance.statements import MONITORING
from cds_service.hooks.metrics import Metrics

if TYPE_CHECKING:
    from cds_service.governance.hazard import Hazard

ROOT = Path(__file__).parents[2]
MITIGATIONS = [(hazard.id, mitigation) for hazard in HAZARDS for mitigation in hazard.mitigations]
TESTS = sorted({test for _, mitigation in MITIGATIONS for test in mitigation.tests})
RULES = sorted({rule for _, mitigation in MITIGATIONS for rule in mitigation.rules})


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_"))


@pytest.mark.parametrize("test", TESTS)
def test_a_named_test_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert name in names_in(path)


@pytest.mark.parametrize("rule", RULES)
def test_a_named_rule_exists(rule: str) -> None:
    assert any(rule in {rule_id, rule_id.partition("-")[0]} for rule_id in rule_consults())


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.id)
def test_a_hazard_is_whole(hazard: Hazard) -> None:
    assert hazard.causes
    assert hazard.mitigations
    assert hazard.left
    assert all(mitigation.tests or mitigation.rules for mitigation in hazard.mitigations)


def test_the_numbers_run_on_without_a_gap() -> None:
    assert [hazard.id for hazard in HAZARDS] == [f"H{n:02}" for n in range(1, len(HAZARDS) + 1)]


def test_the_metrics_of_the_monitoring_plan_exist() -> None:
    named = {name for watch in MONITORING for name in re.findall(r"`(cds_[a-z_]+)`", watch.where)}
    assert named
    shown = Metrics().as_text().decode()
    assert {name for name in named if name not in shown} == set()
