"""Where connections really go, over real sockets: names are looked up by the test, nothing leaves this machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds_service.fhir.addresses import address_policy
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import FaultKind, Fetched
from cds_service.fhir.outbound import open_http
from cds_service.fhir.servers import FhirServer
from tests.sockets import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cds_service.fhir.addresses import IpAddress

PATIENT = b'{"resourceType": "Patient", "id": "p1"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(PATIENT), PATIENT)
LIMITS = FetchLimits(request_seconds=2, backoff_seconds=0.01)
UNHEARD_OF = ("unheard of",)
LOOPBACK = ("127.0.0.0/8",)


class Listener:
    """A server that answers every request with the patient and keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.port = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(ANSWER)


@asynccontextmanager
async def inside_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    listener = Listener()
    async with listening(listener.serve, tls) as listener.port:
        yield listener


class Names:
    """A name service whose answer changes from one question to the next; the last answer stays."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[IpAddress]:
        del host, port
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == UNHEARD_OF:
            raise socket.gaierror
        return [ip_address(each) for each in answer]


async def read(base: str, names: Names, *, times: int = 1, networks: tuple[str, ...] = ()) -> list[Fetched]:
    """Reads of the patient one after another through one pool."""
    async with open_http(LIMITS.request_seconds, address_policy((), networks), names) as pool:
        client = FhirClient(pool, LIMITS)
        server = FhirServer(base, token="token-1", permits_plain_http=True)  # noqa: S106 -- not a real token
        deadline = asyncio.get_running_loop().time() + 5
        return [await client.read(server, "Patient/p1", deadline) for _ in range(times)]


def fault_of(fetched: Fetched) -> tuple[FaultKind, str] | None:
    return None if fetched.fault is None else (fetched.fault.kind, fetched.fault.words)


@pytest.mark.parametrize(
    ("addresses", "kind"),
    [
        (("127.0.0.1",), "loopback"),
        (("::ffff:127.0.0.1",), "loopback"),
        (("169.254.169.254",), "link-local"),
        (("10.1.2.3", "127.0.0.1"), "private"),
        (("100.64.0.1",), "carrier-grade NAT"),
        (("0.0.0.0",), "unspecified"),  # noqa: S104 -- nothing is bound
    ],
)
async def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(
    addresses: tuple[str, ...], kind: str
) -> None:
    async with inside_server() as inside:
        (fetched,) = await read(f"http://fhir.example.org:{inside.port}/r4", Names(addresses))
    assert inside.connections == 0
    assert fetched.fault is not None
    assert fetched.fault.kind is FaultKind.NOT_ALLOWED
    assert f"has a {kind} address" in fetched.fault.words
    assert "CDS_PRIVATE_NETWORKS" in fetched.fault.words
    assert not any(each in fetched.fault.words for each in addresses)


async def test_a_permitted_address_is_asked_once_by_name_and_the_connection_is_kept() -> None:
    names = Names(("127.0.0.1",))
    async with inside_server() as inside:
        fetched = await read(f"http://fhir.example.org:{inside.port}/r4", names, times=3, networks=LOOPBACK)
    assert [fault_of(each) for each in fetched] == [None] * 3
    assert (names.asked, inside.connections, len(inside.requests)) == (1, 1, 3)
    assert f"Host: fhir.example.org:{inside.port}" in inside.requests[0]


async def test_requests_at_once_have_a_connection_each_and_the_next_ones_use_them_again() -> None:
    async with inside_server() as listener, open_http(2, address_policy((listener.base,), ())) as pool:
        client, server = FhirClient(pool, LIMITS), FhirServer(listener.base)
        for _ in range(3):
            reads = [client.read(server, "Patient/p1", asyncio.get_running_loop().time() + 2) for _ in range(15)]
            found = await asyncio.gather(*reads)
            assert all(each.is_complete for each in found)
    assert (len(listener.requests), listener.connections) == (45, 15)


async def test_a_name_that_changes_between_check_and_use_gains_nothing() -> None:
    """The address that was judged is the one connected to: the next answer of the name service is never asked for."""
    async with inside_server() as inside:
        names = Names(("127.0.0.1",), ("10.1.2.3",))
        (fetched,) = await read(f"http://fhir.example.org:{inside.port}/r4", names, networks=LOOPBACK)
    assert fault_of(fetched) is None
    assert (names.asked, inside.connections) == (1, 1)


async def test_only_the_permitted_addresses_of_a_name_are_connected_to() -> None:
    async with inside_server() as inside:
        names = Names(("169.254.169.254", "10.1.2.3", "127.0.0.1"))
        (fetched,) = await read(f"http://fhir.example.org:{inside.port}/r4", names, networks=LOOPBACK)
    assert fault_of(fetched) is None
    assert inside.connections == 1


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with inside_server() as inside:
        names = Names(("127.0.0.2", "127.0.0.1"))
        (fetched,) = await read(f"http://fhir.example.org:{inside.port}/r4", names, networks=LOOPBACK)
    assert fault_of(fetched) is None


@pytest.mark.parametrize("names", [Names(UNHEARD_OF), Names(()), Names(("127.0.0.2",))], ids=lambda each: each.answers)
async def test_a_name_that_leads_nowhere(names: Names, unused_tcp_port: int) -> None:
    (fetched,) = await read(f"http://fhir.example.org:{unused_tcp_port}/r4", names, networks=LOOPBACK)
    assert fault_of(fetched) == (FaultKind.UNREACHABLE, "the server could not be reached")


@pytest.mark.parametrize(("pool_seconds", "request_seconds"), [(0.1, 20.0), (20.0, 0.1)])
async def test_a_name_service_that_hangs_costs_one_request(pool_seconds: float, request_seconds: float) -> None:
    async def hangs(_: str, __: int) -> list[IpAddress]:
        await asyncio.sleep(60)
        return []

    async with open_http(pool_seconds, None, hangs) as pool:
        client = FhirClient(pool, FetchLimits(request_seconds=request_seconds))
        deadline = asyncio.get_running_loop().time() + 30
        fetched = await client.read(FhirServer("https://fhir.example.org/r4"), "Patient/p1", deadline)
    assert fault_of(fetched) == (FaultKind.TIMEOUT, "the server did not answer in time")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_of_the_environment_sees_nothing(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with inside_server() as inside, inside_server() as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        base = f"http://fhir.example.org:{inside.port}/r4"
        (fetched,) = await read(base, Names(("127.0.0.1",)), networks=LOOPBACK)
    assert fault_of(fetched) is None
    assert (proxy.connections, len(inside.requests)) == (0, 1)
    assert "Bearer token-1" in inside.requests[0]


@pytest.mark.parametrize(("name", "kind"), [("fhir.example.org", None), ("other.example.org", FaultKind.UNREACHABLE)])
async def test_the_certificate_must_be_that_of_the_name(
    name: str, kind: FaultKind | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("fhir.example.org", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with inside_server(tls) as inside:
        (fetched,) = await read(f"https://{name}:{inside.port}/r4", Names(("127.0.0.1",)), networks=LOOPBACK)
    assert (None if fetched.fault is None else fetched.fault.kind) is kind
    assert len(inside.requests) == (kind is None)


def certificate_for(name: str, folder: Path) -> Path:
    """A file with a key and a self-signed certificate for one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)  # noqa: TID251 -- TLS compares a certificate with the real clock
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(plain + made.public_bytes(pem))
    return path
