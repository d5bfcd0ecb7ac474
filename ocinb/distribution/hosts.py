"""Where a registry is: which URL speaks for a name, its mirrors, and how it may be spoken to."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx

from ocinb.distribution.registries_conf import RegistriesConf, RegistryEntry
from ocinb.distribution.trust import Trust
from ocinb.errors import DistributionError
from ocinb.frozen import Frozen
from ocinb.spec.reference import DEFAULT_REGISTRY, Reference

DOCKER_HUB = "registry-1.docker.io"
"""Where docker.io is in fact. Spec: none (Docker convention)"""


class Source(Frozen):
    """A place from which a repository can be read.

    Attributes:
        registry: ``host[:port]``, whose credentials are used.
        base: URL of its API, without ``/v2/``.
        repository: the repository's name there.
        is_mirror: it stands for another registry.
    """

    registry: str
    base: httpx.URL
    repository: str
    is_mirror: bool = False


class Hosts:
    """What is configured about registries.

    A host on loopback is spoken to by plain HTTP unless certificates or an entry of the
    configuration say otherwise; a host named as insecure by plain HTTP; all others by HTTPS.

    Args:
        insecure: registries (``host`` or ``host:port``) spoken to by plain HTTP.
        conf: mirrors and more; see ``registries_conf``.
        trust: certificates; see ``trust``.
        proxies: scheme → URL of a proxy; None: the usual variables (``HTTPS_PROXY``, …), whose
            ``NO_PROXY`` is obeyed.
    """

    def __init__(
        self,
        insecure: Iterable[str] = (),
        *,
        conf: RegistriesConf | None = None,
        trust: Trust | None = None,
        proxies: dict[str, str] | None = None,
    ) -> None:
        self._insecure = frozenset(insecure)
        self._conf = conf or RegistriesConf()
        self._trust = trust or Trust()
        self._proxies = proxies

    def origin(self, reference: Reference) -> Source:
        """The registry that a reference names: the only one that is written to.

        Raises:
            DistributionError: the configuration blocks it.
        """
        name = reference.name
        entry = self._conf.entry(name)
        if entry and entry.blocked:
            raise DistributionError(
                f"{name} is blocked by the configuration", hint=f"see {self._conf.path}"
            )
        if entry and entry.location:
            return self._source(_moved(name, entry.prefix, entry.location), entry)
        return self._source(name, entry)

    def sources(self, reference: Reference) -> list[Source]:
        """Where to read a manifest or blob, best first; the origin is always the last."""
        origin, entry = self.origin(reference), self._conf.entry(reference.name)
        if entry is None:
            return [origin]
        mirrors = [
            self._source(
                _moved(reference.name, entry.prefix, mirror.location), mirror, is_mirror=True
            )
            for mirror in entry.mirrors
            if mirror.serves(by_digest=reference.digest is not None)
        ]
        return [*mirrors, origin]

    def is_insecure(self, host: str) -> bool:
        """Whether the configuration lets us speak to ``host[:port]`` by plain HTTP."""
        entry = self._conf.host(host)
        if entry is not None and entry.insecure is not None:
            return entry.insecure
        return host in self._insecure or _name_of(host) in self._insecure

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS settings for ``host[:port]`` of a URL."""
        host = DEFAULT_REGISTRY if host == DOCKER_HUB else host
        entry = self._conf.host(host)
        return self._trust.context(host, verify=not (entry and entry.skip_verify))

    def proxy(self, url: httpx.URL) -> httpx.Proxy | None:
        """The proxy to reach a URL by; none for loopback."""
        if is_loopback(url.host):
            return None
        proxies = self._proxies
        if proxies is None:
            if proxy_bypass_environment(url.netloc.decode()):
                return None
            proxies = getproxies_environment()
        found = proxies.get(url.scheme) or proxies.get("all")
        if not found:
            return None
        address = found if "://" in found else f"http://{found}"
        if not address.startswith("http://"):
            raise DistributionError(
                "only proxies spoken to by http are supported, as in http://proxy:3128",
                hint="see the variables HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
            )
        return httpx.Proxy(address)

    def _source(self, name: str, entry: RegistryEntry | None, *, is_mirror: bool = False) -> Source:
        registry, _, repository = name.partition("/")
        host = DOCKER_HUB if registry == DEFAULT_REGISTRY else registry
        scheme = "http" if self._is_plain(registry, entry) else "https"
        return Source(
            registry=registry,
            base=httpx.URL(f"{scheme}://{host}"),
            repository=repository,
            is_mirror=is_mirror,
        )

    def _is_plain(self, registry: str, entry: RegistryEntry | None) -> bool:
        if entry is not None and entry.insecure is not None:
            return entry.insecure
        if self.is_insecure(registry):
            return True
        known = self._trust.knows(registry) or (entry is not None and entry.skip_verify)
        return is_loopback(_name_of(registry)) and not known


def _moved(name: str, prefix: str, location: str) -> str:
    return location + name[len(prefix) :]


def _name_of(host: str) -> str:
    """``host[:port]`` without the port, an IPv6 address without its brackets."""
    return httpx.URL(f"http://{host}").host


def is_loopback(host: str) -> bool:
    """Whether a host, without port, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
