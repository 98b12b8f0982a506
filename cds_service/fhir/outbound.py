"""The one way out of this process: a connection pool that never leaves for an address that is not permitted.

Knows name resolution and connecting. A name is resolved once for each connection, its addresses are judged, and the
connection goes to a judged address, so that a name cannot change its meaning between check and use. TLS still
verifies the name. Proxies of the environment (HTTP_PROXY and the like) are not used: they would see tokens and
decide where requests go. Must not know FHIR.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from operator import attrgetter
from typing import TYPE_CHECKING

import httpcore
import httpx

from cds_service.fhir.addresses import AddressKind, AddressPolicy, IpAddress, kind_of, refusal_words

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    Resolve = Callable[[str, int], Awaitable[Sequence[IpAddress]]]
    """How the addresses of a host and port are looked up; raises OSError when there are none."""

_LANES = 16
_CONNECTIONS_A_LANE = 32
_KEPT_CONNECTIONS_A_LANE = 8
_KEEP_ALIVE_SECONDS = 5.0
_NEXT_ADDRESS_AFTER_SECONDS = 1.0
_MOST_ADDRESSES = 8

_AS_HTTPX: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


class AddressRefusedError(httpx.ConnectError):
    """A name led to no address that may be connected to; `kind` says what the first one is for."""

    def __init__(self, kind: AddressKind) -> None:
        """Keep the kind; the message names no address."""
        super().__init__(refusal_words(kind))
        self.kind = kind


async def resolved(host: str, port: int) -> list[IpAddress]:
    """Every address the system knows for a host, in the system's order. Raises OSError when it knows none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = (str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return list(dict.fromkeys(ip_address(text) for text in texts))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to permitted addresses only."""

    def __init__(self, policy: AddressPolicy, resolve: Resolve = resolved) -> None:
        """Judge what `resolve` answers by `policy`."""
        self._policy = policy
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first permitted address that answers. Raises `AddressRefusedError` when none is."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._permitted(host, port)
                for address in addresses[:-1]:
                    try:
                        return await self._network.connect_tcp(
                            str(address), port, _NEXT_ADDRESS_AFTER_SECONDS, local_address, socket_options
                        )
                    except (httpcore.ConnectError, httpcore.ConnectTimeout):
                        continue
                last = str(addresses[-1])
                return await self._network.connect_tcp(last, port, None, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error

    async def _permitted(self, host: str, port: int) -> list[IpAddress]:
        """The addresses of a host that may be connected to, at least one."""
        addresses = await self._resolve(host, port)
        permitted = [each for each in addresses if self._policy.permits(host, each)]
        if not addresses:
            raise httpcore.ConnectError
        if not permitted:
            raise AddressRefusedError(kind_of(addresses[0]))
        return permitted[:_MOST_ADDRESSES]


@dataclass(slots=True)
class _Lane:
    pool: httpcore.AsyncConnectionPool
    under_way: int = 0


class GuardedTransport(httpx.AsyncBaseTransport):
    """Keep-alive pools under httpx whose connections a `GuardedBackend` opens.

    A request goes to the pool with the fewest under way. (A pool offers an idle connection to all requests that wait
    for one, of which all but one wait again: the fifteen searches of a call cost half the processor time where each
    meets a pool of its own.)
    """

    def __init__(self, backend: GuardedBackend) -> None:
        """Open the pools; certificates are those of SSL_CERT_FILE or SSL_CERT_DIR when set, else certifi's."""
        certificates = httpx.create_ssl_context()
        self._lanes = [_Lane(_pool(backend, certificates)) for _ in range(_LANES)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpx's errors."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        lane = min(self._lanes, key=attrgetter("under_way"))
        lane.under_way += 1
        try:
            with _httpx_errors():
                answer = await lane.pool.handle_async_request(sent)
        except BaseException:
            lane.under_way -= 1
            raise
        body = _Body(answer, lane)
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            await lane.pool.aclose()


def _pool(backend: GuardedBackend, certificates: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=certificates,
        max_connections=_CONNECTIONS_A_LANE,
        max_keepalive_connections=_KEPT_CONNECTIONS_A_LANE,
        keepalive_expiry=_KEEP_ALIVE_SECONDS,
        network_backend=backend,
    )


@dataclass(slots=True)
class _Body(httpx.AsyncByteStream):
    """The body of an answer, with httpx's errors; its request is under way until it is closed."""

    answer: httpcore.Response
    lane: _Lane
    is_closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self.answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.lane.under_way -= 1
        await self.answer.aclose()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raise the pool's errors as httpx's."""
    try:
        yield
    except tuple(_AS_HTTPX) as error:
        raise _AS_HTTPX[type(error)](str(error)) from error


def open_http(
    request_seconds: float, policy: AddressPolicy | None = None, resolve: Resolve = resolved
) -> httpx.AsyncClient:
    """The one connection pool of a process; the caller closes it. Without a policy only public addresses are asked.

    Keeps no cookies (one patient's session must not travel with another's request) and does not let the
    HTTP library write addresses, which name patients, to the log. Half the time of a request may be spent waiting
    for a free connection, so that a crowded pool is told from a silent server.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        transport=GuardedTransport(GuardedBackend(policy or AddressPolicy(), resolve)),
        timeout=httpx.Timeout(request_seconds, pool=request_seconds / 2),
        cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
    )
