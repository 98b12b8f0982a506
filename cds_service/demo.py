"""The demonstration: the service with its embedded FHIR sandbox on one port, called over real HTTP.

Knows how to run the application in a thread and walk through the scenes. The fixture patients are moved to now.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import uvicorn
from rich.rule import Rule
from rich.text import Text

from cds_service.app import FHIR_PATH, create_app, utc_now
from cds_service.caller import CallerError, Reply, ServiceCaller
from cds_service.catalogue import draft_order
from cds_service.clinical.profiles import US_2023
from cds_service.sandbox.store import ResourceStore
from cds_service.scenes import CHANGE, SCENES, Scene, case_of
from cds_service.terminal import print_cards, print_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from cds_service.clinical.profiles import Profile
    from cds_service.sandbox.fixtures import FixtureCase
    from cds_service.settings import Settings

HOST = "127.0.0.1"
_READY_WITHIN_SECONDS = 30.0


def listening_socket(port: int) -> socket.socket:
    """A socket bound to the loopback port (0: any free one). Raises OSError when the port is taken."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


@contextmanager
def running_service(
    settings: Settings, cases: Sequence[FixtureCase], bound: socket.socket
) -> Iterator[tuple[str, threading.Thread]]:
    """The service with the cases, moved to now, in its sandbox: its base address and the thread it runs in.

    What it keeps it keeps in memory.
    """
    base = f"http://{HOST}:{bound.getsockname()[1]}"
    fhir = f"{base}{FHIR_PATH}"
    chosen = settings.model_copy(update={"base_url": base, "default_fhir_server": fhir, "database_url": "sqlite://"})
    store = ResourceStore(resource for case in cases for resource in case.resources(utc_now()))
    config = uvicorn.Config(create_app(chosen, sandbox=store), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="service", daemon=True)
    thread.start()
    try:
        _wait_until_ready(base, thread)
        yield base, thread
    finally:
        server.should_exit = True
        thread.join(timeout=5)


def _wait_until_ready(base: str, thread: threading.Thread) -> None:
    """Until /readyz answers 200. Raises `CallerError` when it does not in time."""
    give_up = time.monotonic() + _READY_WITHIN_SECONDS
    while time.monotonic() < give_up and thread.is_alive():
        try:
            if requests.get(f"{base}/readyz", timeout=2).ok:
                return
        except requests.exceptions.ConnectionError:
            time.sleep(0.05)
    msg = f"the service at {base} did not become ready"
    raise CallerError(msg)


def show_scenes(console: Console, base: str, cases: Sequence[FixtureCase], profile: Profile = US_2023) -> list[str]:
    """Call and print every scene, then the change between hooks; returns what differs from the fixtures.

    The answers written down are those of the default profile: under another one only failures differ.
    """
    caller = ServiceCaller(base)
    if profile != US_2023:
        console.print(Text(f"Profile {profile.name}: its cards are not compared, since the answers written down are "
                           f"those of {US_2023.name}."))  # fmt: skip
    shown = [(scene, _show(console, caller, scene, cases)) for scene in SCENES]
    console.print(Rule(Text("One patient, two hooks", style="bold")))
    shown += [(scene, _show(console, caller, scene, cases)) for scene in CHANGE]
    before, after = (reply for _, reply in shown[-2:])
    console.print(Text(f"On opening the chart: {_told(before)}. On selecting IV NAC: {_told(after)}."))
    told = (_difference(scene, reply, cases, is_compared=profile == US_2023) for scene, reply in shown)
    return [words for words in told if words]


def _show(console: Console, caller: ServiceCaller, scene: Scene, cases: Sequence[FixtureCase]) -> Reply:
    """One scene on the console, and the reply."""
    case = case_of(scene, cases)
    asked = scene.hook.value if scene.order is None else f"{scene.hook.value}, {scene.order.value} selected"
    console.print(Rule(Text(f"{scene.title}: {case.slug} ({asked})", style="bold")))
    order = None if scene.order is None else draft_order(scene.order, case.slug)
    reply = caller.call(scene.hook, case.slug, order)
    if reply.has_cards:
        print_cards(console, reply.cards)
    else:
        print_failure(console, reply.status, reply.body)
    return reply


def _difference(scene: Scene, reply: Reply, cases: Sequence[FixtureCase], *, is_compared: bool) -> str | None:
    """How the reply differs from what the fixture expects; a failure is none under any profile."""
    if not reply.has_cards:
        return f"{scene.slug}: HTTP {reply.status}"
    expected = scene.expected_topics(case_of(scene, cases))
    if not is_compared or reply.topics == expected:
        return None
    return f"{scene.slug}: expected {expected}, got {reply.topics}"


def _told(reply: Reply) -> str:
    if not reply.has_cards:
        return "no answer"
    return " and ".join(f"{card['indicator']} / {card['source']['topic']['code']}" for card in reply.cards) or "silence"
