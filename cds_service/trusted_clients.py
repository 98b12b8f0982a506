"""Who may call: the clients a site trusts, read from a TOML file at start-up.

Each entry names one issuer of tokens and what its tokens may do:

    [[client]]
    name = "st-elsewhere"
    issuer = "https://ehr.example.org"
    jwks_url = "https://ehr.example.org/jwks.json"
    fhir_servers = ["https://ehr.example.org/fhir"]

What each key may hold is said in `trusted_client_keys.py`. Must not know tokens or HTTP.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cds_service.fhir.servers import is_allowed, is_loopback
from cds_service.public_keys import DEFAULT_ALGORITHMS, fits
from cds_service.site_file import SiteFileError, assigned, no_such_key, toml_table
from cds_service.trusted_client_keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cds_service.public_keys import PublicKey

SANDBOX_HOST = "sandbox.cds-hooks.org"
"""The public CDS Hooks sandbox: its private key is published, so anybody can sign as it."""

_ENTRIES = "client"


class TrustedClientsError(SiteFileError):
    """The file of clients cannot be used."""


@dataclass(frozen=True, slots=True)
class TrustedClient:
    """One client: whose tokens it sends, how they are verified, and which FHIR servers it may name.

    Exactly one of `jwks_url` and `keys` is given. `tenants` None: any or none. `audiences`: accepted beside the
    address called. `fhir_servers` None: every server the site allows; empty: prefetch only.
    """

    name: str
    issuer: str
    jwks_url: str | None = None
    keys: tuple[PublicKey, ...] = ()
    tenants: tuple[str, ...] | None = None
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    fhir_servers: tuple[str, ...] | None = None
    max_token_life: timedelta = timedelta(minutes=5)
    demo_only: bool = False

    def admits_tenant(self, tenant: object) -> bool:
        """Whether a token of this tenant (None: it names none) may come from this client."""
        return self.tenants is None or tenant in self.tenants

    def may_name(self, base: str, site_bases: Iterable[str]) -> bool:
        """Whether the FHIR server at `base` may be read for this client; the site's own list holds in any case."""
        return is_allowed(base, site_bases) and (self.fhir_servers is None or is_allowed(base, self.fhir_servers))


def read_trusted_clients(
    path: Path, *, base_url: str | None = None, fhir_bases: Iterable[str] | None = None
) -> tuple[TrustedClient, ...]:
    """The clients in a TOML file, for a service at `base_url` that may ask `fhir_bases` (None: not looked at).

    Raises `TrustedClientsError` with every problem at once.
    """
    clients, problems = trusted_clients(toml_table(path, TrustedClientsError))
    problems = (*problems, *_site_conflicts(clients, base_url, fhir_bases))
    if problems:
        raise TrustedClientsError(str(path), problems)
    return clients


def trusted_clients(table: Mapping[str, Any]) -> tuple[tuple[TrustedClient, ...], tuple[str, ...]]:
    """The usable clients of a table, and every problem with it; to be used only when there is none."""
    unknown = [no_such_key(name, (_ENTRIES,)) for name in table if name != _ENTRIES]
    entries = table.get(_ENTRIES)
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        return (), (*unknown, f"no [[{_ENTRIES}]] entry: nobody could call the service")
    read = [_client(entry, number) for number, entry in enumerate(entries, start=1)]
    clients = tuple(client for client, _ in read if client is not None)
    problems = [problem for _, found in read for problem in found]
    return clients, (*unknown, *problems, *_conflicts(clients))


def _client(entry: Mapping[str, Any], number: int) -> tuple[TrustedClient | None, list[str]]:
    """One entry, or None and its problems, each led by the entry's number and name."""
    chosen: dict[str, Any] = {}
    problems = [f"{key} is missing" for key in ("name", "issuer") if key not in entry]
    if ("jwks_url" in entry) is ("keys" in entry):
        problems.append("either jwks_url or keys must be given, and not both")
    for key, value in entry.items():
        try:
            chosen.update(_read(key, value))
        except ValueError as error:
            problems.append(str(error))
    client = None if problems else TrustedClient(**chosen)
    found = problems if client is None else list(_entry_conflicts(client))
    place = f"{_ENTRIES} {number} ({chosen.get('name', 'unnamed')})"
    return client, [f"{place}: {problem}" for problem in found]


def _read(key: str, value: object) -> dict[str, Any]:
    """The field a key sets. Raises ValueError with the problem in words; keys are never quoted."""
    if key not in KEYS:
        raise ValueError(no_such_key(key, KEYS))
    field, read = KEYS[key]
    try:
        return {field: read(value)}
    except ValueError as error:
        said = key if key == "keys" else assigned(key, value)
        msg = f"{said}: must be {error}"
        raise ValueError(msg) from None


def _entry_conflicts(client: TrustedClient) -> Iterable[str]:
    """What one entry says that cannot hold together."""
    if SANDBOX_HOST in {_host(client.issuer), _host(client.jwks_url or "")} and not client.demo_only:
        yield f"the private key of {SANDBOX_HOST} is public, anybody can sign as it: needs demo_only = true"
    unusable = [key.kid for key in client.keys if not any(fits(key, algorithm) for algorithm in client.algorithms)]
    if unusable:
        yield f"{assigned('keys', unusable)}: fit none of the algorithms {', '.join(client.algorithms)}"
    kids = [key.kid for key in client.keys]
    if len(set(kids)) < len(kids):
        yield "keys: two have the same kid"


def _conflicts(clients: tuple[TrustedClient, ...]) -> tuple[str, ...]:
    """What entries say against each other: a name twice, or tokens that two entries would take."""
    pairs = tuple(itertools.combinations(clients, 2))
    names = [f"{assigned('name', one.name)}: used by two entries" for one, other in pairs if one.name == other.name]
    issuers = [
        f"{assigned('issuer', one.issuer)}: used by {one.name} and {other.name}, which must list different tenants"
        for one, other in pairs
        if one.issuer == other.issuer and not _are_apart(one.tenants, other.tenants)
    ]
    return (*names, *issuers)


def _are_apart(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> bool:
    return one is not None and other is not None and not set(one) & set(other)


def _site_conflicts(
    clients: tuple[TrustedClient, ...], base_url: str | None, fhir_bases: Iterable[str] | None
) -> Iterable[str]:
    """What entries say against the site's own settings."""
    bases = None if fhir_bases is None else tuple(fhir_bases)
    for client in clients:
        if client.demo_only and base_url is not None and not is_loopback(_host(base_url)):
            yield f"{client.name}: demo_only = true: must not be used unless CDS_BASE_URL is a loopback address"
        for base in client.fhir_servers or ():
            if bases is not None and not is_allowed(base, bases):
                yield f"{client.name}: {assigned('fhir_servers', base)}: must also be in CDS_ALLOWED_FHIR_SERVERS"


def _host(address: str) -> str:
    """The host of an address in small letters; blank for what is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
