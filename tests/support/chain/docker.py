"""Debian's dockerd as a caller, its runtimes named in its ``daemon.json``."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chain.caller import NotOffered
from tests.support.chain.engines import Engine, import_image, in_bytes
from tests.support.peers import require
from tests.support.runtimes import mount_points_below, wait_until

_SECONDS = 40


class Docker(Engine):
    """What of docker is not as podman has it."""

    def restarts(self, name: str) -> int:
        wait_until(lambda: self._inspect(name, "{{.State.Status}} {{.RestartCount}}") == "exited 2")
        return int(self._inspect(name, "{{.RestartCount}}"))

    def health(self, name: str) -> str:
        # The daemon checks by itself, every second.
        wanted = "unhealthy" if self.execute(name, "test -e /tmp/sick").status == 0 else "healthy"
        wait_until(lambda: self._inspect(name, "{{.State.Health.Status}}") == wanted)
        return wanted

    def stats(self, name: str) -> tuple[int, int]:
        row = json.loads(self("stats", "--no-stream", "--format", "{{json .}}", name).output)
        return int(row["PIDs"]), in_bytes(row["MemUsage"].split("/")[0])

    def checkpoint(self, name: str) -> str:
        done = self("checkpoint", "create", name, "one", check=False)
        if "only supported on a Docker daemon with experimental" in done.errors:
            raise NotOffered("docker has checkpoints in its experimental mode only")
        assert done.status
        return done.errors.strip()


@contextmanager
def docker(place: Path, rootfs: Path, runtimes: dict[str, Path]) -> Iterator[list[Engine]]:
    """A dockerd of its own; within, docker with each of the runtimes.

    Args:
        rootfs: archive of a root filesystem.
        runtimes: name → program.
    """
    daemon, client = require("dockerd"), require("docker")
    place.mkdir(parents=True, exist_ok=True)
    address = f"unix://{place}/sock"
    group = f"chain-docker-{os.getpid()}"
    configuration = {
        "data-root": f"{place}/data",
        "exec-root": f"{place}/exec",
        "pidfile": f"{place}/pid",
        "hosts": [address],
        "storage-driver": "vfs",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "userland-proxy": False,
        "cgroup-parent": f"/{group}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "experimental": True,
        "runtimes": {f"the-{name}": {"path": str(path)} for name, path in runtimes.items()},
    }
    (place / "daemon.json").write_text(json.dumps(configuration))
    with (place / "log").open("w") as log:
        argv = [daemon, "--config-file", str(place / "daemon.json")]
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    environment = {**os.environ, "DOCKER_HOST": address, "DOCKER_CONFIG": f"{place}/client"}
    engines: list[Engine] = [
        Docker("docker", name, [client], environment, ("--runtime", f"the-{name}"))
        for name in runtimes
    ]
    try:
        end = time.monotonic() + _SECONDS
        while engines[0]("version", check=False).status:
            assert process.poll() is None, (place / "log").read_text()
            assert time.monotonic() < end, (place / "log").read_text()
            time.sleep(0.1)
        import_image(engines[0], rootfs)
        yield engines
    finally:
        if process.poll() is None:
            left = engines[0]("ps", "--all", "--quiet", check=False).output.split()
            engines[0]("rm", "--force", *left, check=False)
            process.terminate()
            process.wait(_SECONDS)
        # It leaves the mount that holds its network namespace.
        for point in mount_points_below(place):
            subprocess.run(["umount", point], check=True)
        for directory in Path("/sys/fs/cgroup").glob(f"*/{group}"):
            directory.rmdir()
