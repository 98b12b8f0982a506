"""Who is measured: how each is built, started and called. A peer that cannot be had here is left out with words.

Builds into build/, each peer in an environment of its own. Must not know how anything is measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILT = ROOT / "build" / "benchmarks"

HEALTHCHAIN = "healthchain==0.16.1"
ORDER_SELECT = "order-select"
_BUILD_SECONDS = 420

Command = Callable[[int], list[str]]


class NotHadError(RuntimeError):
    """A peer that could not be built here; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service to measure: the command that serves it on a port, where it answers, and its environment.

    `paths`: where it answers other bodies than most. `heat_s`: how long it is called before anything counts.
    """

    name: str
    command: Command
    path: str
    ready: str = "/cds-services"
    settings: dict[str, str] = field(default_factory=dict)
    heat_s: float = 2
    paths: dict[str, str] = field(default_factory=dict)

    def path_for(self, body: str) -> str:
        """Where this body is posted."""
        return self.paths.get(body, self.path)


def log_of(target: Target) -> Path:
    """Where a target says what it does."""
    return BUILT / f"{target.name.replace(',', '').replace(' ', '-')}.log"


def floor() -> Target:
    """A FastAPI route that reads the JSON and returns a constant card."""
    return Target("floor", _uvicorn("benchmarks.floor:app"), "/cds-services/floor")


def bytes_floor() -> Target:
    """A FastAPI route that receives the bytes, does not read them, and returns a constant card."""
    return Target("floor, bytes only", _uvicorn("benchmarks.floor:app"), "/cds-services/bytes")


def own_service(**settings: str) -> Target:
    """This service as `cds-service serve` runs it, with an SQLite file of its own."""
    said = {"CDS_DATABASE_URL": f"sqlite:///{BUILT / 'bench.db'}", "CDS_PLAYGROUND": "false", **settings}
    code = "from cds_service.cli import app; app()"
    return Target(
        "this service",
        lambda port: [sys.executable, "-c", code, "serve", "--port", str(port)],
        "/cds-services/iv-nac-patient-view",
        settings={"PYTHONPATH": str(ROOT), **said},
        paths={ORDER_SELECT: "/cds-services/iv-nac-order-select"},
    )


def peers() -> tuple[list[Target], list[str]]:
    """The peers that could be built, and for each other one why not."""
    had: list[Target] = []
    left_out: list[str] = []
    for build in (_healthchain, _hapi, _node):
        try:
            had += build()
        except NotHadError as error:
            left_out.append(str(error))
    return had, left_out


def _uvicorn(app: str) -> Command:
    quiet = ["--log-level", "warning", "--no-access-log"]
    return lambda port: [
        sys.executable, "-m", "uvicorn", app, "--app-dir", str(ROOT), "--port", str(port), *quiet,
    ]  # fmt: skip


def _healthchain() -> list[Target]:
    place = BUILT / "healthchain"
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        _built("healthchain", [sys.executable, "-m", "venv", str(place)])
        _built("healthchain", [str(python), "-m", "pip", "install", "--quiet", HEALTHCHAIN])
        (place / ".ready").touch()
    script = str(HERE / "peers" / "healthchain_service.py")

    def target(way: str, words: str) -> Target:
        path = "/cds/cds-services/highest-level"
        return Target(words, lambda port: [str(python), script, str(port), way], path, ready="/cds/cds-discovery")

    return [target("models", "healthchain, FHIR models"), target("plain", "healthchain, plain JSON")]


def _hapi() -> list[Target]:
    if shutil.which("mvn") is None or shutil.which("java") is None:
        msg = "HAPI cds-hooks: Maven or Java is not installed"
        raise NotHadError(msg)
    place = HERE / "hapi-cds"
    listed = place / "target" / "classpath"
    if not listed.exists():
        _built(
            "HAPI cds-hooks", ["mvn", "--quiet", "--batch-mode", "--file", str(place / "pom.xml"), "process-classes"]
        )
    classpath = f"{place / 'target' / 'classes'}:{listed.read_text()}"
    main = "org.naccds.bench.Launcher"
    # Its compilers work for many seconds; what they cost is no cost of a request.
    return [
        Target(
            "HAPI cds-hooks",
            lambda port: ["java", "-Xmx1g", "-cp", classpath, main, str(port)],
            "/cds-services/highest-level",
            heat_s=20,
        )
    ]


def _node() -> list[Target]:
    if shutil.which("npm") is None or shutil.which("node") is None:
        msg = "Node: npm or node is not installed"
        raise NotHadError(msg)
    place = BUILT / "node-cds"
    if not (place / "node_modules" / "express").is_dir():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "node-cds" / "package.json", place)
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        _built("Node", ["npm", "install", *quiet, "--prefix", str(place)])
    script = str(HERE / "node-cds" / "service.js")
    modules = {"NODE_PATH": str(place / "node_modules"), "NODE_ENV": "production"}
    return [
        Target("Node, Express", lambda port: ["node", script, str(port)], "/cds-services/highest-level",
               settings=modules, heat_s=4),
    ]  # fmt: skip


def _built(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        msg = f"{name}: not built within {_BUILD_SECONDS} s"
        raise NotHadError(msg) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        msg = f"{name}: could not be built ({said[-1] if said else 'no words'})"
        raise NotHadError(msg)
