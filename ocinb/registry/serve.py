"""The registry on a socket: in a background thread with its own event loop."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import uvicorn

from ocinb.errors import UnsupportedHost
from ocinb.events import ignore
from ocinb.registry.access import Access
from ocinb.registry.app import Registry
from ocinb.registry.asgi import Application
from ocinb.registry.faults import FaultPlan, Faults
from ocinb.registry.pull_through import Upstream
from ocinb.registry.zero_copy import SendFileProtocol

if TYPE_CHECKING:
    from ocinb.events import Record
    from ocinb.registry.certificates import Certificates

THREADS = 64
"""Requests worked on at once, and as many again with a body: a slow upload holds one of these."""


class RegistryServer:
    """A registry that listens; a context manager.

    ::

        with RegistryServer(Path("/tmp/registry")) as server:
            print(server.address)  # 127.0.0.1:40123

    Attributes:
        registry: what answers; its ``store`` is on disk as long as you keep it.
        address: host and port, as in a reference.
        faults: its ``plan`` may be changed while the server runs.
        certificates: those of a TLS server; clients must trust ``certificates.authority``.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        read_only: bool = False,
        minimum_chunk: int = 0,
        access: Access | None = None,
        upstream: Upstream | None = None,
        faults: FaultPlan | None = None,
        tls: Certificates | bool = False,
        record: Record = ignore,
    ) -> None:
        """Prepare; ``start`` makes it listen.

        Args:
            root: directory of the registry, made where missing.
            host: address to listen on.
            port: 0 chooses a free one.
            read_only: refuse whatever would change it.
            minimum_chunk: announced as ``OCI-Chunk-Min-Length``; 0 for none.
            access: ``access.Basic`` or ``tokens.TokenServer``; None lets everybody in.
            upstream: makes it a pull-through cache.
            faults: what goes wrong on purpose.
            tls: certificates; true makes new ones in ``<root>/tls``.
            record: told each request as an ``Exchange``.

        Raises:
            StorageError: the directory cannot be made or read.
        """
        self.registry = Registry(
            root,
            read_only=read_only,
            minimum_chunk=minimum_chunk,
            access=access,
            upstream=upstream,
        )
        self.faults = Faults(self.registry.handle, faults or FaultPlan())
        if tls is True:
            from ocinb.registry.certificates import make_certificates  # 40 ms, seldom needed

            hosts = tuple(dict.fromkeys((host, "127.0.0.1", "::1", "localhost")))
            self.certificates: Certificates | None = make_certificates(Path(root) / "tls", hosts)
        else:
            self.certificates = tls or None
        self._record = record
        self._host, self._port = host, port
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None
        self.address = ""

    def start(self) -> RegistryServer:
        """Listen; returns when requests are answered.

        Raises:
            UnsupportedHost: the address cannot be listened on.
        """
        listener = self._listen()
        host, port = listener.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")
        self._receiving = ThreadPoolExecutor(THREADS, thread_name_prefix="registry-receiving")
        application = Application(
            self.faults.handle, self._pool, self._record, receiving=self._receiving
        )
        self._server = _Server(_configuration(application, self.certificates))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="registry", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(30):
            raise UnsupportedHost(f"the registry did not begin to listen on {self.address}")
        return self

    def stop(self) -> None:
        """Answer no more; connections are given a second to end."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join()
            for pool in (self._pool, self._receiving):
                pool.shutdown(wait=True, cancel_futures=True)
        self._server = self._thread = None

    def wait(self) -> None:
        """Return when the server has stopped."""
        if self._thread:
            self._thread.join()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # asyncio sets TCP_NODELAY only where the protocol is named: without it a small answer
        # waits 40 ms for the client's delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise UnsupportedHost(
                f"cannot listen on {self._host}:{self._port}: {(error.strerror or '').lower()}",
                hint="port 0 chooses a free port",
            ) from error
        return listener

    def __enter__(self) -> RegistryServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _configuration(application: Application, tls: Certificates | None) -> uvicorn.Config:
    options: dict[str, Any] = {
        "lifespan": "off",
        "loop": "asyncio",
        "http": SendFileProtocol,
        "access_log": False,
        "log_config": None,
        "log_level": "critical",
        "server_header": False,
        "timeout_graceful_shutdown": 1,
        "timeout_keep_alive": 75,
    }
    if tls:
        options |= {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    return uvicorn.Config(application, **options)
