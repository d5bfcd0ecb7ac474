"""The argument REGISTRY of several commands."""

from __future__ import annotations

from ocinb.errors import CommandError, InvalidReference
from ocinb.spec.reference import DEFAULT_REGISTRY, Reference

_DOCKER_HUB = frozenset({"index.docker.io", "registry-1.docker.io"})


def registry_name(text: str) -> str:
    """``host[:port]`` of what a person typed; docker.io for all names of Docker Hub.

    Raises:
        CommandError: it is a name of something else.
    """
    host = text.removeprefix("https://").removeprefix("http://").rstrip("/")
    if host in _DOCKER_HUB:
        return DEFAULT_REGISTRY
    try:
        found = Reference.parse(f"{host}/x").registry
    except InvalidReference:
        found = ""
    if not host or found != host:
        raise CommandError(
            f"{text} is not the name of a registry",
            hint="a host, with a port or a dot in it: docker.io, localhost:5000, ghcr.io",
        )
    return host
