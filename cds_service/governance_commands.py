"""`cds-service governance`: writes the governance pack of the rules and the profile in force.

Knows typer. Exit codes: 0 written, 1 not written.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - typer reads the annotations while running
from pathlib import Path  # noqa: TC003 - typer reads the annotations while running
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from cds_service.governance.changes import ChangesError
from cds_service.governance.documents import write_documents
from cds_service.governance.pack import governance_pack
from cds_service.site_profile import SiteProfileError, profile_named
from cds_service.terminal import plain

if TYPE_CHECKING:
    from cds_service.clinical.profiles import Profile

app = typer.Typer(add_completion=False)
_errors = Console(stderr=True)


@app.command(name="governance")
def write_pack(
    output: Annotated[Path, typer.Option(help="folder to write to; made if it is not there")],
    profile: Annotated[
        str, typer.Option(envvar="CDS_PROFILE", help="a shipped profile, or the path of a .toml file")
    ] = "us-2023",
    as_of: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="date to state on the pack; none if left out"),
    ] = None,
) -> None:
    """Write source attributes, intended use, basis, hazards, rule set, sign-off sheet and monitoring plan."""
    try:
        written = write_documents(governance_pack(_profile(profile), as_of=_day(as_of)), output)
    except ChangesError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{output}: cannot be written: {error.strerror}")
    typer.echo(f"{len(written)} files written to {output}")


def _profile(name: str) -> Profile:
    try:
        return profile_named(name)
    except SiteProfileError as error:
        _stop(str(error))


def _day(stated: datetime | None) -> date | None:
    return None if stated is None else stated.date()


def _stop(words: str) -> NoReturn:
    _errors.print(Text(plain(words), style="red"), soft_wrap=True)
    raise typer.Exit(1)
