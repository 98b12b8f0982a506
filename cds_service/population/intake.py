"""Reading Bulk NDJSON line by line: plain or gzip, in any number of files, resource types mixed.

Knows lines and whose they are. Whatever cannot be read is counted and named by file and line or by reference, never
passed over. Must not know rules, engines or what a resource means.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.fhir.mapping import USED_TYPES
from cds_service.fhir.reading import reference_of, reference_tail, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

    from cds_service.fhir.reading import JsonObject

_SUFFIXES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_LINE = 4 * 1024 * 1024
_MOST_EXAMPLES = 100
_SHARED_TYPES = frozenset({"Medication", "Specimen"})


class IntakeFault(StrEnum):
    """What can be wrong with a line or a file."""

    MALFORMED = "malformed line"
    TOO_LONG = "line longer than 4 MiB"
    NO_PATIENT = "no patient named"
    CUT_SHORT = "file cut short"
    NOT_READABLE = "file not readable"
    NOT_NDJSON = "file not read: its name is not one of NDJSON"


@dataclass(frozen=True, slots=True)
class Placed:
    """One resource as compact JSON; `patient` is the id of whose it is, empty for what charts may refer to."""

    patient: str
    reference: str
    json: bytes


@dataclass(slots=True)
class IntakeReport:
    """What was read: lines, resources of each type, and each kind of fault with the first examples by place."""

    files: int = 0
    lines: int = 0
    resources: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, fault: IntakeFault, where: str) -> None:
        """Count one fault and remember where it was."""
        self.faults[fault.value] += 1
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append((fault.value, where))

    def add(self, other: IntakeReport) -> None:
        """Count what another report counted."""
        self.files += other.files
        self.lines += other.lines
        self.resources += other.resources
        self.unused += other.unused
        self.faults += other.faults
        self.examples = [*self.examples, *other.examples][:_MOST_EXAMPLES]

    def as_json(self) -> dict[str, Any]:
        """The report with sorted members."""
        return {
            "files": self.files,
            "lines": self.lines,
            "resources": dict(sorted(self.resources.items())),
            "unused_types": dict(sorted(self.unused.items())),
            "faults": dict(sorted(self.faults.items())),
            "examples": [list(example) for example in self.examples],
        }


def input_files(folder: Path) -> tuple[list[Path], IntakeReport]:
    """The NDJSON files under a folder, in order of path; the others are named in the report."""
    report = IntakeReport()
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in found:
        if not path.name.endswith(_SUFFIXES):
            report.tell(IntakeFault.NOT_NDJSON, str(path.relative_to(folder)))
    return [path for path in found if path.name.endswith(_SUFFIXES)], report


def read_file(path: Path, report: IntakeReport) -> Iterator[Placed]:
    """Every usable resource of one file, in order. Faults and counts go to `report`."""
    report.files += 1
    for number, line in _numbered_lines(path, report):
        report.lines += 1
        resource = _resource(line)
        if resource is None:
            report.tell(IntakeFault.MALFORMED, f"{path.name}:{number}")
        elif (placed := _placed(resource, report, f"{path.name}:{number}")) is not None:
            yield placed


def _numbered_lines(path: Path, report: IntakeReport) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, each with its number; a damaged or unreadable file ends early and is named."""
    number = 0
    try:
        with path.open("rb") as raw:
            source: gzip.GzipFile | BufferedReader = (
                gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == _GZIP_MAGIC else raw
            )
            while line := source.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                    report.tell(IntakeFault.TOO_LONG, f"{path.name}:{number}")
                    _skip_line(source)
                elif line.strip():
                    yield number, line
    except (EOFError, zlib.error, gzip.BadGzipFile):
        report.tell(IntakeFault.CUT_SHORT, f"{path.name} after line {number}")
    except OSError:
        report.tell(IntakeFault.NOT_READABLE, f"{path.name} after line {number}")


def _skip_line(source: gzip.GzipFile | BufferedReader) -> None:
    while (piece := source.readline(_LONGEST_LINE)) and not piece.endswith(b"\n"):
        pass


def _resource(line: bytes) -> JsonObject | None:
    """The resource in a line; None when it is none."""
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) and isinstance(parsed.get("resourceType"), str) else None


def _placed(resource: JsonObject, report: IntakeReport, where: str) -> Placed | None:
    """The resource with its patient; None for a type nobody asks about, and for one that names no patient."""
    kind = resource["resourceType"]
    if kind not in USED_TYPES:
        report.unused[kind] += 1
        return None
    patient = patient_of(resource)
    if patient is None and kind not in _SHARED_TYPES:
        report.tell(IntakeFault.NO_PATIENT, f"{reference_of(resource)} in {where}")
        return None
    report.resources[kind] += 1
    return Placed(patient or "", reference_of(resource), orjson.dumps(resource))


def patient_of(resource: JsonObject) -> str | None:
    """The id of the patient a resource is about; None when it names none."""
    if resource["resourceType"] == "Patient":
        return _patient_id(reference_of(resource))
    subject = resource.get("subject")
    target = target_of(resource.get("patient") if subject is None else subject)
    return None if target is None else _patient_id(target)


def _patient_id(reference: str) -> str | None:
    tail = reference_tail(reference)
    return tail.removeprefix("Patient/") if tail is not None and tail.startswith("Patient/") else None
