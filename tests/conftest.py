"""What holds for every test: made-up examples are the same each time, and a busy machine fails none of them."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# The width of what commands print: without it a sentence may be broken over two lines where nobody sees a terminal.
os.environ["COLUMNS"] = "200"
