"""The embedded FHIR R4 server: an ASGI application over a `ResourceStore`.

Knows HTTP and FHIR's REST conventions: read, search (GET and POST), paging, create, update, transaction,
batch and /metadata. Must not know rules or cards. It stands in for a hospital's server in the demo and in tests.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount, Route

from cds_service.sandbox.capability import capability_statement
from cds_service.sandbox.search import Search, SearchError, search
from cds_service.sandbox.store import RESOURCE_TYPES, ResourceStore, UnstorableError, identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cds_service.fhir.reading import JsonObject

FHIR_JSON = "application/fhir+json"
_PAGE_PARAM = "_page"


class FhirError(Exception):
    """A request that is answered with an OperationOutcome."""

    def __init__(self, status: HTTPStatus, code: str, diagnostics: str) -> None:
        """`code` is an R4 issue type."""
        super().__init__(diagnostics)
        self.status, self.code, self.diagnostics = status, code, diagnostics


def fhir_app(store: ResourceStore) -> ASGIApp:
    """The FHIR server over `store`, to be mounted at any path or served alone."""
    server = _Server(store)
    return Starlette(
        routes=[
            Route("/metadata", server.metadata, methods=["GET"]),
            Route("/", server.page, methods=["GET"]),
            Route("/", server.bundle, methods=["POST"]),
            Route("/{resource_type}/_search", server.search, methods=["POST"]),
            Route("/{resource_type}/{logical_id}", server.read, methods=["GET"]),
            Route("/{resource_type}/{logical_id}", server.update, methods=["PUT"]),
            Route("/{resource_type}", server.search, methods=["GET"]),
            Route("/{resource_type}", server.create, methods=["POST"]),
        ],
        exception_handlers={FhirError: _error_response, HTTPException: _http_error_response},
    )


def sandbox_routes(path: str, store: ResourceStore) -> list[BaseRoute]:
    """Routes that serve `fhir_app(store)` at `path`, which answers with and without a trailing slash alike."""
    app = fhir_app(store)

    class _AtBase:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            inner = dict(scope) | {"root_path": scope.get("root_path", "") + path, "path": f"{scope['path']}/"}
            await app(inner, receive, send)

    return [Route(path, _AtBase(), include_in_schema=False), Mount(path, app)]


class _Server:
    """The interactions, each answering one request."""

    def __init__(self, store: ResourceStore) -> None:
        self._store = store

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement."""
        return _fhir(capability_statement(_base(request)))

    async def read(self, request: Request) -> Response:
        """One resource by id."""
        resource_type = _known_type(request.path_params["resource_type"])
        resource = self._store.get(resource_type, request.path_params["logical_id"])
        if resource is None:
            raise FhirError(HTTPStatus.NOT_FOUND, "not-found", f"no such {resource_type}")
        return _fhir(resource, headers={"ETag": f'W/"{resource["meta"]["versionId"]}"'})

    async def search(self, request: Request) -> Response:
        """The first page of a search by GET or by POST to _search."""
        resource_type = _known_type(request.path_params["resource_type"])
        params = list(request.query_params.multi_items())
        if request.method == "POST":
            params += parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        found = self._found(resource_type, params)
        if found.ignored and "handling=strict" in request.headers.get("prefer", ""):
            raise FhirError(HTTPStatus.BAD_REQUEST, "not-supported", f"unknown parameters: {', '.join(found.ignored)}")
        return _fhir(_searchset(_base(request), resource_type, found, 0))

    async def page(self, request: Request) -> Response:
        """A later page, by the opaque link of the page before."""
        resource_type, params, offset = _page_from_token(request.query_params.get(_PAGE_PARAM, ""))
        return _fhir(_searchset(_base(request), resource_type, self._found(resource_type, params), offset))

    async def create(self, request: Request) -> Response:
        """A new resource under an id of the server's choice, unless what If-None-Exist searches for is there."""
        resource_type = _known_type(request.path_params["resource_type"])
        body = await _json_object(request)
        existing = self._existing(resource_type, request.headers.get("if-none-exist", ""))
        if existing is not None:
            return _fhir(existing, headers={"Location": f"{_base(request)}/{resource_type}/{existing['id']}"})
        resource = body | {"id": str(uuid.uuid4())}
        self._check(resource, resource_type, resource["id"])
        self._store.put(resource)
        location = f"{_base(request)}/{resource_type}/{resource['id']}"
        return _fhir(self._stored(resource), HTTPStatus.CREATED, headers={"Location": location})

    async def update(self, request: Request) -> Response:
        """Create or replace the resource at its own id."""
        resource = await _json_object(request)
        self._check(resource, request.path_params["resource_type"], request.path_params["logical_id"])
        version = self._store.put(resource)
        return _fhir(self._stored(resource), HTTPStatus.CREATED if version == 1 else HTTPStatus.OK)

    async def bundle(self, request: Request) -> Response:
        """A transaction (all or nothing) or a batch (each for itself) of PUT entries."""
        bundle = await _json_object(request)
        kind = bundle.get("type")
        if bundle.get("resourceType") != "Bundle" or kind not in {"transaction", "batch"}:
            raise FhirError(HTTPStatus.BAD_REQUEST, "invalid", "expected a Bundle of type transaction or batch")
        entries = bundle.get("entry")
        entries = entries if isinstance(entries, list) else []
        if kind == "transaction":
            for entry in entries:
                self._entry_resource(entry)
        answers = [self._put_entry(entry) for entry in entries]
        return _fhir({"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers})

    def _existing(self, resource_type: str, condition: str) -> JsonObject | None:
        """The one resource that a conditional create must not double; 412 when several match."""
        if not condition:
            return None
        found = self._found(resource_type, parse_qsl(condition, keep_blank_values=True))
        if found.ignored or not found.applied:
            raise FhirError(HTTPStatus.BAD_REQUEST, "not-supported", "If-None-Exist is not a search known here")
        if len(found.found) > 1:
            raise FhirError(HTTPStatus.PRECONDITION_FAILED, "multiple-matches", "several resources match If-None-Exist")
        return found.found[0] if found.found else None

    def _found(self, resource_type: str, params: Sequence[tuple[str, str]]) -> Search:
        """A search, with what is wrong with it as an error answer."""
        try:
            return search(self._store.all(resource_type), params)
        except SearchError as error:
            raise FhirError(HTTPStatus.BAD_REQUEST, "invalid", str(error)) from error

    def _put_entry(self, entry: Any) -> JsonObject:
        """Carry out one entry of a batch, or of a transaction already checked."""
        try:
            resource = self._entry_resource(entry)
        except FhirError as error:
            return {"response": {"status": str(error.status.value), "outcome": _outcome(error)}}
        version = self._store.put(resource)
        status = HTTPStatus.CREATED if version == 1 else HTTPStatus.OK
        location = f"{resource['resourceType']}/{resource['id']}/_history/{version}"
        return {"response": {"status": str(status.value), "location": location, "etag": f'W/"{version}"'}}

    def _entry_resource(self, entry: Any) -> JsonObject:
        """The resource of a PUT entry; raises `FhirError`."""
        asked = entry.get("request") if isinstance(entry, dict) else None
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(asked, dict) or not isinstance(resource, dict) or asked.get("method") != "PUT":
            raise FhirError(HTTPStatus.BAD_REQUEST, "not-supported", "only PUT entries with a resource are carried out")
        resource_type, _, logical_id = str(asked.get("url", "")).partition("/")
        self._check(resource, resource_type, logical_id)
        return resource

    @staticmethod
    def _check(resource: JsonObject, resource_type: str, logical_id: str) -> None:
        """Refuse a resource that cannot be stored at this address."""
        _known_type(resource_type)
        try:
            found = identity(resource)
        except UnstorableError as error:
            raise FhirError(HTTPStatus.BAD_REQUEST, "invalid", str(error)) from error
        if found != (resource_type, logical_id):
            words = f"{'/'.join(found)} does not belong at {resource_type}/{logical_id}"
            raise FhirError(HTTPStatus.BAD_REQUEST, "invalid", words)

    def _stored(self, resource: JsonObject) -> JsonObject:
        """A resource as the store now holds it."""
        return self._store.get(*identity(resource)) or resource


def _base(request: Request) -> str:
    """The address this server is mounted at, without a trailing slash."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}".rstrip("/")


def _known_type(resource_type: str) -> str:
    """A resource type that is served here; raises `FhirError`."""
    if resource_type not in RESOURCE_TYPES:
        raise FhirError(HTTPStatus.NOT_FOUND, "not-supported", f"resource type {resource_type!r} is not served here")
    return resource_type


async def _json_object(request: Request) -> JsonObject:
    """The request body as a JSON object; raises `FhirError`."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise FhirError(HTTPStatus.BAD_REQUEST, "structure", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise FhirError(HTTPStatus.BAD_REQUEST, "structure", "the body is not a resource")
    return body


def _searchset(base: str, resource_type: str, found: Search, offset: int) -> JsonObject:
    """One page of a search as a Bundle."""
    page = found.found[offset : offset + found.page_size]
    query = urlencode(found.applied)
    links = [{"relation": "self", "url": f"{base}/{resource_type}" + (f"?{query}" if query else "")}]
    following = offset + found.page_size
    if page and following < len(found.found):
        links.append({"relation": "next", "url": f"{base}/?{_page_query(resource_type, found.applied, following)}"})
    entries = [
        {"fullUrl": f"{base}/{resource_type}/{each['id']}", "resource": each, "search": {"mode": "match"}}
        for each in page
    ]
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset", "total": len(found.found), "link": links}
    entries += [_ignored_entry(found.ignored)] if found.ignored else []
    return bundle | ({"entry": entries} if entries else {})


def _ignored_entry(ignored: Sequence[str]) -> JsonObject:
    """A note in the search result on the parameters that were left out of account."""
    issue = {"severity": "warning", "code": "not-supported", "diagnostics": f"ignored: {', '.join(ignored)}"}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def _page_query(resource_type: str, applied: Sequence[tuple[str, str]], offset: int) -> str:
    """The opaque query of a next link: the search itself, so that no state is kept between pages."""
    token = base64.urlsafe_b64encode(orjson.dumps([resource_type, applied, offset])).decode()
    return urlencode({_PAGE_PARAM: token})


def _page_from_token(token: str) -> tuple[str, list[tuple[str, str]], int]:
    """Type, parameters and offset of a next link; raises `FhirError` for anything this server did not write."""
    try:
        resource_type, applied, offset = orjson.loads(base64.urlsafe_b64decode(token))
        return (
            _known_type(str(resource_type)),
            [(str(name), str(value)) for name, value in applied],
            max(0, int(offset)),
        )
    except (ValueError, TypeError, binascii.Error) as error:
        raise FhirError(HTTPStatus.BAD_REQUEST, "invalid", "unknown page") from error


def _fhir(body: JsonObject, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """A FHIR answer."""
    return Response(orjson.dumps(body), status, dict(headers or {}), FHIR_JSON)


def _outcome(error: FhirError) -> JsonObject:
    """The OperationOutcome of an error."""
    issue = {"severity": "error", "code": error.code, "diagnostics": error.diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _error_response(_: Request, error: Exception) -> Response:
    """The answer to a request that failed here."""
    if not isinstance(error, FhirError):
        raise error
    return _fhir(_outcome(error), error.status)


def _http_error_response(request: Request, error: Exception) -> Response:
    """The answer to a request no route takes."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return _error_response(request, FhirError(HTTPStatus(status), "not-supported", "no such interaction"))
