"""What a FHIR server can do to the one who asks it, byte by byte: each behaviour writes to a real socket."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from tests.hooks.service import level_result
from tests.sockets import listening

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.hooks.service import Json

    Toxin = Callable[["Exchange"], Awaitable[None]]

_MEGABYTE = b" " * 1_000_000


@dataclass(slots=True)
class ToxicServer:
    """A server that treats every request alike, and what it was asked."""

    toxin: Toxin
    elsewhere: str = "http://127.0.0.1:1"
    base: str = ""
    requests: list[str] = field(default_factory=list)

    def running(self) -> AbstractAsyncContextManager[int]:
        """The server on a free port."""
        return listening(self._behave)

    async def _behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(asked)
        await self.toxin(Exchange(self, asked.split()[1], len(self.requests), writer))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, the how manieth it is, and where the answer goes."""

    server: ToxicServer
    target: str
    number: int
    writer: asyncio.StreamWriter

    @property
    def resource_type(self) -> str:
        """The type that a first page is asked of."""
        return self.target.removeprefix("/fhir/").partition("?")[0].partition("/")[0]

    async def send(self, data: bytes) -> None:
        """Write as fast as the other side reads."""
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes) -> None:
        """Write a byte, and another every 50 ms."""
        for each in data:
            await self.send(bytes([each]))
            await asyncio.sleep(0.05)


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer that ends with the connection."""
    told = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 {status}\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n{told}\r\n".encode()


def searchset(*resources: Json, following: str | None = None, **members: object) -> bytes:
    """A page of a search."""
    link = [] if following is None else [{"relation": "next", "url": following}]
    entries = [{"resource": each} for each in resources]
    return orjson.dumps({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries} | members)


def sends(*parts: bytes) -> Toxin:
    """Writes these bytes and closes."""

    async def toxin(exchange: Exchange) -> None:
        await exchange.send(b"".join(parts))

    return toxin


def says(body: bytes, *lines: str, status: str = "200 OK") -> Toxin:
    """Answers with this body."""
    return sends(head(*lines, status=status), body)


def for_ever(start: bytes, more: bytes) -> Toxin:
    """Writes `start`, and then `more` as long as anybody reads."""

    async def toxin(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(more)

    return toxin


def drips(at_once: bytes, slowly: bytes) -> Toxin:
    """Writes the first part at once and the rest byte by byte."""

    async def toxin(exchange: Exchange) -> None:
        await exchange.send(at_once)
        await exchange.drip(slowly)

    return toxin


def pages(*resources: Json, link: str) -> Toxin:
    """Answers with a page and a link to the next: `{number}`, `{base}` and `{elsewhere}` are filled in."""

    async def toxin(exchange: Exchange) -> None:
        server = exchange.server
        following = link.format(number=exchange.number, base=server.base, elsewhere=server.elsewhere)
        await exchange.send(head() + searchset(*resources, following=following))

    return toxin


async def silent(_: Exchange) -> None:
    """Accept, and never answer."""
    await asyncio.sleep(60)


async def resets(exchange: Exchange) -> None:
    """Begin an answer, and throw the connection away."""
    await exchange.send(head()[:40])
    exchange.writer.transport.abort()


async def redirects(exchange: Exchange) -> None:
    """Point to another server."""
    await exchange.send(head(f"Location: {exchange.server.elsewhere}{exchange.target}", status="302 Found"))


async def fails_in_the_middle(exchange: Exchange) -> None:
    """A first page, and 500 for the next."""
    if "page=2" in exchange.target:
        await exchange.send(head(status="500 Internal Server Error"))
        return
    await exchange.send(head() + searchset(following=f"{exchange.server.base}/{exchange.resource_type}?page=2"))


def of_another_patient() -> Json:
    """A level far above any line, of somebody else."""
    return level_result(400.0, id="foreign", subject={"reference": "Patient/somebody-else"})


def twice(first: bytes, second: bytes) -> bytes:
    """A Bundle that names its entries twice."""
    return b'{"resourceType":"Bundle","type":"searchset","entry":%s,"entry":%s}' % (first, second)


_BOMB = gzip.compress(_MEGABYTE * 40)
_FLOOD = [f"X-Flood-{number}: {'y' * 200}" for number in range(2_000)]
_DEEP = b'{"resourceType":"Bundle","entry":[' + b'{"resource":' * 900 + b"1" + b"}" * 900 + b"]}"
_OUTCOME = orjson.dumps(
    {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "exception", "diagnostics": "diagnostics of the server"}],
    }
)
_PAGE = searchset()
_CHUNKED = "Transfer-Encoding: chunked"


def _numbered(status: str, *lines: str) -> Toxin:
    return says(_OUTCOME, *lines, status=status)


TOXINS: dict[str, Toxin] = {
    # the connection
    "accepts and never answers": silent,
    "drips the head": drips(b"", head() + _PAGE),
    "drips the body": drips(head(), _PAGE),
    "closes at once": sends(b""),
    "closes in the middle of the head": sends(head()[:30]),
    "closes in the middle of the body": says(_PAGE, f"Content-Length: {len(_PAGE) + 50}"),
    "closes in the middle of a chunk": says(b"ffff\r\n" + _PAGE, _CHUNKED),
    "resets the connection": resets,
    # HTTP
    "speaks no HTTP": sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a status from nowhere": sends(b"HTTP/1.1 999 Whatever\r\nConnection: close\r\n\r\n"),
    "a flood of headers": says(_PAGE, *_FLOOD),
    "an endless header": for_ever(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x" * 65_536),
    "interim answers without end": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "Transfer-Encoding nonsense": says(_PAGE, "Transfer-Encoding: banana"),
    "chunks and a length that disagree": says(b"zz\r\n", _CHUNKED, "Content-Length: 5"),
    "a chunk size that is no number": says(b"lots\r\n" + _PAGE, _CHUNKED),
    "two lengths": says(_PAGE, "Content-Length: 5", "Content-Length: 7"),
    "a negative length": says(_PAGE, "Content-Length: -1"),
    # size
    "a body without end": for_ever(head(), _MEGABYTE),
    "a huge resource": says(b'{"resourceType":"Bundle","x":"' + _MEGABYTE * 17 + b'"}'),
    "a length beyond all bounds": for_ever(head("Content-Length: 99999999999"), _MEGABYTE),
    "a gzip bomb": says(_BOMB, "Content-Encoding: gzip"),
    "a gzip bomb in a gzip bomb": says(gzip.compress(_BOMB), "Content-Encoding: gzip, gzip"),
    "gzip that is cut off": says(gzip.compress(_PAGE)[:-6], "Content-Encoding: gzip"),
    "gzip that is none": says(_PAGE, "Content-Encoding: gzip"),
    "an encoding from nowhere": says(_PAGE, "Content-Encoding: banana"),
    # paging
    "new pages without end": pages(link="{base}/Observation?page={number}"),
    "pages of results without end": pages(level_result(40.0), link="{base}/Observation?page={number}"),
    "pages in a circle": pages(link="{base}/Observation?page=1"),
    "a next page on another server": pages(link="{elsewhere}/fhir/Observation?page=2"),
    "a next page outside the base": pages(link="{base}/../admin"),
    "a next page that is no address": pages(link="javascript:alert(1)"),
    "500 in the middle of paging": fails_in_the_middle,
    # status
    "redirects to another server": redirects,
    "401": _numbered("401 Unauthorized", 'WWW-Authenticate: Bearer realm="x"'),
    "403": _numbered("403 Forbidden"),
    "404": _numbered("404 Not Found"),
    "429, again in a day": _numbered("429 Too Many Requests", "Retry-After: 86400"),
    "429, again when it pleases": _numbered("429 Too Many Requests", f"Retry-After: {'9' * 400}"),
    "500": _numbered("500 Internal Server Error"),
    "503, again next year": _numbered("503 Service Unavailable", "Retry-After: Fri, 01 Jan 2027 00:00:00 GMT"),
    "204": sends(head(status="204 No Content")),
    # content
    "nothing": says(b""),
    "HTML with 200": says(b"<!DOCTYPE html><html><body>Log in</body></html>"),
    "an OperationOutcome with 200": says(_OUTCOME),
    "an OperationOutcome among the entries": says(searchset(orjson.loads(_OUTCOME))),
    "entry null": says(searchset(entry=None)),
    "entry of another kind": says(searchset(entry={"resource": level_result(40.0)})),
    "a null among the entries": says(searchset(entry=[None])),
    "a count without results": says(searchset(total=5)),
    "another type than asked for": says(searchset({"resourceType": "Practitioner", "id": "x"})),
    "another patient's results": says(searchset(of_another_patient())),
    "a lone resource": says(orjson.dumps(level_result(40.0))),
    "a list": says(b"[]"),
    "null": says(b"null"),
    "NaN": says(_PAGE[:-1] + b',"total":NaN}'),
    "Infinity": says(_PAGE[:-1] + b',"total":Infinity}'),
    "members named twice": says(twice(b'[{"resource":{"resourceType":"Observation"}}]', b"[]")),
    "two answers in one": says(_PAGE + _PAGE),
    "JSON without a bottom": says(b"[" * 100_000),
    "JSON nested too deeply": says(_DEEP),
    "half a surrogate pair": says(_PAGE[:-1] + b',"id":"\\ud800"}'),
    "UTF-16": says(_PAGE.decode().encode("utf-16")),
    "bytes that are no UTF-8": says(_PAGE[:-1] + b',"id":"\xff\xfe"}'),
}
"""Every behaviour by name; none of them gives an honest, complete answer."""
