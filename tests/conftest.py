"""What holds for every test: made-up examples are the same each time, and a busy machine fails none of them."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# The width of what commands print: without it a sentence may be broken over two lines where nobody sees a terminal.
os.environ["COLUMNS"] = "200"


def pytest_collection_finish() -> None:
    """Let the collector leave alone what stays until the end: walking it takes as long as a call may take."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Give it back: DuckDB tells at the end of a process of every object of its own that is still there."""
    gc.unfreeze()
