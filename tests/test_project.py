"""The files around the code: commands, locks, images and packages say what is true."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "requirements-tools.lock")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def pinned(lock: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE))


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower().replace(".", "-")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_hashes_every_package(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links|--trusted-host", text)
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_locks_hold_every_declared_dependency() -> None:
    declared = {name_of(each) for each in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    for_development = {name_of(each) for group in extras.values() for each in group} - {"cds-service"}
    assert declared <= pinned("requirements.lock")
    assert declared | for_development <= pinned("requirements-dev.lock")
    assert {name_of(each) for each in PROJECT["dependency-groups"]["build"]} <= pinned("requirements-build.lock")
    tools = re.findall(r"^[a-z].*", (ROOT / "release" / "tools.in").read_text(), re.MULTILINE)
    assert {name_of(each) for each in tools} <= pinned("requirements-tools.lock")


def test_the_locks_agree_on_every_version() -> None:
    pins = [set(re.findall(r"^(\S+==\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS]
    assert pins[0] <= pins[1]
    assert pins[2] <= pins[1]


def test_the_installed_package_declares_what_the_project_file_says() -> None:
    installed = {name_of(each) for each in requires("cds-service") or () if "extra ==" not in each}
    assert installed == {name_of(each) for each in PROJECT["project"]["dependencies"]}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/sizing.md"])
def test_every_make_command_in_the_documents_exists(document: str) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)\b", code_in((ROOT / document).read_text())))
    assert named, f"{document} names no command"
    assert named <= TARGETS


def code_in(markdown: str) -> str:
    """Only what stands in code spans and blocks: prose may say "make sure"."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", markdown, re.DOTALL))


def test_the_makefile_offers_the_promised_commands() -> None:
    assert {"demo", "test", "lint", "hapi", "test-hapi", "test-postgres", "lock", "rules", "fixtures"} <= TARGETS


def test_compose_file_fits_the_compose_specification() -> None:
    check = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, "docker-compose.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "address", [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
)
def test_compose_publishes_on_the_loopback_interface_only(address: str) -> None:
    assert address.startswith("127.0.0.1:")


@pytest.mark.parametrize("service", [name for name, each in COMPOSE["services"].items() if each.get("depends_on")])
def test_compose_waits_only_for_what_can_come_true(service: str) -> None:
    for other, wait in COMPOSE["services"][service]["depends_on"].items():
        target = COMPOSE["services"][other]
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in target
        if wait["condition"] == "service_completed_successfully":
            assert target["restart"] == "no"


def test_compose_pins_every_foreign_image() -> None:
    images = {each["image"] for each in COMPOSE["services"].values() if "build" not in each}
    assert {image.split(":")[0] for image in images} == {"hapiproject/hapi", "postgres"}
    assert all(re.search(r":v?\d+", image) for image in images)


def test_compose_and_the_java_launcher_run_the_same_hapi() -> None:
    pom = (ROOT / "hapi" / "pom.xml").read_text()
    version = re.findall(r"<hapi.version>(.*?)</hapi.version>", pom)
    assert COMPOSE["services"]["hapi"]["image"].startswith(f"hapiproject/hapi:v{version[0]}-")


def test_the_image_does_not_run_as_root() -> None:
    last_stage = (ROOT / "Dockerfile").read_text().rsplit("FROM ", 1)[1]
    user = re.search(r"^USER (\d+)", last_stage, re.MULTILINE)
    assert user
    assert int(user[1]) > 0


def test_what_the_service_keeps_outlives_its_container() -> None:
    last_stage = (ROOT / "Dockerfile").read_text().rsplit("FROM ", 1)[1]
    file = re.search(r"CDS_DATABASE_URL=sqlite:///(/\S+)", last_stage)
    assert file
    folder = str(Path(file[1]).parent)
    assert re.search(rf"^RUN install --directory --owner=10001 --group=10001 .*{folder}$", last_stage, re.MULTILINE)
    mounted = dict(volume.split(":") for volume in COMPOSE["services"]["cds"]["volumes"])
    assert folder in mounted.values()
    assert set(mounted) <= set(COMPOSE["volumes"])


def test_every_file_the_image_copies_is_sent_to_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sent = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert {name for line in copied for name in line.split()} <= sent


def test_the_clinical_core_is_forbidden_every_dependency() -> None:
    contract = next(each for each in PROJECT["tool"]["importlinter"]["contracts"] if "clinical core" in each["name"])
    imported_as = {
        "markdown-it-py": "markdown_it",
        "python-json-logger": "pythonjsonlogger",
        "python-multipart": "python_multipart",
    }
    names = [name_of(each) for each in PROJECT["project"]["dependencies"]]
    modules = {imported_as.get(name, re.split(r"[-.]", name)[0]) for name in names}
    forbidden = set(contract["forbidden_modules"])
    assert modules <= forbidden | {name.split("_")[0] for name in forbidden}
