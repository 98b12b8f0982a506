"""`/docs`: the OpenAPI description as a page to read, drawn from what `/openapi.json` says.

Knows OpenAPI's words. Must not know what any route does. There is nothing to run on it and nothing from elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.routing import Route

from cds_service.web.pages import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    Json = Mapping[str, Any]

PATH = "/docs"
_METHODS = ("get", "post", "put", "patch", "delete")
_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "default": "{} unless given",
    "pattern": "matching {}",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a JSON body or one parameter: where it stands, what it is, and what is said of it."""

    name: str
    kind: str
    is_required: bool
    words: str


def api_routes(described: Callable[[], dict[str, Any]]) -> list[Route]:
    """The page. `described`: the OpenAPI document."""

    async def docs(_: Request) -> Response:
        document = described()
        return page("api.html", info=document["info"], sections=sections_of(document))

    return [Route(PATH, docs, methods=["GET", "HEAD"])]


def sections_of(document: Json) -> dict[str, list[dict[str, Any]]]:
    """The operations by their tag, in the document's order."""
    sections: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tag = item[method].get("tags", ["Other"])[0]
                sections[tag].append(_operation(document, path, method, item[method]))
    return dict(sections)


def _operation(document: Json, path: str, method: str, told: Json) -> dict[str, Any]:
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return {
        "method": method.upper(),
        "path": path,
        "summary": told.get("summary", ""),
        "description": told.get("description", ""),
        "parameters": [_parameter(document, each) for each in told.get("parameters", ())],
        "body": tuple(members_of(document, body.get("schema", {}))),
        "body_examples": _examples(body),
        "answers": [_answer(document, status, each) for status, each in told.get("responses", {}).items()],
    }


def _parameter(document: Json, told: Json) -> Member:
    schema = _resolved(document, told.get("schema", {}))
    words = "; ".join(filter(None, (f"in the {told['in']}", told.get("description"), *_limits(schema))))
    return Member(told["name"], _kind(document, schema), bool(told.get("required")), words)


def _answer(document: Json, status: str, told: Json) -> dict[str, Any]:
    content = told.get("content", {})
    media: Json = next(iter(content.values()), {})
    return {
        "status": status,
        "phrase": HTTPStatus(int(status)).phrase if status.isdecimal() else "Any other",
        "words": told.get("description", ""),
        "media_types": tuple(content),
        "members": tuple(members_of(document, media.get("schema", {}))),
        "examples": _examples(media),
    }


def members_of(document: Json, schema: Json, within: str = "") -> Iterator[Member]:
    """Every member of a body, those within another after it and with its name before theirs."""
    schema = _resolved(document, schema)
    if schema.get("type") == "array":
        yield from members_of(document, schema.get("items", {}), f"{within}[]")
    required = schema.get("required", ())
    properties = schema.get("properties", {})
    for name in dict.fromkeys([*properties, *required]):
        told = _resolved(document, properties.get(name, {}))
        where = f"{within}.{name}" if within else name
        words = "; ".join(filter(None, (told.get("description"), *_limits(told))))
        yield Member(where, _kind(document, told), name in required, words)
        yield from members_of(document, told, where)


def _resolved(document: Json, schema: Json) -> Json:
    """The schema itself, where another part of the document holds it."""
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return _resolved(document, found)


def _kind(document: Json, schema: Json) -> str:
    """The type in words; what may be absent says so."""
    if "anyOf" in schema:
        return " or ".join(_kind(document, _resolved(document, each)) for each in schema["anyOf"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        kind = f"list of {_kind(document, _resolved(document, schema.get('items', {})))}"
    if "format" in schema:
        kind = f"{kind} ({schema['format']})"
    return f"{kind} or null" if schema.get("nullable") else kind


def _limits(schema: Json) -> Iterator[str]:
    yield from (f"{words} {schema[end]}" for end, words in (("minimum", "from"), ("maximum", "up to")) if end in schema)
    if "enum" in schema:
        yield "one of " + ", ".join(map(str, schema["enum"]))
    for name, words in _LIMITS.items():
        if name in schema:
            yield "not empty" if name.startswith("min") and schema[name] == 1 else words.format(schema[name])


def _examples(media: Json) -> tuple[tuple[str, str], ...]:
    """Each example with its name, as JSON."""
    named = {name: each.get("value") for name, each in media.get("examples", {}).items()}
    if "example" in media:
        named["Example"] = media["example"]
    return tuple((name, orjson.dumps(each, option=orjson.OPT_INDENT_2).decode()) for name, each in named.items())
