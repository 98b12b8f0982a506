"""A TOML file that a site writes and the service reads once at start-up.

Knows files, TOML, and how what is wrong with a file is said. Must not know what any key means.
"""

from __future__ import annotations

import difflib
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_LETTERS = 120
_MOST_BYTES = 64 * 1024


class SiteFileError(ValueError):
    """The file cannot be used; `problems` name every key, its value and what it may hold."""

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        """Keep all problems; the message has one a line."""
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


def toml_table(path: Path, error_type: type[SiteFileError]) -> dict[str, Any]:
    """The table in a TOML file. Raises `error_type` when the file cannot be read or is not TOML."""
    try:
        return tomllib.loads(_text_of(path, error_type))
    except SiteFileError:
        raise
    except OSError as error:
        raise error_type(str(path), (f"cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise error_type(str(path), ("is not UTF-8 text",)) from error
    except (ValueError, RecursionError) as error:  # tomllib passes on what Python says of numbers it cannot hold
        raise error_type(str(path), (f"is not TOML: {error}",)) from error


def _text_of(path: Path, error_type: type[SiteFileError]) -> str:
    """The text of a plain file of reasonable size; a pipe or a device would keep the start waiting."""
    if path.exists() and not path.is_file():
        raise error_type(str(path), ("cannot be read: it is not a file",))
    if path.stat().st_size > _MOST_BYTES:
        raise error_type(str(path), (f"larger than {_MOST_BYTES} bytes",))
    return path.read_bytes().decode("utf-8")


def assigned(key: str, value: object) -> str:
    """A key and its value as a problem quotes them, of bounded length."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a number too large to show"
    return f"{key} = {text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + '…'}"


def no_such_key(name: str, known: Iterable[str]) -> str:
    """The problem of a key that nothing reads, with the nearest key that is known."""
    close = difflib.get_close_matches(name, tuple(known), n=1)
    return f"{name}: no such key{f' (did you mean {close[0]}?)' if close else ''}"
