"""Folders of files that a command writes from tables: which files are stale, and how they are put right."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class WrittenFolder:
    """A folder whose files matching `patterns` are exactly those of `wanted`: path in the folder, and text."""

    module: str
    root: Path
    patterns: tuple[str, ...]
    wanted: Callable[[], Mapping[Path, str]]

    def stale_files(self, root: Path | None = None) -> list[Path]:
        """Files that are missing, differ from the tables, or that no table names; relative and sorted."""
        root, wanted = root or self.root, self.wanted()
        present = {path.relative_to(root): path for pattern in self.patterns for path in root.glob(pattern)}
        unequal = {name for name, text in wanted.items() if name not in present or _text(present[name]) != text}
        return sorted(unequal | (present.keys() - wanted.keys()))

    def write(self, root: Path | None = None) -> None:
        """Make the folder what the tables say."""
        root, wanted = root or self.root, self.wanted()
        for name in self.stale_files(root):
            path = root / name
            if name in wanted:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(wanted[name], encoding="utf-8")
            else:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()

    def main(self, arguments: list[str]) -> int:
        """Write, or check with `--check`; the exit status says whether the files are up to date."""
        if arguments == ["--check"]:
            stale = self.stale_files()
            sys.stderr.writelines(f"stale: {name}\n" for name in stale)
            return 1 if stale else 0
        if arguments:
            sys.stderr.write(f"usage: python -m {self.module} [--check]\n")
            return 2
        self.write()
        return 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
