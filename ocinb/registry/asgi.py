"""Between the server's event loop and the registry, which works in threads.

Disk and hashing never run on the event loop. Bodies pass in pieces of about a mebibyte, with one
piece on its way while the one before is worked on, so memory stays the same whatever their size.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from ocinb.events import Exchange, ignore
from ocinb.registry.faults import Cut
from ocinb.registry.messages import ClientGone, FileSlice, Refusal, Request, Response
from ocinb.registry.zero_copy import EXTENSION
from ocinb.spec.distribution import ErrorCode

if TYPE_CHECKING:
    from ocinb.events import Record

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE = 1024 * 1024
"""Bytes of a request body that are handed to the registry at once."""

DRAIN = 16 * 1024 * 1024
"""Bytes of a body that are read for nothing, to keep the connection of a refused request."""

PATIENCE = 60.0
"""Seconds without a byte of the request body after which a client is given up."""

MINIMUM_RATE = 256
"""Bytes a second below which, over ``PATIENCE`` of waiting, a body counts as stalled."""

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Application:
    """An ASGI application around ``Registry.handle`` (or anything of that form)."""

    def __init__(
        self,
        handle: Callable[[Request], Response],
        pool: concurrent.futures.Executor,
        record: Record = ignore,
        *,
        receiving: concurrent.futures.Executor | None = None,
    ) -> None:
        """``receiving`` works on requests with a body, so that slow uploads hold up no others."""
        self._handle = handle
        self._pool = pool
        self._receiving = receiving or pool
        self._record = record

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not spoken here")
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        body = _Incoming(receive, loop)
        request = _request(scope, body)
        response, sent, error = Response(0), 0, ""
        try:
            pool = self._receiving if _has_body(request) else self._pool
            response = await loop.run_in_executor(pool, self._handle, request)
            if not await self._rest_is_read(request, body):
                response.headers["Connection"] = "close"
            async for count in self._send(response, scope, receive, send):
                sent += count
        except (ClientGone, Cut) as gone:
            # Returning in the middle of an answer makes the server close the connection.
            error = str(gone)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            raise
        finally:
            self._record(
                Exchange(
                    method=request.method,
                    url=f"{request.host}{request.path}{_query(request)}",
                    endpoint=response.endpoint,
                    status=response.status,
                    request_headers=_masked(request.headers.items()),
                    response_headers=tuple(response.headers.items()),
                    request_bytes=body.received,
                    response_bytes=sent,
                    seconds=time.monotonic() - started,
                    error=error,
                )
            )

    @staticmethod
    async def _rest_is_read(request: Request, body: _Incoming) -> bool:
        if not _has_body(request):
            return True
        # Who asked whether to send the body at all is not made to send it for nothing.
        expects = body.received == 0 and "expect" in request.headers
        return await body.drain(0 if expects else DRAIN)

    async def _send(
        self, response: Response, scope: Message, receive: Receive, send: Send
    ) -> AsyncIterator[int]:
        """Send the answer; yields the count of the bytes of its body as they go."""
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = response.body
        send_file = scope.get("extensions", {}).get(EXTENSION)
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": body})
            yield len(body)
            return
        if send_file and isinstance(body, FileSlice):
            with body:
                async for count in send_file(self._pool, body.file, body.offset, body.length):
                    yield count
        else:
            async for count in self._send_pieces(body, receive, send):
                yield count
        await send({"type": "http.response.body", "body": b""})

    async def _send_pieces(
        self, body: FileSlice | Iterator[bytes], receive: Receive, send: Send
    ) -> AsyncIterator[int]:
        # The server does not tell when it sends to nobody: only receiving shows that.
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            async for piece in self._pieces(body):
                if leaving.done():
                    raise ClientGone("the client closed the connection")
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                yield len(piece)
        finally:
            leaving.cancel()

    async def _pieces(self, body: FileSlice | Iterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces of a body, the next one being read while the last is sent."""
        loop = asyncio.get_running_loop()
        iterator = iter(body)
        coming = loop.run_in_executor(self._pool, next, iterator, b"")
        try:
            while piece := await coming:
                coming = loop.run_in_executor(self._pool, next, iterator, b"")
                yield piece
        finally:
            if not coming.done():
                await asyncio.wait([coming])
            close = getattr(iterator, "close", None)
            if close:
                close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Incoming:
    """A request's body as an iterator for a worker thread."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._coming: concurrent.futures.Future[bytes] | None = None
        self._task: asyncio.Task[None] | None = None  # the loop alone would let it be collected
        self._more = True
        self.received = 0
        # Seconds of waiting, and bytes that came in them, since the rate was last looked at.
        self._waited, self._came = 0.0, 0

    def __iter__(self) -> Iterator[bytes]:
        coming = self._ask()
        while True:
            piece = coming.result()
            last = not self._more
            if not last:
                coming = self._ask()
            if piece:
                yield piece
            if last:
                return

    async def drain(self, limit: int) -> bool:
        """Read what the registry did not, at most ``limit`` bytes; whether that was all.

        A connection on which an unread body waits cannot be used for the next request.
        """
        until = self.received + limit
        try:
            if self._coming:
                await asyncio.wrap_future(self._coming)
            while self._more and self.received < until:
                await self._collect()
        except (ClientGone, Refusal):
            return False
        return not self._more

    def _ask(self) -> concurrent.futures.Future[bytes]:
        """Have the loop fetch the next piece; its task is made there, if it still runs."""
        coming: concurrent.futures.Future[bytes] = concurrent.futures.Future()
        self._coming = coming

        def begin() -> None:
            self._task = self._loop.create_task(self._fetch(coming))

        self._loop.call_soon_threadsafe(begin)
        return coming

    async def _fetch(self, coming: concurrent.futures.Future[bytes]) -> None:
        try:
            piece = await self._collect()
        except BaseException as error:
            coming.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            coming.set_result(piece)

    async def _collect(self) -> bytes:
        """The next piece of the body."""
        pieces: list[bytes] = []
        size = 0
        until = self._loop.time() + 1
        while self._more and size < PIECE and self._loop.time() < until:
            message = await self._next()
            if message["type"] == "http.disconnect":
                if pieces:
                    break
                raise ClientGone("the client closed the connection")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            self._more = message.get("more_body", False)
        self.received += size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _next(self) -> Message:
        """The next message, from a client that does not take for ever.

        Raises:
            Refusal: 408, nothing came in time, or hardly anything.
        """
        started = self._loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                408, ErrorCode.BLOB_UPLOAD_INVALID, f"no bytes came for {PATIENCE:.0f} s"
            ) from None
        self._waited += self._loop.time() - started
        self._came += len(message.get("body", b""))
        if self._waited > PATIENCE:
            if self._came < MINIMUM_RATE * PATIENCE:
                raise Refusal(
                    408, ErrorCode.BLOB_UPLOAD_INVALID, f"fewer than {MINIMUM_RATE} bytes a second"
                )
            self._waited, self._came = 0.0, 0
        return message


def _has_body(request: Request) -> bool:
    return request.content_length not in (None, 0) or "transfer-encoding" in request.headers


def _request(scope: Message, body: _Incoming) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host") or ":".join(map(str, scope.get("server") or ("localhost",)))
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=urllib.parse.parse_qsl(
            scope["query_string"].decode("latin-1"), keep_blank_values=True
        ),
        headers=headers,
        body=body,
        host=f"{scope['scheme']}://{host}",
    )


def _query(request: Request) -> str:
    return f"?{urllib.parse.urlencode(list(request.query))}" if request.query else ""


def _masked(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, "•••" if name.lower() in SECRET_HEADERS else value) for name, value in headers
    )
