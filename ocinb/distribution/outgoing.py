"""Requests that can be made any number of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import httpx

from ocinb.distribution.auth import RegistryAuth
from ocinb.frozen import Frozen


class Timeouts(Frozen):
    """Seconds. Each is a limit on silence; none limits a transfer that goes on.

    Attributes:
        connect: until a connection stands, TLS included.
        read: until the next bytes of an answer.
        write: until the other side takes more.
    """

    connect: float = 15.0
    read: float = 60.0
    write: float = 60.0


class Body(httpx.SyncByteStream):
    """A request's body that can be sent again from its start.

    Attributes:
        length: bytes.
    """

    def __init__(self, length: int, open_chunks: Callable[[], Iterator[bytes]]) -> None:
        self.length = length
        self._open = open_chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._open()

    @classmethod
    def of(cls, data: bytes) -> Body:
        """A body of bytes in memory."""
        return cls(len(data), lambda: iter((data,)) if data else iter(()))


class Outgoing(Frozen):
    """A request that can be made any number of times.

    Attributes:
        endpoint: the specification's name of the endpoint.
        subject: what is asked for, as an error names it: ``demo:1.0``, a digest.
        registry: whose host this is, as a person wrote it.
        party: what the host is: ``registry``, ``mirror``, or ``storage`` elsewhere.
        auth: who we are, for the origin of ``url`` only.
    """

    method: str
    url: httpx.URL
    endpoint: str
    registry: str
    party: str = "registry"
    subject: str = ""
    headers: Mapping[str, str] = {}
    body: Body | None = None
    auth: RegistryAuth | None = None
