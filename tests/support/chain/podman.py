"""podman as a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chain.engines import Engine, import_image
from tests.support.podman import Podman

_NETWORK = """
[network]
network_backend = "cni"
network_config_dir = "{0}/networks"
cni_plugin_dirs = ["/usr/lib/cni"]
"""


@contextmanager
def podman(place: Path, rootfs: Path, runtimes: dict[str, Path]) -> Iterator[list[Engine]]:
    """A podman of its own; within, it with each of the runtimes.

    Args:
        rootfs: archive of a root filesystem.
        runtimes: name → program.
    """
    peer = Podman(place)
    (place / "networks").mkdir()
    with (place / "containers.conf").open("a") as file:
        file.write(_NETWORK.format(place))
    engines = [
        Engine("podman", name, [peer.program, "--runtime", str(program)], peer.environment)
        for name, program in runtimes.items()
    ]
    import_image(engines[0], rootfs)
    try:
        yield engines
    finally:
        for engine in engines:
            engine("rm", "--force", "--all", "-t", "0", check=False)
        engines[0]("rmi", "--force", "--all", check=False)
