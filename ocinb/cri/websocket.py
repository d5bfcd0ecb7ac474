"""A WebSocket from the client's side, as much of RFC 6455 as streams of a container need."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ocinb.errors import CriError

if TYPE_CHECKING:
    from collections.abc import Sequence

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0, 2, 8, 9, 10
LARGEST = 16 * 2**20
"""Bytes of a message; a larger one ends the conversation."""


class WebSocket:
    """A connection; a context manager. One thread may send while another receives.

    Args:
        url: ``http://HOST:PORT/PATH``.
        protocols: that we speak; the server chooses.
        seconds: to wait for the connection.

    Raises:
        CriError: the server does not answer, or not as a WebSocket.
    """

    def __init__(self, url: str, protocols: Sequence[str], *, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise CriError(f"streams are served at {url}, which is not plain HTTP")
        try:
            self._socket = socket.create_connection((parts.hostname, parts.port or 80), seconds)
        except OSError as error:
            raise CriError(f"nobody serves streams at {parts.netloc}: {error}") from None
        self._buffer = b""
        try:
            self._shake_hands(parts.netloc, f"{parts.path}?{parts.query}".rstrip("?"), protocols)
            self._socket.settimeout(None)
        except OSError as error:
            self.close()
            raise CriError(f"no streams from {parts.netloc}: {error}") from None
        except CriError:
            self.close()
            raise

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def fileno(self) -> int:
        """For ``select``; see ``pending``."""
        return self._socket.fileno()

    @property
    def pending(self) -> bool:
        """Whether bytes were received that are not read yet."""
        return bool(self._buffer)

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._send(_BINARY, data)

    def receive(self) -> bytes | None:
        """The next message; None: the server has ended the conversation.

        Raises:
            CriError: what came is no WebSocket's.
        """
        whole = b""
        while True:
            try:
                first, second = self._take(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack(">H", self._take(2))
                elif size == 127:
                    (size,) = struct.unpack(">Q", self._take(8))
                if size + len(whole) > LARGEST:
                    raise CriError(f"a message of {size} bytes is too large for a stream")
                mask = self._take(4) if second & 0x80 else b""
                data = self._take(size)
            except (EOFError, ConnectionError):
                return None
            if mask:
                data = _masked(data, mask)
            opcode = first & 0x0F
            if opcode == _CLOSE:
                return None
            if opcode == _PING:
                self._send(_PONG, data)
            elif opcode != _PONG:
                whole += data
                if first & 0x80:
                    return whole

    def _shake_hands(self, host: str, target: str, protocols: Sequence[str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: {', '.join(protocols)}",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            data = self._socket.recv(4096)
            if not data or len(head) > 65536:
                raise CriError(f"no answer to the request for streams from {host}")
            head += data
        head, _, self._buffer = head.partition(b"\r\n\r\n")
        status, *rest = head.decode("latin-1").split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (r.partition(":") for r in rest)
        }
        accepted = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        if status.split()[1:2] != ["101"] or fields.get("sec-websocket-accept") != accepted:
            raise CriError(f"{host} serves no streams: it says {status}")

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _send(self, opcode: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = bytes([0x80 | opcode, 0x80 | size])
        elif size < 65536:
            head = bytes([0x80 | opcode, 0x80 | 126]) + struct.pack(">H", size)
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + struct.pack(">Q", size)
        mask = os.urandom(4)
        self._socket.sendall(head + mask + _masked(data, mask))


def _masked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
