"""Demonstrate, load fixtures, call a service as an EHR would, check an installation, and tell what it was asked.

Knows typer and rich. Exit codes: 0 answered, 1 failed or differs, 2 cannot start.
"""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - typer reads the annotations while running
from typing import TYPE_CHECKING, Annotated, NoReturn

import requests
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from cds_service import demo, doctor, premises, report_command
from cds_service.app import utc_now
from cds_service.caller import CallerError, ServiceCaller
from cds_service.catalogue import OrderName, draft_order
from cds_service.clinical.profiles import US_2023
from cds_service.hooks.models import Hook
from cds_service.sandbox.fixtures import FixtureCase, FixtureError, load_cases
from cds_service.sandbox.loading import load_fixtures
from cds_service.scenes import SceneError
from cds_service.serve_command import CANNOT_START, Port
from cds_service.settings import Settings, SettingsError, read_settings, unknown_variables
from cds_service.terminal import plain, print_cards, print_failure

if TYPE_CHECKING:
    import threading

    from cds_service.clinical.profiles import Profile

app = typer.Typer(add_completion=False)
_console = Console()
_errors = Console(stderr=True)


@app.command(name="demo")
def demonstrate(
    port: Port = 8000,
    once: Annotated[bool, typer.Option("--once", help="stop after the scenes; exit code 1 on any difference")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Run the service with an embedded FHIR sandbox and show cards for fixture patients through HTTP."""
    settings, cases = _settings(), _cases()
    if settings.shadow:
        _stop("in shadow mode no card is shown: unset CDS_SHADOW", CANNOT_START)
    if settings.clients is not None:
        _stop("the demonstration calls the service without a token: unset CDS_TRUSTED_CLIENTS", CANNOT_START)
    try:
        bound = demo.listening_socket(port)
    except OSError as error:
        _stop(f"port {port} cannot be used: {error.strerror}", CANNOT_START)
    try:
        with bound, demo.running_service(settings, cases, bound) as (base, thread):
            differences = demo.show_scenes(_console, base, cases, settings.clinical_profile)
            _tell_differences(differences, settings.clinical_profile)
            if not once:
                _serve_on(base, thread)
    except (CallerError, SceneError) as error:
        _stop(str(error))
    if differences:
        raise typer.Exit(1)


def _serve_on(base: str, thread: threading.Thread) -> None:
    _console.print(Text(f"Serving {base}/cds-services and {base}/fhir until interrupted (Ctrl-C)."))
    try:
        thread.join()
    except KeyboardInterrupt:
        _console.print("Stopped.")
    else:
        _stop("the service stopped by itself")


def _tell_differences(differences: list[str], profile: Profile) -> None:
    for difference in differences:
        _errors.print(Text(f"Not as expected: {difference}", style="red"))
    if not differences:
        as_told = "as its fixture expects" if profile == US_2023 else f"under profile {profile.name}"
        _console.print(Text(f"Every scene answered {as_told}.", style="green"))


@app.command(name="load-fixtures")
def load(
    fhir_base: Annotated[str, typer.Option(help="base address of a FHIR R4 server")],
) -> None:
    """Put the fixture patients, moved to now, on a FHIR server (idempotent) and read every resource back."""
    cases = _cases()
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=_errors) as progress:
        task = progress.add_task("fixtures", total=len(cases))
        session = requests.Session()
        report = load_fixtures(
            fhir_base, cases, utc_now(), session=session, on_progress=lambda _: progress.advance(task)
        )
    for failure in report.failures:
        _errors.print(Text(f"{failure.slug}: {failure.resource}: {plain(failure.reason)}", style="red"))
    typer.echo(f"{len(report.loaded)} of {len(cases)} cases loaded, {report.resources} resources read back")
    if not report.is_complete:
        raise typer.Exit(1)


@app.command()
def call(
    hook: Annotated[Hook, typer.Option(help="the hook to call")],
    patient: Annotated[str, typer.Option(help="FHIR id of the patient")],
    order: Annotated[OrderName | None, typer.Option(help="what is drafted and selected, for the order hooks")] = None,
    service: Annotated[str, typer.Option(help="base address of the CDS service")] = "http://127.0.0.1:8000",
    fhir_server: Annotated[str | None, typer.Option(help="FHIR server to name in the call")] = None,
) -> None:
    """Call a CDS service as an EHR would and print its cards."""
    if (order is None) is not (hook is Hook.PATIENT_VIEW):
        _stop("--order goes with order-select and order-sign, and only with them", CANNOT_START)
    draft = None if order is None else draft_order(order, patient)
    try:
        reply = ServiceCaller(service, fhir_server).call(hook, patient, draft)
    except CallerError as error:
        _stop(str(error))
    if not reply.has_cards:
        print_failure(_console, reply.status, reply.body)
        raise typer.Exit(1)
    print_cards(_console, reply.cards)


@app.command(name="doctor")
def examine(
    service: Annotated[str | None, typer.Option(help="base address of a running service to ask too")] = None,
) -> None:
    """Check the configuration, what the service stands on, and canary patients; say what to do about each fault."""
    settings, cases = _settings(), _cases()
    _console.print(Text(f"configuration: profile {settings.profile}, times shown in {settings.timezone}"))
    session = requests.Session()
    try:
        checks = [
            *doctor.check_fhir_servers(settings, utc_now()),
            *premises.check_premises(settings),
            doctor.check_codes(),
            *doctor.check_canaries(settings, cases),
            *(() if service is None else doctor.check_service(service.rstrip("/"), session)),
        ]
    except SceneError as error:
        _stop(str(error))
    for check in checks:
        _print_check(check)
    if not all(check.is_well for check in checks):
        raise typer.Exit(1)


def _print_check(check: premises.Check) -> None:
    """One line, and below it what to do where something is unwell."""
    mark = Text("well  ", style="green") if check.is_well else Text("unwell", style="red")
    _console.print(mark, Text(f"{check.name}: {plain(check.words)}"))
    if not check.is_well:
        _console.print(Text(f"       -> {check.next_step}", style="yellow"))


@app.command(name="report")
def tell_use(
    days: Annotated[int, typer.Option(min=1, max=3650, help="how many days back")] = 30,
    evaluated: Annotated[
        Path | None, typer.Option(help="folder of an `evaluate` of the same time: what was done beside what was said")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as one JSON object")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell what the service was asked and what became of its cards, from its own records."""
    try:
        report = report_command.read_report(_settings(), days, utc_now())
        done = None if evaluated is None else report_command.read_evaluation(evaluated)
    except report_command.NothingKeptError as error:
        _stop(str(error))
    if as_json:
        typer.echo(report_command.as_json(report, done))
    else:
        report_command.print_report(_console, report, done)


def _settings() -> Settings:
    """The settings, with a warning for each variable that is not one; stops when they cannot be used."""
    for sentence in unknown_variables(os.environ):
        _errors.print(Text(sentence, style="yellow"))
    try:
        return read_settings()
    except SettingsError as error:
        _stop(str(error), CANNOT_START)


def _cases() -> tuple[FixtureCase, ...]:
    try:
        return load_cases()
    except FixtureError as error:
        _stop(str(error), CANNOT_START)


def _stop(words: str, code: int = 1) -> NoReturn:
    _errors.print(Text(plain(words), style="red"))
    raise typer.Exit(code)
