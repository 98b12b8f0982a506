"""A server process keeps the memory of one large body for the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Frees and takes nine megabytes twenty times over, and says how often the system had to hand out a page.
_FAULTS = """
import resource
from cds_service.server import keep_freed_memory

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
