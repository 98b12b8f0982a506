"""How names are looked for in charted text."""

from __future__ import annotations

import re


def words(*patterns: str) -> re.Pattern[str]:
    """A case-blind search for any of these, on word boundaries."""
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(patterns)})(?![A-Za-z0-9])", re.IGNORECASE)
