"""The way to each host: a pool of connections with its TLS settings and proxy."""

from __future__ import annotations

import threading

import httpx

from ocinb.distribution.hosts import Hosts
from ocinb.distribution.network import Network
from ocinb.distribution.wire import Sockets


class Routes:
    """Connections by scheme, host and proxy, made when they are needed.

    Which proxy it is, is asked each time: somebody sets it once they see that they need one.

    Args:
        double: takes the place of all sockets, as in a test.
    """

    def __init__(
        self, hosts: Hosts, network: Network, double: httpx.BaseTransport | None = None
    ) -> None:
        self._hosts = hosts
        self._network = network
        self._double = double
        self._sockets: dict[tuple[str, str, str], Sockets] = {}
        self._lock = threading.Lock()

    def choose(self, url: httpx.URL) -> httpx.BaseTransport:
        """What sends a request to this URL."""
        if self._double is not None:
            return self._double
        host = url.netloc.decode()
        proxy = self._hosts.proxy(url)
        key = url.scheme, host, f"{proxy.url} {proxy.raw_auth}" if proxy else ""
        with self._lock:
            if key not in self._sockets:
                # A TLS context takes 50 ms to make: all trusted certificates are read.
                context = self._hosts.context(host) if url.scheme == "https" else None
                self._sockets[key] = Sockets(self._network, context, proxy)
            return self._sockets[key]

    def close(self) -> None:
        """Close all connections."""
        for sockets in self._sockets.values():
            sockets.close()
