"""What a server process does with its memory, so that calls neither wait for it nor pay for it again and again.

Knows the collector and the C library. An application that is one of many in a process leaves both alone.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI

    Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]

_NEW_BEFORE_COLLECTING = 100_000
"""Objects made and not yet freed at which the collector looks for garbage. A chart is a tree that goes when its call
ends, and walking it finds nothing."""

# Parameters of mallopt(3), and what they are set to: what a call about a large chart frees, and the largest body that
# is taken unless a site says otherwise.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGEST_KEPT_BYTES = 64 * 2**20, 16 * 2**20


def keep_freed_memory() -> None:
    """Let the C library keep what one call frees for the next one, up to 64 MiB, where it is one that can (glibc).

    Otherwise the memory of every large body is given back and asked for again, which is an eighth of what a call about
    5,000 results costs.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
            mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)


def settling(lifespan: Lifespan) -> Lifespan:
    """The lifespan of an application that is the only one of its process.

    What was built at start lives until the end: the collector is kept from walking it during calls.
    """

    @asynccontextmanager
    async def settled(app: FastAPI) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            gc.collect()
            gc.freeze()
            before = gc.get_threshold()
            gc.set_threshold(_NEW_BEFORE_COLLECTING, *before[1:])
            try:
                yield state
            finally:
                gc.set_threshold(*before)
                gc.unfreeze()

    return settled
