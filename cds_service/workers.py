"""Server processes: how one stops without breaking a call, and how several are watched and replaced one by one.

Knows uvicorn's processes and signals. Must not know settings or the application: whether a new configuration can be
used is asked of the caller.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Process

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import FrameType

_log = logging.getLogger("uvicorn.error")

_LOOK_EVERY_SECONDS = 0.2
_READY_WITHIN_SECONDS = 60.0
_ALIVE_WITHIN_SECONDS = 5.0
_MARGIN_SECONDS = 5.0
"""What a worker may take beyond its calls to close what it has open, before it is killed."""


class DrainingServer(uvicorn.Server):
    """A server that ends without closing a connection on which a call may be on its way.

    After SIGTERM it accepts no connection, every answer asks the client to close its connection, and a connection
    without a call is left open for as long as any idle one is, which clients reckon with. SIGINT does not wait.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let connections end by themselves for a while, then end what is left as uvicorn does."""
        for each in (*self.servers, *(sockets or ())):
            each.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        over = time.monotonic() + self.config.timeout_keep_alive
        while self._is_waited_for and time.monotonic() < over:  # noqa: ASYNC110 - uvicorn tells nobody when a connection ends
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)

    @property
    def _is_waited_for(self) -> bool:
        is_interrupted = self.force_exit or signal.SIGINT in self._captured_signals
        return bool(self.server_state.connections) and not is_interrupted


def on_hangup(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Let this answer SIGHUP, on systems that have it."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, handler)


class _Worker(Process):
    """A process that serves on sockets shared with the others."""

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = DrainingServer(config=self.config)
        return self._server

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve. A SIGHUP sent to the whole group is the parent's to answer."""
        on_hangup(signal.SIG_IGN)
        super().target(sockets)

    def ends_within(self, seconds: float) -> bool:
        """Whether the process ends in time."""
        self.process.join(seconds)
        return self.exitcode is not None


class Workers:
    """So many processes on the same sockets, until SIGTERM or SIGINT.

    One that dies is started again. On SIGHUP each is replaced: the next one serves before the one before stops
    listening, so that the sockets are never without anybody. While `is_usable` says no, nothing is replaced.
    """

    def __init__(self, config: uvicorn.Config, sockets: Sequence[socket.socket], is_usable: Callable[[], bool]) -> None:
        """Serve `config.workers` processes; `is_usable` judges the configuration as it is now, and says why not."""
        self._config = config
        self._sockets = list(sockets)
        self._is_usable = is_usable
        self._workers: list[_Worker] = []
        self._is_over = False
        self._is_to_reload = False
        grace = config.timeout_graceful_shutdown or 0
        self._end_within_seconds = config.timeout_keep_alive + grace + _MARGIN_SECONDS

    def run(self) -> None:
        """Serve until told to stop, then let every worker answer what it has in hand."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        on_hangup(self._heed_hangup)
        self._workers = [self._started() for _ in range(self._config.workers)]
        while not self._is_over:
            time.sleep(_LOOK_EVERY_SECONDS)
            self._replace_dead()
            if self._is_to_reload and not self._is_over:
                self._reload()
        _log.info("Stopping %d workers", len(self._workers))
        self._end(self._workers)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True

    def _heed_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self._is_to_reload = True

    def _started(self) -> _Worker:
        worker = _Worker(self._config, self._sockets)
        worker.start()
        return worker

    def _replace_dead(self) -> None:
        """Start a worker again that died or hangs; give up where one cannot even start."""
        for place, worker in enumerate(self._workers):
            if self._is_over or worker.is_alive(_ALIVE_WITHIN_SECONDS):
                continue
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                _log.error("Worker [%s] could not start", worker.pid)
                self._is_over = True
                return
            _log.warning("Worker [%s] died and is started again", worker.pid)
            self._workers[place] = self._started()

    def _reload(self) -> None:
        """Replace the workers one after the other, as long as the next one comes to serve."""
        self._is_to_reload = False
        if not self._is_usable():
            return
        _log.info("Replacing %d workers", len(self._workers))
        for place, old in enumerate(self._workers):
            new = self._started()
            if not self._is_ready(new):
                self._end([new])
                if not self._is_over:
                    _log.error("Worker [%s] did not come to serve; the others are kept as they are", new.pid)
                return
            self._workers[place] = new
            self._end([old])
        _log.info("Every worker was replaced")

    def _is_ready(self, worker: _Worker) -> bool:
        """Whether a new worker comes to serve in time, and is still wanted then."""
        give_up = time.monotonic() + _READY_WITHIN_SECONDS
        while time.monotonic() < give_up and not self._is_over and worker.exitcode is None:
            if worker.is_ready(timeout=1):
                return True
            worker.ends_within(_LOOK_EVERY_SECONDS)
        return False

    def _end(self, workers: Sequence[_Worker]) -> None:
        """Ask workers to stop, and kill those that take longer than their calls may."""
        for worker in workers:
            worker.terminate()
        give_up = time.monotonic() + self._end_within_seconds
        for worker in workers:
            if not worker.ends_within(max(0.0, give_up - time.monotonic())):
                _log.error("Worker [%s] did not stop in time and is killed", worker.pid)
                worker.process.kill()
                worker.process.join()
