"""Sockets under httpcore that keep deadlines and can be cancelled from another thread.

The usual time limit of a socket counts from one received byte to the next, so that a server which
sends a byte every few seconds holds a client for ever, and a thread inside ``recv`` does not
notice Ctrl-C. Here every wait is a short ``poll``, which looks at the thread's ``Cancel`` and at
the rate of the bytes that came.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

from ocinb.distribution.cancel import Cancel

MINIMUM_RATE = 256
"""Bytes a second, over a whole time limit, below which an answer counts as stalled."""

RECEIVE = 256 * 1024
"""Bytes asked of the kernel at once: fewer, larger reads than httpcore's own 64 KiB."""

MAX_HEAD = 256 * 1024
"""Bytes that may come before the head of an answer is whole, interim (1xx) answers included."""

_NEVER = Cancel()


class Network(httpcore.NetworkBackend):
    """Opens connections; knows which ``Cancel`` the calling thread obeys.

    Attributes:
        connects: how many connections the calling thread has opened.
    """

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextlib.contextmanager
    def cancellable(self, cancel: Cancel) -> Iterator[None]:
        """Within the block, network waits of this thread end when ``cancel`` is set."""
        before = self.cancel
        self._thread.cancel = cancel
        try:
            yield
        finally:
            self._thread.cancel = before

    @property
    def cancel(self) -> Cancel:
        """The flag of the calling thread; one that is never set outside ``cancellable``."""
        return getattr(self._thread, "cancel", _NEVER)

    @contextlib.contextmanager
    def awaiting_head(self) -> Iterator[None]:
        """Within the block, this thread waits for the head of an answer, of ``MAX_HEAD`` bytes."""
        self._thread.head = 0
        try:
            yield
        finally:
            self._thread.head = None

    def came(self, size: int) -> None:
        """Count bytes that came for this thread.

        Raises:
            httpcore.RemoteProtocolError: there is no end of an answer's head.
        """
        head = getattr(self._thread, "head", None)
        if head is not None:
            self._thread.head = head + size
            if head >= MAX_HEAD:
                raise httpcore.RemoteProtocolError("the head of the answer does not end")

    @property
    def connects(self) -> int:
        """How many connections the calling thread has opened."""
        return getattr(self._thread, "connects", 0)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 (the interface of httpcore)
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers."""
        self._thread.connects = self.connects + 1
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for family, kind, protocol, _, address in addresses:
            stream = Stream(socket.socket(family, kind, protocol), self)
            try:
                stream.connect(address, timeout)
                return stream
            except httpcore.ConnectTimeout as error:
                stream.close()
                failure = error
            except OSError as error:
                stream.close()
                failure = httpcore.ConnectError(str(error))
                failure.__context__ = error  # httpcore drops the cause and keeps the context
            except BaseException:
                stream.close()
                raise
        raise failure


class Stream(httpcore.NetworkStream):
    """One connection, plain or TLS, on a socket that never blocks."""

    def __init__(self, sock: socket.socket, network: Network) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._network = network
        self._poll = select.poll()
        # Since the answer's first byte: seconds spent waiting, and bytes that came.
        self._waited = 0.0
        self._received = 0

    def connect(self, address: Any, timeout: float | None) -> None:
        """Open the connection; OSError where it is refused."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self._socket.connect_ex(address)
        if code == errno.EINPROGRESS:
            self._wait(select.POLLOUT, timeout, httpcore.ConnectTimeout)
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """The next bytes, at most ``RECEIVE``; empty at the end of the stream."""
        while True:
            # Waiting stands outside of "except": its failure is not caused by these.
            try:
                data = self._receive()
                self._received += len(data)
                self._network.came(len(data))
                return data
            except (BlockingIOError, ssl.SSLWantReadError):
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except OSError as error:
                raise httpcore.ReadError(str(error)) from error
            self._wait_for_data(event, timeout)

    def _receive(self) -> bytes:
        """What is there: of TLS as many records as fill a plain read, for each is 16 KiB."""
        data = self._socket.recv(RECEIVE)
        if not data or not isinstance(self._socket, ssl.SSLSocket):
            return data
        parts, size = [data], len(data)
        with contextlib.suppress(OSError):  # nothing more, or a failure that the next read finds
            while size < RECEIVE and (data := self._socket.recv(RECEIVE)):
                parts.append(data)
                size += len(data)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``."""
        self._waited, self._received = 0.0, 0
        rest = memoryview(buffer)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
                continue
            except (BlockingIOError, ssl.SSLWantWriteError):
                event = select.POLLOUT
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error
            self._wait(event, timeout, httpcore.WriteTimeout)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, after the handshake."""
        if isinstance(self._socket, ssl.SSLSocket):
            raise httpcore.ConnectError("TLS inside TLS is not supported: use an http: proxy")
        open_socket: socket.socket = self._socket
        try:
            open_socket = wrapped = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            stream = Stream(wrapped, self._network)
            stream._handshake(wrapped, timeout)
        except OSError as error:
            open_socket.close()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            open_socket.close()
            raise
        return stream

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: whether the peer closed an idle connection, and addresses."""
        if info == "is_readable":
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return bool(poll.poll(0))
        if info == "server_addr":
            return self._socket.getpeername()
        return None

    def _handshake(self, wrapped: ssl.SSLSocket, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                wrapped.do_handshake()
                return
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._wait(event, left, httpcore.ConnectTimeout)

    def _wait_for_data(self, event: int, timeout: float | None) -> None:
        started = time.monotonic()
        self._wait(event, timeout, httpcore.ReadTimeout)
        if not self._received or timeout is None:
            return
        self._waited += time.monotonic() - started
        if self._waited > timeout:
            if self._received < MINIMUM_RATE * timeout:
                raise httpcore.ReadTimeout(f"fewer than {MINIMUM_RATE} bytes a second")
            self._waited, self._received = 0.0, 1

    def _wait(self, event: int, timeout: float | None, failure: type[Exception]) -> None:
        cancel = self._network.cancel
        deadline = None if timeout is None else time.monotonic() + timeout
        self._poll.register(self._socket, event)
        while True:
            cancel.check()
            left = cancel.SLICE if deadline is None else deadline - time.monotonic()
            if self._poll.poll(max(0, min(left, cancel.SLICE)) * 1000):
                return
            if left <= 0:
                raise failure(f"nothing for {timeout:g} seconds")
