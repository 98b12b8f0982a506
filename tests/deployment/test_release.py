"""A release can be had twice: the same sources make the same wheel. And an audit never counts the unknown as clean."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from release.audit import audit_in

ROOT = Path(__file__).parents[2]
SOURCES = ("cds_service", "fhir_fixtures", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


def wheel_from(folder: Path, epoch: int, umask: str) -> Path:
    """A wheel built from a copy of the sources, whose files are as old as `epoch`."""
    for name in SOURCES:
        source = ROOT / name
        copied = folder / name
        if source.is_dir():
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copied)
    for path in folder.rglob("*"):
        os.utime(path, (epoch, epoch))
    command = f"umask {umask} && exec {sys.executable} -m pip wheel --no-deps --no-build-isolation -w wheels ."
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=environment, check=True, capture_output=True)
    (wheel,) = (folder / "wheels").glob("*.whl")
    return wheel


def test_two_builds_of_the_same_sources_are_equal_byte_by_byte(tmp_path: Path) -> None:
    one = wheel_from(tmp_path / "one", 1_600_000_000, "022")
    other = wheel_from(tmp_path / "elsewhere" / "other", 1_700_000_000, "022")
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()
    names = zipfile.ZipFile(one).namelist()
    for needed in ("cds_service/fhir/terminology.csv", "cds_service/_fixtures/b1-above-line-8h/bundle.json"):
        assert needed in names
    assert any(name.startswith("cds_service/web/templates/") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "benchmarks/"))]


def package(name: str, *vulnerabilities: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": each} for each in vulnerabilities], **more}


SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        (
            [package("a"), package("b")],
            ["2 of 2 packages could be looked up.", "No vulnerability is known of those looked up."],
        ),
        ([package("a", "PYSEC-1")], ["1 of 1 packages could be looked up.", "a: PYSEC-1"]),
        (
            [package("a"), SKIPPED],
            [
                "1 of 2 packages could be looked up.",
                "NOT AUDITED: the others. Run this again where the advisory service is reached.",
                "No vulnerability is known of those looked up.",
            ],
        ),
        (
            [SKIPPED],
            [
                "0 of 1 packages could be looked up.",
                "NOT AUDITED: the others. Run this again where the advisory service is reached.",
                "Nothing is known.",
            ],
        ),
    ],
)
def test_an_audit_says_what_it_does_not_know(packages: list[dict[str, Any]], words: list[str]) -> None:
    assert audit_in({"dependencies": packages}).in_words() == words


@pytest.mark.parametrize(
    ("printed", "code", "words"),
    [
        ({"dependencies": [package("a", "PYSEC-1"), SKIPPED]}, 1, "a: PYSEC-1"),
        ({"dependencies": [package("a"), SKIPPED]}, 0, "NOT AUDITED: the others."),
        ({"dependencies": [SKIPPED]}, 0, "0 of 1 packages could be looked up."),
        ("the advisory service is not reached", 0, "NOT AUDITED: pip-audit could not run"),
    ],
)
def test_the_step_fails_when_a_vulnerability_is_known_and_never_calls_the_unknown_clean(
    printed: Any, code: int, words: str, tmp_path: Path
) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{printed if isinstance(printed, str) else json.dumps(printed)}\nEOF\n")
    tool.chmod(0o700)
    command = [sys.executable, "-m", "release.audit", str(tool)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert words in done.stdout
    assert ("No vulnerability" in done.stdout) is (code == 0 and "1 of 2" in done.stdout)
