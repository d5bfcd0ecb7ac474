"""Images pulled and unpacked, beside the peers: a large one (392 MB compressed, 1 GB, 57,000
entries), one of 60 layers, one of 10,000 tiny files.

All from one docker-registry on loopback, each into an empty store on a new ext4, as commands.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import digest_of
from tests.bench.measure import Case, Comparison
from tests.bench.spending import Spender, Spending, watched
from tests.support.archives import archive, member
from tests.support.containerd import Containerd
from tests.support.debian import run
from tests.support.docker_registry import docker_registry
from tests.support.filesystem import new_ext4
from tests.support.large import TAG, facts, large_layout
from tests.support.podman import Podman
from tests.support.umoci import image_of_blobs

OCINB = Path(sys.executable).with_name("ocinb")
SIZE = 8 << 30
"""Bytes of each file system; four times what is needed."""


class Site:
    """A registry with the image, and a new file system for each pull.

    Not a directory on the disk, because for half a minute after many files were removed anywhere
    on it ext4 looks for inodes that were not lately in use, and making a file takes ten times as
    long.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._registry = stack.enter_context(docker_registry(directory / "registry")).address
        self.name = ""
        self._here = stack.enter_context(ExitStack())
        self._place = directory
        self._podman = Podman(directory / "podman")
        self._containerd: Containerd | None = None

    def serve(self, layout: Path, repository: str) -> None:
        """Let the registry have an image; it is the one that is pulled from now on."""
        self.name = f"{self._registry}/{repository}:{TAG}"
        source, target = f"oci:{layout}:{TAG}", f"docker://{self.name}"
        run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, target)

    def cases(self) -> Iterator[Spender]:
        """Ours first."""
        yield Spender("ocinb pull", self.ocinb, self.move)
        yield Spender("podman pull (overlay)", self.podman, self.move_podman)
        yield Spender("skopeo copy; umoci unpack", self.skopeo_umoci, self.move)
        ctr = Spender("ctr image pull (overlayfs)", self.ctr, lambda: self.move_containerd(ctr))
        yield ctr

    def move(self) -> None:
        """To a new file system; what was in the one before is gone, its daemon too."""
        self._here.close()
        self._place = self._here.enter_context(new_ext4(self.directory / "place", SIZE))

    def move_podman(self) -> None:
        """To a new podman."""
        self.move()
        self._podman = Podman(self._place / "podman", driver="overlay")

    def move_containerd(self, case: Spender) -> None:
        """To a new containerd, whose processor time is the case's."""
        self.move()
        self._containerd = self._here.enter_context(Containerd(self._place / "ctr"))
        case.daemon = self._containerd.pid

    def ocinb(self) -> int:
        """Our command, as a person runs it."""
        own = {"OCINB_ROOT": f"{self._place}/root", "OCINB_RUN_ROOT": f"{self._place}/run"}
        return watched(OCINB, "pull", self.name, environment={**os.environ, **own})

    def podman(self) -> int:
        """Podman, which unpacks while it pulls."""
        podman = self._podman
        argv = podman.pulling(self.name)
        return watched(podman.program, *argv, environment=podman.environment)

    def skopeo_umoci(self) -> int:
        """One after the other, as they can only be."""
        layout = f"{self._place}/skopeo:{TAG}"
        skopeo = ("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false")
        first = watched(*skopeo, f"docker://{self.name}", f"oci:{layout}")
        return max(first, watched("umoci", "unpack", "--image", layout, self._place / "umoci"))

    def ctr(self) -> int:
        """Containerd, told by ctr."""
        assert self._containerd
        words = ("image", "pull", "--plain-http", "--snapshotter=overlayfs", self.name)
        return watched(*self._containerd.argv(*words))


def comparisons() -> Iterator[Comparison]:
    """From the registry to unpacked layers, cold; and what is there already, pulled again."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-", dir="/var/tmp"))
    try:
        with ExitStack() as stack:
            site = Site(directory, stack)
            site.serve(large_layout(), "large")
            yield Spending(f"pull and unpack {facts(large_layout())}", list(site.cases()))
            for title, make in SHAPES.items():
                layout = make(directory / title.replace(" ", "-"))
                site.serve(layout, "shape")
                yield Spending(f"pull and unpack an image of {title}", list(site.cases()))
            site.move_podman()
            yield Comparison(
                "pull again what is there, unpacked",
                [Case("ocinb pull", site.ocinb), Case("podman pull", site.podman)],
            )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _sixty_layers(layout: Path) -> Path:
    return _made(layout, [[(f"d{n}/f{f}", 50_000) for f in range(20)] for n in range(60)])


def _tiny_files(layout: Path) -> Path:
    return _made(layout, [[(f"usr/p{n // 100}/f{n}", 100) for n in range(10_000)]])


SHAPES = {"60 layers, 60 MB": _sixty_layers, "10,000 tiny files": _tiny_files}


def _made(layout: Path, layers: list[list[tuple[str, int]]]) -> Path:
    """A layout with an image of layers of random files: name and size."""
    source, made = random.Random(3), []
    for number, files in enumerate(layers):
        members = [member(name, data=source.randbytes(size)) for name, size in files]
        raw = archive(members)
        blob = layout.with_name(f"{layout.name}-{number}")
        blob.write_bytes(gzip.compress(raw, 1, mtime=0))
        descriptor = describe(blob.read_bytes(), media_types.LAYER_GZIP)
        made.append((descriptor, digest_of(raw), blob))
    image_of_blobs(layout, made)
    return layout
