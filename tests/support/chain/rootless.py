"""podman of an ordinary user as a caller, with one id and without control groups."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chain.caller import NOTHING, Ended, NotOffered, Wishes
from tests.support.chain.engines import Engine, import_image
from tests.support.peers import require, require_system_python
from tests.support.runtimes import OURS

USER = 4712
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """
[storage]
driver = "vfs"
graphroot = "{0}/home/storage"
rootless_storage_path = "{0}/home/storage"
runroot = "{0}/run/r"
[storage.options.vfs]
ignore_chown_errors = "true"
"""
_ONE_ID = "this user has one id"
_NO_GROUPS = "no control groups for an ordinary user on this machine"


class OrdinaryEngine(Engine):
    """podman without what an ordinary user may not have here, whatever the runtime."""

    limits = False

    def once(self, script: str, wishes: Wishes = NOTHING) -> Ended:
        return super().once(script, _permitted(wishes))

    def begin(self, name: str, script: str, wishes: Wishes = NOTHING) -> None:
        super().begin(name, script, _permitted(wishes))

    def execute(self, name: str, script: str, *, user: str = "") -> Ended:
        if user:
            raise NotOffered(_ONE_ID)
        return super().execute(name, script)

    def pause(self, name: str) -> None:
        raise NotOffered(_NO_GROUPS)

    def update(self, name: str, memory: int) -> None:
        raise NotOffered(_NO_GROUPS)

    def stats(self, name: str) -> tuple[int, int]:
        raise NotOffered(_NO_GROUPS)


def _permitted(wishes: Wishes) -> Wishes:
    if wishes.user:
        raise NotOffered(_ONE_ID)
    if wishes.pids:
        raise NotOffered(_NO_GROUPS)
    if wishes.network == "bridge":
        raise NotOffered("an ordinary user's bridge is slirp4netns'")
    return Wishes(**{**wishes.__dict__, "memory": 0})


@contextmanager
def rootless(_place: Path, archive: Path, _runtimes: dict[str, Path]) -> Iterator[list[Engine]]:
    """A podman of an ordinary user; within, it with runc and with ours.

    Its directory is one that the user can enter.
    """
    program, setpriv = require("podman"), require("setpriv")
    require_system_python()
    place = Path(tempfile.mkdtemp(prefix="chain-"))
    try:
        place.chmod(0o755)
        for name in ("home", "run"):
            (place / name).mkdir(mode=0o700)
            os.chown(place / name, USER, USER)
        (place / "containers.conf").write_text(_CONTAINERS)
        (place / "storage.conf").write_text(_STORAGE.format(place))
        ours = place / "ocinb-runtime"
        ours.write_text(f'#!/bin/sh\nexec /usr/bin/python3 {" ".join(OURS[1:])} "$@"\n')
        ours.chmod(0o755)
        image = shutil.copy(archive, place / "rootfs.tar")
        os.chmod(image, 0o644)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": f"{place}/home",
            "XDG_RUNTIME_DIR": f"{place}/run",
            "CONTAINERS_CONF": f"{place}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{place}/storage.conf",
        }
        become = [setpriv, "--reuid", str(USER), "--regid", str(USER), "--clear-groups", program]
        engines: list[Engine] = [
            OrdinaryEngine("rootless", name, [*become, "--runtime", runtime], environment)
            for name, runtime in (("runc", require("runc")), ("ocinb", str(ours)))
        ]
        import_image(engines[0], Path(image))
        yield engines
        for engine in engines:
            engine("rm", "--force", "--all", "-t", "0", check=False)
    finally:
        for held in place.glob("run/libpod/**/pause.pid"):  # it holds the user namespace
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(held.read_text()), signal.SIGKILL)
        shutil.rmtree(place, ignore_errors=True)
