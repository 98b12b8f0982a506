"""The change history and the program text are found where the service runs, and never made up."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cds_service.governance.changes import ChangesError, change_history, installed_history, newest_release
from cds_service.governance.program import program_hash

ROOT = Path(__file__).parents[2]
WRITTEN = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and unpacked."""
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*build, "--no-build-isolation", "-w", str(built), str(ROOT)], check=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(unpacked)
    return unpacked


def test_the_history_of_a_checkout_is_its_file() -> None:
    assert change_history() == WRITTEN
    assert newest_release(WRITTEN) == "0.1.0 (unreleased)"


def test_an_installation_writes_the_whole_pack(wheel: Path, tmp_path: Path) -> None:
    out = tmp_path / "pack"
    start = f"import sys; sys.path.insert(0, {str(wheel)!r}); from cds_service.cli import app; app()"
    command = [sys.executable, "-c", start, "governance", "--output", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "First version" in (out / "changes.md").read_text(encoding="utf-8")
    assert program_hash(wheel / "cds_service") == program_hash()


@pytest.mark.parametrize(
    ("package", "why"), [("no-such-package", "is not installed"), ("pytest", "was installed without")]
)
def test_a_missing_history_is_never_made_up(package: str, why: str) -> None:
    with pytest.raises(ChangesError, match=why):
        installed_history(package)


def test_a_history_without_a_release_is_refused() -> None:
    with pytest.raises(ChangesError, match="names no release"):
        newest_release("# Changelog\n")


# what happens to the program text -> whether it is another program
EDITS = {
    "clinical/nomogram.py": True,
    "fhir/terminology.csv": True,
    "evaluation.py": True,
    "hooks/detail.py": False,
}


@pytest.mark.parametrize("edited", EDITS)
def test_what_leads_to_a_verdict_is_in_the_program_hash(edited: str, tmp_path: Path) -> None:
    package = tmp_path / "cds_service"
    shutil.copytree(ROOT / "cds_service", package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / edited).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert (program_hash(package) != program_hash()) is EDITS[edited]


def test_line_ends_make_no_other_program(tmp_path: Path) -> None:
    package = tmp_path / "cds_service"
    shutil.copytree(ROOT / "cds_service", package, ignore=shutil.ignore_patterns("__pycache__"))
    path = package / "clinical" / "nomogram.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert program_hash(package) == program_hash()
