"""What is measured is what is meant: real bodies with real answers, and a report that says when a bar is missed."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from benchmarks import bodies, report
from benchmarks.bars import FLOOR, OWN, PATIENT_VIEW, bars, costs_per_observation
from benchmarks.judging import Golden, Way, audit_lines, every_way, goldens, judged
from benchmarks.load import Load, OneClient, loader_for, p99
from benchmarks.measuring import Fetching, Measured, Round, Turn
from benchmarks.population import Measured as PopulationMeasured
from benchmarks.population import Took, table
from benchmarks.processes import StartError, free_port, running
from benchmarks.sizing import sizes
from benchmarks.targets import own_service
from cds_service.fhir.queries import QUERIES
from cds_service.hooks.models import Hook
from cds_service.sandbox.fixtures import load_case, load_cases
from tests.hooks.service import service, topics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
OWN_TARGET = own_service()


@pytest.mark.parametrize(
    ("body", "made"),
    [
        (PATIENT_VIEW, bodies.patient_view),
        ("order-select", bodies.order_select),
        ("5,000 Observations", lambda now: bodies.large_chart(now, 5000)),
    ],
)
async def test_every_body_is_answered_with_the_recommendation(body: str, made: Callable[[datetime], bytes]) -> None:
    async with service(clock=lambda: NOW + timedelta(minutes=2)) as client:
        answer = await client.post(OWN_TARGET.path_for(body), content=made(NOW))
    assert answer.status_code == 200
    assert topics(answer)[0] == "indicated"


def test_the_bodies_are_as_large_as_said() -> None:
    view = orjson.loads(bodies.patient_view(NOW))
    results = [
        entry["resource"]
        for each in view["prefetch"].values()
        if each and "entry" in each
        for entry in each["entry"]
        if entry["resource"]["resourceType"] == "Observation" and entry["resource"]["id"] != "weight"
    ]
    assert len(results) == 60
    assert 92_000 < len(bodies.patient_view(NOW)) < 98_000
    assert len({each["id"] for each in results}) == 60


def measured(target: str, cpu_ms: float, body: str = PATIENT_VIEW) -> Measured:
    load = Load(requests=1000, failures=0, seconds=2.0, p50_ms=1.0, p99_ms=3.5, worst_ms=9.0)
    return Measured(target, body, 1, [Turn(load, cpu_ms, 50.0)])


def found(own_ms: float, floor_ms: float, start_s: float, *more: Measured) -> Round:
    return Round(
        [measured(FLOOR, floor_ms), measured(OWN, own_ms), *more],
        starts_s={OWN: start_s, FLOOR: 0.4},
        memory_mib={OWN: [50.0, 60.0, 55.0], FLOOR: [40.0, 40.0]},
    )


@pytest.mark.parametrize(
    ("result", "fetching", "met"),
    [
        (found(2.0, 0.6, 0.9), None, [True, False, True]),
        (found(2.2, 0.6, 1.1), None, [False, False, False]),
        (found(2.0, 0.6, 0.9, measured("HAPI cds-hooks", 12.0)), None, [True, False, True, True]),
        (found(2.0, 0.6, 0.9, measured("HAPI cds-hooks", 11.9)), None, [True, False, True, False]),
        (found(2.0, 0.6, 0.9, measured(OWN, 25.1, "5,000 Observations")), None, [True, False, True, False]),
        (found(2.0, 0.6, 0.9), Fetching(50, 15, 70.0, 80.0, 50.0), [True, False, True, True]),
        (found(2.0, 0.6, 0.9), Fetching(50, 15, 70.1, 80.0, 50.0), [True, False, True, False]),
    ],
)
def test_a_missed_bar_is_called_missed(result: Round, fetching: Fetching | None, met: list[bool]) -> None:
    assert [bar.is_met for bar in bars(result, fetching)] == met


def test_the_report_has_numbers_bars_and_what_was_left_out(tmp_path: Path) -> None:
    result = found(2.2, 0.6, 0.9, measured(OWN, 50.0, "1,250 Observations"))
    run = report.Run(NOW, "wrk 4", 2.0, result, None, bars(result, None), ["Node: npm is not installed"])
    paths = report.write(run, tmp_path)
    table, numbers = paths[0].read_text(), orjson.loads(paths[1].read_bytes())
    assert "| this service | patient-view | 1 | 2.200 | 1.00 | 3.50 | 500 | 1000 | 0 |" in table
    assert "| CPU of a request, times the floor's | ≤ 3.5 | 3.67 | **missed** |" in table
    assert "| this service | 0.90 | 50 | 55 | 60 |" in table
    assert "| a hospital group | 500 | 2 | 0.1 |" in table
    assert "Left out: Node: npm is not installed." in table
    assert costs_per_observation(result.measured) == {"1,250 Observations": 40.0}
    assert numbers["results"][1]["cpu_ms"] == 2.2
    assert paths[2].read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(("values", "expected"), [([5.0], 5.0), (list(range(100)), 99), (list(range(1000)), 990)])
def test_p99_is_not_exceeded_by_99_percent(values: list[float], expected: float) -> None:
    assert p99(values) == expected


@pytest.mark.parametrize(
    ("cpu_ms", "processes", "memory_gib"),
    [(2.0, [2, 2, 2, 2], 0.4), (6.0, [2, 2, 2, 5], 1.0), (7.2, [2, 2, 2, 6], 1.2)],
)
def test_a_site_gets_processes_for_its_calls_and_never_one_alone(
    cpu_ms: float, processes: list[int], memory_gib: float
) -> None:
    found = sizes(cpu_ms, 204.8)
    assert [size.processes for size in found] == processes
    assert found[-1].memory_gib == memory_gib


GOLDEN = Golden("b1-above-line-8h", Hook.PATIENT_VIEW, None, ("indicated",))
SILENT = Golden("unrelated-patient", Hook.PATIENT_VIEW, None, ())
OUTCOME = {"resourceType": "OperationOutcome", "issue": []}


def cards(*codes: str) -> dict[str, Any]:
    return {"cards": [{"source": {"topic": {"code": code}}} for code in codes]}


@pytest.mark.parametrize(
    ("golden", "status", "answer", "faults", "worth"),
    [
        (GOLDEN, 200, cards("indicated"), {}, "as expected"),
        (GOLDEN, 200, cards("indicated"), {"weight": "timeout"}, "as expected"),
        (SILENT, 200, cards(), {}, "as expected"),
        (GOLDEN, 200, cards("data-needed"), {"levels": "timeout"}, "less, and said so"),
        (GOLDEN, 412, OUTCOME, {"levels": "timeout"}, "refused, and explained"),
        (GOLDEN, 200, cards("data-needed"), {}, "wrong"),
        (GOLDEN, 200, cards(), {"levels": "timeout"}, "wrong"),
        (GOLDEN, 200, cards("not-indicated"), {"levels": "timeout"}, "wrong"),
        (SILENT, 200, cards("indicated"), {}, "wrong"),
        (GOLDEN, 412, OUTCOME, {}, "unexplained"),
        (GOLDEN, 500, OUTCOME, {"levels": "timeout"}, "unexplained"),
        (GOLDEN, 412, {"error": "?"}, {"levels": "timeout"}, "unexplained"),
    ],
)
def test_a_soak_tells_less_from_wrong(
    golden: Golden, status: int, answer: Any, faults: dict[str, str], worth: str
) -> None:
    tally = judged({"one": (golden, status, answer)}, {"one": {"fhir_faults": faults}})
    found = dict(tally.counts) | {"wrong": len(tally.wrong), "unexplained": len(tally.unexplained)}
    assert {name for name, count in found.items() if count} == {worth}


def test_audit_lines_are_found_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text(
        "2026-01-15 INFO uvicorn.error Started\n"
        '2026-01-15 INFO cds_service.audit {"hook_instance":"a","fhir_faults":{"levels":"timeout"}}\n'
        '2026-01-15 INFO cds_service.audit {"status":404}\n'
    )
    assert audit_lines(log) == {"a": {"hook_instance": "a", "fhir_faults": {"levels": "timeout"}}}


def test_a_soak_calls_every_hook_in_every_way_a_chart_comes() -> None:
    calls = every_way(goldens())
    assert {(call.hook, call.way) for call in calls} == {(hook, way) for hook in Hook for way in Way}
    assert len({call.name for call in calls}) == len(calls)


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        (Way.FETCHED, set()),
        (Way.WHOLE, {query.key for query in QUERIES}),
        (Way.PART, {"patient", "levels", "transaminases", "exposures", "problems"}),
    ],
)
async def test_a_call_of_a_soak_brings_the_chart_in_its_way(way: Way, keys: set[str]) -> None:
    chart = load_case(GOLDEN.slug).resources(NOW)
    body = replace(GOLDEN, way=way).body("https://ehr.example.org/fhir", "one", chart)
    assert set(body.get("prefetch", {})) == keys
    if way is Way.WHOLE:
        async with service(clock=lambda: NOW) as client:
            answer = await client.post(GOLDEN.path, json={**body, "fhirServer": None})
        assert GOLDEN.is_met_by(answer.status_code, answer.json())


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_specimen_that_cannot_be_read_just_now_makes_no_level_low(status: int) -> None:
    """Found by a soak: the time on the specimen puts this level above the line, the laboratory's below it."""
    (golden,) = [each for each in goldens() if each.slug == "specimen-time-puts-level-above-line"]
    base = "https://ehr.example.org/fhir"
    body = replace(golden, way=Way.WHOLE).body(base, "one", load_case(golden.slug).resources(NOW))
    failing: list[str] = []

    async def fails(request: httpx.Request) -> httpx.Response:
        failing.append(request.url.path.split("/")[-2])
        return httpx.Response(status)

    async with service(fails, clock=lambda: NOW, allowed_fhir_servers=(base,)) as client:
        answer = await client.post(golden.path, json=body)
    assert set(failing) == {"Specimen"}
    assert (answer.status_code, answer.json()["resourceType"]) == (412, "OperationOutcome")


def test_every_fixture_has_a_call_to_soak_with() -> None:
    assert {golden.slug for golden in goldens()} == {case.slug for case in load_cases()}


def test_a_process_is_measured_and_its_refusals_are_counted(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    body = tmp_path / "body"
    body.write_bytes(b"{}")
    with running(command, port, "/", tmp_path / "log") as each:
        before = each.cpu_s()
        made = OneClient()(f"{each.base}/", body, 0.2)
        assert each.cpu_s() >= before
        assert each.resident_mib() > 1
        assert each.first_answer_s > 0
    assert made.requests > 0
    assert made.failures == made.requests  # it takes no POST
    with pytest.raises(httpx.TransportError):
        httpx.get(each.base)


def test_a_process_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such port')"]
    with pytest.raises(StartError, match="no such port"), running(command, free_port(), "/", tmp_path / "log"):
        pytest.fail("it never answered")


def test_large_bodies_are_sent_one_by_one(tmp_path: Path) -> None:
    usual = OneClient()
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "large").write_bytes(b"x" * 1_000_001)
    assert loader_for(tmp_path / "small", usual) is usual
    assert loader_for(tmp_path / "large", usual) is not usual


def test_the_population_table_shows_rates_and_growth_once_started() -> None:
    start = Took(seconds=2, cpu_s=1, peak_mib=100)
    small = PopulationMeasured("duckdb", 1000, 400, Took(seconds=4, cpu_s=3, peak_mib=120), start)
    large = PopulationMeasured("duckdb", 10_000, 4000, Took(seconds=24, cpu_s=21, peak_mib=130), start)
    told = table([small, large])
    assert "| duckdb | 1,000 | 400 | 4.0 | 2.0 | 250 | 500 | 2.00 | 120 |" in told
    assert "- duckdb: 10.0 times the observations took 10.0 times the CPU time and 11.0 times the time" in told
