"""A site's own guideline profile, read from a TOML file at start-up.

The file names the shipped profile it is based on and the keys that differ:

    name = "st-elsewhere"
    base = "us-2023"
    treatment_line = 100
    [poison_centre]
    name = "Regional poison centre"
    phone = "555-0100"

Knows the keys of a site profile. What a key may hold is said in `clinical/profile_keys.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service.clinical.profile_keys import KEY_BY_NAME, POISON_CENTRE, conflicts
from cds_service.clinical.profiles import PROFILES, US_2023, PoisonCentre
from cds_service.site_file import MOST_LETTERS, SiteFileError, assigned, no_such_key, toml_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.clinical.profiles import Profile

SUFFIX = ".toml"
_OTHER_KEYS = ("name", "base", "title", POISON_CENTRE)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")


class SiteProfileError(SiteFileError):
    """The site profile cannot be used."""


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
    table = toml_table(path, SiteProfileError)
    profile, problems = site_profile(table, default_name=path.stem.lower())
    if problems:
        raise SiteProfileError(str(path), problems)
    return profile


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
    said = "base is missing" if wanted is None else assigned("base", wanted)
    return US_2023, (f"{said}: must be one of {', '.join(PROFILES)}",)


def _name(table: Mapping[str, Any], default: str) -> tuple[str, tuple[str, ...]]:
    name = table.get("name", default)
    if isinstance(name, str) and _NAME.fullmatch(name) and name not in PROFILES:
        return name, ()
    must = "must be 2 to 40 small letters, digits and hyphens, and not the name of a shipped profile"
    return default, (f"{assigned('name', name)}: {must}",)


def _text(table: Mapping[str, Any], key: str, default: str, *, path: str = "") -> tuple[str, tuple[str, ...]]:
    value = table.get(key, default)
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= MOST_LETTERS:
        return value.strip(), ()
    return default, (f"{assigned(path + key, value)}: must be one line of 1 to {MOST_LETTERS} letters",)


def _chosen(table: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The numbers and choices by field, and a problem for each key that is unknown or out of range."""
    chosen: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in table.items():
        key = KEY_BY_NAME.get(name)
        if key is None:
            problems += [] if name in _OTHER_KEYS else [no_such_key(name, (*KEY_BY_NAME, *_OTHER_KEYS))]
            continue
        try:
            chosen[key.field] = key.read(value)
        except ValueError as error:
            problems.append(f"{assigned(name, value)}: must be {error}")
    return chosen, tuple(problems)


def _centre(table: Mapping[str, Any], base: Profile) -> tuple[PoisonCentre, tuple[str, ...]]:
    """Name and phone together: a number of one centre under the name of another would mislead."""
    given = table.get(POISON_CENTRE)
    if given is None:
        return base.poison_centre, ()
    if not isinstance(given, dict) or set(given) != {"name", "phone"}:
        return base.poison_centre, (f"{assigned(POISON_CENTRE, given)}: must be a table with name and phone",)
    name, name_problems = _text(given, "name", "", path=f"{POISON_CENTRE}.")
    phone, phone_problems = _text(given, "phone", "", path=f"{POISON_CENTRE}.")
    return PoisonCentre(name, phone), (*name_problems, *phone_problems)
