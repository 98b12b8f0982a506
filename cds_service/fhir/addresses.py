"""Which network addresses may be connected to: public ones, and those an operator named on purpose.

Knows the special-purpose registries of IPv4 and IPv6, and how an IPv6 address can carry an IPv4 one. Must not
know HTTP, name resolution or where the configuration comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from cds_service.fhir.servers import host_of

if TYPE_CHECKING:
    from collections.abc import Iterable

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

SETTING = "CDS_PRIVATE_NETWORKS"
"""What an operator sets to open a network that is not public."""


class AddressKind(StrEnum):
    """What an address is for."""

    PUBLIC = "public"
    PRIVATE = "private"
    CARRIER_NAT = "carrier-grade NAT"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"
    RESERVED = "reserved"


def _networks(*texts: str) -> tuple[IpNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


# IANA special-purpose registries; the standard library's own reading of them differs between patch versions.
_SPECIAL: dict[AddressKind, tuple[IpNetwork, ...]] = {
    AddressKind.UNSPECIFIED: _networks("0.0.0.0/8", "::/128"),
    AddressKind.LOOPBACK: _networks("127.0.0.0/8", "::1/128"),
    AddressKind.LINK_LOCAL: _networks("169.254.0.0/16", "fe80::/10"),
    AddressKind.PRIVATE: _networks(
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"
    ),
    AddressKind.CARRIER_NAT: _networks("100.64.0.0/10"),
    AddressKind.MULTICAST: _networks("224.0.0.0/4", "ff00::/8"),
    AddressKind.RESERVED: _networks(
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    ),
}
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def kind_of(address: IpAddress) -> AddressKind:
    """What an address is for; one that carries an IPv4 address (6to4, NAT64) is what that one is."""
    carried = _carried(address)
    if carried is not None:
        return kind_of(carried)
    for kind, networks in _SPECIAL.items():
        if any(address in network for network in networks):
            return kind
    is_public = isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST
    return AddressKind.PUBLIC if is_public else AddressKind.RESERVED


def _carried(address: IpAddress) -> IPv4Address | None:
    """The IPv4 address that traffic to an IPv6 address ends at, if it says so."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def _unmapped(address: IpAddress) -> IpAddress:
    """The address itself; an IPv4-mapped one is the IPv4 address, since the system connects there."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses a request may go to. Public ones always; others as configured.

    `networks`: opened by the operator. A link-local address (where clouds keep their credentials) needs a network
    that is itself link-local. `hosts`: literal addresses, and "localhost", that the operator named as servers; each
    opens itself only, and only to who asks for it by that name.
    """

    networks: tuple[IpNetwork, ...] = ()
    hosts: frozenset[str] = frozenset()

    def permits(self, host: str, address: IpAddress) -> bool:
        """Whether a request for `host` may connect to this address."""
        plain = _unmapped(address)
        kind = kind_of(plain)
        if kind is AddressKind.PUBLIC or any(plain in network and _opens(network, kind) for network in self.networks):
            return True
        return kind is not AddressKind.LINK_LOCAL and self._names(host, plain)

    def _names(self, host: str, address: IpAddress) -> bool:
        """Whether the operator named this host, and it is this address."""
        if host == "localhost":
            return host in self.hosts and kind_of(address) is AddressKind.LOOPBACK
        return any(each == address for each in map(_literal, self.hosts) if each is not None) and (
            _literal(host) == address
        )


def _opens(network: IpNetwork, kind: AddressKind) -> bool:
    """Whether a configured network opens addresses of this kind: link-local ones are never opened in passing."""
    return kind is not AddressKind.LINK_LOCAL or any(
        network.network_address in each and network.broadcast_address in each
        for each in _SPECIAL[AddressKind.LINK_LOCAL]
    )


def _literal(host: str) -> IpAddress | None:
    """The address a host is written as; None for a name."""
    try:
        return _unmapped(ip_address(host))
    except ValueError:
        return None


def address_policy(bases: Iterable[str], networks: Iterable[str]) -> AddressPolicy:
    """The policy for configured FHIR bases and networks ("10.0.0.0/8"). Raises ValueError for what is no network."""
    named = (host for base in bases if (host := host_of(base)) is not None)
    hosts = frozenset(host for host in named if host == "localhost" or _literal(host) is not None)
    return AddressPolicy(_networks(*networks), hosts)


def refusal_words(kind: AddressKind) -> str:
    """Why an address of this kind is not asked; completes "... could not be read: "."""
    return f"the server has a {kind.value} address, which this service is not set up to ask ({SETTING})"
