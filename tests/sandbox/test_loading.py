"""Loading writes what is needed, believes only what it reads back, and names every failure."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import requests
import uvicorn

from cds_service.sandbox.fixtures import FixtureCase, load_cases
from cds_service.sandbox.loading import LoadFailure, load_fixtures
from cds_service.sandbox.server import fhir_app
from cds_service.sandbox.store import ResourceStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANCHOR = datetime(2026, 1, 15, 12, tzinfo=UTC)


def case(slug: str = "one") -> FixtureCase:
    level: dict[str, Any] = {
        "resourceType": "Observation",
        "id": f"{slug}-level",
        "subject": {"reference": f"Patient/{slug}"},
        "effectiveDateTime": "2026-01-15T09:00:00Z",
        "valueQuantity": {"value": 182.0, "unit": "mg/L"},
        "category": [{"text": "laboratory"}],
    }
    resources: list[dict[str, Any]] = [level, {"resourceType": "Patient", "id": slug, "meta": {"tag": [{"code": "x"}]}}]
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
        for each in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return FixtureCase(slug, "A case", ANCHOR, bundle, {})


@pytest.fixture
def store() -> ResourceStore:
    return ResourceStore()


@pytest.fixture
def base(store: ResourceStore) -> Iterator[str]:
    """The embedded server over a real socket, since loading uses requests."""
    server = uvicorn.Server(uvicorn.Config(fhir_app(store), port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class Scripted(requests.Session):
    """A session that answers by script instead of by network, and remembers what it was asked."""

    def __init__(self, script: Callable[[str, str, Any], tuple[int, Any]]) -> None:
        super().__init__()
        self.script, self.asked = script, list[tuple[str, str]]()

    def request(self, method: str | bytes, url: str | bytes, *_: Any, **more: Any) -> requests.Response:
        self.asked.append((str(method), str(url).removeprefix("http://fhir.example/")))
        status, body = self.script(str(method), str(url), more.get("json"))
        response = requests.Response()
        response.status_code = status
        response._content = body if isinstance(body, bytes) else orjson.dumps(body)  # noqa: SLF001 -- how requests is faked
        return response


def stored(
    changes: dict[str, Any] | None = None, refused: int | None = None
) -> Callable[[str, str, Any], tuple[int, Any]]:
    """A server that keeps what it is sent, changes it on the way, or refuses transactions."""
    kept: dict[str, Any] = {}

    def script(method: str, url: str, body: Any) -> tuple[int, Any]:
        where = "/".join(url.split("/")[-2:])
        if method == "GET":
            return (200, kept[where] | (changes or {})) if where in kept else (404, {})
        if method == "POST" and refused:
            return refused, {}
        sent = [entry["resource"] for entry in body["entry"]] if method == "POST" else [body]
        kept.update({f"{each['resourceType']}/{each['id']}": each for each in sent})
        return 200, {}

    return script


def test_loads_moves_and_reads_back(base: str, store: ResourceStore) -> None:
    told: list[str] = []
    with requests.Session() as session:
        report = load_fixtures(
            f"{base}/",
            [case("one"), case("two")],
            ANCHOR + timedelta(hours=2),
            session=session,
            on_progress=lambda done: told.append(done.slug),
        )
    assert report.is_complete
    assert (report.loaded, report.resources, told) == (("one", "two"), 4, ["one", "two"])
    level = store.get("Observation", "one-level")
    assert level is not None
    assert level["effectiveDateTime"] == "2026-01-15T11:00:00Z"


def test_loading_twice_is_loading_once(base: str, store: ResourceStore) -> None:
    with requests.Session() as session:
        reports = [load_fixtures(base, [case()], ANCHOR, session=session) for _ in range(2)]
    assert all(report.is_complete for report in reports)
    assert len(store.all("Observation")) == len(store.all("Patient")) == 1


@pytest.mark.parametrize("status", [400, 404, 405, 422, 500, 501])
def test_without_transactions_each_resource_is_put_the_patient_first(status: int) -> None:
    session = Scripted(stored(refused=status))
    assert load_fixtures("http://fhir.example", [case()], ANCHOR, session=session).is_complete
    assert [asked for asked in session.asked if asked[0] == "PUT"] == [
        ("PUT", "Patient/one"),
        ("PUT", "Observation/one-level"),
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_does_not_let_us_in_is_not_pressed(status: int) -> None:
    session = Scripted(stored(refused=status))
    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=session)
    assert [asked[0] for asked in session.asked] == ["POST"]
    assert {failure.reason for failure in report.failures} == {f"HTTP {status}"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"valueQuantity": {"value": 18.2, "unit": "mg/L"}}, "valueQuantity.value"),
        ({"valueQuantity": {"value": 182.0}}, "valueQuantity.unit"),
        ({"valueQuantity": "182"}, "valueQuantity.value"),
        ({"effectiveDateTime": "2026-01-15T09:00:00"}, "effectiveDateTime"),
        ({"subject": {}}, "subject.reference"),
        ({"category": [{"text": "imaging"}]}, "category.0.text"),
        ({"category": []}, "category"),
        ({"category": "laboratory"}, "category"),
        ({"id": "other"}, "id"),
        ({"resourceType": "Basic"}, "resourceType"),
    ],
)
def test_a_resource_the_server_changed_is_not_loaded(changes: dict[str, Any], place: str) -> None:
    session = Scripted(stored(changes))
    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=session)
    assert report.loaded == ()
    assert LoadFailure("one", "Observation/one-level", f"read back: {place} differs") in report.failures


@pytest.mark.parametrize(
    "changes", [{"meta": {"versionId": "7"}}, {"text": {"status": "generated"}}, {"extension": [{"url": "x"}]}]
)
def test_what_a_server_adds_is_no_difference(changes: dict[str, Any]) -> None:
    assert load_fixtures("http://fhir.example", [case()], ANCHOR, session=Scripted(stored(changes))).is_complete


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"<html>"), "read back: not JSON"),
        ((200, []), "read back: id differs"),
        ((404, {}), "read back: HTTP 404"),
        ((500, {"issue": [{"diagnostics": "disk full"}]}), "read back: HTTP 500: disk full"),
        ((500, {"issue": ["garbage"]}), "read back: HTTP 500"),
    ],
)
def test_what_cannot_be_read_back_is_not_loaded(answer: tuple[int, Any], reason: str) -> None:
    session = Scripted(lambda method, _url, _body: answer if method == "GET" else (200, {}))
    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=session)
    assert len(report.failures) == 2
    assert LoadFailure("one", "Patient/one", reason) in report.failures or "id" in reason


def test_a_put_that_fails_is_named_once() -> None:
    def script(method: str, url: str, _body: Any) -> tuple[int, Any]:
        if method == "PUT" and "Observation" in url:
            return 422, {"issue": [{"code": "invalid", "diagnostics": "no status"}]}
        return (200, {"resourceType": "Patient", "id": "one"}) if method in {"GET", "PUT"} else (501, {})

    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=Scripted(script))
    assert report.failures == (LoadFailure("one", "Observation/one-level", "HTTP 422: no status"),)
    assert report.resources == 1


def test_a_server_that_goes_away_between_reading_and_writing_is_named() -> None:
    def script(method: str, url: str, _body: Any) -> tuple[int, Any]:
        if method == "POST":
            return 501, {}
        if method == "PUT" and "Observation" in url:
            raise requests.Timeout
        return 200, {"resourceType": "Patient", "id": "one"}

    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=Scripted(script))
    assert report.failures == (LoadFailure("one", "Observation/one-level", "PUT failed (Timeout)"),)


def test_a_server_that_goes_away_before_reading_back_is_named() -> None:
    def script(method: str, _url: str, _body: Any) -> tuple[int, Any]:
        if method == "GET":
            raise requests.ConnectionError
        return 200, {}

    report = load_fixtures("http://fhir.example", [case()], ANCHOR, session=Scripted(script))
    assert {failure.reason for failure in report.failures} == {"GET failed (ConnectionError)"}


def test_an_unreachable_server_is_named(unused_tcp_port: int) -> None:
    with requests.Session() as session:
        report = load_fixtures(f"http://127.0.0.1:{unused_tcp_port}", [case()], ANCHOR, session=session)
    assert not report.is_complete
    assert {failure.reason for failure in report.failures} == {"POST failed (ConnectionError)"}


def test_every_case_of_the_project_loads(base: str) -> None:
    with requests.Session() as session:
        report = load_fixtures(base, load_cases(), ANCHOR, session=session)
    assert report.failures == ()
