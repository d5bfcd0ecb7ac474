"""How a command of a build is run: a container that sees the image and little else.

Spec: none (Dockerfile reference, RUN)
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ocinb.bundle.options import HOST_NETWORK, ContainerOptions
from ocinb.temporary import temporary_place

HOST_NAME = "build"
SCRIPT = "/dev/ocinb-script"
"""Where a script lies in the container; ``/dev`` is not part of the image."""

_OF_THE_HOST = ("/etc/resolv.conf", "/etc/hosts")


@contextmanager
def run_options(
    argv: Sequence[str], variables: Sequence[str], network: str, script: bytes | None
) -> Iterator[ContainerOptions]:
    """The wishes for a container that runs one command; a script is there until this is left.

    The same host name and little else from this machine, so that the same command gives the same.

    Args:
        argv: the command.
        variables: ``NAME=value`` beyond the image's environment.
        network: ``none`` or ``host``; with the latter names are resolved as here.
        script: a program to run in place of ``argv``.
    """
    mounts: list[dict[str, Any]] = []
    if network == HOST_NETWORK:
        mounts = [_file(path, path) for path in _OF_THE_HOST if os.path.exists(path)]
    if script is None:
        yield _options(argv, variables, network, mounts)
        return
    place = temporary_place()
    with tempfile.NamedTemporaryFile(prefix="ocinb-script-", dir=place) as file:
        file.write(script)
        file.flush()
        os.fchmod(file.fileno(), 0o755)
        # A file that is open for writing cannot be executed.
        with tempfile.TemporaryDirectory(prefix="ocinb-script-", dir=place) as directory:
            os.link(file.name, f"{directory}/script")
            file.close()
            yield _options(
                [SCRIPT], variables, network, [*mounts, _file(f"{directory}/script", SCRIPT)]
            )


def mount_points(options: ContainerOptions) -> frozenset[str]:
    """Paths that a runtime makes to mount something there, with their parents.

    Spec: runtime-spec config-linux.md#default-filesystems
    """
    return with_parents(["proc", "dev", "sys", *(str(m["destination"]) for m in options.mounts)])


def with_parents(paths: Iterable[str]) -> frozenset[str]:
    """Paths of a tree, and of the directories in which they are."""
    places: set[str] = set()
    for path in paths:
        parts = [part for part in path.split("/") if part]
        places.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return frozenset(places)


def _options(
    argv: Sequence[str], variables: Sequence[str], network: str, mounts: list[dict[str, Any]]
) -> ContainerOptions:
    return ContainerOptions(
        args=list(argv),
        entrypoint=[],
        env=list(variables),
        hostname=HOST_NAME,
        network=network,
        mounts=mounts,
    )


def _file(source: str, destination: str) -> dict[str, Any]:
    options = ["rbind", "ro", "nosuid", "nodev"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}
