"""The change history: CHANGELOG.md of the checkout, or the copy that was installed with the package."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_INSTALLED = "extra_metadata/CHANGELOG.md"
_RELEASE = re.compile(r"^## (.+)$", re.MULTILINE)


class ChangesError(LookupError):
    """Neither a checkout nor an installation with the change history is at hand."""


def change_history(checkout: Path | None = None) -> str:
    """The text of CHANGELOG.md. Raises `ChangesError` when there is none: history is never invented.

    `checkout`: the folder to look in first, by default the one this package lies in.
    """
    folder = checkout or Path(__file__).resolve().parents[2]
    written = folder / "CHANGELOG.md"
    if (folder / "pyproject.toml").is_file() and written.is_file():
        return written.read_text(encoding="utf-8")
    return installed_history("cds-service")


def installed_history(package: str) -> str:
    """The change history an installed package brought along. Raises `ChangesError` when it brought none."""
    try:
        text = distribution(package).read_text(_INSTALLED)
    except PackageNotFoundError as error:
        msg = f"{package} is not installed"
        raise ChangesError(msg) from error
    if text is None:
        msg = f"{package} was installed without its change history"
        raise ChangesError(msg)
    return text


def newest_release(changes: str) -> str:
    """The heading of the newest release, such as "0.1.0 (unreleased)". Raises `ChangesError` without any."""
    found = _RELEASE.search(changes)
    if found is None:
        msg = "the change history names no release"
        raise ChangesError(msg)
    return found[1].strip()
