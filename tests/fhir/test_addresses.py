"""Which addresses may be connected to: each special network refused, at its edges, and what opens it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from cds_service.fhir.addresses import SETTING, AddressKind, AddressPolicy, address_policy, kind_of, refusal_words
from cds_service.settings import Settings

KINDS = {
    AddressKind.PUBLIC: (
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "::ffff:1.1.1.1",
        "2002:0101:0101::1",
        "64:ff9b::1.1.1.1",
    ),
    AddressKind.PRIVATE: (
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "64:ff9b:1::1",
        "::ffff:10.1.2.3",
        "::ffff:c0a8:101",
        "2002:0a01:0203::1",
        "64:ff9b::10.1.2.3",
    ),
    AddressKind.CARRIER_NAT: ("100.64.0.0", "100.100.100.200", "100.127.255.255", "::ffff:100.64.0.1"),
    AddressKind.LOOPBACK: ("127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "2002:7f00:0001::"),
    AddressKind.LINK_LOCAL: (
        "169.254.169.254",
        "169.254.0.0",
        "fe80::1",
        "febf::1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
    ),
    AddressKind.MULTICAST: ("224.0.0.1", "239.255.255.255", "ff02::1"),
    AddressKind.UNSPECIFIED: ("0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"),  # noqa: S104 -- nothing is bound
    AddressKind.RESERVED: (
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
        "255.255.255.255",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "4000::1",
        "::10.1.2.3",
        "::ffff:0:10.1.2.3",
        "100::1",
    ),
}
ROWS = [(text, kind) for kind, texts in KINDS.items() for text in texts]


@pytest.mark.parametrize(("text", "kind"), ROWS)
def test_kind(text: str, kind: AddressKind) -> None:
    address = ip_address(text)
    assert kind_of(address) is kind
    assert AddressPolicy().permits("fhir.example.org", address) is (kind is AddressKind.PUBLIC)


BASES = (
    "http://10.1.2.3:8080/fhir",
    "http://localhost/fhir",
    "http://[fd00::1]/r4",
    "http://169.254.1.1/",
    "https://a.b/c",
)
PERMITTED: list[tuple[str, str, tuple[str, ...], tuple[str, ...], bool]] = [
    ("a literal address that was named", "10.1.2.3", BASES, (), True),
    ("written otherwise", "::ffff:10.1.2.3", BASES, (), True),
    ("an IPv6 one", "fd00::1", BASES, (), True),
    ("its neighbour", "10.1.2.4", BASES, (), False),
    ("a link-local one takes more than to be named", "169.254.1.1", BASES, (), False),
    ("a network", "10.9.9.9", (), ("10.0.0.0/8",), True),
    ("just outside", "11.0.0.1", (), ("10.0.0.0/8",), True),
    ("a mapped address in it", "::ffff:10.9.9.9", (), ("10.0.0.0/8",), True),
    ("another network", "192.168.1.1", (), ("10.0.0.0/8",), False),
    ("a 6to4 address is not opened by the IPv4 network", "2002:0a01:0203::1", (), ("10.0.0.0/8",), False),
    ("a link-local one is not opened in passing", "169.254.169.254", (), ("0.0.0.0/0",), False),
    ("but by its own network", "169.254.169.254", (), ("169.254.169.254/32",), True),
    ("and so is an IPv6 one", "fe80::1", (), ("fe80::/10",), True),
    ("which another one does not open", "fe80::1", (), ("::/0",), False),
]


@pytest.mark.parametrize(
    ("address", "bases", "networks", "is_permitted"), [row[1:] for row in PERMITTED], ids=[row[0] for row in PERMITTED]
)
def test_what_is_configured_opens_itself_only(
    address: str, bases: tuple[str, ...], networks: tuple[str, ...], *, is_permitted: bool
) -> None:
    assert address_policy(bases, networks).permits(address, ip_address(address)) is is_permitted


@pytest.mark.parametrize(
    ("host", "address", "is_permitted"),
    [
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("localhost", "10.1.2.3", False),
        ("a.b", "10.1.2.3", False),  # 10.1.2.3 was named, but not as this name's address
        ("a.b", "127.0.0.1", False),
        ("10.1.2.3", "127.0.0.1", False),
        ("2130706433", "127.0.0.1", False),
        ("127.1", "127.0.0.1", False),
        ("a.b", "1.1.1.1", True),
    ],
)
def test_a_name_borrows_no_permission_from_another(host: str, address: str, *, is_permitted: bool) -> None:
    assert address_policy(BASES, ()).permits(host, ip_address(address)) is is_permitted


def test_localhost_is_not_open_unless_named() -> None:
    assert not address_policy(BASES[:1], ()).permits("localhost", ip_address("127.0.0.1"))


def test_the_words_name_a_setting_that_exists() -> None:
    assert SETTING.removeprefix("CDS_").lower() in Settings.model_fields
    assert refusal_words(AddressKind.LINK_LOCAL).startswith("the server has a link-local address")
