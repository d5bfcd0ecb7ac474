"""A containerd of its own, driven by ``ctr``, without CRI, for containers from a directory."""

from __future__ import annotations

import itertools
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import require

_CONFIGURATION = """version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/sock"
[ttrpc]
  address = "{0}/sock.ttrpc"
"""
_SECONDS = 20
_NAMESPACE = f"ocinb-{os.getpid()}"
_numbers = itertools.count(1)


class Refused(Exception):
    """What containerd said against an image."""


class Containerd:
    """Started on entering the context, ended on leaving it, with everything in one directory."""

    def __init__(self, directory: Path) -> None:
        self._daemon = require("containerd")
        self._ctr = require("ctr")
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory

    def __enter__(self) -> Containerd:
        configuration = self._directory / "config.toml"
        configuration.write_text(_CONFIGURATION.format(self._directory))
        with (self._directory / "log").open("w") as log:
            argv = [self._daemon, "--config", str(configuration)]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        end = time.monotonic() + _SECONDS
        while self("version", check=False).returncode:
            assert time.monotonic() < end, (self._directory / "log").read_text()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_SECONDS)
        # runc leaves the directory that the groups of all containers were in.
        for group in Path("/sys/fs/cgroup").glob(f"*/{_NAMESPACE}"):
            group.rmdir()

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return self._process.pid

    def argv(self, *words: str) -> list[str]:
        """A command line of ctr."""
        # The control groups of a container are /NAMESPACE/ID: tests side by side need their own.
        options = ["--address", f"{self._directory}/sock", "--namespace", _NAMESPACE]
        return [self._ctr, *options, *words]

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``ctr WORDS``; a failure carries all that it said."""
        done = subprocess.run(
            self.argv(*words), capture_output=True, text=True, check=False, timeout=60
        )
        if check and done.returncode:
            raise AssertionError(f"ctr {words}: {done.stdout}{done.stderr}")
        return done

    @contextmanager
    def unpacked(self, layout: Path, tag: str) -> Iterator[Path]:
        """Import an image from an image layout; within, its tree as containerd shows it.

        Raises:
            Refused: containerd does not want to unpack it.
        """
        archive, tree = (self._directory / f"{name}-{next(_numbers)}" for name in ("image", "tree"))
        files = ("oci-layout", "index.json", "blobs")
        subprocess.run(["tar", "-C", layout, "-cf", archive, *files], check=True)
        name = f"images.test/{archive.name}"
        done = self("image", "import", "--base-name", name, str(archive), check=False)
        archive.unlink()
        if done.returncode:
            raise Refused(done.stderr)
        tree.mkdir()
        self("image", "mount", f"{name}:{tag}", str(tree))
        try:
            yield tree
        finally:
            self("image", "unmount", str(tree))

    def on_terminal(self, *words: str) -> str:
        """Run ``ctr WORDS`` on a terminal; returns what it printed there."""
        return on_terminal(self.argv(*words))


def on_terminal(argv: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a program on a terminal of its own to its end; returns what it printed there."""
    master, peer = pty.openpty()
    process = subprocess.Popen(
        argv, stdin=peer, stdout=peer, stderr=peer, start_new_session=True, env=environment
    )
    os.close(peer)
    said = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.1)
        try:
            data = os.read(master, 65536) if ready else b""
        except OSError:
            break  # nobody has the other side open any more
        said += data
        if not ready and process.poll() is not None:
            break
    process.wait(_SECONDS)
    os.close(master)
    return said.decode(errors="replace").replace("\r\n", "\n")
