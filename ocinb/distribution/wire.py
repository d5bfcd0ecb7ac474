"""Requests on the wire: sockets below httpx, and a record of every exchange."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict

import httpcore
import httpx

import ocinb
from ocinb.distribution.network import Network
from ocinb.errors import RegistryError
from ocinb.events import Exchange
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from ocinb.events import Record

CALL = "ocinb.call"
"""Key of the ``Call`` in a request's extensions; requests of token servers have none."""

CODING = "ocinb.content-encoding"
"""Key, in a response's extensions, of the Content-Encoding header that was taken away."""

USER_AGENT = f"ocinb/{ocinb.__version__}"

MAX_ERROR_BODY = 1024 * 1024
"""Bytes that are read of an answer that is not the content asked for."""

_MASK = "***"
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "authentication-info"}
)
_PARAMETER = re.compile(r"([?&])([^=&#\s]{1,100})=([^&#\s]*)")
_SECRET_NAMES = re.compile("token|secret|sig|password|credential|key|state|policy", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@]*@")


class Call(Frozen):
    """What a request is for.

    Attributes:
        endpoint: the specification's name, ``end-1`` … ``end-14``.
        attempt: 1 for the first.
        party: what the host is; see ``events.Exchange``.
    """

    endpoint: str
    attempt: int = 1
    party: str = "registry"


class _Limits(TypedDict):
    max_connections: int
    max_keepalive_connections: int
    keepalive_expiry: float


_LIMITS = _Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15)


class Sockets(httpx.BaseTransport):
    """httpx over a pool of our own sockets, for one set of TLS settings and one proxy."""

    def __init__(
        self, network: Network, context: ssl.SSLContext | None, proxy: httpx.Proxy | None = None
    ) -> None:
        self._network = network
        self._proxy = proxy
        self._pool: httpcore.ConnectionPool
        if proxy is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=context, network_backend=network, **_LIMITS
            )
        else:
            self._pool = httpcore.HTTPProxy(
                proxy_url=str(proxy.url),
                proxy_auth=proxy.raw_auth,
                ssl_context=context,
                network_backend=network,
                **_LIMITS,
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is still to be read.

        An error has the URL of the proxy as its note, where there is one.
        """
        url = request.url
        try:
            with self._network.awaiting_head():
                answer = self._pool.handle_request(
                    httpcore.Request(
                        method=request.method,
                        url=httpcore.URL(
                            scheme=url.raw_scheme,
                            host=url.raw_host,
                            port=url.port,
                            target=url.raw_path,
                        ),
                        headers=request.headers.raw,
                        content=request.stream,
                        extensions=request.extensions,
                    )
                )
        except _FAULTS as error:
            told = _translated(error)
            if self._proxy is not None:
                told.add_note(str(self._proxy.url))
            raise told from error
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=dict(answer.extensions),
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


_FAULTS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def _translated(error: Exception) -> httpx.TransportError:
    # httpx names its errors as httpcore does.
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
    return kind(str(error))


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except _FAULTS as error:
            raise _translated(error) from error

    def close(self) -> None:
        self._answer.close()


class Recorded(httpx.BaseTransport):
    """Records each exchange on the wire, whoever asked for it, and bounds what is read.

    Bodies pass as they came: a Content-Encoding is noted in the extensions and never decoded, so
    that no answer can grow in memory.
    """

    def __init__(
        self,
        choose: Callable[[httpx.URL], httpx.BaseTransport],
        network: Network,
        record: Record,
        timeout: httpx.Timeout,
    ) -> None:
        self._choose = choose
        self._timeout = timeout.as_dict()
        self._network = network
        self._record = record

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and tell what came of it, once its body was read or abandoned."""
        # Requests that an auth flow made have neither.
        request.extensions.setdefault("timeout", self._timeout)
        request.headers.setdefault("user-agent", USER_AGENT)
        exchange = _Exchange(self._record, request, self._network.connects)
        try:
            response = self._choose(request.url).handle_request(request)
        except BaseException as error:
            exchange.finish(self._network, error=error)
            raise
        exchange.answered(response)
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            del response.headers["content-encoding"]
            response.extensions[CODING] = coding
        assert isinstance(response.stream, httpx.SyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(response.status_code, response.stream, exchange, self._network),
            extensions=response.extensions,
        )


class _Exchange:
    """Collects what is to be told of one request."""

    def __init__(self, record: Record, request: httpx.Request, connects: int) -> None:
        self._record = record
        self._request = request
        # An auth flow adds to the headers of the same request after its first answer.
        self._sent = masked_headers(request.headers)
        self._call: Call = request.extensions.get(CALL) or Call(endpoint="", party="token server")
        self._connects = connects
        self._started = time.monotonic()
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._finished = False
        self.received = 0

    @property
    def for_content(self) -> bool:
        """Whether the answer is content of a registry rather than a token or an error."""
        return bool(self._call.endpoint) and self._status in (200, 206)

    def answered(self, response: httpx.Response) -> None:
        self._status = response.status_code
        self._headers = masked_headers(response.headers)

    def finish(self, network: Network, error: BaseException | None = None) -> None:
        if self._finished:
            return
        self._finished = True
        request = self._request
        length = request.headers.get("content-length", "0")
        self._record(
            Exchange(
                method=request.method,
                url=masked_url(str(request.url)),
                endpoint=self._call.endpoint,
                party=self._call.party,
                status=self._status,
                request_headers=self._sent,
                response_headers=self._headers,
                request_bytes=int(length) if length.isdigit() else 0,
                response_bytes=self.received,
                seconds=time.monotonic() - self._started,
                attempt=self._call.attempt,
                reused=network.connects == self._connects,
                error=f"{type(error).__name__}: {masked_url(str(error))}" if error else "",
            )
        )


class _Counted(httpx.SyncByteStream):
    def __init__(
        self,
        status: int,
        inner: httpx.SyncByteStream,
        exchange: _Exchange,
        network: Network,
    ) -> None:
        self._inner = inner
        self._exchange = exchange
        self._network = network
        self._limit = None if exchange.for_content else MAX_ERROR_BODY
        self._status = status

    def __iter__(self) -> Iterator[bytes]:
        exchange, limit = self._exchange, self._limit
        try:
            for chunk in self._inner:
                exchange.received += len(chunk)
                if limit is not None and exchange.received > limit:
                    raise RegistryError(
                        f"an answer with status {self._status} has more than {limit:,} bytes",
                        status=self._status,
                        hint="the registry is broken, or something in between is",
                    )
                yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            exchange.finish(self._network, error)
            raise

    def close(self) -> None:
        self._inner.close()
        self._exchange.finish(self._network)


def masked_headers(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    """Headers as they may be shown: no credential, no signature of a URL."""
    return tuple(
        (name, _MASK if name.lower() in _SECRET_HEADERS else masked_url(value))
        for name, value in headers.multi_items()
    )


def masked_url(text: str) -> str:
    """A URL, or a text with URLs, without credentials and without the values of signatures."""
    return _PARAMETER.sub(_masked_parameter, _USER_INFO.sub(f"{_MASK}@", text))


def _masked_parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={_MASK if _SECRET_NAMES.search(name) else value}"
