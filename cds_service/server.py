"""A server process: settings and environment come in here, the log opens, canaries and traces are set up.

Knows how the HTTP server is run and stopped. Every worker process starts in `create_server`.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from cds_service.app import create_app
from cds_service.heap import keep_freed_memory, settling
from cds_service.hooks.shared_metrics import FOLDER_VARIABLE
from cds_service.settings import PREFIX, Settings, SettingsError, read_settings, unknown_variables
from cds_service.watch.canaries import CanaryWatch
from cds_service.watch.logs import open_log, server_log_config
from cds_service.watch.oversight import Oversight
from cds_service.watch.tracing import tracer_from
from cds_service.workers import DrainingServer, Workers, on_hangup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastapi import FastAPI

    from cds_service.watch.canaries import CanaryResult

_log = logging.getLogger("cds_service")

_DRAIN_MARGIN_SECONDS = 2
"""What a call may take beyond its deadline to write its answer."""


def create_server() -> FastAPI:
    """The application with the settings of the environment. Raises `SettingsError`."""
    keep_freed_memory()
    settings = read_settings()
    open_log(settings)
    for sentence in unknown_variables(os.environ):
        _log.warning("%s", sentence)
    app = create_app(settings, oversight=Oversight(canary_watch(settings), tracer_from()))
    app.router.lifespan_context = settling(app.router.lifespan_context)
    return app


def canary_watch(settings: Settings) -> CanaryWatch | None:
    """The watch over the canaries; None where the settings want none."""
    if settings.canary_minutes == 0:
        return None

    def ask() -> Sequence[CanaryResult]:
        from cds_service.canaries import ask_canaries  # noqa: PLC0415 - loads while calls are answered

        return ask_canaries(settings)

    return CanaryWatch(ask, timedelta(minutes=settings.canary_minutes))


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Then no connection is accepted any more, and calls under way have their deadline to be answered. SIGHUP replaces
    the workers one by one with such that read the site's files anew; a single process goes on as it is.
    """
    if workers > 1:  # any worker may be asked for the link another one made
        os.environ.setdefault(f"{PREFIX}LINK_SECRET", secrets.token_hex(32))
    open_log(settings)
    config = uvicorn.Config(
        "cds_service.server:create_server",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=server_log_config(settings.log_format),
        log_level=settings.log_level.lower(),
        access_log=False,  # addresses name patients when the embedded sandbox runs; the audit log says more
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.deadline_seconds) + _DRAIN_MARGIN_SECONDS,
    )
    with _shared_metrics(workers):
        if workers > 1:
            Workers(config, [config.bind_socket()], is_usable=_has_usable_settings).run()
        else:
            _serve_alone(config)


def _serve_alone(config: uvicorn.Config) -> None:
    on_hangup(lambda *_: _log.warning("SIGHUP: nothing is read anew with fewer than two workers"))
    server = DrainingServer(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _has_usable_settings() -> bool:
    """Whether new workers could start with the site's files as they are now; the log says why not."""
    try:
        read_settings()
    except SettingsError as error:
        _log.error("SIGHUP: nothing is replaced, since the configuration cannot be used: %s", error)
        return False
    return True


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder in which several workers keep their metrics, so that /metrics of any of them is that of all."""
    if workers == 1 or os.environ.get(FOLDER_VARIABLE):
        yield
        return
    with TemporaryDirectory(prefix="cds-service-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]
