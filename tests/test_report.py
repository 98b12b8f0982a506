"""The report as tables, and on the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.population.synth.writing import Population, write_ndjson
from cds_service.records import FeedbackRecord, Outcome
from cds_service.report import (
    CardFigures,
    DayFigures,
    FeedbackFigures,
    HookFigures,
    MonthDone,
    Report,
    RuleFigures,
    comparison,
    rate,
    tables,
)
from cds_service.store.database import Database
from cds_service.store.kept import KeptCall
from tests.store.stores import NOW, call

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

EMPTY = Report(NOW - timedelta(days=7), NOW, 90)


def test_an_empty_report_says_so_in_every_table() -> None:
    told = tables(EMPTY)
    assert all(each.rows == () and each.empty.endswith(".") for each in told)
    assert len({each.slug for each in told}) == len(told) == 12
    assert EMPTY.span == "2026-01-08 12:00 to 2026-01-15 12:00 UTC; records are kept 90 days"


@pytest.mark.parametrize(
    ("part", "whole", "words"), [(0, 0, "n/a"), (0, 3, "0.0 %"), (1, 8, "12.5 %"), (3, 3, "100.0 %")]
)
def test_a_rate_of_nothing_is_no_rate(part: int, whole: int, words: str) -> None:
    assert rate(part, whole) == words


def test_rows_read_as_their_columns_say() -> None:
    report = replace(
        EMPTY,
        hooks=(HookFigures("order-sign", 3, 0, 0), HookFigures("patient-view", 9, 8, 2, 1.04, 2.06, 30.0, withheld=4)),
        days=(DayFigures("2026-01-15", "patient-view", 8, 2, withheld=4),),
        cards=(CardFigures("2026-01-14", "caution", 1, 0), CardFigures("2026-01-15", "caution", 2, 5)),
        rules=(RuleFigures("B1-x", met=5, cards=4, accepted=3, overridden=1, withheld=2),),
        feedback=FeedbackFigures(3, 1, 0),
    )
    told = {each.slug: each for each in tables(report)}
    assert told["hooks"].rows == (
        ("order-sign", "3", "0", "0", "0", "n/a"),
        ("patient-view", "9", "8", "2", "4", "75.0 %"),
    )
    assert told["days"].rows == (("2026-01-15", "patient-view", "8", "2", "4", "75.0 %"),)
    assert told["cards"].rows == (("caution", "3", "5"),)
    assert told["latencies"].rows == (("order-sign", "n/a", "n/a", "n/a"), ("patient-view", "1.0", "2.1", "30.0"))
    assert told["rules"].rows == (("B1-x", "5", "4", "2", "3", "1", "25.0 %"),)
    assert told["feedback"].rows == (("3", "1", "0", "25.0 %"),)
    assert all(len(row) == len(each.columns) for each in told.values() for row in each.rows)


def test_what_was_said_stands_beside_what_was_done_in_the_same_month() -> None:
    report = replace(
        EMPTY,
        days=(DayFigures("2026-01-15", "patient-view", 8, 2, 4), DayFigures("2026-01-15", "order-sign", 2, 0, 1)),
        cards=(
            CardFigures("2026-01-14", "indicated", 1, 3),
            CardFigures("2026-01-15", "dose-check", 0, 1),
            CardFigures("2026-01-15", "data-needed", 7, 7),
        ),
    )
    told = comparison(report, [MonthDone("2026-01", 5, 4, 1, 2), MonthDone("2026-02", 1, 0, 0, 1)])
    assert told.rows == (
        ("2026-01", "10", "1", "3", "0", "1", "5", "4", "1", "2"),
        ("2026-02", "n/a", "n/a", "n/a", "n/a", "n/a", "1", "0", "0", "1"),
    )
    assert comparison(report, []).rows[0][-4:] == ("n/a", "n/a", "n/a", "n/a")
    assert {len(row) for row in told.rows} == {len(told.columns)}


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments], env={"COLUMNS": "160", "CDS_DATABASE_URL": url})


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """A database with one call of an hour ago, and feedback on its card."""
    url = f"sqlite:///{tmp_path}/x.db"
    at = datetime.now(UTC) - timedelta(hours=1)  # noqa: TID251 - the command reads the clock as well

    async def keep() -> None:
        database = Database(url)
        await database.migrate()
        await database.keep_calls([KeptCall("a" * 32, at, call(unmapped=("\x1b[31m|1",)))])
        await database.keep_feedback([FeedbackRecord("iv-nac-patient-view", "card-1", Outcome.OVERRIDDEN)], at)
        await database.close()

    asyncio.run(keep())
    return url


def test_the_command_prints_every_table(kept: str) -> None:
    result = run(kept, "--days", "7")
    assert result.exit_code == 0, result.output
    for words in ("patient-view", "B1-x", "100.0 %", "Override reasons by rule", "No data gap was named."):
        assert words in result.output
    assert "\x1b" not in result.output


def test_the_command_tells_the_same_as_json(kept: str) -> None:
    told = json.loads(run(kept, "--json").output)
    assert told["feedback"] == {"accepted": 0, "overridden": 1, "unknown": 0}
    assert told["hooks"][0] | {"calls": 1, "p50_ms": 1.5} == told["hooks"][0]
    assert told["kept_days"] == 90


def test_the_command_sets_an_evaluation_beside_it(kept: str, tmp_path: Path) -> None:
    write_ndjson(Population(60, 5, datetime(2026, 1, 1, tzinfo=UTC)), tmp_path / "in")
    evaluated = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--processes", "1"]
    assert CliRunner().invoke(app, ["evaluate", *evaluated]).exit_code == 0
    done = json.loads(run(kept, "--evaluated", str(tmp_path / "out"), "--json").output)["done"]
    assert sum(month["begun"] for month in done) > sum(month["needless"] for month in done)
    result = run(kept, "--evaluated", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert "What was said and what was done, by month" in result.output
    assert done[0]["month"] in result.output


def test_an_evaluation_that_is_not_there_is_named(kept: str, tmp_path: Path) -> None:
    result = run(kept, "--evaluated", str(tmp_path))
    assert result.exit_code == 1
    assert "patients.parquet is not there" in result.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "nothing to report"),
        ("sqlite://", "nothing to report"),
        ("sqlite:///{}/x.db", "is not there"),
        ("postgresql://127.0.0.1:1/x", "cannot be read"),
    ],
)
def test_the_command_says_why_there_is_no_report(url: str, words: str, tmp_path: Path) -> None:
    result = run(url.format(tmp_path))
    assert result.exit_code == 1
    assert words in result.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []
