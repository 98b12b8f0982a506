"""Every way in which a FHIR server can fail, with what the client makes of it. No fault ever looks like "no data"."""

from __future__ import annotations

import asyncio
import gzip
import logging
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
import respx

from cds_service.fhir.addresses import address_policy
from cds_service.fhir.client import FhirClient
from cds_service.fhir.exchange import FetchLimits
from cds_service.fhir.fetched import FaultKind, Fetched
from cds_service.fhir.outbound import open_http
from cds_service.fhir.queries import QUERY_BY_KEY
from cds_service.fhir.servers import FhirServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BASE = "https://fhir.example.org/r4"
SERVER = FhirServer(BASE, token="token-1")  # noqa: S106 -- not a real token
LEVELS = QUERY_BY_KEY["levels"]
PROBLEMS = QUERY_BY_KEY["problems"]
ENCOUNTER = QUERY_BY_KEY["encounter"]
LIMITS = FetchLimits(request_seconds=0.2, pages=3, bytes_per_answer=20_000, backoff_seconds=0.01)


def level(number: int = 1) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"o{number}"}


def page(*resources: dict[str, Any], following: str | None = None, kind: str = "searchset") -> httpx.Response:
    link = [{"relation": "next", "url": following}] if following is not None else []
    entries = [{"resource": resource} for resource in resources]
    return httpx.Response(200, json={"resourceType": "Bundle", "type": kind, "entry": entries, "link": link})


def outcome(status: int = 200) -> httpx.Response:
    issue = [{"severity": "error", "code": "processing", "diagnostics": "patient Jane Doe"}]
    return httpx.Response(status, json={"resourceType": "OperationOutcome", "issue": issue})


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(LIMITS.request_seconds, address_policy(["http://127.0.0.1/fhir"], ())) as pool:
        yield pool


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def searched(http: httpx.AsyncClient, *, server: FhirServer = SERVER, seconds: float = 5.0) -> Fetched:
    return await FhirClient(http, LIMITS).search(server, LEVELS, "p1", soon(seconds))


def kind_of(fetched: Fetched) -> FaultKind | None:
    return fetched.fault.kind if fetched.fault else None


async def hangs(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(30)
    return page(level())


EMPTY = gzip.compress(b'{"resourceType": "Bundle"}')
BOMB = gzip.compress(b" " * 5_000_000)
HTML = httpx.Response(200, html="<html><body>Log in</body></html>")
FAULTS: list[tuple[str, list[Any], FaultKind, int]] = [
    ("401", [httpx.Response(401)], FaultKind.UNAUTHORIZED, 1),
    ("403", [httpx.Response(403)], FaultKind.FORBIDDEN, 1),
    ("404", [httpx.Response(404)], FaultKind.NOT_FOUND, 1),
    ("404 with an outcome", [outcome(404)], FaultKind.NOT_FOUND, 1),
    ("410", [httpx.Response(410)], FaultKind.NOT_FOUND, 1),
    ("408", [httpx.Response(408)], FaultKind.TIMEOUT, 1),
    ("429 twice", [httpx.Response(429), httpx.Response(429)], FaultKind.RATE_LIMITED, 2),
    (
        "429 that asks for more than there is",
        [httpx.Response(429, headers={"Retry-After": "60"})],
        FaultKind.RATE_LIMITED,
        1,
    ),
    ("500", [httpx.Response(500)], FaultKind.SERVER_ERROR, 1),
    ("502", [httpx.Response(502)], FaultKind.SERVER_ERROR, 1),
    ("503 twice", [httpx.Response(503), httpx.Response(503)], FaultKind.SERVER_ERROR, 2),
    ("501, also without hints", [httpx.Response(501), httpx.Response(501)], FaultKind.UNSUPPORTED, 2),
    ("400, also without hints", [httpx.Response(400), outcome(400)], FaultKind.UNSUPPORTED, 2),
    ("405, also without hints", [httpx.Response(405), httpx.Response(405)], FaultKind.UNSUPPORTED, 2),
    ("an unheard-of status", [httpx.Response(499), httpx.Response(499)], FaultKind.UNSUPPORTED, 2),
    ("301", [httpx.Response(301, headers={"Location": "https://evil.example/"})], FaultKind.REDIRECTED, 1),
    ("302", [httpx.Response(302, headers={"Location": f"{BASE}/login"})], FaultKind.REDIRECTED, 1),
    ("304", [httpx.Response(304)], FaultKind.REDIRECTED, 1),
    ("a hang", [hangs], FaultKind.TIMEOUT, 1),
    ("a read timeout", [httpx.ReadTimeout("slow")], FaultKind.TIMEOUT, 1),
    ("refused twice", [httpx.ConnectError("no"), httpx.ConnectError("no")], FaultKind.UNREACHABLE, 2),
    ("broken twice", [httpx.RemoteProtocolError("x"), httpx.ReadError("x")], FaultKind.UNREACHABLE, 2),
    ("HTML for JSON", [HTML], FaultKind.NOT_JSON, 1),
    ("an empty body", [httpx.Response(200)], FaultKind.NOT_JSON, 1),
    ("no content", [httpx.Response(204)], FaultKind.NOT_JSON, 1),
    (
        "half a body",
        [httpx.Response(200, content=b'{"resourceType": "Bundle", "entry": [{"res')],
        FaultKind.NOT_JSON,
        1,
    ),
    ("NaN", [httpx.Response(200, content=b'{"resourceType": "Bundle", "total": NaN}')], FaultKind.NOT_JSON, 1),
    (
        "a second, empty list of entries",
        [
            httpx.Response(
                200,
                content=b'{"resourceType": "Bundle", "entry": [{"resource": {"id": "o1"}}], "entry": []}',
            )
        ],
        FaultKind.NOT_JSON,
        1,
    ),
    ("deep JSON", [httpx.Response(200, content=b"[" * 500 + b"]" * 500)], FaultKind.NOT_JSON, 1),
    ("bottomless JSON", [httpx.Response(200, content=b"[" * 10_000)], FaultKind.NOT_JSON, 1),
    ("an OperationOutcome", [outcome()], FaultKind.OPERATION_OUTCOME, 1),
    ("a JSON list", [httpx.Response(200, json=[])], FaultKind.WRONG_RESOURCE, 1),
    ("a lone resource", [httpx.Response(200, json=level())], FaultKind.WRONG_RESOURCE, 1),
    ("another type", [page({"resourceType": "Patient", "id": "p1"})], FaultKind.WRONG_RESOURCE, 1),
    ("too much", [httpx.Response(200, content=b" " * 20_001)], FaultKind.TOO_LARGE, 1),
]


@pytest.mark.parametrize(("answers", "kind", "calls"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
@respx.mock
async def test_fault(http: httpx.AsyncClient, answers: list[Any], kind: FaultKind, calls: int) -> None:
    left = list(answers)
    respx.get(f"{BASE}/Observation").mock(side_effect=_one_after_another(left))
    fetched = await searched(http)
    assert kind_of(fetched) is kind
    assert not any(resource["resourceType"] == "Observation" for resource in fetched.resources)
    assert len(answers) - len(left) == calls
    assert fetched.fault is not None
    assert not any(private in fetched.fault.words for private in ("p1", "Jane", "token", "http"))


def _one_after_another(answers: list[Any]) -> Callable[[httpx.Request], Any]:
    """Side effects in turn (taken off the list), coroutine functions among them; a call too many is an error."""

    async def answer(request: httpx.Request) -> httpx.Response:
        now = answers.pop(0)
        if isinstance(now, Exception):
            raise now
        # A Response can be streamed once, and the table above is shared.
        return (
            httpx.Response(now.status_code, headers=now.headers, content=now.content)
            if isinstance(now, httpx.Response)
            else await now(request)
        )

    return answer


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "nonsense"}),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("closed"),
        httpx.Response(400),  # asked again without _sort and _count
    ],
)
@respx.mock
async def test_one_retry_heals(http: httpx.AsyncClient, first: Any) -> None:
    route = respx.get(f"{BASE}/Observation").mock(side_effect=_one_after_another([first, page(level())]))
    assert await searched(http) == Fetched((level(),))
    assert route.call_count == 2


@respx.mock
async def test_refused_hints_are_left_out(http: httpx.AsyncClient) -> None:
    route = respx.get(f"{BASE}/Observation").mock(side_effect=[httpx.Response(400), page(level())])
    await searched(http)
    first, second = (call.request.url.params for call in route.calls)
    assert (first["_sort"], first["_count"]) == ("-date", "200")
    assert set(second) == {"patient", "code"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1"}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2025 07:28:01 GMT", "Date": "Wed, 21 Oct 2025 07:28:00 GMT"}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2025 07:28:01 GMT"}, 0.01),
        ({"Retry-After": "-5"}, 0.01),
    ],
)
@respx.mock
async def test_waits_as_long_as_the_server_asks(
    http: httpx.AsyncClient, headers: dict[str, str], seconds: float
) -> None:
    route = respx.get(f"{BASE}/Observation")
    route.side_effect = [httpx.Response(429, headers=headers), page(level())]
    started = asyncio.get_running_loop().time()
    assert (await searched(http)).is_complete
    assert seconds <= asyncio.get_running_loop().time() - started < seconds + 0.5


@respx.mock
async def test_request_says_who_and_what_and_nothing_more(http: httpx.AsyncClient) -> None:
    route = respx.get(f"{BASE}/Observation").mock(return_value=page())
    await searched(http)
    request = route.calls.last.request
    assert request.headers["Authorization"] == "Bearer token-1"
    assert request.headers["Accept"] == "application/fhir+json"
    assert "Cache-Control" not in request.headers
    assert request.url.params["patient"] == "p1"
    assert request.url.params["code"].startswith("http://loinc.org|3298-7,")


@respx.mock
async def test_no_token_no_header(http: httpx.AsyncClient) -> None:
    route = respx.get(f"{BASE}/Observation").mock(return_value=page())
    await searched(http, server=FhirServer(BASE))
    assert "Authorization" not in route.calls.last.request.headers


@respx.mock
async def test_pages_are_followed_to_the_end(http: httpx.AsyncClient) -> None:
    respx.get(f"{BASE}/Observation").mock(return_value=page(level(1), following=f"{BASE}?_getpages=a"))
    respx.get(BASE, params={"_getpages": "a"}).mock(return_value=page(level(2), following="?_getpages=b"))
    last = respx.get(f"{BASE}/", params={"_getpages": "b"}).mock(return_value=page(level(3)))
    assert await searched(http) == Fetched((level(1), level(2), level(3)))
    assert last.calls.last.request.headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/r4?_getpages=a",
        "http://fhir.example.org/r4?_getpages=a",
        "https://fhir.example.org/elsewhere?_getpages=a",
        "https://fhir.example.org/r4/../elsewhere",
        "https://x@fhir.example.org/r4?_getpages=a",
        "",
    ],
)
@respx.mock
async def test_a_next_link_away_from_the_server_is_not_followed(http: httpx.AsyncClient, following: str) -> None:
    route = respx.route().mock(return_value=page(level(), following=following))
    fetched = await searched(http)
    assert (fetched.resources, kind_of(fetched), route.call_count) == ((level(),), FaultKind.TRUNCATED, 1)
    assert fetched.is_partial


@respx.mock
async def test_endless_paging_stops_and_says_so(http: httpx.AsyncClient) -> None:
    count = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return page(level(count), following=f"{BASE}?page={count}")

    respx.route().mock(side_effect=answer)
    fetched = await searched(http)
    assert (count, kind_of(fetched)) == (LIMITS.pages, FaultKind.TRUNCATED)
    assert fetched.resources == (level(1), level(2), level(3))


@respx.mock
async def test_paging_in_a_circle_stops_and_says_so(http: httpx.AsyncClient) -> None:
    route = respx.route().mock(return_value=page(level(), following=f"{BASE}?page=1"))
    fetched = await searched(http)
    assert (route.call_count, kind_of(fetched)) == (2, FaultKind.TRUNCATED)


@pytest.mark.parametrize(
    "second",
    [
        httpx.Response(500),
        httpx.Response(401),
        httpx.Response(200, html="<p>"),
        httpx.ReadTimeout("slow"),
        outcome(),
        httpx.Response(302, headers={"Location": BASE}),
        httpx.Response(200, content=b" " * 20_001),
    ],
)
@respx.mock
async def test_a_page_that_fails_in_the_middle_keeps_what_was_read(http: httpx.AsyncClient, second: Any) -> None:
    respx.get(f"{BASE}/Observation").mock(return_value=page(level(1), following=f"{BASE}?page=2"))
    respx.get(BASE, params={"page": "2"}).mock(side_effect=_one_after_another([second]))
    fetched = await searched(http)
    assert (fetched.resources, kind_of(fetched)) == ((level(1),), FaultKind.TRUNCATED)


@respx.mock
async def test_where_the_newest_suffice_one_page_is_enough(http: httpx.AsyncClient) -> None:
    encounter = {"resourceType": "Encounter", "id": "e1"}
    route = respx.route().mock(return_value=page(encounter, following=f"{BASE}?page=2"))
    fetched = await FhirClient(http, LIMITS).search(SERVER, ENCOUNTER, "p1", soon())
    assert (fetched, route.call_count) == (Fetched((encounter,)), 1)


@respx.mock
async def test_total_is_not_relied_on_unless_nothing_came(http: httpx.AsyncClient) -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 5}
    respx.route().mock(return_value=httpx.Response(200, json=bundle | {"entry": [{"resource": level()}]}))
    assert await searched(http) == Fetched((level(),))
    respx.route().mock(return_value=httpx.Response(200, json=bundle))
    assert kind_of(await searched(http)) is FaultKind.WRONG_RESOURCE


@respx.mock
async def test_deadline_cuts_a_hang_short_and_keeps_what_was_read(http: httpx.AsyncClient) -> None:
    client = FhirClient(http, FetchLimits(request_seconds=10))
    respx.get(f"{BASE}/Observation").mock(return_value=page(level(1), following=f"{BASE}?page=2"))
    respx.get(BASE, params={"page": "2"}).mock(side_effect=hangs)
    started = asyncio.get_running_loop().time()
    fetched = await client.search(SERVER, LEVELS, "p1", soon(0.1))
    assert asyncio.get_running_loop().time() - started < 1
    assert (fetched.resources, kind_of(fetched)) == ((level(1),), FaultKind.TRUNCATED)


@respx.mock
async def test_past_the_deadline_nothing_is_awaited(http: httpx.AsyncClient) -> None:
    respx.route().mock(side_effect=hangs)
    assert kind_of(await searched(http, seconds=-1)) is FaultKind.TIMEOUT


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, json={"resourceType": "Patient", "id": "p1"}), None),
        (httpx.Response(404), FaultKind.NOT_FOUND),
        (httpx.Response(410), FaultKind.NOT_FOUND),
        (httpx.Response(200, json={"resourceType": "Patient", "id": "p2"}), FaultKind.WRONG_RESOURCE),
        (outcome(), FaultKind.OPERATION_OUTCOME),
        (httpx.Response(200, html="<p>"), FaultKind.NOT_JSON),
    ],
)
@respx.mock
async def test_read(http: httpx.AsyncClient, answer: httpx.Response, kind: FaultKind | None) -> None:
    respx.get(f"{BASE}/Patient/p1").mock(return_value=answer)
    fetched = await FhirClient(http, LIMITS).read(SERVER, "Patient/p1", soon())
    assert kind_of(fetched) is kind
    assert bool(fetched.resources) is (kind is None)


@pytest.mark.parametrize(
    "reference", ["Patient/..", "https://evil.example/Patient/p1", "#p", "Patient/a?b", "../Patient/1"]
)
@respx.mock
async def test_a_reference_that_leads_away_is_not_read(http: httpx.AsyncClient, reference: str) -> None:
    fetched = await FhirClient(http, LIMITS).read(SERVER, reference, soon())
    assert kind_of(fetched) is FaultKind.NOT_ALLOWED
    assert not respx.calls


@pytest.mark.parametrize("patient_id", ["p1,p2", "../p", "", "p1&patient=p2", "p 1"])
@respx.mock
async def test_an_id_that_could_widen_a_search_is_refused(http: httpx.AsyncClient, patient_id: str) -> None:
    fetched = await FhirClient(http, LIMITS).search(SERVER, PROBLEMS, patient_id, soon())
    assert kind_of(fetched) is FaultKind.NOT_ALLOWED
    assert not respx.calls


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (FhirServer("http://fhir.example.org/r4"), FaultKind.NOT_ALLOWED),
        (FhirServer("ftp://fhir.example.org/r4"), FaultKind.NOT_ALLOWED),
        (FhirServer("https://user@fhir.example.org/r4"), FaultKind.NOT_ALLOWED),
        (FhirServer("nonsense"), FaultKind.NOT_ALLOWED),
        (FhirServer("https://xn--a/r4"), FaultKind.NOT_ALLOWED),
        (FhirServer(BASE, "two words"), FaultKind.UNAUTHORIZED),
        (FhirServer(BASE, "a\r\nX-Injected: 1"), FaultKind.UNAUTHORIZED),
        (FhirServer(BASE, "tökén"), FaultKind.UNAUTHORIZED),
    ],
)
@respx.mock
async def test_servers_that_are_not_asked(http: httpx.AsyncClient, server: FhirServer, kind: FaultKind) -> None:
    assert kind_of(await searched(http, server=server)) is kind
    assert not respx.calls


@respx.mock
async def test_plain_http_named_on_purpose_is_asked(http: httpx.AsyncClient) -> None:
    respx.get("http://hapi:8080/fhir/Observation").mock(return_value=page(level()))
    assert (await searched(http, server=FhirServer("http://hapi:8080/fhir", permits_plain_http=True))).is_complete


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip", "identity"])
@respx.mock
async def test_packed_answers_are_read(http: httpx.AsyncClient, encoding: str) -> None:
    body = orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": level() | {"note": "\u0022" * 70_000}}]})
    packed = {"deflate": zlib.compress(body), "identity": body}.get(encoding, gzip.compress(body))
    respx.route().mock(return_value=httpx.Response(200, headers={"Content-Encoding": encoding}, content=packed))
    roomy = FhirClient(http, FetchLimits(bytes_per_answer=200_000))
    (resource,) = (await roomy.search(SERVER, LEVELS, "p1", soon())).resources
    assert len(resource["note"]) == 70_000


@respx.mock
async def test_the_searches_of_one_call_share_what_they_may_read(http: httpx.AsyncClient) -> None:
    respx.route().mock(side_effect=lambda request: page(level(), level(), following=f"{request.url}&p=1"))
    limits = FetchLimits(bytes_per_call=3_000, resources_per_call=4, backoff_seconds=0.01)
    client = FhirClient(http, limits)
    call = client.for_one_call()
    first, second = [await call.search(SERVER, LEVELS, "p1", soon()) for _ in range(2)]
    assert (len(first.resources), kind_of(first)) == (4, FaultKind.TRUNCATED)
    assert (len(second.resources), kind_of(second)) == (2, FaultKind.TRUNCATED)
    for _ in range(20):
        last = await call.search(SERVER, LEVELS, "p1", soon())
    assert (last.resources, kind_of(last)) == ((), FaultKind.TOO_LARGE)
    assert (await client.for_one_call().search(SERVER, LEVELS, "p1", soon())).resources


async def test_connection_refused_for_real(http: httpx.AsyncClient, unused_tcp_port: int) -> None:
    fetched = await searched(http, server=FhirServer(f"http://127.0.0.1:{unused_tcp_port}/fhir"))
    assert kind_of(fetched) is FaultKind.UNREACHABLE


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"resourceType":', FaultKind.UNREACHABLE),
        (b"this is not HTTP\r\n\r\n", FaultKind.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\nplain text", FaultKind.NOT_JSON),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + BOMB, FaultKind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + EMPTY[:-4], FaultKind.NOT_JSON),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + EMPTY * 2, FaultKind.NOT_JSON),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nConnection: close\r\n\r\n" + BOMB, FaultKind.NOT_JSON),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n     \r\n", None),
    ],
    ids=["cut off", "not HTTP", "not gzip", "a gzip bomb", "cut gzip", "two of it", "a bomb in a bomb", "drip-fed"],
)
async def test_a_socket_that_misbehaves(http: httpx.AsyncClient, answer: bytes, kind: FaultKind | None) -> None:
    answered, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        while kind is None and not answered.is_set():  # every byte arrives in time, the answer never does
            writer.write(b"1\r\n \r\n")
            await asyncio.sleep(0.02)
        writer.close()
        closed.set()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    fetched = await searched(http, server=FhirServer(f"http://127.0.0.1:{port}/fhir"))
    answered.set()
    await closed.wait()
    listener.close()
    assert kind_of(fetched) is (kind or FaultKind.TIMEOUT)


@respx.mock
async def test_one_patients_cookies_do_not_travel_with_the_next_request(http: httpx.AsyncClient) -> None:
    answer = httpx.Response(200, headers={"Set-Cookie": "session=p1"}, content=orjson.dumps({"resourceType": "Bundle"}))
    route = respx.route().mock(return_value=answer)
    await searched(http)
    await searched(http)
    assert "Cookie" not in route.calls.last.request.headers


@respx.mock
async def test_neither_patient_nor_token_reaches_the_log(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    respx.route().mock(return_value=page(level()))
    await searched(http)
    assert "p1" not in caplog.text
    assert "token-1" not in caplog.text
