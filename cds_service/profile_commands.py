"""`cds-service profiles`: show a guideline profile, compare two, check a site's own.

Knows typer and rich. Exit codes: 0 usable (or the same), 1 not usable (or different).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cds_service.clinical.profile_keys import rows
from cds_service.site_profile import SiteProfileError, profile_named
from cds_service.terminal import plain

if TYPE_CHECKING:
    from cds_service.clinical.profiles import Profile

app = typer.Typer(help="Guideline profiles: show, compare and check them.", no_args_is_help=True, add_completion=False)
_console = Console()
_errors = Console(stderr=True)

Name = Annotated[str, typer.Argument(help="a shipped profile, or the path of a .toml file")]


@app.command()
def show(name: Name) -> None:
    """Every key of a profile with its value; † marks what was read second-hand: verify locally."""
    profile = _profile(name)
    _print(("Key", "Value"), rows(profile))


@app.command()
def diff(one: Name, other: Name) -> None:
    """The keys in which two profiles differ; exit code 1 when there are any."""
    left, right = _profile(one), _profile(other)
    differing = [(key, a, b) for (key, a), (_, b) in zip(rows(left), rows(right), strict=True) if a != b]
    if not differing:
        typer.echo(f"{left.name} and {right.name} do not differ")
        return
    _print(("Key", left.name, right.name), differing)
    raise typer.Exit(1)


@app.command()
def validate(name: Annotated[str, typer.Argument(metavar="FILE", help="the .toml file of a site profile")]) -> None:
    """Check a site profile as the service would at start-up, and name everything that is wrong with it."""
    profile = _profile(name)
    typer.echo(f"{profile.name} ({profile.title}) can be used")


def _profile(name: str) -> Profile:
    try:
        return profile_named(name)
    except SiteProfileError as error:
        _stop(error)


def _stop(error: SiteProfileError) -> NoReturn:
    for line in str(error).splitlines():
        _errors.print(Text(plain(line), style="red"), soft_wrap=True)
    raise typer.Exit(1)


def _print(head: tuple[str, ...], lines: tuple[tuple[str, ...], ...] | list[tuple[str, str, str]]) -> None:
    table = Table()
    for title in head:
        table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*(Text(plain(cell)) for cell in line))
    _console.print(table)
