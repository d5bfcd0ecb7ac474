"""A large image (392 MB compressed, 1 GB, 57,000 entries) pulled and unpacked, beside the peers.

All from one docker-registry on loopback, each into an empty store, as commands. What they spend
is told as well: processor seconds of the command with all that it starts, or of its daemon.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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
    """A registry with the image, and a directory for each competitor."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        registry = stack.enter_context(docker_registry(directory / "registry"))
        self.name = f"{registry.address}/large:{TAG}"
        source, target = f"oci:{large_layout()}:{TAG}", f"docker://{self.name}"
        run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, target)
        self._stack = stack

    def cases(self) -> Iterator[Case]:
        """Ours first."""
        yield Spender("ocinb pull", self.ocinb, self._forget("ocinb", "ocinb-run"))
        for driver in ("overlay", "vfs"):
            podman = Podman(self.directory / f"podman-{driver}", driver=driver)
            yield Spender(
                f"podman pull ({driver})",
                lambda podman=podman: podman.pull(self.name),
                lambda podman=podman: podman("rmi", "--all", "--force", check=False),
            )
        yield Spender(
            "skopeo copy; umoci unpack", self.skopeo_umoci, self._forget("skopeo", "umoci")
        )
        for snapshotter in ("overlayfs", "native"):
            daemon = self._stack.enter_context(containerd(self.directory / f"ctr-{snapshotter}"))
            yield Spender(
                f"ctr image pull ({snapshotter})",
                lambda d=daemon, s=snapshotter: d.pull(self.name, s),
                daemon.forget,
                daemon=daemon.pid,
            )

    def ocinb(self) -> None:
        """Our command, as a person runs it."""
        root, run_root = (self.directory / name for name in ("ocinb", "ocinb-run"))
        run("env", f"OCINB_ROOT={root}", f"OCINB_RUN_ROOT={run_root}", OCINB, "pull", self.name)

    def skopeo_umoci(self) -> None:
        """One after the other, as they can only be."""
        layout = f"{self.directory}/skopeo:{TAG}"
        skopeo = ("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false")
        run(*skopeo, f"docker://{self.name}", f"oci:{layout}")
        run("umoci", "unpack", "--image", layout, self.directory / "umoci")

    def _forget(self, *names: str) -> Callable[[], None]:
        def forget() -> None:
            for name in names:
                shutil.rmtree(self.directory / name, ignore_errors=True)

        return forget


class Containerd:
    """A containerd of its own."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.pid = pid
        self._ctr = ("ctr", "--address", f"{directory}/socket")

    def __call__(self, *words: str) -> str:
        """Run ctr."""
        return run(*self._ctr, *words)

    def pull(self, name: str, snapshotter: str) -> None:
        """Pull and unpack."""
        self("image", "pull", "--plain-http", "--snapshotter", snapshotter, name)

    def forget(self) -> None:
        """Remove all images, and wait until what they had is gone."""
        names = self("image", "list", "--quiet").split()
        if names:
            self("image", "remove", "--sync", *names)


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
            yield Spending(f"pull and unpack {facts(large_layout())}", list(site.cases()))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
