"""`cds-service synth`, `export` and `evaluate`: synthetic populations, and the rules over a whole population.

Knows typer. Exit codes: 0 done, 1 failed, 2 cannot start.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations while running
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import requests
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from cds_service.app import utc_now
from cds_service.clinical.ruleset import RULE_SET_HASH, RULE_SET_VERSION
from cds_service.fhir.servers import is_fhir_id, normalised_base
from cds_service.population.backend_token import BackendToken, TokenError, signing_key, token_url_of
from cds_service.population.buckets import Run, RunError
from cds_service.population.export import BulkExport, ExportError
from cds_service.population.intake import input_files
from cds_service.population.on_duckdb import evaluate_on_duckdb
from cds_service.population.report import report_html
from cds_service.population.synth.writing import Population, write_bundles, write_ndjson
from cds_service.population.tables import figures_of, write_tables
from cds_service.site_profile import SiteProfileError, profile_named
from cds_service.terminal import plain

if TYPE_CHECKING:
    from rich.progress import TaskID

    from cds_service.clinical.profiles import Profile
    from cds_service.population.export import HowFar
    from cds_service.population.intake import IntakeReport

app = typer.Typer(add_completion=False)
_errors = Console(stderr=True)
_CANNOT_START = 2
_BUCKET = re.compile(r"(\d{1,5})/(\d{1,5})", re.ASCII)
_MOST_BUCKETS = 10000


class Format(StrEnum):
    """How synthetic patients are written."""

    NDJSON = "ndjson"
    BUNDLES = "bundles"


class Engine(StrEnum):
    """What groups the resources by patient."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@app.command()
def synth(
    output: Annotated[Path, typer.Option(help="folder to write to; made if it is not there")],
    patients: Annotated[int, typer.Option(min=1, max=10_000_000, help="how many")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same patients")] = 1,
    form: Annotated[Format, typer.Option("--format", help="Bulk NDJSON, or a bundle per patient")] = Format.NDJSON,
    zipped: Annotated[bool, typer.Option("--gzip", help="compress NDJSON")] = False,  # noqa: FBT002 - a flag
    anchor: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="day (UTC) before which all of it happened")
    ] = datetime(2026, 1, 1),  # noqa: DTZ001 - typer reads a day; the zone is set below
) -> None:
    """Write synthetic patients whose levels, enzymes and treatment agree with each other."""
    population = Population(patients, seed, anchor.replace(tzinfo=UTC))
    try:
        if form is Format.BUNDLES:
            written = write_bundles(population, output)
        else:
            written = write_ndjson(population, output, is_gzip=zipped)
    except OSError as error:
        _stop(f"{output}: cannot be written: {error.strerror}")
    typer.echo(f"{patients} patients, {sum(written.values())} resources written to {output}")


@app.command()
def evaluate(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[Path, typer.Option("--input", exists=True, file_okay=False, help="folder of Bulk NDJSON")],
    output: Annotated[Path, typer.Option(help="folder for Parquet tables and report")],
    profile: Annotated[
        str, typer.Option(envvar="CDS_PROFILE", help="a shipped profile, or the path of a .toml file")
    ] = "us-2023",
    engine: Annotated[Engine, typer.Option(help="one machine, or Apache Spark")] = Engine.DUCKDB,
    buckets: Annotated[int, typer.Option(min=1, max=_MOST_BUCKETS, help="parts the patients are divided into")] = 16,
    bucket: Annotated[
        str | None, typer.Option(help="i/n: judge only part i (from 1) of n, for schedulers of jobs")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="with DuckDB: how many judge side by side; one a processor")
    ] = None,
    master: Annotated[str, typer.Option(help="with --engine spark: the Spark master")] = "local[2]",
) -> None:
    """Replay every patient of a Bulk FHIR export through time and report what the cards would have been."""
    number, count = (None, buckets) if bucket is None else _bucket(bucket)
    chosen = _profile(profile)
    run = Run(output, count, _identity(source, chosen))
    try:
        run.begin()
        wanted = None if number is None else [number]
        if run.open_buckets(wanted):
            told = _judged(_Means(engine, processes or os.cpu_count() or 1, master), source, run, chosen, wanted)
            _keep(output / "intake.json", told)
        left = run.open_buckets()
        if left:
            typer.echo(f"{count - len(left)} of {count} buckets judged; the report comes with the last")
            return
        write_tables(run)
        _report(run)
    except RunError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{error.filename or output}: {error.strerror}")


@app.command()
def export(
    fhir_base: Annotated[str, typer.Option(help="base address of a FHIR R4 server that offers $export")],
    output: Annotated[Path, typer.Option(help="folder for the NDJSON; a broken-off export goes on here")],
    group: Annotated[str | None, typer.Option(help="id of the Group to export; every patient if left out")] = None,
    client_id: Annotated[str | None, typer.Option(help="this client's id, for SMART Backend Services")] = None,
    key: Annotated[Path | None, typer.Option(help="file of this client's private JWK")] = None,
    scope: Annotated[str, typer.Option(help="scopes to ask for")] = "system/*.read",
) -> None:
    """Fetch a Bulk Data export from a FHIR server, as NDJSON for `evaluate`."""
    base = normalised_base(fhir_base)
    if base is None:
        _stop("--fhir-base must be one plain absolute http(s) address", _CANNOT_START)
    if (client_id is None) is not (key is None):
        _stop("--client-id and --key go together", _CANNOT_START)
    if group is not None and not is_fhir_id(group):
        _stop("--group must be a FHIR id", _CANNOT_START)
    try:
        token = None if client_id is None or key is None else _backend_token(base, client_id, key, scope)
        with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=_errors) as shown:
            task = shown.add_task("asking", total=None)
            bulk = BulkExport(base, output, time.sleep, token, group, tell=lambda far: _show(shown, task, far))
            count = bulk.run()
    except (ExportError, TokenError) as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{error.filename or output}: {error.strerror}")
    typer.echo(f"{count} files written to {output}")


def _backend_token(base: str, client_id: str, key: Path, scope: str) -> BackendToken:
    return BackendToken(token_url_of(base, requests.Session()), client_id, signing_key(key), scope, utc_now)


def _show(shown: Progress, task: TaskID, far: HowFar) -> None:
    shown.update(task, description=plain(far.words), completed=far.done, total=far.all or None)


@dataclass(frozen=True, slots=True)
class _Means:
    """What a population is judged with: `processes` with DuckDB, `master` with Spark."""

    engine: Engine
    processes: int
    master: str


def _judged(means: _Means, source: Path, run: Run, profile: Profile, wanted: list[int] | None) -> IntakeReport:
    """Judge what is open with the chosen engine."""
    if means.engine is Engine.SPARK:
        try:
            from cds_service.population import on_spark  # noqa: PLC0415 - Spark is an extra
        except ImportError:
            _stop("Spark is not installed: pip install 'cds-service[spark]' (and Java 17)", _CANNOT_START)
        with on_spark.spark_context(means.master) as context:
            return on_spark.evaluate_on_spark(context, source, run, profile, wanted=wanted)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=_errors) as progress:
        task = progress.add_task("buckets", total=len(run.open_buckets(wanted)))
        return evaluate_on_duckdb(
            source,
            run,
            profile,
            wanted=wanted,
            processes=means.processes,
            on_bucket=lambda _: progress.advance(task),
        )


def _identity(source: Path, profile: Profile) -> dict[str, object]:
    """What has to be the same for a run to be resumed: files and sizes, profile and rules."""
    files, _ = input_files(source)
    return {
        "input": [[str(path.relative_to(source)), path.stat().st_size] for path in files],
        "profile": profile.name,
        "rule_set": RULE_SET_VERSION,
        "rule_set_sha256": RULE_SET_HASH,
    }


def _keep(path: Path, report: IntakeReport) -> None:
    path.write_bytes(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))


def _report(run: Run) -> None:
    """Write report.html and say where it is."""
    intake = orjson.loads((run.output / "intake.json").read_bytes())
    figures = figures_of(run.output)
    told = {name: value for name, value in run.identity.items() if name != "input"}
    (run.output / "report.html").write_text(report_html(figures, told, intake), encoding="utf-8")
    totals = figures.totals
    faults = sum(intake["faults"].values())
    typer.echo(
        f"{totals['patients']} patients, {totals['instants']} instants: {totals['patients_indicated']} indicated, "
        f"{totals['missed']} missed, {totals['needless']} needless; {faults} faults in the input"
    )
    typer.echo(f"{run.output / 'report.html'}")


def _bucket(told: str) -> tuple[int, int]:
    """What "3/16" says: the bucket's number from 0, and how many there are."""
    found = _BUCKET.fullmatch(told)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= _MOST_BUCKETS:
        _stop(f"--bucket must be i/n with i from 1 to n, n up to {_MOST_BUCKETS}", _CANNOT_START)
    return int(found[1]) - 1, int(found[2])


def _profile(name: str) -> Profile:
    try:
        return profile_named(name)
    except SiteProfileError as error:
        _stop(str(error), _CANNOT_START)


def _stop(words: str, code: int = 1) -> NoReturn:
    _errors.print(Text(plain(words), style="red"), soft_wrap=True)
    raise typer.Exit(code)
