"""From the bytes of a request to parsed JSON, within limits of size, depth and time.

Knows bytes and media types; must not know what the JSON means.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import orjson

from cds_service.fhir.prefetched import Prefetch, pages_of
from cds_service.hooks.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

MAX_DEPTH = 64
"""Levels of nesting that are read: FHIR resources need about fifteen."""

_JSON_MEDIA_TYPES = frozenset(
    {"application/json", "application/json+fhir", "application/fhir+json", "application/cds-hooks+json", "text/json"}
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Keeps quotes and brackets only, and writes every bracket as a brace: in parsed JSON they are balanced.
_TO_BRACES = bytes.maketrans(b"[]", b"{}")
_NEITHER_QUOTE_NOR_BRACKET = bytes(set(range(256)) - set(b'"[]{}'))


def check_media_type(content_type: str | None) -> None:
    """Refuse (415) a body that says it is not JSON; a missing or blank Content-Type is taken as JSON."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type and media_type not in _JSON_MEDIA_TYPES:
        known = ", ".join(sorted(_JSON_MEDIA_TYPES))
        refuse(f"Content-Type must be one of {known}", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, code="not-supported")


async def read_body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes; refuses (413) by Content-Length before reading, and while reading."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        _refuse_size(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            _refuse_size(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _refuse_size(limit: int) -> NoReturn:
    refuse(f"The body is larger than {limit} bytes", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="too-long")


def parsed(raw: bytes) -> Any:
    """The JSON value in `raw` (UTF-8, a byte order mark is accepted).

    Refuses (400) what is not JSON - NaN and Infinity included - and nesting beyond `MAX_DEPTH`. Of a
    member given twice the last one counts, as with most JSON readers.
    """
    text = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        refuse(f"The body is not valid JSON ({place})", code="structure")
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and is_deeper_than(text, MAX_DEPTH):
        refuse(f"The body is nested more than {MAX_DEPTH} levels deep", code="structure")
    return value


_PARSED = ("hook", "hookInstance", "fhirServer", "fhirAuthorization", "context")
_Envelope = msgspec.defstruct(
    "_Envelope", [*((name, msgspec.Raw, msgspec.Raw(b"null")) for name in _PARSED), ("prefetch", Prefetch | None, None)]
)
"""The members of a hook call that are read, as written."""

_decode: Callable[[bytes], Any] = msgspec.json.Decoder(_Envelope).decode


def parsed_call(raw: bytes) -> Any:
    """As `parsed`, for a hook call: its prefetch holds pages of results whose unused members are not parsed.

    They are checked to be JSON all the same, but not for their depth.
    """
    text = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        envelope = _decode(text)
        _check_encoding(text)
        prefetch = None if envelope.prefetch is None else pages_of(envelope.prefetch, parsed)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return parsed(raw)  # which refuses it, or takes what is unusual about it
    return {name: parsed(bytes(getattr(envelope, name))) for name in _PARSED} | {"prefetch": prefetch}


def _check_encoding(text: bytes) -> None:
    if not text.isascii():
        text.decode()


def _unescaped(json_text: bytes) -> bytes:
    """The text without its escapes, so that every quote in it opens or closes a text.

    Split at single bytes, which is ten times cheaper than a search for pairs of them.
    """
    first, *rest = json_text.split(b"\\")
    if b"" in rest:  # an escaped backslash: the next one is no escape
        return json_text.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join([first, *(part[1:] for part in rest)])


def is_deeper_than(json_text: bytes, levels: int) -> bool:
    """Whether valid JSON is nested deeper than `levels`, counted on the bytes, which is far cheaper than a walk."""
    brackets = _unescaped(json_text).translate(_TO_BRACES, _NEITHER_QUOTE_NOR_BRACKET).replace(b'""', b"")
    if b'"' in brackets:  # texts that hold brackets: every second part lies within quotes
        brackets = b"".join(brackets.split(b'"')[::2])
    for _ in range(levels):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"")
    return bool(brackets)
