"""Reading the body of an HTTP answer within bounds, and its JSON.

Knows encodings and sizes. What an answer unpacks to is counted while it is unpacked, piece by piece: a small answer
must not become gigabytes. Must not know FHIR.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from cds_service.fhir.fetched import FaultKind, FetchFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_PIECE_BYTES = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_PLAIN = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})

ACCEPTED_ENCODING = "gzip"


class AnswerError(Exception):
    """An answer that is not read to its end; `fault` says why."""

    def __init__(self, kind: FaultKind, words: str) -> None:
        """Keep the fault."""
        super().__init__(words)
        self.fault = FetchFault(kind, words)


@dataclass(slots=True)
class Allowance:
    """What one call may still read over all its searches: bytes (unpacked) and resources. Also stands for the call."""

    bytes_left: int
    resources_left: int

    def take_bytes(self, count: int) -> None:
        """Use up bytes. Raises `AnswerError` when there are not that many left."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise AnswerError(FaultKind.TOO_LARGE, "the answers of this call were too large")

    def take_resources(self, count: int) -> None:
        """Use up resources; what is left may fall below nothing, since a page is read as a whole."""
        self.resources_left -= count


async def read_answer(response: httpx.Response, most_bytes: int, allowance: Allowance) -> bytes:
    """The unpacked body of a streamed answer. Raises `AnswerError` when it is too large or cannot be unpacked."""
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise _too_large()
    packing = _packing(response.headers.get("content-encoding", ""))
    body = bytearray()
    raw_bytes = 0
    async for raw in cast("httpx.AsyncByteStream", response.stream):  # as it came over the wire
        raw_bytes += len(raw)
        for piece in packing.pieces(raw):
            body += piece
            allowance.take_bytes(len(piece))
            if len(body) > most_bytes:
                break
        if max(raw_bytes, len(body)) > most_bytes:
            raise _too_large()
    packing.check_end()
    return bytes(body)


class _Unpacked:
    """A body that travels as it is."""

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """The body, as it came."""
        yield raw

    def check_end(self) -> None:
        """HTTP itself marks the end."""


class _Zlib:
    """A gzip or zlib stream, unpacked in small pieces."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """What `raw` unpacks to. Raises `AnswerError` when it is not packed, or goes on after its end."""
        while raw:
            try:
                piece = self._unpacker.decompress(raw, _PIECE_BYTES)
            except zlib.error:
                raise _undecodable() from None
            if self._unpacker.unused_data:
                raise _undecodable()
            yield piece
            raw = self._unpacker.unconsumed_tail

    def check_end(self) -> None:
        """Raise `AnswerError` when the stream was cut off."""
        if not self._unpacker.eof:
            raise _undecodable()


def _too_large() -> AnswerError:
    return AnswerError(FaultKind.TOO_LARGE, "the answer was too large")


def _undecodable() -> AnswerError:
    return AnswerError(FaultKind.NOT_JSON, "the answer could not be decoded")


def _packing(encoding: str) -> _Unpacked | _Zlib:
    """How to unpack a content encoding; several on top of each other, or unknown ones, are refused."""
    name = encoding.strip().casefold()
    if name in _PLAIN:
        return _Unpacked()
    if name in _PACKED:
        return _Zlib()
    raise _undecodable()


def json_in(body: bytes) -> Any:
    """The JSON value of a body, or a `FetchFault`: NaN, cut-off texts and members named twice are no JSON here."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return FetchFault(FaultKind.NOT_JSON, "the answer was not JSON")
    try:
        has_lost_members = _has_lost_members(body, value)
    except orjson.JSONEncodeError:
        return FetchFault(FaultKind.NOT_JSON, "the answer was nested too deeply")
    return FetchFault(FaultKind.NOT_JSON, "the answer names a member twice") if has_lost_members else value


def _has_lost_members(body: bytes, value: Any) -> bool:
    """Whether parsing dropped members named twice, whose other value (a second "entry") may be the one that matters.

    Written out again, JSON has as many quotes as before, or more (escaped ones); fewer only when something was dropped.
    """
    return body.count(b'"') > orjson.dumps(value).count(b'"')
