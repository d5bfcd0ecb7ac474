"""Our registry with what a pod needs: an image with busybox, and one for sandboxes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.push import push
from ocinb.registry.serve import RegistryServer
from ocinb.spec.reference import Reference
from tests.support.archives import Member
from tests.support.layered import name_image
from tests.support.peers import require
from tests.support.runtimes import make_rootfs

_PROGRAM = """
#include <stdio.h>
#include <sys/personality.h>
int main(void) {
    if (personality(ADDR_NO_RANDOMIZE) < 0) { perror("personality"); return 1; }
    puts("done");
}
"""
"""The kernel lets everybody do that, the seccomp profiles of all engines do not."""

IMAGE, PAUSE = "box:latest", "pause:1"


@contextmanager
def pod_registry(place: Path) -> Iterator[str]:
    """Serve ``box:latest`` and ``pause:1``; within, ``HOST:PORT``."""
    members = _members(root_archive(place))
    store = Store(place / "store")
    configs = {
        IMAGE: {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
        # A sandbox only has to be there.
        PAUSE: {"Entrypoint": ["/bin/sleep", "1000000"]},
    }
    with RegistryServer(place / "registry") as server:
        for name, config in configs.items():
            whole = str(Reference.parse(name))
            name_image(store, whole, [members], config=config)
            reference = Reference.parse(f"{server.address}/{name}")
            push(Client(), store, dict(store.names.items())[whole], reference)
        yield server.address


def root_archive(place: Path) -> Path:
    """``runtimes.make_rootfs`` in ``place/rootfs``, with two programs more; as an archive."""
    rootfs = make_rootfs(place / "rootfs")
    (rootfs / "bin/ip").symlink_to("busybox")
    compiler = [require("gcc"), "-static", "-x", "c", "-", "-o", rootfs / "bin/personality"]
    subprocess.run(compiler, input=_PROGRAM, text=True, check=True)
    archive = place / "rootfs.tar"
    subprocess.run(["tar", "-C", rootfs, "-cf", archive, "."], check=True)
    return archive


def _members(archive: Path) -> list[Member]:
    found: list[Member] = []
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            found.append((info, file.read() if file else b""))
    return found
