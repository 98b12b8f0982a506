"""Which FHIR servers may be asked: base addresses compared as addresses, never as strings.

Knows how a base address is normalised and what lies beneath it. Must not know HTTP or FHIR content.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEFAULT_PORT = {"http": 80, "https": 443}
# Parsers disagree about everything outside this set (backslash, blanks, control characters, other scripts).
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%|-]+")
_HOST_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?")
_FHIR_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]{1,63})/([^/]+)(?:/_history/[^/]+)?")


@dataclass(frozen=True, slots=True)
class FhirServer:
    """A FHIR server that may be asked: its base address and the bearer token that belongs to it alone.

    `permits_plain_http`: an operator named this http address on purpose (a container network); otherwise
    only https and loopback are asked.
    """

    base: str
    token: str | None = field(default=None, repr=False)
    permits_plain_http: bool = False


@dataclass(frozen=True, slots=True)
class _Address:
    """A normalised address: origin (scheme, host, port) and decoded-safe path without a trailing slash."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def holds(self, other: _Address) -> bool:
        """Whether `other` has the same origin and lies at or beneath this path."""
        same_origin = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same_origin and f"{other.path}/".startswith(f"{self.path}/")


def _is_plain_path(path: str) -> bool:
    """Whether a path says where it leads: no dot segments, no hidden separators, no empty segments."""
    segments = unquote(path).rstrip("/").split("/")[1:]
    hides_separator = re.search(r"%(2f|5c|25)", path, re.IGNORECASE) is not None
    return not hides_separator and not any(segment in {"", ".", ".."} for segment in segments)


def _is_plain_host(host: str, *, is_bracketed: bool) -> bool:
    """Whether a host (in lower case) is a plain name or IPv4 address, or in brackets an IPv6 address."""
    if not is_bracketed:
        return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None  # noqa: PLR2004 -- the longest DNS name
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _address(parts: SplitResult) -> _Address | None:
    """The normalised address of split parts; None when it has no http origin, or names a user."""
    try:
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORT or not host or port == 0 or "@" in parts.netloc:
        return None
    if not _is_plain_host(host, is_bracketed="[" in parts.netloc) or not _is_plain_path(parts.path):
        return None
    return _Address(scheme, host, port or _DEFAULT_PORT[scheme], parts.path.rstrip("/"))


def _split(url: str) -> SplitResult | None:
    """The parts of an address; None when it is not plainly one."""
    if not _PLAIN_ADDRESS.fullmatch(url):
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _base_address(base: str) -> _Address | None:
    """The address of a FHIR base, which has no query and no fragment."""
    parts = _split(base)
    return None if parts is None or "?" in base or "#" in base else _address(parts)


def normalised_base(base: str) -> str | None:
    """A base address in one spelling (scheme and host in lower case, no default port, no trailing slash).

    None for anything that is not a plain http(s) base: user names, queries, fragments, dot segments.
    """
    address = _base_address(base)
    return None if address is None else str(address)


def is_allowed(base: str, allowed: Iterable[str]) -> bool:
    """Whether `base` is one of the allowed bases or lies beneath one ("/fhir" allows "/fhir/a", not "/fhirx")."""
    wanted = _base_address(base)
    if wanted is None:
        return False
    bases = (_base_address(each) for each in allowed)
    return any(each is not None and each.holds(wanted) for each in bases)


def host_of(base: str) -> str | None:
    """The host of a base address, in lower case and without brackets; None when it is no plain base."""
    address = _base_address(base)
    return None if address is None else address.host


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_secure(server: FhirServer) -> bool:
    """Whether patient data may travel to this server: https, loopback, or plain http named on purpose."""
    address = _base_address(server.base)
    return address is not None and (address.scheme == "https" or is_loopback(address.host) or server.permits_plain_http)


def next_on_server(server: FhirServer, link: str) -> str | None:
    """The address of a next page when it lies on the server itself (same origin, beneath its base), else None.

    A relative link is read against the base, as FHIR R4 has it.
    """
    base = _base_address(server.base)
    if base is None or _split(link) is None:
        return None
    target = urljoin(f"{base}/", link)
    parts = _split(target)
    address = None if parts is None or parts.fragment else _address(parts)
    return target if address is not None and base.holds(address) else None


def is_fhir_id(text: str) -> bool:
    """Whether `text` can stand as a logical id in an address and a search (wider than R4, but no separators)."""
    return _FHIR_ID.fullmatch(text) is not None


def local_reference(server: FhirServer, reference: str) -> str | None:
    """The "Type/id" of a reference that lives on this server; None for other servers, fragments and garbage."""
    base = _base_address(server.base)
    if "://" in reference:
        parts = _split(reference)
        address = None if parts is None or parts.query or parts.fragment else _address(parts)
        if base is None or address is None or not base.holds(address):
            return None
        reference = address.path.removeprefix(f"{base.path}/")
    found = _REFERENCE.fullmatch(reference)
    return f"{found[1]}/{found[2]}" if found and is_fhir_id(found[2]) else None
