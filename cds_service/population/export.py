"""Fetching a Bulk Data export from a FHIR server: kick-off, patient polling, and every file once.

Knows the Bulk Data Access exchange and requests. What was begun is written down beside the files, so that a later call
goes on where this one stopped. Bounded in time and size. A token goes to the server's own origin only.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import orjson
import requests

from cds_service.fhir.mapping import USED_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cds_service.population.backend_token import BackendToken

_STATE = ".export.json"
_PIECE = 1024 * 1024
_SECONDS = 120.0
_TYPE = re.compile(r"[A-Za-z]{1,64}", re.ASCII)
_BUSY = frozenset({requests.codes.too_many_requests, requests.codes.service_unavailable})
_TYPES = USED_TYPES - {"MedicationOrder"}
"""What is asked for: all that says anything here and that FHIR R4 knows; a server refuses a name it does not."""
_NOT_OFFERED = frozenset({400, 404, 405, 501})


class ExportError(Exception):
    """The export cannot be had or finished; the message says why. Calling again goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """How long and how much: seconds between questions, seconds in all of waiting, tries of one request, bytes."""

    first_wait_s: float = 2.0
    longest_wait_s: float = 120.0
    all_waits_s: float = 24 * 3600.0
    tries: int = 8
    file_bytes: int = 64 * 1024**3


@dataclass(slots=True)
class ExportFile:
    """One file of the manifest and the name it is kept under."""

    name: str
    url: str
    needs_token: bool
    is_done: bool = False


@dataclass(slots=True)
class ExportState:
    """What was begun: the server, where it tells how far it is, and the files once it is done."""

    base: str
    status_url: str
    files: list[ExportFile] = field(default_factory=list)
    is_listed: bool = False


@dataclass(frozen=True, slots=True)
class HowFar:
    """How far an export is: what the server says of itself, and files fetched of all (0 of 0 while it prepares)."""

    words: str
    done: int = 0
    all: int = 0


@dataclass(slots=True)
class BulkExport:
    """One export of the types that say anything here, from `base` into `folder`.

    `wait` sleeps so many seconds. `group`: the id of the Group that is exported; None: every patient.
    """

    base: str
    folder: Path
    wait: Callable[[float], None]
    token: BackendToken | None = None
    group: str | None = None
    limits: ExportLimits = ExportLimits()
    session: requests.Session = field(default_factory=requests.Session)
    tell: Callable[[HowFar], None] = lambda _: None
    _waited_s: float = 0.0

    def run(self) -> int:
        """Fetch everything; returns the number of files. Raises `ExportError` or `TokenError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self._known() or self._begun()
        if not state.is_listed:
            state.files = self._prepared(state)
            state.is_listed = True
            self._keep(state)
        for number, file in enumerate(state.files):
            self.tell(HowFar("files", number, len(state.files)))
            if not file.is_done:
                self._fetch(file)
                file.is_done = True
                self._keep(state)
        self.tell(HowFar("files", len(state.files), len(state.files)))
        self._tidied(state)
        return len(state.files)

    # What was begun

    def _known(self) -> ExportState | None:
        path = self.folder / _STATE
        if not path.exists():
            return None
        told = orjson.loads(path.read_bytes())
        if told["base"] != self.base:
            _fail(f"{self.folder} holds an export that was begun from another server: choose another folder")
        files = [ExportFile(**each) for each in told.pop("files")]
        return ExportState(**told, files=files)

    def _keep(self, state: ExportState) -> None:
        path = self.folder / _STATE
        unfinished = path.with_name(f"{_STATE}.unfinished")
        unfinished.write_bytes(orjson.dumps(asdict(state)))
        unfinished.replace(path)

    def _begun(self) -> ExportState:
        """Ask the server to prepare an export; one that refuses Medication, which is no patient's own, without it."""
        answer = self._kick_off(_TYPES)
        if answer.status_code == requests.codes.bad_request:
            self.tell(HowFar("without Medication, which the server does not export with patients"))
            answer = self._kick_off(_TYPES - {"Medication"})
        place = answer.headers.get("Content-Location", "")
        if answer.status_code in _NOT_OFFERED:
            _fail(f"the server does not offer this export (HTTP {answer.status_code})")
        if answer.status_code != requests.codes.accepted or not self._is_own(place):
            _fail(f"the server did not begin an export (HTTP {answer.status_code})")
        state = ExportState(self.base, place)
        self._keep(state)
        return state

    def _kick_off(self, types: frozenset[str]) -> requests.Response:
        path = "Patient/$export" if self.group is None else f"Group/{self.group}/$export"
        return self._asked(
            "GET",
            f"{self.base}/{path}",
            params={"_type": ",".join(sorted(types)), "_outputFormat": "application/fhir+ndjson"},
            headers={"Accept": "application/fhir+json", "Prefer": "respond-async"},
        )

    def _prepared(self, state: ExportState) -> list[ExportFile]:
        """Wait until the server is done; the files of its manifest."""
        wait_s = self.limits.first_wait_s
        while (answer := self._asked("GET", state.status_url)).status_code == requests.codes.accepted:
            self.tell(HowFar(answer.headers.get("X-Progress", "in preparation")[:80]))
            self._wait(_retry_after_s(answer) or wait_s)
            wait_s = min(wait_s * 2, self.limits.longest_wait_s)
        if answer.status_code in {404, 410}:
            (self.folder / _STATE).unlink()
            _fail("the server does not know this export any more: call again to begin another")
        if answer.status_code != requests.codes.ok:
            _fail(f"the export failed on the server (HTTP {answer.status_code})")
        return _files_in(_json_of(answer))

    def _tidied(self, state: ExportState) -> None:
        """Let the server remove its files; whether it does is its own affair."""
        self._asked("DELETE", state.status_url)
        (self.folder / _STATE).unlink()

    # One request

    def _fetch(self, file: ExportFile) -> None:
        """One file, whole or not at all."""
        target = self.folder / file.name
        unfinished = target.with_name(f".{target.name}.unfinished")
        with self._asked("GET", file.url, is_stream=True, needs_token=file.needs_token) as answer:
            if answer.status_code != requests.codes.ok:
                _fail(f"{file.name} could not be fetched (HTTP {answer.status_code})")
            try:
                self._write(answer, unfinished)
            except requests.RequestException:
                _fail(f"{file.name} broke off: call again to go on")
        unfinished.replace(target)

    def _write(self, answer: requests.Response, path: Path) -> None:
        size = 0
        with path.open("wb") as kept:
            for piece in answer.iter_content(_PIECE):
                size += len(piece)
                if size > self.limits.file_bytes:
                    _fail(f"{path.name} is larger than {self.limits.file_bytes} bytes")
                kept.write(piece)

    def _asked(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        is_stream: bool = False,
        needs_token: bool = True,
    ) -> requests.Response:
        """The answer to one request; a busy server is asked again, a refused token is renewed once."""
        wait_s = self.limits.first_wait_s
        for tried in range(1, self.limits.tries + 1):
            answer = self._sent(
                method,
                url,
                params,
                {**(headers or {}), **self._token_for(url, needs_token=needs_token)},
                is_stream=is_stream,
            )
            if answer.status_code == requests.codes.unauthorized and self.token is not None and tried == 1:
                self.token.forget()
            elif answer.status_code in _BUSY:
                self.tell(HowFar("the server is busy"))
                self._wait(_retry_after_s(answer) or wait_s)
                wait_s = min(wait_s * 2, self.limits.longest_wait_s)
            else:
                return answer
        return _fail("the server stayed busy")

    def _sent(
        self, method: str, url: str, params: dict[str, str] | None, headers: dict[str, str], *, is_stream: bool
    ) -> requests.Response:
        try:
            return self.session.request(
                method, url, params=params, headers=headers, auth=_no_other_auth, timeout=_SECONDS, stream=is_stream,
                allow_redirects=is_stream,
            )  # fmt: skip
        except requests.RequestException as error:
            _fail(f"the server cannot be reached ({type(error).__name__})")

    def _token_for(self, url: str, *, needs_token: bool) -> dict[str, str]:
        return self.token.header() if self.token is not None and needs_token and self._is_own(url) else {}

    def _is_own(self, url: str) -> bool:
        """Whether an address lies on the server's own origin."""
        own, other = urlsplit(self.base), urlsplit(url)
        return (own.scheme, own.netloc) == (other.scheme, other.netloc)

    def _wait(self, seconds: float) -> None:
        seconds = min(seconds, self.limits.longest_wait_s)
        self._waited_s += seconds
        if self._waited_s > self.limits.all_waits_s:
            _fail("the export took too long: call again to go on waiting")
        self.wait(seconds)


def _no_other_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding a password it finds in a .netrc file."""
    return request


def _retry_after_s(answer: requests.Response) -> float | None:
    """The seconds the server asks for; a date is left to the client's own pace."""
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() and int(told) > 0 else None


def _json_of(answer: requests.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except requests.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        _fail("the server's list of files cannot be read")
    return told


def _files_in(manifest: dict[str, Any]) -> list[ExportFile]:
    """The files of a manifest, those with errors too: they are part of what was exported."""
    needs_token = manifest.get("requiresAccessToken") is not False
    files: list[ExportFile] = []
    for part in ("output", "error"):
        listed = manifest.get(part, [])
        for entry in listed if isinstance(listed, list) else [None]:
            if not isinstance(entry, dict) or not isinstance(entry.get("url"), str) or not _type_of(entry):
                _fail("the server's list of files cannot be read")
            name = f"{_type_of(entry)}-{part}-{len(files) + 1:05}.ndjson"
            files.append(ExportFile(name, entry["url"], needs_token))
    return files


def _type_of(entry: dict[str, Any]) -> str:
    kind = entry.get("type")
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else ""


def _fail(words: str) -> NoReturn:
    raise ExportError(words)
