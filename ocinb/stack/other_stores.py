"""Images out of the stores of docker and podman, as archives: ``docker-daemon:`` and
``containers-storage:``, as skopeo calls them.

Docker is asked by its API, podman by ``podman save``: only they know how their stores are laid out.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import IO
from urllib.parse import quote

from ocinb.errors import CommandError, NameNotFound, UnsupportedHost

PREFIXES = ("docker-daemon:", "containers-storage:")

_SOCKET = "/var/run/docker.sock"
_PATIENCE = 600.0
"""Seconds between two pieces of an archive: docker begins when it has put it together."""


def write_archive(source: str, target: IO[bytes]) -> None:
    """Write an image of another store into a file.

    Args:
        source: one of ``PREFIXES`` and the image's name, as that store knows it.
        target: a file; the archive is written into it.

    Raises:
        NameNotFound: that store has no such image.
        UnsupportedHost: it is not here, or does not answer.
        CommandError: there is no name.
    """
    kind, _, name = source.partition(":")
    if not name:
        raise CommandError(f"{source} names no image", hint=f"as in {kind}:demo:latest")
    (_from_docker if kind == "docker-daemon" else _from_podman)(name, target)


def _from_docker(name: str, target: IO[bytes]) -> None:
    import httpx

    host = os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}"
    if not host.startswith("unix://"):
        raise UnsupportedHost(
            f"docker is asked by its socket on this machine only, not at {host}",
            hint="docker save NAME | ocinb load reads from any docker",
        )
    path = host.removeprefix("unix://")
    _check_listens(path)
    client = httpx.Client(transport=httpx.HTTPTransport(uds=path), timeout=_PATIENCE)
    address = f"http://docker/images/{quote(name, safe='/:@')}/get"
    try:
        with client, client.stream("GET", address) as answer:
            if answer.status_code == 404:
                raise NameNotFound(
                    f"docker has no image {name}", hint="docker images lists what it has"
                )
            if answer.status_code != 200:
                said = answer.read().decode(errors="replace").strip()
                raise UnsupportedHost(f"docker does not give {name} away: {said}")
            for data in answer.iter_bytes(1 << 20):
                target.write(data)
    except httpx.HTTPError as error:
        raise UnsupportedHost(f"docker at {path} broke off: {error}") from None


def _check_listens(path: str) -> None:
    """See that somebody listens: httpx leaves its socket open where nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            raise UnsupportedHost(
                f"docker does not answer at {path}: {(error.strerror or str(error)).lower()}",
                hint="is dockerd running? $DOCKER_HOST names another socket",
            ) from None


def _from_podman(name: str, target: IO[bytes]) -> None:
    program = shutil.which("podman")
    if program is None:
        raise UnsupportedHost("podman is not installed here", hint="apt-get install podman")
    argv = [program, "save", "--quiet", "--format", "oci-archive", "--", name]
    done = subprocess.run(argv, stdout=target, stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        return
    said = (done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1]
    if "not known" in said:
        raise NameNotFound(f"podman has no image {name}", hint="podman images lists what it has")
    raise UnsupportedHost(f"podman does not give {name} away: {said.removeprefix('Error: ')}")
