"""What the tests in the small machine share: bundles, our runtime as a program, control groups."""

from __future__ import annotations

import copy
import itertools
import json
import os
import subprocess
import time

ROOT = "/run/ocinb"
TREE = "/sys/fs/cgroup"
RUNTIME = ("/usr/bin/python3", "-I", "-S", "/vm/ocinb/runtime/__main__.py")
TIMEOUT = 20

_numbers = itertools.count(1)

_CONFIG = {
    "ociVersion": "1.0.2",
    "root": {"path": "/tmp/rootfs"},
    "process": {
        "cwd": "/",
        "args": ["/bin/true"],
        "env": ["PATH=/bin"],
        "user": {"uid": 0, "gid": 0},
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
    ],
    "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
}


def make_rootfs(directory: str = "/tmp/rootfs") -> None:
    """A root filesystem with busybox."""
    if os.path.isdir(directory):
        return
    for name in ("bin", "proc", "dev", "sys", "tmp"):
        os.makedirs(f"{directory}/{name}")
    os.chmod(f"{directory}/tmp", 0o1777)
    with open("/bin/busybox", "rb") as source, open(f"{directory}/bin/busybox", "wb") as target:
        target.write(source.read())
    os.chmod(f"{directory}/bin/busybox", 0o755)
    for applet in ["sh", "true", "sleep", "cat", "dd", "echo", "head", "ls"]:
        os.symlink("busybox", f"{directory}/bin/{applet}")


class Container:
    """A container in the making, and then.

    Args:
        resources: config.json's ``linux.resources``.
        script: what it runs.
        path: of its control group.
    """

    def __init__(self, script: str, resources: dict | None = None, path: str = "") -> None:
        make_rootfs()
        self.id = f"c{next(_numbers)}"
        self.bundle = f"/tmp/{self.id}"
        self.path = path or f"/tests/{self.id}"
        self.config = copy.deepcopy(_CONFIG)
        self.config["process"]["args"] = ["/bin/sh", "-c", script]
        self.config["linux"]["cgroupsPath"] = self.path
        self.config["linux"]["resources"] = resources or {}

    @property
    def directory(self) -> str:
        """Of its control group."""
        return f"{TREE}{self.path}"

    def write(self) -> str:
        """Write config.json; returns the bundle's path."""
        os.makedirs(self.bundle, exist_ok=True)
        with open(f"{self.bundle}/config.json", "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        return self.bundle

    def run(self) -> tuple[int, str]:
        """``run``: the exit status, and all that was said."""
        done = call("run", "--bundle", self.write(), self.id)
        return done.returncode, done.stdout

    def start(self) -> None:
        """Create and start; the output goes to ``output``."""
        with open(f"/tmp/{self.id}.out", "w", encoding="utf-8") as file:
            argv = [*RUNTIME, "--root", ROOT, "create", "--bundle", self.write(), self.id]
            done = subprocess.run(argv, stdout=file, stderr=file, check=False, timeout=TIMEOUT)
        assert done.returncode == 0, self.output()
        succeed("start", self.id)

    def output(self) -> str:
        """What a started container has said so far."""
        with open(f"/tmp/{self.id}.out", encoding="utf-8") as file:
            return file.read()

    def read(self, name: str) -> str:
        """A file of its control group."""
        return read(f"{self.directory}/{name}").strip()

    def values(self, name: str) -> dict[str, int]:
        """A file of names and numbers of its control group."""
        return {k: int(v) for k, v in (line.split() for line in self.read(name).splitlines())}

    def state(self) -> dict:
        """The state document."""
        return json.loads(succeed("state", self.id))

    def delete(self) -> None:
        """Delete it by force; its group must be gone then."""
        succeed("delete", "--force", self.id)
        assert not os.path.exists(self.directory)

    def __enter__(self) -> Container:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.delete()


def call(*words: str) -> subprocess.CompletedProcess:
    """The runtime, to its end."""
    return subprocess.run(
        [*RUNTIME, "--root", ROOT, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


def succeed(*words: str) -> str:
    """A command that must succeed; what it says."""
    done = call(*words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def read(path: str) -> str:
    """A file's text."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def wait_until(condition: object) -> None:
    """Wait until something is so."""
    end = time.monotonic() + TIMEOUT
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.05)
