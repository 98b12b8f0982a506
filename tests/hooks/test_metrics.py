"""What is counted about calls, and what is told of codes and units that no table knows."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service import __version__
from cds_service.clinical.facts import DataGap, GapKind
from cds_service.hooks.metrics import Metrics, unmapped_tokens
from tests.hooks.service import VIEW, bundle, level_result, prefetch, service, view

README = Path(__file__).parents[2] / "README.md"
FHIR = "https://fhir.test/r4"
LOCAL = "urn:oid:1.2.3|APAP"


def code(found: str | None) -> DataGap:
    return DataGap(GapKind.UNMAPPED_CODE, "acetaminophen", "words", None, found)


def unit(found: str | None) -> DataGap:
    return DataGap(GapKind.UNKNOWN_UNIT, "acetaminophen", "words", None, found)


LONG_SYSTEM = "http://laboratory.hospital.example.org/fhir/CodeSystem/local-tests"
TOKENS = [
    ("a local code", [code(LOCAL)], (LOCAL,)),
    ("a code without a system", [code("|APAP")], ("|APAP",)),
    ("the same twice", [code(LOCAL), code(LOCAL)], (LOCAL,)),
    ("a long system keeps its end", [code(f"{LONG_SYSTEM}|A")], (f"{LONG_SYSTEM}|A"[-64:],)),
    ("words as a code", [code("urn:lab|Alice Example")], ()),
    ("words as a system", [code("of Alice Example|1")], ()),
    ("an endless code", [code("urn:lab|" + "9" * 49)], ()),
    ("no code", [code(None)], ()),
    ("a unit", [unit("mg%")], ("mg%",)),
    ("a unit with a micro sign", [unit("\u00b5g/dL")], ("\u00b5g/dL",)),
    ("words as a unit", [unit("mg for Alice")], ()),
    ("a long unit", [unit("m" * 65)], ()),
    ("no unit", [unit("")], ("(none)",)),
    ("a unit written in words", [unit(None)], ()),
    ("another kind of gap", [DataGap(GapKind.MISSING, "INR", "words", None, "mg%")], ()),
    ("a flood", [code(f"urn:lab|{number:03}") for number in range(50)], tuple(f"urn:lab|{n:03}" for n in range(20))),
]


@pytest.mark.parametrize(("case", "gaps", "told"), TOKENS, ids=[row[0] for row in TOKENS])
def test_only_plain_tokens_are_told(case: str, gaps: list[DataGap], told: tuple[str, ...]) -> None:
    assert unmapped_tokens(gaps) == told, case


def local_level() -> dict[str, Any]:
    coded = {"coding": [{"system": "urn:oid:1.2.3", "code": "APAP"}], "text": "Acetaminophen level"}
    return level_result(40, id="local", code=coded)


def odd_unit() -> dict[str, Any]:
    return level_result(40, id="odd", valueQuantity={"value": 40, "unit": "mg%%"})


CHARTS = [
    ("local code", {"otherLabs": bundle(local_level())}, [LOCAL], {"code": 1}),
    ("unknown unit", {"levels": bundle(level_result(40), odd_unit())}, ["mg%%"], {"unit": 1}),
    ("both", {"levels": bundle(level_result(40), odd_unit(), local_level())}, ["mg%%", LOCAL], {"code": 1, "unit": 1}),
    ("neither", {}, None, {}),
]


@pytest.mark.parametrize(("case", "changes", "unmapped", "counts"), CHARTS, ids=[row[0] for row in CHARTS])
async def test_unknown_codes_and_units_of_a_chart_are_told_and_counted(
    case: str,
    changes: dict[str, Any],
    unmapped: list[str] | None,
    counts: dict[str, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "cds_service"):
        async with service() as client:
            await client.post(VIEW, json=view(prefetch=prefetch(**changes)))
            metrics = (await client.get("/metrics")).text
    (line,) = [record.getMessage() for record in caplog.records if record.name == "cds_service.audit"]
    assert json.loads(line).get("unmapped") == unmapped, case
    said = [record.getMessage().split(" ")[2].rstrip(":") for record in caplog.records if record.name.endswith("watch")]
    assert said == (unmapped or [])
    for kind in ("code", "unit"):
        counted = f'cds_unmapped_total{{kind="{kind}"}} {float(counts.get(kind, 0))}'
        assert (counted in metrics) is (kind in counts)


def failing_server(request: httpx.Request) -> httpx.Response:
    """Answers nothing about conditions, and has no data otherwise."""
    if request.url.path.endswith("Condition"):
        return httpx.Response(503)
    return httpx.Response(200, json=bundle())


async def test_a_refused_call_says_what_of_the_server_failed(caplog: pytest.LogCaptureFixture) -> None:
    without_problems = prefetch(levels=None, problems=..., weight=...)
    with caplog.at_level(logging.INFO, "cds_service.audit"):
        async with service(failing_server, allowed_fhir_servers=(FHIR,)) as client:
            answer = await client.post(VIEW, json=view(fhirServer=FHIR, prefetch=without_problems))
            metrics = (await client.get("/metrics")).text
    assert answer.status_code == 412
    entry = json.loads(caplog.records[-1].getMessage())
    assert entry["fhir_faults"] == {"problems": "server-error"}
    assert "not-fetched" in entry["gaps"]
    assert entry["timings_ms"].keys() >= {"fhir.problems", "fhir.weight"}
    assert 'cds_fhir_faults_total{key="problems",kind="server-error"} 1.0' in metrics
    assert 'cds_fhir_query_seconds_count{key="weight"} 1.0' in metrics
    assert 'cds_data_gaps_total{kind="not-fetched"} 1.0' in metrics
    assert 'cds_faults_total{kind="refused-incomplete"} 1.0' in metrics


async def test_the_metrics_name_the_build_the_cards_and_the_calls_under_way() -> None:
    async with service(profile="uk-2012") as client:
        await client.post(VIEW, json=view(prefetch=prefetch(level=120)))
        metrics = (await client.get("/metrics")).text
    assert f'cds_build_info{{profile="uk-2012",version="{__version__}"}} 1.0' in metrics
    assert 'cds_cards_total{topic="indicated"} 1.0' in metrics
    assert 'cds_firing_ratio{hook="patient-view"} 1.0' in metrics
    assert "cds_calls_in_flight 0.0" in metrics


ONE_WORKER = """
import sys
from cds_service.hooks.metrics import Metrics
from tests.watch.records import fired
metrics, canary = Metrics("us-2023"), Metrics("us-2023", prefix="internal_")
metrics.record(fired())
metrics.count_feedback("accepted")
canary.record(fired())
metrics.in_flight().__enter__()
metrics.show_canary("b1", "patient-view", "us-2023", is_well=sys.argv[1] == "well")
if sys.argv[2] == "shows":
    print(metrics.as_text().decode())
else:
    print("counted", flush=True)
    sys.stdin.read()
"""


def worker(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", ONE_WORKER, *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_the_metrics_of_several_workers_are_one(tmp_path: Path) -> None:
    with worker(tmp_path, "unwell", "waits") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "counted\n"
        together = worker(tmp_path, "well", "shows").communicate(timeout=60)[0]
        other.kill()
    after = worker(tmp_path, "well", "shows").communicate(timeout=60)[0]
    calls = 'cds_calls_total{category="indicated",hook="patient-view",service="iv-nac-patient-view",status="200"}'
    canary = 'cds_canary_ok{case="b1",hook="patient-view",profile="us-2023"}'
    assert f"{calls} 2.0" in together
    assert 'cds_feedback_total{outcome="accepted"} 2.0' in together
    assert "cds_calls_in_flight 2.0" in together
    assert f"{canary} 0.0" in together
    assert "internal_cds" not in together
    # The killed worker's calls still count; its call under way and its canary do not.
    assert f"{calls} 3.0" in after
    assert "cds_calls_in_flight 1.0" in after
    assert f"{canary} 1.0" in after


def test_the_readme_lists_every_metric() -> None:
    shown = {
        name.removesuffix("_total")
        for name in re.findall(r"^# TYPE (cds_\S+)", Metrics().as_text().decode(), re.MULTILINE)
    }
    rows = [
        line.split("|")[1] for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `cds_")
    ]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {
        name for name in shown if not name.endswith("_created")
    }
