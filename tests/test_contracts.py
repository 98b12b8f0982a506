"""Each rule about imports and the clock is seen to fail: a copy of the code with one violation is refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

# module to spoil, line that spoils it, contract that must notice
FORBIDDEN_IMPORTS = [
    ("cds_service/clinical/quantity.py", "import cds_service.fhir.codes", "Imports point one way"),
    ("cds_service/fhir/codes.py", "import cds_service.evaluation", "Imports point one way"),
    ("cds_service/evaluation.py", "import cds_service.hooks.cards", "Imports point one way"),
    ("cds_service/hooks/models.py", "import cds_service.app", "Imports point one way"),
    ("cds_service/hooks/models.py", "import cds_service.sandbox.loading", "Imports point one way"),
    ("cds_service/hooks/metrics.py", "import cds_service.store.store", "Imports point one way"),
    ("cds_service/web/dashboard.py", "import cds_service.store.store", "Pages and hooks know no store"),
    ("cds_service/report.py", "import cds_service.store.store", "Imports point one way"),
    ("cds_service/store/store.py", "import cds_service.hooks.metrics", "Imports point one way"),
    ("cds_service/sandbox/loading.py", "import cds_service.hooks.cards", "Imports point one way"),
    ("cds_service/hooks/models.py", "import cds_service.watch.alarms", "Imports point one way"),
    ("cds_service/hooks/models.py", "import cds_service.population.rows", "Imports point one way"),
    ("cds_service/population/rows.py", "import cds_service.web.pages", "Imports point one way"),
    ("cds_service/watch/canaries.py", "import cds_service.canaries", "Imports point one way"),
    ("cds_service/app.py", "import cds_service.cli", "Imports point one way"),
    ("cds_service/clinical/quantity.py", "import pydantic", "The clinical core is pure"),
    ("cds_service/clinical/quantity.py", "import json", "The clinical core is pure"),
    ("cds_service/clinical/quantity.py", "import logging", "The clinical core is pure"),
    ("cds_service/clinical/quantity.py", "import cds_service.settings", "The clinical core is pure"),
    ("cds_service/evaluation.py", "import fastapi", "Reading and evaluating know no framework"),
    ("cds_service/fhir/codes.py", "import requests", "Reading and evaluating know no framework"),
    ("cds_service/fhir/mapping.py", "import httpx", "Mapping touches no network"),
]

CLOCKS = [
    "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n",
    "import datetime\n\nNOW = datetime.datetime.utcnow()\n",
    "from datetime import date\n\nTODAY = date.today()\n",
    "import time\n\nNOW = time.time()\n",
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "cds_service", tmp_path / "cds_service", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(copy: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=copy, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def broken_contracts(report: str) -> list[str]:
    return re.findall(r"^(.*) BROKEN$", report, re.MULTILINE)


def test_the_code_as_it_stands_keeps_every_contract(copy: Path) -> None:
    code, report = run(copy, "lint-imports", "--no-cache")
    assert code == 0, report
    assert re.search(r"Contracts: \d+ kept, 0 broken", report)


@pytest.mark.parametrize(("module", "line", "contract"), FORBIDDEN_IMPORTS)
def test_a_forbidden_import_is_refused(copy: Path, module: str, line: str, contract: str) -> None:
    spoiled = copy / module
    spoiled.write_text(f"{spoiled.read_text()}\n{line}\n")
    code, report = run(copy, "lint-imports", "--no-cache")
    assert code == 1
    assert contract in broken_contracts(report), report


@pytest.mark.parametrize("source", CLOCKS)
@pytest.mark.parametrize("folder", ["clinical", "fhir", "hooks", "sandbox", "store", "web"])
def test_reading_the_clock_inside_is_refused(copy: Path, folder: str, source: str) -> None:
    (copy / "cds_service" / folder / "spoiled.py").write_text(source)
    code, report = run(copy, "ruff", "check", "--no-cache", "--select", "TID251", ".")
    assert code == 1
    assert "TID251" in report


def test_the_edges_may_read_the_clock(copy: Path) -> None:
    for edge in ("app.py", "hooks/routes.py"):
        (copy / "cds_service" / edge).write_text(CLOCKS[0])
    code, report = run(copy, "ruff", "check", "--no-cache", "--select", "TID251", ".")
    assert code == 0, report
