"""Hostile clients over real sockets: every one is answered or dropped in time, and the next client is served."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from cds_service.settings import Settings
from tests.faults.server import PATIENCE_S, Server, running, statuses
from tests.hooks.service import VIEW, view

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
DEADLINE_S = 1.0
BODY = json.dumps(view()).encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(Settings(deadline_seconds=DEADLINE_S, max_body_bytes=16 * MIB, database_url="")) as started:
        yield started


@pytest.fixture(autouse=True)
def _is_served_afterwards(server: Server) -> Iterator[None]:
    """Whatever a client did, the next one gets its card."""
    yield
    heard = server.exchange(request())
    assert statuses(heard) == [200]
    assert b'"not-indicated"' in heard


def request(body: bytes = BODY, *headers: str, line: str = f"POST {VIEW} HTTP/1.1", length: int | None = None) -> bytes:
    """A request that asks to be the last; `length` replaces the true Content-Length, -1 leaves it out."""
    told = len(body) if length is None else length
    sized = [] if told < 0 else [f"Content-Length: {told}"]
    head = [line, "Host: service.test", "Connection: close", *sized, *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def chunked(*pieces: bytes) -> bytes:
    """A request whose body is sent as these bytes, said to be chunks."""
    return request(b"".join(pieces), "Transfer-Encoding: chunked", length=-1)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"

# What is sent, and the answers that are right; an empty list: the connection is dropped without one.
MALFORMED = [
    pytest.param(request(), [[200]], id="a plain request"),
    pytest.param(request(line=f"POST {VIEW} HTTP/1.0"), [[200]], id="HTTP/1.0"),
    pytest.param(request(line=f"POST {VIEW} HTTP/1.0").replace(b"Host: service.test\r\n", b""), [[200]], id="no host"),
    pytest.param(request(line=f"POST {VIEW} HTTP/3.7"), [[400], []], id="HTTP/3.7"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [[400], [404], []], id="HTTP/2 preface"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), [[400], []], id="TLS"),
    pytest.param(b"\x00" * 1000, [[400], []], id="nothing but null bytes"),
    pytest.param(b"GET\r\n\r\n", [[400], []], id="half a request line"),
    pytest.param(b"\r\n\r\n\r\n" + request(), [[200], [400]], id="blank lines first"),
    pytest.param(request(line="post /healthz HTTP/1.1"), [[400], [405]], id="a method in lower case"),
    pytest.param(request(line="BREW /healthz HTTP/1.1"), [[400], [405]], id="a method nobody knows"),
    pytest.param(request(BODY, "Content-Length: 5"), [[400]], id="two lengths"),
    pytest.param(request(BODY, "Content-Length: -5", length=-1), [[400]], id="a negative length"),
    pytest.param(request(BODY, "Content-Length: 0x10", length=-1), [[400]], id="a length in hex"),
    pytest.param(request(BODY, f"Content-Length: {'9' * 40}", length=-1), [[400], [413]], id="a length of 40 digits"),
    pytest.param(request(BODY, "Transfer-Encoding: chunked"), [[400]], id="length and chunks (smuggling)"),
    pytest.param(request(BODY, "Transfer-Encoding: gzip", length=-1), [[400], [501]], id="an unknown coding"),
    pytest.param(request(BODY, "Broken header"), [[400]], id="a header without a colon"),
    pytest.param(request(BODY, "Na me: x"), [[400], [200]], id="a blank in a header's name"),
    pytest.param(request(BODY, "X: a\x00b"), [[400], [200]], id="a null byte in a header"),
    pytest.param(request(BODY, "Expect: 200-maybe"), [[200], [417]], id="an expectation nobody knows"),
    pytest.param(request(BODY, "Upgrade: websocket", "Sec-WebSocket-Key: x"), [[200], [400]], id="an upgrade"),
    pytest.param(request(b"", length=0), [[400]], id="no body"),
    pytest.param(chunked(chunk(BODY[:10]), chunk(BODY[10:]), END), [[200]], id="chunks"),
    pytest.param(chunked(*(chunk(BODY[at : at + 1]) for at in range(len(BODY))), END), [[200]], id="chunks of a byte"),
    pytest.param(chunked(b"zz\r\n{}\r\n", END), [[400], [400, 400]], id="a chunk size that is no number"),
    pytest.param(chunked(b"-1\r\n{}\r\n", END), [[400], [400, 400]], id="a negative chunk size"),
    pytest.param(chunked(b"f" * 40 + b"\r\n{}"), [[400], [400, 400]], id="a chunk of astronomic size"),
    pytest.param(chunked(b"2;" + b"x" * 5000 + b"\r\n{}\r\n", END), [[400]], id="a long chunk extension"),
    pytest.param(chunked(b"2\r\n{}toolong\r\n", END), [[400], [400, 400]], id="a chunk longer than it says"),
]


@pytest.mark.parametrize(("sent", "right"), MALFORMED)
def test_a_malformed_request_is_refused(server: Server, sent: bytes, right: list[list[int]]) -> None:
    assert statuses(server.exchange(sent)) in right


PATHS = [
    "/cds-services%2fiv-nac-patient-view",
    "/cds-services/iv-nac-patient-view%00",
    "/cds-services/%2e%2e/%2e%2e/etc/passwd",
    "/cds-services/..%2f..%2fetc%2fpasswd",
    "/../../etc/passwd",
    "/cds-services/%",
    "/cds-services/%zz",
    "/cds-services/%c0%af",
    "/cds-services/%ff%fe",
    "/cds-services/iv-nac-patient-view;v=1",
    "/cds-services/" + "x" * 30_000,
    "/cds-services" + "/" * 5_000 + "x",
    "/cds-services/\u00e9\u00ff",
    "http://elsewhere.test/cds-services/none",
    "//elsewhere.test/cds-services",
    "*",
    "/cds-services/iv-nac patient-view",
    "/cds-services/iv-nac\x00patient-view",
    "/cds-services/${jndi:ldap://127.0.0.1:1/x}",
    "/cds-services/' OR 1=1 --",
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_a_strange_path_leads_nowhere(server: Server, path: str) -> None:
    heard = server.exchange(request(line=f"POST {path} HTTP/1.1"))
    assert statuses(heard) in ([400], [404], [405], [414], [431])
    assert b"root:" not in heard


def test_a_path_with_an_escaped_letter_is_the_same_path(server: Server) -> None:
    assert statuses(server.exchange(request(line=f"POST {VIEW.replace('iv', '%69v')} HTTP/1.1"))) == [200]


BOMBS = [
    pytest.param(b"[" * 1_000_000, [400], id="a million brackets"),
    pytest.param(b'{"a":' * 200_000 + b"1" + b"}" * 200_000, [400], id="200,000 objects deep"),
    pytest.param(b"[" * 60 + b"1" + b"]" * 60, [400], id="60 deep and no object"),
    pytest.param(b'{"a":' + b"9" * 1_000_000 + b"}", [400], id="a number of a million digits"),
    pytest.param(b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}", [400], id="300,000 members"),
    pytest.param(b"{" + b",".join(b'"hook":"x"' for _ in range(300_000)) + b"}", [400], id="one member 300,000 times"),
    pytest.param(b'{"a":"' + b"\\u0000" * 1_000_000 + b'"}', [400], id="a million escapes"),
    pytest.param(b'{"a":"' + b"\\\\" * 2_000_000 + b'"}', [400], id="millions of backslashes"),
    pytest.param(b"\xff" * 1_000_000, [400], id="no UTF-8"),
    pytest.param(b"\x1f\x8b\x08" + bytes(1000), [400], id="gzip"),
    pytest.param(BODY + b" " * (16 * MIB - len(BODY)), [200], id="16 MiB of mostly blanks"),
    pytest.param(b" " * (16 * MIB + 1), [413], id="16 MiB and a byte"),
    pytest.param(b'{"x":"' + b"y" * (20 * MIB) + b'"}', [413], id="20 MiB"),
]


@pytest.mark.parametrize(("body", "right"), BOMBS)
def test_a_bomb_is_defused_within_the_deadline(server: Server, body: bytes, right: list[int]) -> None:
    assert statuses(server.exchange(request(body))) == right


def test_an_announced_giant_is_refused_before_it_arrives(server: Server) -> None:
    assert statuses(server.exchange(request(b"{", length=10**12))) == [413]


def test_an_endless_stream_is_cut_off(server: Server) -> None:
    piece = chunk(b" " * MIB)
    assert statuses(server.exchange(chunked(), *[piece] * 20, END)) == [413]


def test_a_chart_with_many_results_is_read(server: Server) -> None:
    body = view()
    body["prefetch"]["otherLabs"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Observation", "id": f"o{n}"}} for n in range(20_000)],
    }
    assert statuses(server.exchange(request(json.dumps(body).encode()))) == [200]


HEADERS = [
    pytest.param([f"X-{n}: {n}" for n in range(500)], [[200], [400], [431]], id="500 headers"),
    pytest.param([f"X-Long: {'x' * 60_000}"], [[200], [400], [431]], id="a header of 60 kB"),
    pytest.param([f"X-Long: {'x' * 4_000_000}"], [[200], [400], [431], []], id="a header of 4 MB"),
    pytest.param([f"Content-Type: {'application/json;' * 5_000}"], [[200], [400], [431]], id="a long media type"),
    pytest.param(["Content-Type: application/json", "Content-Type: text/html"], [[200], [400], [415]], id="two types"),
    pytest.param(["Origin: null", "Origin: https://a.test"], [[200], [400]], id="two origins"),
    pytest.param(["Authorization: Bearer " + "a." * 20_000], [[200], [400], [431]], id="a long token"),
]


@pytest.mark.parametrize(("headers", "right"), HEADERS)
def test_headers_without_measure(server: Server, headers: list[str], right: list[list[int]]) -> None:
    assert statuses(server.exchange(request(BODY, *headers))) in right


def test_a_body_that_never_comes_is_given_up(server: Server) -> None:
    assert statuses(server.exchange(request(b"{", length=1000))) == [408]


def test_a_body_that_drips_is_given_up(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"{", length=10_000))
        connection.settimeout(0.05)
        heard, until = b"", time.monotonic() + PATIENCE_S
        while b"\r\n\r\n" not in heard and time.monotonic() < until:
            try:
                connection.sendall(b" ")
                heard += connection.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert statuses(heard) == [408]


def test_a_client_that_leaves_in_the_middle_harms_nobody(server: Server) -> None:
    for sent in (b"", b"POST", request(b"{", length=1000), chunked(chunk(b"{")), request()):
        with server.connect() as connection:
            connection.sendall(sent)


def test_requests_in_one_breath_are_answered_in_order(server: Server) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    bad = request(b"{").replace(b"Connection: close\r\n", b"")
    assert statuses(server.exchange(kept + bad + kept + request(line="GET /nowhere HTTP/1.1"))) == [200, 400, 200, 404]


def test_a_body_longer_than_announced_is_no_second_call(server: Server) -> None:
    hidden = request(line="GET /healthz HTTP/1.1", body=b"")
    heard = server.exchange(request(BODY + b"garbage\r\n" + hidden, length=len(BODY)))
    assert statuses(heard) in ([200], [200, 400])


def test_a_client_is_told_to_go_on(server: Server) -> None:
    assert statuses(server.exchange(request(BODY, "Expect: 100-continue"))) == [100, 200]


def test_a_hundred_silent_clients_keep_nobody_waiting(server: Server) -> None:
    begun = [b"", b"POST ", request(b"{", length=10**6), b"GET / HTTP/1.1\r\nX: "]
    with ExitStack() as held:
        for n in range(100):
            connection = held.enter_context(server.connect())
            connection.sendall(begun[n % len(begun)])
        assert statuses(server.exchange(request())) == [200]
