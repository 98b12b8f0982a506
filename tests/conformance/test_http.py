"""HTTP: methods, media types, errors and cross-origin calls, on every route there is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from tests.conformance.requirement import BALLOT, FETCH, HTTP, Level, shows
from tests.conformance.schemas import OUTCOME, complaints
from tests.hooks.service import VIEW, Json, order, service, topics, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = {"Origin": "https://ehr.test"}
GET_ROUTES = ("/", "/cds-services", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
POST_ROUTES = (VIEW, "/cds-services/iv-nac-order-select", "/cds-services/iv-nac-order-sign")
ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "not-supported", "not-found", "security", "timeout", "too-long",
    "incomplete", "exception",
}  # fmt: skip


def failing_clock() -> datetime:
    raise RuntimeError


async def never_ending() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


def small(**settings: Any) -> Any:
    return service(max_body_bytes=100_000, **settings)


FAILURES = [
    pytest.param("POST", VIEW, {"content": b"{"}, {}, 400, id="400"),
    pytest.param("POST", "/cds-services/none", {"json": {}}, {}, 404, id="404 service"),
    pytest.param("GET", "/nowhere", {}, {}, 404, id="404 path"),
    pytest.param("GET", VIEW, {}, {}, 405, id="405"),
    pytest.param("POST", VIEW, {"content": never_ending}, {"deadline_seconds": 0.5}, 408, id="408"),
    pytest.param("POST", VIEW, {"json": view(prefetch=None)}, {}, 412, id="412"),
    pytest.param("POST", VIEW, {"content": b" " * 100_001}, {}, 413, id="413"),
    pytest.param("POST", VIEW, {"content": b"x", "headers": {"Content-Type": "text/html"}}, {}, 415, id="415"),
    pytest.param("POST", VIEW, {"json": view()}, {"clock": failing_clock}, 500, id="500"),
]


@shows("H1", "HTTP Status Codes", Level.MAY, "Failures are 4xx and 5xx; the body never holds cards.")
@shows(
    "H2", "Returning OperationOutcome", Level.SHOULD, "Every failure has an OperationOutcome as body.", source=BALLOT
)
@shows("H3", "Cross-Origin Resource Sharing", Level.MUST, "Failures can be read by a browser client too.", source=FETCH)
@pytest.mark.parametrize(("method", "path", "sent", "settings", "status"), FAILURES)
async def test_every_failure_is_an_outcome(
    method: str, path: str, sent: dict[str, Any], settings: Json, status: int
) -> None:
    content = sent.get("content")
    sent = sent | ({"content": content()} if callable(content) else {})
    sent["headers"] = {**ORIGIN, **sent.get("headers", {})}
    async with small(**settings) as client:
        answer = await client.request(method, path, **sent)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert complaints(OUTCOME, answer.json()) == []
    OperationOutcome.model_validate(answer.json())
    assert {issue["code"] for issue in answer.json()["issue"]} <= ISSUE_TYPES


@shows("H4", "Cross-Origin Resource Sharing", Level.MUST, "A preflight is answered on every route.", source=FETCH)
@pytest.mark.parametrize(
    ("path", "method"), [*((path, "GET") for path in GET_ROUTES), *((path, "POST") for path in POST_ROUTES)]
)
async def test_browsers_may_ask_first(client: httpx.AsyncClient, path: str, method: str) -> None:
    asking = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-request-id",
    }
    answer = await client.options(path, headers=ORIGIN | asking)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers


@shows("H5", "Cross-Origin Resource Sharing", Level.MUST, "A configured list of origins is kept to.", source=FETCH)
async def test_other_origins_are_told_nothing() -> None:
    async with service(cors_origins=("https://ehr.test",)) as client:
        mine = await client.post(VIEW, json=view(), headers=ORIGIN)
        other = await client.post(VIEW, json=view(), headers={"Origin": "https://other.test"})
    assert mine.headers["access-control-allow-origin"] == "https://ehr.test"
    assert "Origin" in mine.headers["vary"]
    assert "access-control-allow-origin" not in other.headers


@shows("H6", "Calling a CDS Service", Level.MUST, "JSON is accepted under each media type that clients send it as.")
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8;odd",
        "application/fhir+json",
        "application/json+fhir",
        "application/cds-hooks+json",
        "text/json",
        "",
    ],
)
async def test_json_is_accepted_as(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(VIEW, content=json.dumps(view()), headers={"Content-Type": media_type})
    assert topics(answer) == ["not-indicated"]


@shows("H7", "Calling a CDS Service", Level.MUST, "Other media types are refused with 415.", source=HTTP)
@pytest.mark.parametrize(
    "media_type", ["text/plain", "text/html", "application/xml", "multipart/form-data", "application/jsonx", "json"]
)
async def test_other_media_types_are_refused(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(VIEW, content=json.dumps(view()), headers={"Content-Type": media_type})
    assert answer.status_code == 415


@shows("H8", "Calling a CDS Service", Level.MUST, "HEAD answers like GET without a body, on every route.", source=HTTP)
@pytest.mark.parametrize("path", GET_ROUTES)
async def test_head_answers_like_get(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.content == b""


@shows(
    "H9",
    "Calling a CDS Service",
    Level.MUST,
    "A method a route does not know is a 405 that says which it knows.",
    source=HTTP,
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [*GET_ROUTES, VIEW])
async def test_other_methods_are_told_what_is_allowed(client: httpx.AsyncClient, method: str, path: str) -> None:
    known = {"POST", "OPTIONS"} if path == VIEW else {"GET", "HEAD", "OPTIONS"}
    answer = await client.request(method, path)
    if method in known:
        assert answer.status_code != 405
    else:
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == known


@shows("H10", "Calling a CDS Service", Level.MAY, "OPTIONS says which methods a route knows.", source=HTTP)
@pytest.mark.parametrize("path", [*GET_ROUTES, VIEW])
async def test_options_says_what_is_allowed(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(path)
    unknown = await client.options("/nowhere")
    assert answer.status_code == 204
    assert set(answer.headers["allow"].split(", ")) == (
        {"POST", "OPTIONS"} if path == VIEW else {"GET", "HEAD", "OPTIONS"}
    )
    assert unknown.status_code == 404


@shows("H11", "Calling a CDS Service", Level.HOUSE, "Trailing slashes answer the same, never with a redirect.")
@pytest.mark.parametrize("slashes", ["/", "//", "///"])
async def test_trailing_slashes_answer_without_redirect(client: httpx.AsyncClient, slashes: str) -> None:
    listed = await client.get(f"/cds-services{slashes}", follow_redirects=False)
    called = await client.post(f"{VIEW}{slashes}", json=view(), follow_redirects=False)
    assert listed.status_code == 200
    assert topics(called) == ["not-indicated"]


@shows(
    "H12", "Calling a CDS Service", Level.MUST, "Paths are case-sensitive; another spelling is not found.", source=HTTP
)
@pytest.mark.parametrize(
    "path",
    [
        "/CDS-Services",
        "/cds-services/../cds-service",
        "/cds-services//iv-nac-order-sign",
        "/cds-services%2Fiv-nac-order-sign",
    ],
)
async def test_another_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json=order(hook="order-sign"))
    assert answer.status_code == 404


@shows("H13", "Calling a CDS Service", Level.MUST, "Query parameters nobody defined change nothing.", source=HTTP)
async def test_queries_change_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{VIEW}?hook=order-sign&patientId=p2&patientId=p3", json=view())
    assert topics(answer) == ["not-indicated"]


@shows("H14", "Calling a CDS Service", Level.MUST, "Many clients are answered at once, each with its own patient.")
async def test_calls_do_not_mix(client: httpx.AsyncClient) -> None:
    bodies = [view(), order(hook="order-select")] * 5
    paths = [VIEW, "/cds-services/iv-nac-order-select"] * 5
    answers = await asyncio.gather(*(client.post(path, json=body) for path, body in zip(paths, bodies, strict=True)))
    assert [topics(answer) for answer in answers] == [["not-indicated"], ["caution"]] * 5
    assert all(isinstance(answer, httpx.Response) for answer in answers)
