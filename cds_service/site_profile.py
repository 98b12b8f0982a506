"""A site's own guideline profile, read from a TOML file at start-up.

The file names the shipped profile it is based on and the keys that differ:

    name = "st-elsewhere"
    base = "us-2023"
    treatment_line = 100
    [poison_centre]
    name = "Regional poison centre"
    phone = "555-0100"

Knows files and TOML. What a key may hold is said in `clinical/profile_keys.py`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service.clinical.profile_keys import KEY_BY_NAME, POISON_CENTRE, conflicts
from cds_service.clinical.profiles import PROFILES, US_2023, PoisonCentre

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.profiles import Profile

SUFFIX = ".toml"
_TEXT_KEYS = ("name", "base", "title")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_MOST_LETTERS = 120
_MOST_BYTES = 64 * 1024


class SiteProfileError(ValueError):
    """The file cannot be used; `problems` name every key, its value and what it may hold."""

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        """Keep all problems; the message has one a line."""
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


def profile_named(name: str) -> Profile:
    """The shipped profile of this name, or the site profile in this `.toml` file. Raises `SiteProfileError`."""
    if name in PROFILES:
        return PROFILES[name]
    if name.endswith(SUFFIX):
        return read_site_profile(Path(name))
    msg = f"no such profile; shipped are {', '.join(PROFILES)}, and a path must end in {SUFFIX}"
    raise SiteProfileError(name or "(blank)", (msg,))


def read_site_profile(path: Path) -> Profile:
    """The profile in a TOML file. Raises `SiteProfileError` with every problem at once."""
    try:
        table = tomllib.loads(_text_of(path))
    except SiteProfileError:
        raise
    except OSError as error:
        raise SiteProfileError(str(path), (f"cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise SiteProfileError(str(path), ("is not UTF-8 text",)) from error
    except (ValueError, RecursionError) as error:  # tomllib passes on what Python says of numbers it cannot hold
        raise SiteProfileError(str(path), (f"is not TOML: {error}",)) from error
    profile, problems = site_profile(table, default_name=path.stem.lower())
    if problems:
        raise SiteProfileError(str(path), problems)
    return profile


def _text_of(path: Path) -> str:
    """The text of a plain file of reasonable size; a pipe or a device would keep the start waiting."""
    if path.exists() and not path.is_file():
        raise SiteProfileError(str(path), ("cannot be read: it is not a file",))
    if path.stat().st_size > _MOST_BYTES:
        raise SiteProfileError(str(path), (f"larger than {_MOST_BYTES} bytes",))
    return path.read_bytes().decode("utf-8")


def site_profile(table: Mapping[str, Any], *, default_name: str) -> tuple[Profile, tuple[str, ...]]:
    """The profile a table describes, and every problem with it; usable only when there is none."""
    base, base_problems = _base(table)
    name, name_problems = _name(table, default_name)
    numbers, key_problems = _chosen(table)
    centre, centre_problems = _centre(table, base)
    title, title_problems = _text(table, "title", f"site profile based on {base.name}")
    problems = (*base_problems, *name_problems, *title_problems, *key_problems, *centre_problems)
    profile = replace(base, name=name, title=title, poison_centre=centre, **numbers)
    return profile, problems or conflicts(profile)


def _base(table: Mapping[str, Any]) -> tuple[Profile, tuple[str, ...]]:
    wanted = table.get("base")
    if isinstance(wanted, str) and wanted in PROFILES:
        return PROFILES[wanted], ()
    said = "base is missing" if wanted is None else _assigned("base", wanted)
    return US_2023, (f"{said}: must be one of {', '.join(PROFILES)}",)


def _name(table: Mapping[str, Any], default: str) -> tuple[str, tuple[str, ...]]:
    name = table.get("name", default)
    if isinstance(name, str) and _NAME.fullmatch(name) and name not in PROFILES:
        return name, ()
    must = "must be 2 to 40 small letters, digits and hyphens, and not the name of a shipped profile"
    return default, (f"{_assigned('name', name)}: {must}",)


def _text(table: Mapping[str, Any], key: str, default: str, *, path: str = "") -> tuple[str, tuple[str, ...]]:
    value = table.get(key, default)
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _MOST_LETTERS:
        return value.strip(), ()
    return default, (f"{_assigned(path + key, value)}: must be one line of 1 to {_MOST_LETTERS} letters",)


def _chosen(table: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The numbers and choices by field, and a problem for each key that is unknown or out of range."""
    chosen: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in table.items():
        key = KEY_BY_NAME.get(name)
        if key is None:
            problems += [] if name in {*_TEXT_KEYS, POISON_CENTRE} else [f"{name}: no such key{_nearest(name)}"]
            continue
        try:
            chosen[key.field] = key.read(value)
        except ValueError as error:
            problems.append(f"{_assigned(name, value)}: must be {error}")
    return chosen, tuple(problems)


def _centre(table: Mapping[str, Any], base: Profile) -> tuple[PoisonCentre, tuple[str, ...]]:
    """Name and phone together: a number of one centre under the name of another would mislead."""
    given = table.get(POISON_CENTRE)
    if given is None:
        return base.poison_centre, ()
    if not isinstance(given, dict) or set(given) != {"name", "phone"}:
        return base.poison_centre, (f"{_assigned(POISON_CENTRE, given)}: must be a table with name and phone",)
    name, name_problems = _text(given, "name", "", path=f"{POISON_CENTRE}.")
    phone, phone_problems = _text(given, "phone", "", path=f"{POISON_CENTRE}.")
    return PoisonCentre(name, phone), (*name_problems, *phone_problems)


def _assigned(key: str, value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a number too large to show"
    return f"{key} = {text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + '…'}"


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, (*KEY_BY_NAME, *_TEXT_KEYS, POISON_CENTRE), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
