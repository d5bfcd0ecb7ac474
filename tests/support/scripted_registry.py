"""A registry on a real socket that does what a test tells it, however wrong.

``ScriptedRegistry(script)`` calls ``script(request)`` for every request and sends the ``Reply``
byte by byte as it is written there. ``ServedImage`` is a script that serves one image rightly; a
test wraps it and spoils what it wants.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from ocinb.spec.reference import Reference


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # with the query
    headers: dict[str, str]  # names in lower case
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    length: int | None = None  # the Content-Length told, where it is not the body's
    cut: int | None = None  # bytes of the body after which the connection is cut


Script = Callable[[Request], Reply]


class ScriptedRegistry:
    """A context manager. ``address`` is its host and port, ``requests`` what it was asked.

    ``tls`` are the settings of a server that speaks TLS.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.sent = 0  # bytes of bodies
        registry = self

        class Handler(_Handler):
            owner = registry

            def setup(self) -> None:
                # Here, in the connection's own thread, a handshake holds up nobody else.
                if tls is not None:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def finish(self) -> None:
                super().finish()
                if tls is not None:  # the server closes what it was given, not what we made of it
                    self.request.close()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedRegistry:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reference(self, text: str = "demo:1") -> Reference:
        return Reference.parse(f"{self.address}/{text}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ScriptedRegistry

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self.owner.requests.append(request)
        self._send(request, self.owner.script(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _send(self, request: Request, reply: Reply) -> None:
        is_bytes = isinstance(reply.body, bytes)
        length = reply.length
        if length is None and is_bytes:
            length = len(reply.body)
        lines = [f"HTTP/1.1 {reply.status} Scripted"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        else:
            self.close_connection = True
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if request.method == "HEAD":
            return
        left = reply.cut
        for chunk in (reply.body,) if is_bytes else reply.body:
            data = chunk if left is None else chunk[:left]
            self.wfile.write(data)
            self.owner.sent += len(data)
            if left is not None:
                left -= len(data)
                if left <= 0:
                    break
        self.wfile.flush()
        if reply.cut is not None or (length is not None and is_bytes and length > len(reply.body)):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


class ServedImage:
    """A script that serves one image: ``demo:1``, blobs with ranges.

    ``layers`` are the layers' bytes; they need not be archives, since a pull does not look.
    """

    def __init__(self, *sizes: int, algorithm: str = "sha256") -> None:
        self.blobs: dict[str, bytes] = {}
        self.documents: dict[str, tuple[bytes, str]] = {}
        layers = [random.Random(n).randbytes(size) for n, size in enumerate(sizes or (1000,))]
        diff_ids = [digest_of(data) for data in layers]
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()
        self.layers = [self.blob(data, media_types.LAYER_TAR, algorithm) for data in layers]
        self.config = self.blob(config, media_types.IMAGE_CONFIG)
        self.manifest = {
            "schemaVersion": 2,
            "mediaType": media_types.IMAGE_MANIFEST,
            "config": self.config,
            "layers": self.layers,
        }
        self.descriptor = self.document(self.manifest, media_types.IMAGE_MANIFEST, tag="1")

    @property
    def size(self) -> int:
        return sum(layer["size"] for layer in self.layers)

    def blob(self, data: bytes, media_type: str, algorithm: str = "sha256") -> dict[str, object]:
        digest = digest_of(data, algorithm)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def document(
        self, document: object, media_type: str, *, tag: str | None = None, **properties: object
    ) -> dict[str, object]:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = digest_of(data)
        self.documents[digest] = (data, media_type)
        if tag:
            self.documents[tag] = (data, media_type)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **properties}

    def __call__(self, request: Request) -> Reply:
        kind, _, what = request.path.removeprefix("/v2/demo/").partition("/")
        if kind == "manifests" and what in self.documents:
            data, media_type = self.documents[what]
            headers = {"content-type": media_type, "docker-content-digest": digest_of(data)}
            return Reply(headers=headers, body=data)
        if kind == "blobs" and what in self.blobs:
            return ranged(request, self.blobs[what])
        return Reply(status=404, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


def ranged(request: Request, data: bytes) -> Reply:
    """A blob, or the part of it that is asked for."""
    text = request.headers.get("range")
    if text is None:
        return Reply(body=data)
    start = int(text.removeprefix("bytes=").rstrip("-"))
    if start >= len(data):
        return Reply(status=416)
    headers = {"content-range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
    return Reply(status=206, headers=headers, body=data[start:])


def is_layer(image: ServedImage, request: Request, number: int = 0) -> bool:
    return request.method == "GET" and request.path.endswith(str(image.layers[number]["digest"]))


def spoiled(image: ServedImage, reply: Callable[[Reply], Reply], times: int = 10**9) -> Script:
    """Serves the image, but its first layer as ``reply`` makes it, the first ``times``."""
    left = [times]

    def script(request: Request) -> Reply:
        right = image(request)
        if is_layer(image, request) and left[0] > 0:
            left[0] -= 1
            return reply(right)
        return right

    return script


def endless(data: bytes = b"x" * 65536, pause: float = 0.0) -> Iterator[bytes]:
    """A body without end."""
    while True:
        yield data
        time.sleep(pause)


__all__ = [
    "Reply",
    "Request",
    "Script",
    "ScriptedRegistry",
    "ServedImage",
    "endless",
    "is_layer",
    "ranged",
    "replace",
    "spoiled",
]
