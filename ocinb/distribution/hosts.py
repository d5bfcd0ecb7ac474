"""Where a registry is: which URL speaks for a name, and how it may be spoken to."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable

import httpx

from ocinb.frozen import Frozen
from ocinb.spec.reference import DEFAULT_REGISTRY, Reference

DOCKER_HUB = "registry-1.docker.io"
"""Where docker.io is in fact. Spec: none (Docker convention)"""


class Source(Frozen):
    """A place from which a repository can be read.

    Attributes:
        registry: the host and port, as a person would write it.
        base: URL of its API, without ``/v2/``.
        repository: the repository's name there.
    """

    registry: str
    base: httpx.URL
    repository: str


class Hosts:
    """What is configured about registries: which are insecure, and TLS settings.

    Args:
        insecure: registries (``host`` or ``host:port``) spoken to by plain HTTP, besides loopback.
    """

    def __init__(self, insecure: Iterable[str] = ()) -> None:
        self._insecure = frozenset(insecure)
        self._contexts: dict[str, ssl.SSLContext] = {}

    def origin(self, reference: Reference) -> Source:
        """The registry that a reference names: the only one that is written to."""
        return Source(
            registry=reference.registry,
            base=self._base(reference.registry),
            repository=reference.repository,
        )

    def sources(self, reference: Reference) -> list[Source]:
        """Where to read a repository, best first; the origin is always the last."""
        return [self.origin(reference)]

    def is_insecure(self, host: str) -> bool:
        """Whether ``host`` or ``host:port`` was named as insecure by configuration."""
        return host in self._insecure or host.rpartition(":")[0] in self._insecure

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS settings for ``host`` or ``host:port``."""
        if host not in self._contexts:
            self._contexts[host] = ssl.create_default_context()
        return self._contexts[host]

    def _base(self, registry: str) -> httpx.URL:
        plain = is_loopback(registry) or self.is_insecure(registry)
        host = DOCKER_HUB if registry == DEFAULT_REGISTRY else registry
        return httpx.URL(f"{'http' if plain else 'https'}://{host}")


def is_loopback(registry: str) -> bool:
    """Whether a ``host[:port]`` is this machine itself."""
    host = httpx.URL(f"http://{registry}").host
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
