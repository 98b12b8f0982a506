"""Runs over a folder: buckets, resuming, tables, figures and report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.population.buckets import ROWS, Run, RunError, bucket_of
from cds_service.population.report import plot_of, report_html
from cds_service.population.synth.writing import Population, write_ndjson
from cds_service.population.tables import figures_of, write_tables
from tests.population.populations import ANCHOR, judged, rows, write_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    write_ndjson(Population(40, 5, ANCHOR), folder)
    return folder


def test_buckets_are_stable_and_even() -> None:
    assert [bucket_of(f"p{number}", 4) for number in range(8)] == [bucket_of(f"p{number}", 4) for number in range(8)]
    assert bucket_of("synth-1-0000001", 16) == 14
    sizes = [0] * 8
    for number in range(8000):
        sizes[bucket_of(f"patient-{number}", 8)] += 1
    assert min(sizes) > 850


def test_every_patient_is_judged_once_however_many_buckets(source: Path, tmp_path: Path) -> None:
    few = sorted(rows(judged(source, tmp_path / "few", 1)[0], "patients"), key=lambda row: row["patient"])
    many = sorted(rows(judged(source, tmp_path / "many", 7)[0], "patients"), key=lambda row: row["patient"])
    assert few == many
    assert len(few) == 40


def test_a_chart_may_lie_in_any_file_and_order(source: Path, tmp_path: Path) -> None:
    lines = [line for path in sorted(source.iterdir()) for line in path.read_text(encoding="utf-8").splitlines()]
    write_lines(tmp_path / "in" / "a.ndjson", lines[::-2])
    write_lines(tmp_path / "in" / "b.ndjson", lines[-2::-2])
    for kind in ROWS:
        assert rows(judged(tmp_path / "in", tmp_path / "b")[0], kind) == rows(judged(source, tmp_path / "a")[0], kind)


def test_several_processes_write_the_bytes_one_writes(source: Path, tmp_path: Path) -> None:
    one, one_read = judged(source, tmp_path / "one", 3)
    two, two_read = judged(source, tmp_path / "two", 3, processes=2)
    assert two_read.as_json() == one_read.as_json()
    assert two.open_buckets() == []
    for kind in ROWS:
        for bucket in range(3):
            assert two.part(kind, bucket).read_bytes() == one.part(kind, bucket).read_bytes()


def evaluate(source: Path, output: Path, *options: str) -> tuple[int, str]:
    folders = ["--input", str(source), "--output", str(output)]
    done = CliRunner().invoke(app, ["evaluate", *folders, "--processes", "1", *options])
    return done.exit_code, done.output


def test_jobs_of_a_scheduler_give_what_one_run_gives(source: Path, tmp_path: Path) -> None:
    assert evaluate(source, tmp_path / "one", "--buckets", "3")[0] == 0
    told = [evaluate(source, tmp_path / "jobs", "--bucket", f"{job}/3") for job in (2, 1, 3)]
    assert [code for code, _ in told] == [0, 0, 0]
    assert "1 of 3 buckets judged" in told[0][1]
    for name in ("intake.json", "run.json", "report.html"):
        assert (tmp_path / "jobs" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    one, jobs = (
        [duckdb.read_parquet(str(tmp_path / run / f"{table}.parquet")).fetchall() for table in ROWS]
        for run in ("one", "jobs")
    )
    assert one == jobs


def test_done_buckets_are_not_judged_again(source: Path, tmp_path: Path) -> None:
    assert evaluate(source, tmp_path, "--bucket", "1/2")[0] == 0
    part = Run(tmp_path, 2).part("instants", 0)
    before = part.stat().st_mtime_ns
    code, told = evaluate(source, tmp_path, "--buckets", "2")
    assert (code, part.stat().st_mtime_ns) == (0, before)
    assert "40 patients" in told


def test_another_run_is_not_mixed_in(source: Path, tmp_path: Path) -> None:
    assert evaluate(source, tmp_path, "--bucket", "1/2")[0] == 0
    code, told = evaluate(source, tmp_path, "--bucket", "1/2", "--profile", "uk-2012")
    assert code == 1
    assert "profile differ" in told


BAD_OPTIONS = [
    pytest.param(("--bucket", "0/3"), "--bucket must be i/n", id="from 1"),
    pytest.param(("--bucket", "4/3"), "--bucket must be i/n", id="beyond"),
    pytest.param(("--bucket", "x"), "--bucket must be i/n", id="no numbers"),
    pytest.param(("--profile", "nowhere"), "nowhere", id="profile"),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS)
def test_what_cannot_be_started_is_said(source: Path, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    code, told = evaluate(source, tmp_path / "out", *options)
    assert code == 2
    assert words in told
    assert not (tmp_path / "out").exists()


def test_tables_wait_for_every_bucket(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="2 of 2 buckets"):
        write_tables(Run(tmp_path, 2))


def test_figures_count_what_the_rows_say(source: Path, tmp_path: Path) -> None:
    run = judged(source, tmp_path)[0]
    write_tables(run)
    figures = figures_of(tmp_path)
    patients, instants = rows(run, "patients"), rows(run, "instants")
    assert figures.totals["patients"] == 40
    assert figures.totals["instants"] == len(instants)
    assert figures.totals["missed"] == sum(row["is_missed"] for row in patients)
    assert figures.totals["needless"] == sum(row["is_needless"] for row in patients)
    new = [row for row in instants if row["is_new"]]
    assert figures.burden[0] == (None, len(new), round(len(new) * 1000 / 40, 1))
    assert sum(count for _, _, count, _ in figures.by_rule_and_month) == len(new)
    assert {round(count * 1000 / rate) for _, _, count, rate in figures.by_rule_and_month} <= set(range(1, 41))
    signed = rows(run, "orders")
    assert sum(row[1] for row in figures.signed) == len(signed)
    assert sum(row[3] for row in figures.signed) == sum(bool(row["cautions"]) for row in signed) > 0


def test_an_empty_export_gives_an_empty_report(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "Device.ndjson", [{"resourceType": "Device"}])
    code, told = evaluate(tmp_path / "in", tmp_path / "out")
    assert code == 0, told
    assert "0 patients" in told
    assert "Device" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_report_escapes_and_runs_nothing(source: Path, tmp_path: Path) -> None:
    run = judged(source, tmp_path)[0]
    write_tables(run)
    intake = {"files": 1, "lines": 1, "resources": {}, "unused_types": {"<script>": 1}, "faults": {}, "examples": []}
    html = report_html(figures_of(tmp_path), {"profile": "<b>"}, intake)
    assert "<script" not in html
    assert "&lt;b&gt;" in html
    assert html.count("<svg") >= 2
    assert "http" not in html.replace("http-equiv", "")


def test_columns_of_a_plot_fill_its_height() -> None:
    drawn = plot_of("t", [("a", 1), ("b", 4), ("c", 0)])
    assert [round(each.height, 1) for each in drawn.columns] == [22.5, 90.0, 0.0]
    assert plot_of("t", []).columns == ()
    assert [plot_of("t", [("a", 1)] * size).labelled_every for size in (0, 1, 7, 8, 31)] == [1, 1, 1, 2, 5]
