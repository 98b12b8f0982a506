"""Bulk Data export against a server on a real socket: polling, back-off, resuming, tokens and refusals."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.population.backend_token import BackendToken, TokenError, signing_key, token_url_of
from cds_service.population.export import BulkExport, ExportError, ExportLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PATIENTS = b'{"resourceType":"Patient","id":"p1"}\n'
RESULTS = b'{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/p1"}}\n'
KICK_OFF, STATUS, FILE_1, FILE_2, TOKEN = "/fhir/Patient/$export", "/jobs/1", "/files/1", "/files/2", "/token"


@dataclass(frozen=True)
class Reply:
    """What the server answers once: status, headers and body; `cut` breaks the connection before the end."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


@dataclass
class Server:
    """A server that answers each path with its replies in turn, the last one for ever; remembers what was asked."""

    base: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    def next_reply(self, path: str) -> Reply:
        waiting = self.replies.get(path, [Reply(404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    def ready(self, **manifest: Any) -> None:
        """A whole export of two files."""
        root = self.base.removesuffix("/fhir")
        listed = {
            "requiresAccessToken": True,
            "output": [
                {"type": "Patient", "url": f"{root}{FILE_1}"},
                {"type": "Observation", "url": f"{root}{FILE_2}"},
            ],
            "error": [],
        }
        self.replies |= {
            KICK_OFF: [Reply(202, {"Content-Location": f"{root}{STATUS}"})],
            STATUS: [Reply(body=json.dumps(listed | manifest).encode())],
            FILE_1: [Reply(body=PATIENTS)],
            FILE_2: [Reply(body=RESULTS)],
        }


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of 127.0.0.1."""
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            path = urlsplit(self.path).path
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            known.asked.append((self.command, path, dict(self.headers.items()), body or urlsplit(self.path).query))
            reply = Reply(202) if self.command == "DELETE" else known.next_reply(path)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + (1000 if reply.cut else 0)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = True

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names http.server calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    known.base = f"http://127.0.0.1:{server.server_port}/fhir"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as known:
        known.ready()
        yield known


@dataclass
class Told:
    """What an export waited for and said."""

    waits: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def export(server: Server, folder: Path, told: Told | None = None, **changes: Any) -> BulkExport:
    told = told or Told()
    return BulkExport(server.base, folder, told.waits.append, tell=lambda far: told.words.append(far.words), **changes)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WHOLE = {"Patient-output-00001.ndjson": PATIENTS, "Observation-output-00002.ndjson": RESULTS}


def test_everything_is_fetched_and_nothing_is_left_behind(server: Server, tmp_path: Path) -> None:
    assert export(server, tmp_path).run() == 2
    assert files(tmp_path) == WHOLE
    assert server.paths() == [KICK_OFF, STATUS, FILE_1, FILE_2, STATUS]
    method, _, headers, query = server.asked[0]
    assert (method, headers["Prefer"]) == ("GET", "respond-async")
    types = parse_qs(query)["_type"][0].split(",")
    assert {"Medication", "Observation", "Patient"} <= set(types)
    assert "MedicationOrder" not in types  # of DSTU2: an R4 server refuses the whole request for it
    assert server.asked[-1][0] == "DELETE"


def test_the_server_says_when_to_ask_again(server: Server, tmp_path: Path) -> None:
    server.replies[STATUS] = [
        Reply(202, {"Retry-After": "7", "X-Progress": "half"}),
        Reply(202),
        Reply(202),
        Reply(429, {"Retry-After": "30"}),
        Reply(503),
        Reply(202, {"Retry-After": "100000"}),
        *server.replies[STATUS],
    ]
    told = Told()
    export(server, tmp_path, told).run()
    assert told.waits == [7, 4, 8, 30, 4, 120]
    assert {"half", "the server is busy"} <= set(told.words)


def test_waiting_has_an_end(server: Server, tmp_path: Path) -> None:
    server.replies[STATUS] = [Reply(202)]
    told = Told()
    with pytest.raises(ExportError, match="took too long"):
        export(server, tmp_path, told, limits=ExportLimits(all_waits_s=100)).run()
    assert sum(told.waits) <= 100


def test_a_server_that_stays_busy_is_left_alone(server: Server, tmp_path: Path) -> None:
    server.replies[KICK_OFF] = [Reply(429)]
    with pytest.raises(ExportError, match="stayed busy"):
        export(server, tmp_path, limits=ExportLimits(tries=3)).run()
    assert server.paths() == [KICK_OFF] * 3


def test_a_broken_file_is_fetched_again_and_the_others_are_not(server: Server, tmp_path: Path) -> None:
    server.replies[FILE_2] = [Reply(body=RESULTS[:20], cut=True), Reply(body=RESULTS)]
    with pytest.raises(ExportError, match="broke off"):
        export(server, tmp_path).run()
    assert "Observation-output-00002.ndjson" not in files(tmp_path)
    export(server, tmp_path).run()
    assert files(tmp_path) == WHOLE
    assert server.paths() == [KICK_OFF, STATUS, FILE_1, FILE_2, FILE_2, STATUS]


def test_preparation_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.replies[STATUS] = [Reply(202), *server.replies[STATUS]]
    with pytest.raises(ExportError, match="took too long"):
        export(server, tmp_path, limits=ExportLimits(all_waits_s=0)).run()
    export(server, tmp_path).run()
    assert server.paths().count(KICK_OFF) == 1


def test_an_export_the_server_forgot_is_begun_again(server: Server, tmp_path: Path) -> None:
    server.replies[STATUS] = [Reply(404), *server.replies[STATUS]]
    with pytest.raises(ExportError, match="call again to begin another"):
        export(server, tmp_path).run()
    assert export(server, tmp_path).run() == 2


def test_another_servers_export_is_not_mixed_in(server: Server, tmp_path: Path) -> None:
    server.replies[STATUS] = [Reply(500)]
    with pytest.raises(ExportError, match="failed on the server"):
        export(server, tmp_path).run()
    with serving() as other, pytest.raises(ExportError, match="another server"):
        export(other, tmp_path).run()


def test_a_server_that_exports_no_medications_with_patients_is_asked_without(server: Server, tmp_path: Path) -> None:
    server.replies[KICK_OFF].insert(0, Reply(400))
    told = Told()
    assert export(server, tmp_path, told).run() == 2
    asked = [set(parse_qs(query)["_type"][0].split(",")) for _, path, _, query in server.asked if path == KICK_OFF]
    assert asked[0] - asked[1] == {"Medication"}
    assert told.words[0].startswith("without Medication")


REFUSED = [
    pytest.param({KICK_OFF: [Reply(400)]}, "does not offer", id="refused as asked"),
    pytest.param({KICK_OFF: [Reply(404)]}, "does not offer", id="no $export"),
    pytest.param({KICK_OFF: [Reply(501)]}, "does not offer", id="not implemented"),
    pytest.param({KICK_OFF: [Reply(202)]}, "did not begin", id="no place to ask"),
    pytest.param({KICK_OFF: [Reply(202, {"Content-Location": "http://other.example.org/1"})]}, "did not begin",
                 id="elsewhere"),
    pytest.param({KICK_OFF: [Reply(302, {"Location": "http://other.example.org/"})]}, "did not begin", id="led away"),
    pytest.param({STATUS: [Reply(body=b"[]")]}, "list of files", id="no manifest"),
    pytest.param({STATUS: [Reply(body=b"x")]}, "list of files", id="no JSON"),
    pytest.param({STATUS: [Reply(body=b'{"output":[{"type":"../x","url":"u"}]}')]}, "list of files", id="odd type"),
    pytest.param({FILE_1: [Reply(410)]}, "could not be fetched", id="file gone"),
]  # fmt: skip


@pytest.mark.parametrize(("replies", "words"), REFUSED)
def test_what_a_server_does_wrong_is_said(
    server: Server, tmp_path: Path, replies: dict[str, list[Reply]], words: str
) -> None:
    server.replies |= replies
    with pytest.raises(ExportError, match=words):
        export(server, tmp_path).run()


def test_a_file_too_large_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="larger"):
        export(server, tmp_path, limits=ExportLimits(file_bytes=10)).run()


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with serving() as gone:
        pass
    with pytest.raises(ExportError, match="cannot be reached"):
        export(gone, tmp_path).run()


def test_errors_of_the_export_are_part_of_it(server: Server, tmp_path: Path) -> None:
    root = server.base.removesuffix("/fhir")
    server.ready(error=[{"type": "OperationOutcome", "url": f"{root}{FILE_2}"}])
    assert export(server, tmp_path).run() == 3
    assert "OperationOutcome-error-00003.ndjson" in files(tmp_path)


# Tokens


def key_file(folder: Path, key: ECKey | RSAKey) -> Path:
    path = folder / "key.json"
    path.write_text(json.dumps(key.as_dict(private=True) | {"kid": "k1"}), encoding="utf-8")
    return path


def token_for(server: Server, folder: Path, key: ECKey | RSAKey, clock: list[datetime]) -> BackendToken:
    url = f"{server.base.removesuffix('/fhir')}{TOKEN}"
    return BackendToken(url, "client-1", signing_key(key_file(folder, key)), "system/*.read", lambda: clock[0])


KEYS = [
    pytest.param(ECKey.generate_key("P-384"), "ES384", id="P-384"),
    pytest.param(ECKey.generate_key("P-256"), "ES256", id="P-256"),
    pytest.param(RSAKey.generate_key(2048), "RS384", id="RSA"),
]


@pytest.mark.parametrize(("key", "algorithm"), KEYS)
def test_a_signed_assertion_buys_a_token(server: Server, tmp_path: Path, key: ECKey | RSAKey, algorithm: str) -> None:
    server.replies[TOKEN] = [Reply(body=b'{"access_token":"secret-1","token_type":"bearer","expires_in":300}')]
    token = token_for(server, tmp_path, key, [NOW])
    export(server, tmp_path / "out", token=token).run()
    form = parse_qs(server.asked[0][3])
    assert form["grant_type"] == ["client_credentials"]
    told = jwt.decode(form["client_assertion"][0], key, algorithms=[algorithm])
    assert told.header | {"typ": "JWT"} == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    assert (told.claims["iss"], told.claims["sub"], told.claims["aud"]) == ("client-1", "client-1", token.token_url)
    assert 0 < told.claims["exp"] - NOW.timestamp() <= 300
    assert {h.get("Authorization") for _, path, h, _ in server.asked if path != TOKEN} == {"Bearer secret-1"}
    assert server.paths().count(TOKEN) == 1
    assert "secret-1" not in repr(token)


def test_a_token_is_renewed_before_it_ends_and_when_it_is_refused(server: Server, tmp_path: Path) -> None:
    server.replies[TOKEN] = [
        Reply(body=b'{"access_token":"a","expires_in":300}'),
        Reply(body=b'{"access_token":"b","expires_in":300}'),
        Reply(body=b'{"access_token":"c","expires_in":300}'),
    ]
    clock = [NOW]
    token = token_for(server, tmp_path, ECKey.generate_key("P-384"), clock)
    assert token.header() == token.header() == {"Authorization": "Bearer a"}
    clock[0] = NOW + timedelta(seconds=271)
    assert token.header() == {"Authorization": "Bearer b"}
    server.replies[KICK_OFF] = [Reply(401), *server.replies[KICK_OFF]]
    export(server, tmp_path / "out", token=token).run()
    assert server.asked[-1][2]["Authorization"] == "Bearer c"


def test_a_token_never_leaves_for_another_origin_or_without_need(server: Server, tmp_path: Path) -> None:
    server.replies[TOKEN] = [Reply(body=b'{"access_token":"a","expires_in":300}')]
    with serving() as other:
        other.ready()
        elsewhere = f"{other.base.removesuffix('/fhir')}{FILE_1}"
        root = server.base.removesuffix("/fhir")
        server.ready(output=[{"type": "Patient", "url": elsewhere}, {"type": "Observation", "url": f"{root}{FILE_2}"}])
        export(server, tmp_path / "out", token=token_for(server, tmp_path, ECKey.generate_key("P-384"), [NOW])).run()
        assert "Authorization" not in other.asked[0][2]
    server.ready(requiresAccessToken=False)
    export(server, tmp_path / "out2", token=token_for(server, tmp_path, ECKey.generate_key("P-384"), [NOW])).run()
    assert [h.get("Authorization") for _, path, h, _ in server.asked[-3:] if path in {FILE_1, FILE_2}] == [None, None]


BAD_TOKENS = [
    pytest.param(Reply(400, body=b'{"error":"invalid_client"}'), "HTTP 400", id="refused"),
    pytest.param(Reply(body=b"x"), "JSON", id="no JSON"),
    pytest.param(Reply(body=b"[]"), "refused", id="no object"),
    pytest.param(Reply(body=b"{}"), "without a usable token", id="no token"),
    pytest.param(Reply(body=b'{"access_token":"a\\nb"}'), "without a usable token", id="two lines"),
]


@pytest.mark.parametrize(("reply", "words"), BAD_TOKENS)
def test_a_token_endpoint_that_refuses_is_said(server: Server, tmp_path: Path, reply: Reply, words: str) -> None:
    server.replies[TOKEN] = [reply]
    with pytest.raises(TokenError, match=words):
        token_for(server, tmp_path, ECKey.generate_key("P-384"), [NOW]).header()


BAD_KEYS = [
    pytest.param("x", "no JWK", id="no JSON"),
    pytest.param("{}", "no JWK", id="no key"),
    pytest.param(json.dumps(ECKey.generate_key("P-384").as_dict(private=True)), "kid", id="no kid"),
    pytest.param(json.dumps(ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "a"}), "private", id="public"),
    pytest.param(json.dumps(ECKey.generate_key("P-521").as_dict(private=True) | {"kid": "a"}), "P-384", id="curve"),
]


@pytest.mark.parametrize(("content", "words"), BAD_KEYS)
def test_a_key_that_cannot_sign_is_said(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TokenError, match=words):
        signing_key(path)
    with pytest.raises(TokenError, match="cannot be read"):
        signing_key(tmp_path / "absent.json")


def test_the_token_endpoint_is_found_in_the_smart_configuration(server: Server) -> None:
    path = "/fhir/.well-known/smart-configuration"
    server.replies[path] = [Reply(body=b'{"token_endpoint":"https://auth.example.org/token"}'), Reply(body=b"[]")]
    assert token_url_of(server.base, requests.Session()) == "https://auth.example.org/token"
    with pytest.raises(TokenError, match="no token endpoint"):
        token_url_of(server.base, requests.Session())


def test_the_command_fetches_what_evaluate_reads(server: Server, tmp_path: Path) -> None:
    runner = CliRunner()
    options = ["--fhir-base", server.base, "--output", str(tmp_path / "in")]
    assert runner.invoke(app, ["export", *options]).exit_code == 0
    done = runner.invoke(app, ["evaluate", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")])
    assert "1 patients, 0 instants" in done.output
    assert runner.invoke(app, ["export", *options, "--client-id", "x"]).exit_code == 2
    assert runner.invoke(app, ["export", *options, "--group", "../x"]).exit_code == 2
