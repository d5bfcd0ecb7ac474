"""Files that go to a socket inside the kernel, without passing through Python.

uvicorn has no way to send a file, so its protocol is given one. The reading of disk happens in a
thread; the event loop only waits until the socket takes more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, MutableMapping
from concurrent.futures import Executor
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ocinb.registry.messages import ClientGone

EXTENSION = "ocinb.send_file"
"""Key of ``scope["extensions"]`` under which an application finds ``send_file``."""

BURST = 32 * 1024 * 1024
"""Bytes after which a thread turns to other work, however fast the client is."""

AT_ONCE = 4 * 1024 * 1024

HEAD_PATIENCE = 30.0
"""Seconds that a client may take for the head of a request."""


class SendFileProtocol(H11Protocol):
    """uvicorn's protocol for HTTP/1.1, with ``send_file`` on connections without TLS.

    A connection on which the head of a request does not end in time is closed: uvicorn's own
    limit is for those that say nothing between two requests.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; while a head is not whole, its time is running."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_head_timer()
        else:
            self._start_head_timer()

    def on_response_complete(self) -> None:
        """As uvicorn's; the next head may have been begun already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_PATIENCE, self.transport.close)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Offer ``send_file`` to the application for each request of this connection."""
        super().connection_made(transport)
        self._start_head_timer()
        if transport.get_extra_info("sslcontext"):
            return
        inner = self.app

        async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: self.send_file}
            await inner(scope, receive, send)

        self.app = application

    async def send_file(
        self, pool: Executor, file: int, offset: int, length: int
    ) -> AsyncIterator[int]:
        """Send ``length`` bytes of an open file as the body of the answer that was begun.

        Yields the count of bytes as they go.

        Raises:
            ClientGone: the client closed the connection.
        """
        loop = asyncio.get_running_loop()
        # HTTP's own account of the body must agree with what goes past it.
        self.conn.send_with_data_passthrough(h11.Data(data=_Length(length)))  # type: ignore[arg-type]
        while self.transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        if self.transport.is_closing():
            raise ClientGone("the client closed the connection")
        out = os.dup(self.transport.get_extra_info("socket").fileno())
        end = offset + length
        try:
            while offset < end:
                sent = await _finish(loop.run_in_executor(pool, _send, out, file, offset, end))
                yield sent
                offset += sent
                if sent == 0:
                    await _until_writable(loop, out)
        except (ConnectionError, TimeoutError) as error:
            raise ClientGone("the client closed the connection") from error
        finally:
            os.close(out)


class _Length:
    """Stands for so many bytes that are sent elsewhere."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length


def _send(out: int, file: int, offset: int, end: int) -> int:
    """Send until the socket takes no more; the count of bytes."""
    start, until = offset, min(end, offset + BURST)
    while offset < until:
        try:
            sent = os.sendfile(out, file, offset, min(until - offset, AT_ONCE))
        except BlockingIOError:
            break
        if sent == 0:
            raise ConnectionError("the file ended early")
        offset += sent
    return offset - start


async def _finish(future: asyncio.Future[int]) -> int:
    """The result; when cancelled, only after the thread is done with the descriptors."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


async def _until_writable(loop: asyncio.AbstractEventLoop, out: int) -> None:
    writable: asyncio.Future[None] = loop.create_future()
    loop.add_writer(out, lambda: None if writable.done() else writable.set_result(None))
    try:
        await writable
    finally:
        loop.remove_writer(out)
