"""OCI runtimes as programs: ours, runc and crun, driven by the same command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.peers import require

OURS = (
    sys.executable,
    "-I",
    "-S",
    str(Path(__file__).resolve().parents[2] / "ocinb/runtime/__main__.py"),
)
_HIDE_UNIFIED = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"'
"""crun 1.8.1 works only where the empty version 2 mount of a hybrid machine is hidden."""

NAMES = ("ours", "runc", "crun")
TIMEOUT = 30


class RuntimeProgram:
    """A runtime with a state directory of its own.

    Args:
        name: ours, runc or crun.
        root: for its state.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        if name == "ours":
            self.argv = [*OURS, "--root", str(root)]
        else:
            require(name)
            hidden = ["unshare", "-m", "sh", "-c", _HIDE_UNIFIED, "crun"]
            program = hidden if name == "crun" else [name]
            self.argv = [*program, "--root", str(root)]
        self._containers: list[str] = []

    def call(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of the runtime to its end."""
        options = {"stdin": subprocess.DEVNULL, "timeout": TIMEOUT, **options}
        argv = [*self.argv, *map(str, words)]
        return subprocess.run(argv, capture_output=True, text=True, check=False, **options)

    def run(self, bundle: Bundle, container: str = "c") -> subprocess.CompletedProcess[str]:
        """``run`` in front: create, start, wait, delete."""
        return self.call("run", "--bundle", bundle.write(), self.note(container))

    def output(self, bundle: Bundle) -> str:
        """What a program that must succeed prints."""
        done = self.run(bundle)
        assert done.returncode == 0, f"{self.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def create(
        self, bundle: Bundle, container: str = "c", *options: str | Path, output: Any = None
    ) -> subprocess.CompletedProcess[str]:
        """``create``; the container's own output goes to ``output`` (default: nowhere).

        The runtime's pipes would stay open in the container's process, so its errors go to a file.
        """
        errors = bundle.directory / "create.err"
        with errors.open("w") as stderr:
            done = subprocess.run(
                [*self.argv, "create", "--bundle", bundle.write(), *options, self.note(container)],
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
        done.stderr = errors.read_text()
        return done

    def pause(self, container: str = "c") -> None:
        """``pause``, until it is: runc gives up where the kernel takes its time, crun leaves.

        Ours does neither.
        """

        def paused() -> bool:
            done = self.call("pause", container)
            return done.returncode == 0 or self.state(container)["status"] == "paused"

        if self.name == "ours":
            assert self.call("pause", container).returncode == 0
            assert self.state(container)["status"] == "paused"
        else:
            wait_until(paused)
            self.await_status("paused", container)

    def await_end(self, pid: int) -> None:
        """A process was killed, and whoever says so has waited for its end; crun does not."""
        if self.name == "crun":
            wait_until(lambda: not alive(pid))
        assert not alive(pid)

    def state(self, container: str = "c") -> dict[str, Any]:
        """The state document."""
        done = self.call("state", container)
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def exists(self, container: str = "c") -> bool:
        """Whether the runtime knows the container."""
        return self.call("state", container).returncode == 0

    def await_status(self, status: str, container: str = "c") -> None:
        """Wait until the container has a status."""
        wait_until(lambda: self.state(container)["status"] == status)

    def clean(self) -> None:
        """Delete every container that a test made."""
        for container in dict.fromkeys(self._containers):
            self.call("delete", "--force", container)

    def note(self, container: str) -> str:
        """Remember a container that ``clean`` shall delete."""
        self._containers.append(container)
        return container


class Bundle:
    """A bundle in the making: change ``config``, then ``write``.

    Args:
        directory: of the bundle.
        rootfs: shared by all bundles of a test run, unless a test makes its own.
    """

    def __init__(self, directory: Path, rootfs: Path) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = default_config(rootfs)

    @property
    def process(self) -> dict[str, Any]:
        """``process`` of config.json."""
        process: dict[str, Any] = self.config["process"]
        return process

    @property
    def linux(self) -> dict[str, Any]:
        """``linux`` of config.json."""
        linux: dict[str, Any] = self.config["linux"]
        return linux

    def shell(self, script: str) -> Bundle:
        """Let the container run a shell script."""
        self.process["args"] = ["/bin/sh", "-c", script]
        return self

    def mount(self, destination: str, type: str, source: str, *options: str) -> Bundle:
        """Add a mount."""
        entry = {"destination": destination, "type": type, "source": source}
        self.config["mounts"].append({**entry, "options": list(options)})
        return self

    def write(self) -> str:
        """Write config.json; returns the bundle's path."""
        (self.directory / "config.json").write_text(json.dumps(self.config, indent=1))
        return str(self.directory)


def default_config(rootfs: Path) -> dict[str, Any]:
    """A config.json that all three runtimes accept, small but complete."""
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "conformance",
        "process": {
            "cwd": "/",
            "args": ["/bin/true"],
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": {
                name: ["CAP_CHOWN", "CAP_KILL"] for name in ("bounding", "effective", "permitted")
            },
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            },
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            # Each its own: a group that another test has frozen would stop this one. Whose it is
            # stands in front, so that nobody else tidies it up.
            "cgroupsPath": f"/ocinb-tests/{os.getpid()}-{uuid.uuid4().hex}",
            "resources": {},
        },
    }


def launcher(directory: Path) -> Path:
    """Our runtime as one executable file, for programs that are told of a runtime's path."""
    path = directory / "ocinb-runtime"
    path.write_text(f'#!/bin/sh\nexec {" ".join(OURS)} "$@"\n')
    path.chmod(0o755)
    return path


_APPLETS = (
    "sh cat ls echo id env mount hostname sleep true false stat touch mkdir wc grep sed head "
    "test kill ps readlink tty stty sort cut tr dd dmesg mknod chown rm ln date sysctl"
)


def make_rootfs(directory: Path) -> Path:
    """A root filesystem with busybox for everything."""
    busybox = require("busybox")
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "var/lib", "mnt"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "tmp").chmod(0o1777)
    target = directory / "bin/busybox"
    target.write_bytes(Path(busybox).read_bytes())
    target.chmod(0o755)
    for applet in _APPLETS.split():
        (directory / "bin" / applet).symlink_to("busybox")
    (directory / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nu:x:7:7:u:/tmp:/bin/sh\n")
    return directory


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fails after TIMEOUT seconds."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.02)


def mount_points_below(directory: Path) -> list[str]:
    """Mount points that the host has below a directory."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(str(directory))]


def alive(pid: int) -> bool:
    """Whether a process is there, zombies not counted."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX" and os.path.exists(f"/proc/{pid}")
