"""A server process keeps the memory of one large body for the next one, and settles its heap once it is open."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from cds_service.heap import settling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Frees and takes nine megabytes twenty times over, and says how often the system had to hand out a page.
_FAULTS = """
import resource
from cds_service.heap import keep_freed_memory

def take():
    [bytes(3_000_000) for _ in range(3)]

if {is_kept}:
    keep_freed_memory()
for _ in range(5):
    take()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    take()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps what it wants")
def test_no_page_is_asked_for_twice() -> None:
    faults = [
        int(subprocess.check_output([sys.executable, "-c", _FAULTS.format(is_kept=is_kept)]))
        for is_kept in (False, True)
    ]
    assert faults[0] > 100 > faults[1]


@asynccontextmanager
async def opened(_: FastAPI) -> AsyncIterator[str]:
    yield "what was opened"


async def test_what_was_built_at_start_is_not_walked_until_the_end() -> None:
    before = gc.get_threshold()
    gc.unfreeze()
    try:
        async with settling(opened)(FastAPI()) as state:
            assert state == "what was opened"
            assert gc.get_freeze_count() > 0
            assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() == 0
        assert gc.get_threshold() == before
    finally:
        gc.freeze()  # as it was for the other tests
