"""`cds-service clients`: check the file of trusted clients, and say whom it lets in.

Knows typer and rich. Exit codes: 0 usable, 1 not usable. Reads the other settings from the environment, since an
entry is judged against them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from joserfc.jwk import RSAKey
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cds_service.settings import Settings, SettingsError, read_settings
from cds_service.terminal import plain

if TYPE_CHECKING:
    from cds_service.public_keys import PublicKey
    from cds_service.trusted_clients import TrustedClient

app = typer.Typer(
    help="Trusted clients: check the file and show whom it lets in.", no_args_is_help=True, add_completion=False
)
_console = Console()
_errors = Console(stderr=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="the .toml file of trusted clients")]


@app.command()
def validate(file: File) -> None:
    """Check a file as the service would at start-up, name everything that is wrong, and say what is trusted."""
    settings = _settings(file)
    clients = settings.clients or ()
    for client in clients:
        _console.print(Text(plain(in_words(client, settings))), soft_wrap=True)
    typer.echo(f"{len(clients)} trusted {'client' if len(clients) == 1 else 'clients'}: the file can be used")


@app.command()
def show(file: File) -> None:
    """Every client of a file, with what holds for it, defaults included."""
    settings = _settings(file)
    for client in settings.clients or ():
        table = Table(title=client.name, title_justify="left", show_header=False)
        for row in rows(client, settings):
            table.add_row(*(Text(plain(cell)) for cell in row))
        _console.print(table)


def rows(client: TrustedClient, settings: Settings) -> tuple[tuple[str, str], ...]:
    """What holds for a client, as (what, words)."""
    return (
        ("issuer (iss)", client.issuer),
        ("keys", _keys_in_words(client)),
        ("algorithms", ", ".join(client.algorithms)),
        ("tenants", "any, or none" if client.tenants is None else ", ".join(client.tenants)),
        ("audiences (aud)", ", ".join((f"the address called: {settings.base_url}/cds-services…", *client.audiences))),
        ("life of a token", f"{client.max_token_life.total_seconds() / 60:g} minutes at most, used once"),
        ("FHIR servers", _servers_in_words(client, settings)),
        *((("demo only", "must be: CDS_BASE_URL is a loopback address"),) if client.demo_only else ()),
    )


def in_words(client: TrustedClient, settings: Settings) -> str:
    """What a client may do, as one sentence."""
    told = dict(rows(client, settings))
    of_tenant = "" if client.tenants is None else f" of the tenant {' or '.join(client.tenants)}"
    return (
        f"{client.name}: tokens of {client.issuer}{of_tenant}, signed with {' or '.join(client.algorithms)} by "
        f"{told['keys']}, are accepted for {told['audiences (aud)']}; FHIR servers it may name: {told['FHIR servers']}."
    )


def _keys_in_words(client: TrustedClient) -> str:
    if client.jwks_url is not None:
        return f"a key published at {client.jwks_url}"
    return f"a key in the file: {', '.join(_key_in_words(key) for key in client.keys)}"


def _key_in_words(key: PublicKey) -> str:
    kind = f"RSA, {key.raw_value.key_size} bits" if isinstance(key, RSAKey) else f"EC, {key.curve_name}"
    return f"{key.kid} ({kind})"


def _servers_in_words(client: TrustedClient, settings: Settings) -> str:
    named = settings.fhir_bases if client.fhir_servers is None else client.fhir_servers
    if not named:
        return "none, prefetch only"
    return f"{'all of the site: ' if client.fhir_servers is None else ''}{', '.join(named)}"


def _settings(file: Path) -> Settings:
    try:
        return read_settings(trusted_clients=file)
    except SettingsError as error:
        for line in str(error).splitlines():
            _errors.print(Text(plain(line), style="red"), soft_wrap=True)
        raise typer.Exit(1) from None
