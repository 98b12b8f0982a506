"""Fixture cases: synthetic patients with a stated anchor instant, moved to any other instant on request.

Knows the layout of `fhir_fixtures/<slug>/{bundle.json, expected.json}`. Must not know what the rules make of a case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cds_service.fhir.reading import JsonObject

_DATED_NAME = re.compile(r"(?:[dD]ate|DateTime|Instant|start|end|issued|authoredOn|lastUpdated|dateAsserted|event)$")
_DATED_VALUE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:(?P<time>T\d{2}:\d{2}(?P<seconds>:\d{2})?)(?P<rest>(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})?))?)?)?"
)


class FixtureError(ValueError):
    """A fixture folder that cannot be read; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class FixtureCase:
    """One synthetic patient: a transaction Bundle of PUT entries and what was written down as expected.

    `slug` is also the patient's id. `anchor` is the "now" the case was written for, with a time zone.
    """

    slug: str
    title: str
    anchor: datetime
    bundle: JsonObject = field(repr=False)
    expected: JsonObject = field(repr=False)

    def at(self, now: datetime) -> JsonObject:
        """The Bundle as if `now` were its anchor; `"birthDateMoves": true` in expected.json keeps the age too."""
        return shifted(self.bundle, self.anchor, now, birth_date_moves=self.expected.get("birthDateMoves") is True)

    def resources(self, now: datetime | None = None) -> tuple[JsonObject, ...]:
        """The case's resources, as written or as if `now` were its anchor."""
        bundle = self.bundle if now is None else self.at(now)
        return tuple(entry["resource"] for entry in bundle["entry"])


def fixtures_root(package: Path | None = None) -> Path:
    """The folder of cases beside `package` (default: this one), or the copy installed in it. Raises `FixtureError`."""
    package = package or Path(__file__).resolve().parent.parent
    for root in (package.parent / "fhir_fixtures", package / "_fixtures"):
        if root.is_dir():
            return root
    msg = "no fixture cases found beside or inside the package"
    raise FixtureError(msg)


def load_cases(root: Path | None = None) -> tuple[FixtureCase, ...]:
    """Every case under `root` (default: `fixtures_root()`), by slug. Raises `FixtureError`."""
    folders = sorted(path.parent for path in (root or fixtures_root()).glob("*/bundle.json"))
    cases = tuple(_case(folder) for folder in folders)
    _refuse_shared_ids(cases)
    return cases


def load_case(slug: str, root: Path | None = None) -> FixtureCase:
    """One case by its slug. Raises `FixtureError`."""
    return _case((root or fixtures_root()) / slug)


def _case(folder: Path) -> FixtureCase:
    """The case in one folder."""
    bundle, expected = _json_file(folder / "bundle.json"), _json_file(folder / "expected.json")
    patients = [each["id"] for each in _entry_resources(bundle, folder) if each["resourceType"] == "Patient"]
    if patients != [folder.name]:
        msg = f"{folder.name}: expected one Patient with the folder's name, found {patients}"
        raise FixtureError(msg)
    title = expected.get("title")
    return FixtureCase(folder.name, str(title or folder.name), _anchor(expected, folder), bundle, expected)


def _json_file(path: Path) -> JsonObject:
    """A JSON object in a file; raises `FixtureError`."""
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        msg = f"{path.parent.name}/{path.name} cannot be read: {error}"
        raise FixtureError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path.parent.name}/{path.name} is not a JSON object"
        raise FixtureError(msg)
    return content


def _anchor(expected: JsonObject, folder: Path) -> datetime:
    """The anchor instant of a case; raises `FixtureError` when it is missing or has no time zone."""
    try:
        anchor = datetime.fromisoformat(expected["anchor"])
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{folder.name}: no anchor instant"
        raise FixtureError(msg) from error
    if anchor.tzinfo is None:
        msg = f"{folder.name}: the anchor has no time zone"
        raise FixtureError(msg)
    return anchor


def _entry_resources(bundle: JsonObject, folder: Path) -> Iterator[JsonObject]:
    """The resources of a transaction Bundle of PUT entries; raises `FixtureError` for any other."""
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource", {})
        own_url = f"{resource.get('resourceType')}/{resource.get('id')}"
        if entry.get("request") != {"method": "PUT", "url": own_url}:
            msg = f"{folder.name}: {own_url} is not put at its own address"
            raise FixtureError(msg)
        yield resource


def _refuse_shared_ids(cases: Iterable[FixtureCase]) -> None:
    """Raise `FixtureError` when two entries would overwrite each other."""
    owner: dict[str, str] = {}
    for case in cases:
        for entry in case.bundle["entry"]:
            url = entry["request"]["url"]
            if url in owner:
                msg = f"{url} is in both {owner[url]} and {case.slug}"
                raise FixtureError(msg)
            owner[url] = case.slug


def shifted(bundle: JsonObject, anchor: datetime, now: datetime, *, birth_date_moves: bool = False) -> JsonObject:
    """A copy with every date, dateTime and instant moved by `now - anchor`, in whole seconds.

    Offsets and precision stay: a day moves by whole days, a month by whole months, a year by whole years; a
    time without a zone stays without. Birth dates stay unless `birth_date_moves`.
    """
    shift = _Shift(anchor, now, birth_date_moves)
    moved = shift.moved("", bundle)
    return dict(moved)


@dataclass(frozen=True, slots=True)
class _Shift:
    """A move from one instant to another, for each precision a FHIR date may have."""

    anchor: datetime
    now: datetime
    birth_date_moves: bool

    def moved(self, name: str, value: Any) -> Any:
        """A copy of any JSON value; texts are moved where the element's name and their form say they are dates."""
        if isinstance(value, dict):
            return {key: self.moved(key, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.moved(name, each) for each in value]
        if isinstance(value, str) and self._is_moved(name) and (found := _DATED_VALUE.fullmatch(value)):
            return self._moved_text(found)
        return value

    def _is_moved(self, name: str) -> bool:
        """Whether an element of this name takes part."""
        return _DATED_NAME.search(name) is not None and (self.birth_date_moves or name != "birthDate")

    def _moved_text(self, found: re.Match[str]) -> str:
        """A FHIR date of any precision, moved; a date that no calendar has stays as it is."""
        try:
            return self._moved_date(found)
        except ValueError:
            return found[0]

    def _moved_date(self, found: re.Match[str]) -> str:
        """The moved date; raises `ValueError` for a date that no calendar has."""
        local_now = self.now.astimezone(self.anchor.tzinfo or UTC)
        if found["time"]:
            seconds = (self.now - self.anchor) // timedelta(seconds=1)
            moved = datetime.fromisoformat(found[0].removesuffix(found["rest"])) + timedelta(seconds=seconds)
            return moved.isoformat(timespec="seconds" if found["seconds"] else "minutes") + found["rest"]
        if found["day"]:
            return (date.fromisoformat(found[0]) + (local_now.date() - self.anchor.date())).isoformat()
        if found["month"]:
            months = (local_now.year - self.anchor.year) * 12 + local_now.month - self.anchor.month
            year, month = divmod(int(found["year"]) * 12 + int(found["month"]) - 1 + months, 12)
            return f"{year:04}-{month + 1:02}"
        return f"{int(found['year']) + local_now.year - self.anchor.year:04}"
