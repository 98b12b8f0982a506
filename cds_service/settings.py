"""What a site configures, read once at start from the environment (prefix `CDS_`).

Knows names, defaults and allowed ranges. A value outside its range stops the start with a message that
names the variable: a service that gives clinical advice must not run on a setting it had to guess.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from functools import cache, cached_property
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation while running
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from cds_service.clinical.profiles import PROFILES, Profile
from cds_service.fhir.servers import FhirServer, is_secure, normalised_base
from cds_service.site_file import SiteFileError
from cds_service.site_profile import profile_named
from cds_service.trusted_clients import TrustedClient, read_trusted_clients

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "CDS_"
_MIB = 1024 * 1024
MOST_CALLS = 200
"""A process answers about a hundred calls a second from prefetch: this many in hand are two seconds of work, well
inside the deadline, while calls that wait for slow FHIR servers find room."""
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_BASES = ("allowed_fhir_servers", "default_fhir_server")


class SettingsError(ValueError):
    """The configuration cannot be used; the message names each variable and what it may hold."""


def _comma_list(value: object) -> object:
    """Split "a, b" into its parts; a blank text is an empty list, not a list of one blank."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _base(value: str) -> str:
    """The address in one spelling; raises ValueError for what is no plain absolute http(s) address."""
    base = normalised_base(value)
    if base is None:
        msg = "not a plain absolute http(s) address"
        raise ValueError(msg)
    return base


def _origin(value: str) -> str:
    if value != "*" and urlsplit(_base(value)).path:
        msg = "an origin has no path"
        raise ValueError(msg)
    return value if value == "*" else _base(value)


def _usable_profile(value: str) -> str:
    """The name; raises `SiteProfileError` (a ValueError) for what names no usable profile."""
    profile_named(value)
    return value


def _usable_clients(path: Path | None, others: ValidationInfo) -> Path | None:
    """The path; raises `TrustedClientsError` (a ValueError) for a file that cannot be used at this site."""
    if path is not None:
        bases = _fhir_bases(others.data) if others.data.keys() >= set(_BASES) else None  # else they are named already
        read_trusted_clients(path, base_url=others.data.get("base_url"), fhir_bases=bases)
    return path


def _fhir_bases(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Every base the service may contact: the allowed list and the default server."""
    allowed, default = (values[name] for name in _BASES)
    return tuple(dict.fromkeys((*allowed, *(() if default is None else (default,)))))


_known_zones = cache(available_timezones)


def _zone_name(value: str) -> str:
    if value not in _known_zones():
        msg = "unknown time zone"
        raise ValueError(msg)
    return value


def _network(value: str) -> str:
    return str(ipaddress.ip_network(value))


def _database_url(value: str) -> str:
    if value and not value.startswith(("sqlite://", "postgresql://")):
        msg = "neither SQLite nor PostgreSQL"
        raise ValueError(msg)
    _ = urlsplit(value).port  # raises ValueError for what is no port
    return value


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _usable_app(client_id: str, others: ValidationInfo) -> str:
    """The id; raises ValueError where the app's cookies and codes would travel in the clear."""
    base = others.data.get("base_url")
    if client_id and base is not None and not is_secure(FhirServer(base)):
        msg = "the base address is not https"
        raise ValueError(msg)
    return client_id


def _scopes(value: str) -> str:
    """The scopes, single blanks between them; raises ValueError for what no scope may hold."""
    if not value.split() or any(_SCOPE.fullmatch(each) is None for each in value.split()):
        msg = "not a list of scopes"
        raise ValueError(msg)
    return " ".join(value.split())


def _known_issuers(issuers: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
    """The issuers; raises ValueError for one that the service may not ask."""
    if others.data.keys() >= set(_BASES) and not set(issuers) <= set(_fhir_bases(others.data)):
        msg = "not one of the FHIR bases"
        raise ValueError(msg)
    return issuers


Base = Annotated[str, AfterValidator(_base)]
Origin = Annotated[str, AfterValidator(_origin)]
_ONE_BASE = "one absolute http(s) address without user, query or fragment"


class Settings(BaseSettings):
    """The configuration of one running service. Each description says which values are allowed.

    Raises pydantic's ValidationError on construction; `read_settings` turns that into words.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    base_url: Base = Field(default="http://127.0.0.1:8000", description=f"{_ONE_BASE}, where callers reach the service")
    profile: Annotated[str, AfterValidator(_usable_profile)] = Field(
        default="us-2023",
        description=f"one of {', '.join(sorted(PROFILES))}, or the path of a site profile ending in .toml",
    )
    allowed_fhir_servers: Annotated[tuple[Base, ...], NoDecode, BeforeValidator(_comma_list)] = Field(
        default=(), description="a comma list of FHIR base addresses; empty means prefetch only"
    )
    default_fhir_server: Annotated[Base | None, BeforeValidator(_blank_is_unset)] = Field(
        default=None, description=f"{_ONE_BASE}, asked when the caller names no server"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_comma_list)] = Field(
        default=("*",), description="a comma list of origins such as https://ehr.example.org, or * for any"
    )
    fhir_timeout_seconds: float = Field(
        default=4, ge=0.1, le=60, allow_inf_nan=False, description="a number of seconds from 0.1 to 60"
    )
    deadline_seconds: float = Field(
        default=8, ge=0.5, le=120, allow_inf_nan=False, description="a number of seconds from 0.5 to 120"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda v: str(v).upper())] = (
        Field(default="INFO", description="one of DEBUG, INFO, WARNING, ERROR")
    )
    timezone: Annotated[str, AfterValidator(_zone_name)] = Field(
        default="UTC", description="an IANA time zone such as America/New_York (display only)"
    )
    shared_service_id: bool = Field(default=False, description="true or false")
    shadow: bool = Field(default=False, description="true or false")
    trusted_clients: Annotated[Path | None, BeforeValidator(_blank_is_unset), AfterValidator(_usable_clients)] = Field(
        default=None,
        description="the path of a TOML file of clients; when set, every caller needs a JWT of one of them",
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite:///cds-service.db",
        description="an address such as sqlite:///file.db or postgresql://user@host/name; empty keeps nothing",
    )
    audit_days: int = Field(
        default=90, ge=1, le=3650, description="a whole number of days from 1 to 3650 that audit and feedback are kept"
    )
    private_networks: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_comma_list)
    ] = Field(default=(), description="a comma list of networks such as 10.0.0.0/8 in which FHIR servers may be asked")
    canary_minutes: float = Field(
        default=15, ge=0, le=1440, allow_inf_nan=False, description="a number of minutes from 0 (never) to 1440"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="text or json")
    operations_password: Annotated[SecretStr | None, BeforeValidator(_blank_is_unset)] = Field(
        default=None, description="the password of the pages for those who run the service"
    )
    playground: bool = Field(default=True, description="true or false")
    link_secret: Annotated[SecretStr | None, BeforeValidator(_blank_is_unset)] = Field(
        default=None,
        min_length=32,
        description="a text of at least 32 characters, the same for every worker and replica",
    )
    link_minutes: float = Field(
        default=15, ge=1, le=120, allow_inf_nan=False, description="a number of minutes from 1 to 120"
    )
    max_calls: int = Field(
        default=MOST_CALLS,
        ge=1,
        le=10_000,
        description="a whole number of calls in hand at once from 1 to 10000 (per process)",
    )
    smart_client_id: Annotated[str, BeforeValidator(_stripped), AfterValidator(_usable_app)] = Field(
        default="",
        description="the id the FHIR servers know the SMART app by (empty: no app), where CDS_BASE_URL is https",
    )
    smart_client_secret: Annotated[SecretStr | None, BeforeValidator(_blank_is_unset)] = Field(
        default=None, description="the secret of the SMART app, where the FHIR servers gave it one"
    )
    smart_scopes: Annotated[str, AfterValidator(_scopes)] = Field(
        default="launch openid fhirUser patient/*.read launch/patient",
        description="SMART scopes with blanks between them, such as launch openid fhirUser patient/*.read",
    )
    smart_issuers: Annotated[
        tuple[Base, ...], NoDecode, BeforeValidator(_comma_list), AfterValidator(_known_issuers)
    ] = Field(
        default=(),
        description="a comma list of those FHIR bases the service may ask that may launch the SMART app; empty: all",
    )
    max_body_bytes: int = Field(
        default=16 * _MIB, ge=1024, le=256 * _MIB, description=f"a whole number of bytes from 1024 to {256 * _MIB}"
    )

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings defines it
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no file is ever read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings

    def model_post_init(self, _context: object, /) -> None:
        """Read the site's files now: one that changes later has no effect until the next start."""
        _ = self.clinical_profile
        _ = self.clients

    @cached_property
    def clinical_profile(self) -> Profile:
        """The guideline profile chosen by name or read from the site's file."""
        return profile_named(self.profile)

    @property
    def clients(self) -> tuple[TrustedClient, ...] | None:
        """The clients whose tokens are accepted; None when everybody may call."""
        return None if self.trusted_clients is None else self._clients_in_file

    @cached_property
    def _clients_in_file(self) -> tuple[TrustedClient, ...]:
        return () if self.trusted_clients is None else read_trusted_clients(self.trusted_clients)

    @property
    def smart_bases(self) -> tuple[str, ...]:
        """The FHIR bases that may launch the SMART app; none where it is off."""
        return (self.smart_issuers or self.fhir_bases) if self.smart_client_id else ()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which cards show clock times."""
        return ZoneInfo(self.timezone)

    @property
    def fhir_bases(self) -> tuple[str, ...]:
        """Every base the service may contact: the allowed list and the default server."""
        return _fhir_bases({name: getattr(self, name) for name in _BASES})


def read_settings(**changes: Any) -> Settings:
    """The settings from the environment, with these changes.

    Raises `SettingsError` naming every variable that cannot be used and what it may hold. Values are not
    repeated in the message: an address may carry a password.
    """
    try:
        return Settings(**changes)
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from None


def _in_words(error: ValidationError) -> str:
    names = sorted({str(detail["loc"][0]) for detail in error.errors()})
    told = [f"{PREFIX}{name.upper()} must be {Settings.model_fields[name].description}" for name in names]
    causes = [detail.get("ctx", {}).get("error") for detail in error.errors()]
    return "\n".join([*told, *(str(cause) for cause in causes if isinstance(cause, SiteFileError))])


def unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each `CDS_` variable that no setting reads, with the nearest known name."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    return tuple(
        f"{name} is not a setting of this version and has no effect{_nearest(name, known)}" for name in unknown
    )


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name.upper(), sorted(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
