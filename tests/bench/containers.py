"""How soon a container runs, and what watching over it costs, beside the peers.

Ours as a person has it in an open notebook: ``%oci run`` and ``%oci exec`` in IPython, the image
unpacked; the peers as whole commands. Needs root and the Debian packages that ``.ci/run`` lists.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from ocinb.build.demo import demo_image
from ocinb.bundle.options import ContainerOptions
from ocinb.commands.session import Session
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.engine.joining import FurtherProcess
from ocinb.engine.planning import bundle_of
from ocinb.engine.runtime_process import OURS, find_runtime
from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.notebook.extension import load
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.bench.measure import Case, Comparison
from tests.bench.processor import ProcessorTime, processor_time
from tests.support.debian import run
from tests.support.podman import Podman

RUNTIMES = (OURS, "crun", "runc")
RUN = Path("/run")
"""Where everybody keeps what lasts until reboot: a tmpfs, as it is where systemd is."""
MONITORS = 20
"""Containers whose monitors are weighed together."""


class Ground:
    """A notebook with an image, and the same image for the peers.

    Args:
        directory: for all that is needed.
        clock: counts processor time.
    """

    def __init__(self, directory: Path, clock: ProcessorTime) -> None:
        self.directory = directory
        self.clock = clock
        settings = Settings(root=directory / "ocinb", run_root=RUN / "ocinb")
        store = Store(settings.store)
        store.names.set(str(Reference.parse("demo")), demo_image(store))
        self.engine = Engine(settings)
        self.shell = InteractiveShell()
        load(self.shell, Session(settings, output=lambda *_: None))
        self.podman = Podman(directory / "podman", run=str(RUN))
        self.engine.images.unpack(self.engine.images.get("demo"))
        layout = directory / "demo.tar"
        self.magic("save demo --output", str(layout))
        policy = f"--signature-policy={self.podman.policy}"
        pulled = self.podman("pull", "--quiet", policy, f"oci-archive:{layout}")
        self.image = pulled.stdout.strip()

    def magic(self, *words: str) -> object:
        """A line in a cell."""
        return self.shell.run_line_magic("oci", " ".join(words))

    def bundle(self, *args: str) -> Path:
        """A bundle for runc and crun."""
        path = Path(tempfile.mkdtemp(dir=self.directory))
        options = ContainerOptions(args=args, seccomp="unconfined")
        bundle_of(self.engine, self.engine.images.get("demo"), options, path)
        return path

    def detached(self, number: int) -> list[str]:
        """Names of containers of ours that sleep."""
        names = [f"sleeper{index}" for index in range(number)]
        for name in names:
            options = ContainerOptions(args=["sleep", "1000"])
            self.engine.run("demo", options, name=name, detach=True)
        return names

    def end(self) -> None:
        """Remove every container."""
        for record in self.engine.containers.all():
            self.engine.containers.delete(record.id, force=True)
        self.podman("rm", "--all", "--force", "--time=0", check=False)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """In a mount namespace where crun 1.8 does not stumble over an empty tree of control groups."""
    kernel = Kernel()
    with _namespaces_back(kernel):
        kernel.unshare(f.CLONE_NEWNS)
        kernel.mount(None, "/", None, f.MS_REC | f.MS_SLAVE)
        kernel.mount("tmpfs", str(RUN), "tmpfs", f.MS_NOSUID | f.MS_NODEV, "mode=755")
        with contextlib.suppress(SyscallError):
            kernel.umount("/sys/fs/cgroup/unified")
        directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-"))
        try:
            with processor_time(kernel) as clock:
                site = Ground(directory, clock)
                try:
                    yield site
                finally:
                    site.end()
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _namespaces_back(kernel: Kernel) -> Iterator[None]:
    """Return to today's mount and control group namespaces at the end: others measure after us."""
    here = os.getcwd()
    before = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("cgroup", "mnt")]
    try:
        yield
    finally:
        kernel.unshare(f.CLONE_NEWNS)  # apart from threads that came meanwhile: they share our root
        for descriptor in before:
            kernel.setns(descriptor, 0)
            os.close(descriptor)
        os.chdir(here)


def command(name: str) -> list[str | Path]:
    """A runtime with a directory of its own; ours as the engine and other callers start it."""
    argv = find_runtime(OURS, "").argv if name == OURS else (name,)
    return [*argv, "--root", RUN / f"state-{name}"]


def start(site: Ground) -> Comparison:
    """``true``, from the request to its exit, everything removed again."""
    bundle = site.bundle("true")

    def peer(name: str) -> Callable[[], object]:
        return partial(run, *command(name), "run", "--bundle", bundle, f"bench-{name}")

    options = ContainerOptions(args=["true"])
    again = ("run", "--rm", "--pull=never", "--network=none", site.image, "true")
    return Comparison(
        "run true in a new container, in an open notebook; the peers as commands",
        [
            Case("%oci run --rm demo true", lambda: site.magic("run --rm demo true")),
            Case("engine.run", lambda: site.engine.run("demo", options, output=lambda *_: None)),
            Case("ocinb-runtime run (a bundle that is there)", peer(OURS)),
            Case("crun run (a bundle that is there)", peer("crun")),
            Case("runc run (a bundle that is there)", peer("runc")),
            Case("podman run --rm (runc, vfs)", lambda: site.podman(*again)),
        ],
    )


def rested(site: Ground) -> Comparison:
    """The same as a person has it, who reads what a cell says before the next one.

    Meanwhile the machine turns to others: caches and translations of addresses are lost, and who
    has more memory to look at, as a Python has, pays more for it.
    """
    comparison = start(site)
    comparison.title += "; each after a second of rest"
    for case in comparison.cases:
        case.before = partial(time.sleep, 1)
    return comparison


def execute(site: Ground) -> Comparison:
    """``true`` in a container that runs."""
    site.detached(1)
    bundle = site.bundle("sleep", "1000")
    cases = [
        Case("%oci exec sleeper0 true", lambda: site.magic("exec sleeper0 true")),
        Case(
            "engine.containers.exec",
            lambda: site.engine.containers.exec(
                "sleeper0", FurtherProcess(args=["true"]), output=lambda *_: None
            ),
        ),
    ]
    for name in RUNTIMES:
        argv, sleeper = command(name), f"sleeper-{name}"
        quietly(*argv, "run", "--detach", "--bundle", bundle, sleeper)
        cases.append(Case(f"{called(name)} exec", partial(run, *argv, "exec", sleeper, "true")))
    words = ("run", "--detach", "--name=sleeper", "--network=none", "--pull=never")
    site.podman(*words, site.image, "sleep", "1000")
    cases.append(Case("podman exec (runc)", lambda: site.podman("exec", "sleeper", "true")))

    def end() -> list[str]:
        for name in RUNTIMES:
            run(*command(name), "delete", "--force", f"sleeper-{name}")
        site.end()
        return []

    return Comparison("exec true in a container that runs", cases, notes=end)


def create(site: Ground) -> Comparison:
    """The operation alone, each as a command."""
    bundle = site.bundle("sleep", "1000")
    cases = []
    for name in RUNTIMES:
        argv = command(name)

        def again(argv: list[str | Path] = argv) -> None:
            quietly(*argv, "delete", "--force", "created", check=False)

        act = partial(quietly, *argv, "create", "--bundle", bundle, "created")
        cases.append(Case(f"{called(name)} create", act, again))

    def end() -> list[str]:
        for name in RUNTIMES:
            quietly(*command(name), "delete", "--force", "created")
        return []

    return Comparison("create: up to the user's program", cases, notes=end)


def called(name: str) -> str:
    """The name of a runtime's command."""
    return "ocinb-runtime" if name == OURS else name


def quietly(*argv: str | Path, check: bool = True) -> None:
    """Run a command of which no pipe is left: its container would hold it open."""
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=check)


def by_processor(comparison: Comparison, clock: ProcessorTime) -> Comparison:
    """The same, by the processor time of all processes that have to do with it."""
    comparison.title += ": processor time of all processes"
    for case in comparison.cases:
        case.clock = clock
    return comparison


def many(site: Ground) -> Comparison:
    """Fifty at once, and the memory of those that watch over them."""

    def fifty() -> None:
        names = []
        for index in range(50):
            options = ContainerOptions(args=["sleep", "0.2"])
            site.engine.run("demo", options, name=f"many{index}", detach=True)
            names.append(f"many{index}")
        for name in names:
            site.engine.containers.wait(name)
            site.engine.containers.delete(name)

    return Comparison(
        "50 containers that sleep for 0.2 s, begun one after another, waited for, deleted",
        [Case("engine.run(detach=True), wait, delete", fifty)],
        notes=lambda: _weights(site),
    )


def _weights(site: Ground) -> list[str]:
    site.detached(MONITORS)
    names = [f"conmon{index}" for index in range(3)]
    for name in names:
        words = ("run", "--detach", f"--name={name}", "--network=none", "--pull=never")
        site.podman(*words, site.image, "sleep", "1000")
    time.sleep(1)
    monitors = site.engine.settings.containers.glob("*/monitor.json")
    ours = [_pss(json.loads(path.read_text())["pid"]) for path in monitors]
    theirs = [_pss(int(_conmon(site, name))) for name in names]
    site.end()
    return [
        f"monitor of a container, PSS of each of {len(ours)}: {_mean(ours):.1f} MB; "
        f"conmon, of each of {len(theirs)}: {_mean(theirs):.1f} MB"
    ]


def _conmon(site: Ground, name: str) -> str:
    found = site.podman("inspect", "--format", "{{.State.ConmonPid}}", name)
    return found.stdout.strip()


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    with ground() as site:
        for make in (start, rested, execute, create, many):
            yield make(site)
        for make in (start, execute, create):
            yield by_processor(make(site), site.clock)
