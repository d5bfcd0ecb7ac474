"""Podman with everything of its own in one directory, set up for machines like these.

CAP_SYS_RESOURCE is missing here, so the default limits are lowered; there is no systemd, so
cgroups are cgroupfs and events a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import require

_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
init_path = "/usr/bin/docker-init"
events_logger = "file"
runtime = "runc"
"""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


class Podman:
    """A podman that shares nothing with any other on this machine.

    Args:
        directory: for images and containers.
        driver: how it stacks layers.
        run: a directory for what lasts until reboot; None: that of temporary files.
    """

    def __init__(self, directory: Path, *, driver: str = "vfs", run: str | None = None) -> None:
        self.program = require("podman")
        directory.mkdir(parents=True, exist_ok=True)
        # Where its path is long, podman waits 20 s for the end of every container in front.
        run = tempfile.mkdtemp(prefix="podman-", dir=run)
        weakref.finalize(self, shutil.rmtree, run, ignore_errors=True)
        (directory / "containers.conf").write_text(_CONTAINERS)
        (directory / "policy.json").write_text(_POLICY)
        (directory / "storage.conf").write_text(
            f'[storage]\ndriver = "{driver}"\ngraphroot = "{directory}/root"\nrunroot = "{run}"\n'
        )
        self.policy = directory / "policy.json"
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
        }

    def __call__(
        self, *argv: str, check: bool = True, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``podman ARGV``; a failure carries all that it said.

        Its conmon makes a file ``oom`` in the working directory of a container without memory.
        """
        done = subprocess.run(
            [self.program, *argv],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
        )
        if check and done.returncode:
            raise AssertionError(f"podman {argv}: {done.stdout}{done.stderr}")
        return done

    def pull(self, name: str) -> None:
        """Pull from a registry that speaks plain HTTP."""
        self(*self.pulling(name))

    def pulling(self, name: str) -> tuple[str, ...]:
        """The words of ``podman pull`` for such a registry."""
        policy = f"--signature-policy={self.policy}"
        return "pull", "--quiet", "--tls-verify=false", policy, name

    def push(self, name: str, target: str) -> None:
        """Push to a registry that speaks plain HTTP."""
        policy = f"--signature-policy={self.policy}"
        self("push", "--quiet", "--tls-verify=false", policy, name, f"docker://{target}")

    @contextmanager
    def unpacked(self, layout: Path, tag: str) -> Iterator[Path]:
        """Pull an image from an image layout; within, its tree as podman shows it."""
        policy = f"--signature-policy={self.policy}"
        image = self("pull", "--quiet", policy, f"oci:{layout}:{tag}").stdout.split()[-1]
        yield Path(self("image", "mount", image).stdout.strip())
        self("image", "unmount", image)
        self("rmi", "--force", image)
