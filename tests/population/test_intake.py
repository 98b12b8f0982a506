"""Reading Bulk NDJSON: whatever cannot be used is counted and named, and nothing is lost beside it."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from cds_service.population.intake import IntakeReport, input_files, patient_of, read_file

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.population.intake import Placed

RESULT = '{"resourceType":"Observation","id":"%s","subject":{"reference":"Patient/p1"}}'


def read(path: Path) -> tuple[list[Placed], IntakeReport]:
    report = IntakeReport()
    return list(read_file(path, report)), report


BAD_LINES = [
    pytest.param(b'{"resourceType":"Observation"', "malformed line", "a.ndjson:2", id="cut off"),
    pytest.param(b"\xff\xfe{}", "malformed line", "a.ndjson:2", id="not UTF-8"),
    pytest.param(b"[1, 2]", "malformed line", "a.ndjson:2", id="not an object"),
    pytest.param(b'{"id":"x"}', "malformed line", "a.ndjson:2", id="no type"),
    pytest.param(b'{"resourceType":"Observation","value":NaN}', "malformed line", "a.ndjson:2", id="not a number"),
    pytest.param(
        b'{"resourceType":"Observation","id":"x"}', "no patient named", "Observation/x in a.ndjson:2", id="nobody's"
    ),
    pytest.param(
        b'{"resourceType":"Observation","id":"x","subject":{"reference":"Group/g"}}',
        "no patient named",
        "Observation/x in a.ndjson:2",
        id="a group's",
    ),
    pytest.param(b'"' + b"x" * (5 * 1024 * 1024) + b'"', "line longer than 4 MiB", "a.ndjson:2", id="too long"),
]


@pytest.mark.parametrize(("line", "fault", "where"), BAD_LINES)
def test_a_bad_line_is_named_and_its_neighbours_are_read(tmp_path: Path, line: bytes, fault: str, where: str) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join([(RESULT % "o1").encode(), line, b"", (RESULT % "o2").encode()]))
    placed, report = read(path)
    assert [each.reference for each in placed] == ["Observation/o1", "Observation/o2"]
    assert report.faults == {fault: 1}
    assert report.examples == [(fault, where)]


def test_a_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.gz"
    lines = [RESULT % f"o{number}-{sha256(str(number).encode()).hexdigest()[:20]}" for number in range(5000)]
    whole = gzip.compress("\n".join(lines).encode())
    path.write_bytes(whole[: len(whole) // 2])
    placed, report = read(path)
    assert 0 < len(placed) < 5000
    assert report.faults["file cut short"] == 1
    assert report.examples[-1][1].startswith("a.ndjson.gz after line ")


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(gzip.compress((RESULT % "o1").encode()))
    assert [each.patient for each in read(path)[0]] == ["p1"]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    placed, report = read(tmp_path / "not-there.ndjson")
    assert placed == []
    assert report.faults == {"file not readable": 1}


def test_types_nobody_asks_about_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"resourceType":"Device","id":"d"}\n{"resourceType":"Medication","id":"m"}\n', encoding="utf-8")
    placed, report = read(path)
    assert [(each.patient, each.reference) for each in placed] == [("", "Medication/m")]
    assert report.unused == {"Device": 1}
    assert report.as_json()["resources"] == {"Medication": 1}


def test_files_of_other_names_are_told(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a/x.jsonl.gz", "notes.txt", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, report = input_files(tmp_path)
    assert [path.name for path in files] == ["x.jsonl.gz", "b.ndjson"]
    assert [where for _, where in report.examples] == ["notes.txt"]


OWNERS = [
    ({"resourceType": "Patient", "id": "p"}, "p"),
    ({"resourceType": "Observation", "subject": {"reference": "Patient/p"}}, "p"),
    (
        {"resourceType": "Observation", "subject": {"reference": "https://ehr.example.org/Patient/p/_history/2"}},
        "p",
    ),
    ({"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p"}}, "p"),
    ({"resourceType": "Observation", "subject": {"reference": "Patient/p q"}}, None),
    ({"resourceType": "Observation", "subject": {"display": "Patient/p"}}, None),
    ({"resourceType": "Patient"}, None),
]


@pytest.mark.parametrize(("resource", "patient"), OWNERS, ids=lambda value: json.dumps(value)[:60])
def test_whose_a_resource_is(resource: dict[str, object], patient: str | None) -> None:
    assert patient_of(resource) == patient
