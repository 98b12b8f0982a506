"""Which program judges: a hash over the text of everything between a chart and a verdict.

The hash of the tables says which rules; this one notices a change of what a rule's function does.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JUDGING = ("clinical", "fhir", "evaluation.py")
_KINDS = frozenset({".py", ".csv"})


def program_hash(package: Path | None = None) -> str:
    """SHA-256 of the program text that reads charts and judges rules, in hexadecimal; line ends do not matter."""
    root = package or Path(__file__).resolve().parents[1]
    digest = sha256()
    for path in sorted(_texts(root), key=lambda path: path.relative_to(root).as_posix()):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _texts(root: Path) -> Iterator[Path]:
    for name in _JUDGING:
        place = root / name
        yield from (path for path in place.rglob("*") if path.suffix in _KINDS) if place.is_dir() else (place,)
