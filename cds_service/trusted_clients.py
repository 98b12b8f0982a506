"""Who may call: the clients a site trusts, read from a TOML file at start-up.

Each entry names one issuer of tokens and what its tokens may do:

    [[client]]
    name = "st-elsewhere"
    issuer = "https://ehr.example.org"
    jwks_url = "https://ehr.example.org/jwks.json"
    fhir_servers = ["https://ehr.example.org/fhir"]

Knows the keys of an entry and what each may hold. Must not know tokens or HTTP.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cds_service.fhir.servers import FhirServer, is_allowed, is_loopback, is_secure, normalised_base
from cds_service.public_keys import ALGORITHMS, DEFAULT_ALGORITHMS, PublicKeyError, fits, public_key
from cds_service.site_file import SiteFileError, assigned, no_such_key, toml_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from cds_service.public_keys import PublicKey

SANDBOX_HOST = "sandbox.cds-hooks.org"
"""The public CDS Hooks sandbox: its private key is published, so anybody can sign as it."""

_ENTRIES = "client"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,512}")
_MOST_LISTED = 100
_LEAST_MINUTES, _MOST_MINUTES = 1, 60


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
    if key not in _KEYS:
        raise ValueError(no_such_key(key, _KEYS))
    field, read = _KEYS[key]
    try:
        return {field: read(value)}
    except ValueError as error:
        said = key if key == "keys" else assigned(key, value)
        msg = f"{said}: must be {error}"
        raise ValueError(msg) from None


def _name(value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    msg = "1 to 40 small letters, digits, dots, hyphens and underscores"
    raise ValueError(msg)


def _visible(value: object) -> str:
    if isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value):
        return value
    msg = "1 to 512 visible ASCII letters without blanks"
    raise ValueError(msg)


def _jwks_url(value: object) -> str:
    """The address exactly as written: a trailing slash or a query is part of it."""
    msg = "one absolute https address without user or fragment (http on loopback only)"
    if not isinstance(value, str) or not _VISIBLE_ASCII.fullmatch(value) or "#" in value:
        raise ValueError(msg)
    base = normalised_base(value.partition("?")[0])
    if base is None or not is_secure(FhirServer(base)):
        raise ValueError(msg)
    return value


def _keys(value: object) -> tuple[PublicKey, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_LISTED:
        msg = f"1 to {_MOST_LISTED} [[{_ENTRIES}.keys]] tables, each a public JSON Web Key"
        raise ValueError(msg)
    return tuple(_inline_key(jwk, number) for number, jwk in enumerate(value, start=1))


def _inline_key(jwk: object, number: int) -> PublicKey:
    try:
        return public_key(jwk)
    except PublicKeyError as error:
        msg = f"public JSON Web Keys that can be used; number {number} is {error}"
        raise ValueError(msg) from None


def _listed(value: object, what: str, read: Callable[[Any], str], *, may_be_empty: bool = False) -> tuple[str, ...]:
    """The members of a list, each read by `read`. Raises ValueError naming `what` and what each must be."""
    fewest = 0 if may_be_empty else 1
    if not isinstance(value, list) or not fewest <= len(value) <= _MOST_LISTED:
        msg = f"a list of {fewest} to {_MOST_LISTED} {what}"
        raise ValueError(msg)
    try:
        return tuple(read(each) for each in value)
    except ValueError as error:
        msg = f"a list of {what}, each {error}"
        raise ValueError(msg) from None


def _base(value: object) -> str:
    base = normalised_base(value) if isinstance(value, str) else None
    if base is None:
        msg = "one absolute http(s) address without user, query or fragment"
        raise ValueError(msg)
    return base


def _algorithm(value: object) -> str:
    if value not in ALGORITHMS:
        msg = f"one of {', '.join(ALGORITHMS)}"
        raise ValueError(msg)
    return str(value)


def _minutes(value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool) and _LEAST_MINUTES <= value <= _MOST_MINUTES:
        return timedelta(minutes=value)
    msg = f"a number of minutes from {_LEAST_MINUTES} to {_MOST_MINUTES}"
    raise ValueError(msg)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        msg = "true or false"
        raise ValueError(msg)  # noqa: TRY004 - a ValueError is what `_read` turns into words
    return value


_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _name),
    "issuer": ("issuer", _visible),
    "jwks_url": ("jwks_url", _jwks_url),
    "keys": ("keys", _keys),
    "tenants": ("tenants", lambda value: _listed(value, "tenants", _visible)),
    "audiences": ("audiences", lambda value: _listed(value, "audiences", _visible)),
    "algorithms": ("algorithms", lambda value: _listed(value, "algorithms", _algorithm)),
    "fhir_servers": ("fhir_servers", lambda value: _listed(value, "FHIR bases", _base, may_be_empty=True)),
    "max_token_minutes": ("max_token_life", _minutes),
    "demo_only": ("demo_only", _flag),
}


def _entry_conflicts(client: TrustedClient) -> Iterable[str]:
    """What one entry says that cannot hold together."""
    hosts = {urlsplit(address).hostname for address in (client.issuer, client.jwks_url or "")}
    if SANDBOX_HOST in hosts and not client.demo_only:
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
        if client.demo_only and base_url is not None and not is_loopback(urlsplit(base_url).hostname or ""):
            yield f"{client.name}: demo_only = true: must not be used unless CDS_BASE_URL is a loopback address"
        for base in client.fhir_servers or ():
            if bases is not None and not is_allowed(base, bases):
                yield f"{client.name}: {assigned('fhir_servers', base)}: must also be in CDS_ALLOWED_FHIR_SERVERS"
