"""`cds-service serve`: the service itself, with the settings of the environment.

Knows typer. Exit codes: 1 failed, 2 cannot start. What other commands need is not loaded here: a start waits for it.
"""

from __future__ import annotations

import gc
from typing import Annotated, NoReturn

import typer

from cds_service.server import serve
from cds_service.settings import SettingsError, read_settings

CANNOT_START = 2

app = typer.Typer(add_completion=False)

Port = Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 takes a free one")]


@app.command(name="serve")
def serve_hooks(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes")] = 1,
) -> None:
    """Serve the CDS Hooks endpoints with the settings of the environment."""
    gc.freeze()  # what is loaded lives as long as the process: the collector need not walk it
    try:
        settings = read_settings()  # every server process logs variables that are no setting itself
    except SettingsError as error:
        _stop(str(error))
    if workers > 1 and settings.smart_client_id and not settings.database_url:
        words = "without a database the SMART app keeps its sessions in one process"
        _stop(f"{words}: set CDS_DATABASE_URL, or serve it with --workers 1")
    serve(settings, host, port, workers)


def _stop(words: str) -> NoReturn:
    from cds_service.terminal import plain  # noqa: PLC0415 - no start waits for what draws in a terminal

    typer.secho(plain(words), fg=typer.colors.RED, err=True)
    raise typer.Exit(CANNOT_START)
