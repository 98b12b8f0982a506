"""`/docs` tells every operation of the OpenAPI document, every member of its bodies, and every answer."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.web.api_page import Member, members_of, sections_of
from tests.hooks.service import service

DOCUMENT: dict[str, Any] = {
    "components": {"schemas": {"One": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Two"}}},
                               "Two": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}}}},
}  # fmt: skip
SCHEMAS: list[tuple[dict[str, Any], list[Member]]] = [
    ({}, []),
    ({"$ref": "#/components/schemas/One"}, [Member("a", "list of string", is_required=False, words="")]),
    (
        {
            "required": ["b"],
            "properties": {"b": {"type": "integer", "minimum": 1, "maximum": 9, "description": "how many"}},
        },
        [Member("b", "integer", is_required=True, words="how many; from 1; up to 9")],
    ),
    (
        {"properties": {"c": {"type": "array", "items": {"properties": {"d": {"type": "string", "format": "uri"}}}}}},
        [
            Member("c", "list of any", is_required=False, words=""),
            Member("c[].d", "string (uri)", is_required=False, words=""),
        ],
    ),
    ({"required": ["e"]}, [Member("e", "any", is_required=True, words="")]),
    (
        {"properties": {"f": {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}]}}},
        [Member("f", "string or null", is_required=False, words="")],
    ),
    (
        {"properties": {"g": {"type": "object", "nullable": True}}},
        [Member("g", "object or null", is_required=False, words="")],
    ),
]


@pytest.mark.parametrize(("schema", "members"), SCHEMAS)
def test_members_are_named_by_where_they_stand(schema: dict[str, Any], members: list[Member]) -> None:
    assert list(members_of(DOCUMENT, schema)) == members


def test_every_operation_answer_and_example_is_there() -> None:
    document = create_app(Settings(database_url="")).openapi()
    told = [each for operations in sections_of(document).values() for each in operations]
    described = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    assert sorted((each["method"], each["path"]) for each in told) == sorted(described)
    (call,) = (each for each in told if (each["method"], each["path"]) == ("POST", "/cds-services/{service_id}"))
    assert {"hook", "context.patientId", "prefetch.levels"} <= {member.name for member in call["body"]}
    assert [answer["status"] for answer in call["answers"]] == list(
        document["paths"]["/cds-services/{service_id}"]["post"]["responses"]
    )
    assert call["body_examples"]


async def test_the_page_shows_them_and_nothing_of_the_framework() -> None:
    async with service(database_url="") as client:
        page = (await client.get("/docs")).text
        document = (await client.get("/openapi.json")).json()
        assert (await client.get("/redoc")).status_code == 404
    for path in document["paths"]:
        assert escape(path) in page
    assert "412 Precondition Failed: Required data are missing" in page
    assert "swagger" not in page.casefold()
