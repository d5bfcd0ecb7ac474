"""A large image (392 MB compressed, 1 GB, 57,000 entries) pulled and unpacked, beside the peers.

All from one docker-registry on loopback, each into an empty store, as commands. What they spend
is told as well: processor seconds of the command with all that it starts, or of its daemon.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.measure import Case, Comparison
from tests.support.debian import run
from tests.support.docker_registry import docker_registry
from tests.support.large import TAG, facts, large_layout
from tests.support.peers import require
from tests.support.podman import Podman

OCINB = Path(sys.executable).with_name("ocinb")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Spender(Case):
    """A competitor whose processor time is told, too.

    Attributes:
        daemon: the process that does the work for the command; 0: it does it itself.
        processor: seconds of processor time, one figure a round.
    """

    daemon: int = 0
    processor: list[float] = field(default_factory=list)

    def round(self) -> float:
        """As ``Case``; the disk is quiet before, and what is written is on it at the end."""
        self.before()
        os.sync()
        spent, start = self._spent(), time.perf_counter()
        self.act()
        seconds = time.perf_counter() - start
        self.processor.append(self._spent() - spent)
        return seconds

    def _spent(self) -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = children.ru_utime + children.ru_stime
        if not self.daemon:
            return own
        fields = Path(f"/proc/{self.daemon}/stat").read_text().rpartition(")")[2].split()
        return own + sum(map(int, fields[11:15])) / _TICKS


class Spending(Comparison):
    """A comparison that tells processor time."""

    def table(self) -> str:
        """As ``Comparison``, then a line for each case."""
        lines = [super().table(), ""]
        for case in self.cases:
            assert isinstance(case, Spender)
            seconds = statistics.median(case.processor[1:])
            lines.append(f"- {case.name}: {seconds:.2f} s of processor time")
        return "\n".join(lines)


class Site:
    """A registry with the image, and a new directory for each pull.

    What a pull left is removed only at the end of all: for a minute after many files were removed
    ext4 looks for inodes that were not lately in use, and making a file takes ten times as long.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        registry = stack.enter_context(docker_registry(directory / "registry"))
        self.name = f"{registry.address}/large:{TAG}"
        source, target = f"oci:{large_layout()}:{TAG}", f"docker://{self.name}"
        run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, target)
        self._numbers = itertools.count(1)
        self._place = directory
        self._podman = Podman(directory / "podman")
        self._daemon = stack.enter_context(ExitStack())
        self._containerd: Containerd | None = None

    def cases(self) -> Iterator[Case]:
        """Ours first."""
        yield Spender("ocinb pull", self.ocinb, self.move)
        yield Spender("podman pull (overlay)", self.podman, self.move_podman)
        yield Spender("skopeo copy; umoci unpack", self.skopeo_umoci, self.move)
        ctr = Spender("ctr image pull (overlayfs)", self.ctr, lambda: self.move_containerd(ctr))
        yield ctr

    def move(self) -> None:
        """To a new directory."""
        self._place = self.directory / str(next(self._numbers))
        self._place.mkdir()

    def move_podman(self) -> None:
        """To a new podman."""
        self.move()
        self._podman = Podman(self._place / "podman", driver="overlay")

    def move_containerd(self, case: Spender) -> None:
        """To a new containerd, whose processor time is the case's."""
        self.move()
        self._daemon.close()
        self._containerd = self._daemon.enter_context(containerd(self._place / "ctr"))
        case.daemon = self._containerd.pid

    def ocinb(self) -> None:
        """Our command, as a person runs it."""
        root, run_root = (f"{self._place}/{name}" for name in ("root", "run"))
        run("env", f"OCINB_ROOT={root}", f"OCINB_RUN_ROOT={run_root}", OCINB, "pull", self.name)

    def podman(self) -> None:
        """Podman, which unpacks while it pulls."""
        self._podman.pull(self.name)

    def skopeo_umoci(self) -> None:
        """One after the other, as they can only be."""
        layout = f"{self._place}/skopeo:{TAG}"
        skopeo = ("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false")
        run(*skopeo, f"docker://{self.name}", f"oci:{layout}")
        run("umoci", "unpack", "--image", layout, self._place / "umoci")

    def ctr(self) -> None:
        """Containerd, told by ctr."""
        assert self._containerd
        self._containerd("image", "pull", "--plain-http", "--snapshotter=overlayfs", self.name)

    def milliseconds_per_file(self) -> float:
        """What making a small file costs here at the moment."""
        self.move()
        start = time.perf_counter()
        for number in range(2000):
            (self._place / str(number)).write_bytes(b"x")
        return (time.perf_counter() - start) / 2


class Containerd:
    """A containerd of its own."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.pid = pid
        self._ctr = ("ctr", "--address", f"{directory}/socket")

    def __call__(self, *words: str) -> str:
        """Run ctr."""
        return run(*self._ctr, *words)


@contextmanager
def containerd(directory: Path) -> Iterator[Containerd]:
    """Start one; it is ended, and its mounts with it."""
    directory.mkdir()
    config = directory / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{directory}/socket"\n'
    )
    argv = [require("containerd"), "--config", str(config), "--log-level", "error"]
    with (directory / "log").open("wb") as log, subprocess.Popen(argv, stderr=log) as process:
        try:
            for _ in range(100):
                if (directory / "socket").exists():
                    break
                time.sleep(0.05)
            yield Containerd(directory, process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)


def comparisons() -> Iterator[Comparison]:
    """One: from the registry to unpacked layers."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-", dir="/var/tmp"))
    try:
        with ExitStack() as stack:
            site = Site(directory, stack)
            cost = site.milliseconds_per_file()
            title = f"pull and unpack {facts(large_layout())} ({cost:.2f} ms to make a file)"
            yield Spending(title, list(site.cases()))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
