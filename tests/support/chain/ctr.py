"""containerd as a caller, by its own client ``ctr``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chain.caller import NOTHING, Caller, Ended, NotOffered, Wishes
from tests.support.containerd import Containerd
from tests.support.runtimes import wait_until

_STATUS = {"RUNNING": "running", "PAUSED": "paused", "STOPPED": "exited", "CREATED": "created"}


class Ctr(Caller):
    """ctr with one runtime and one root filesystem.

    Args:
        containerd: a running one.
        place: for logs.
        rootfs: a directory, shared by all containers.
    """

    def __init__(
        self, containerd: Containerd, runtime: str, program: Path, place: Path, rootfs: Path
    ) -> None:
        self.column = f"ctr+{runtime}"
        self._ctr = containerd
        self._place = place / runtime
        self._place.mkdir()
        self._run = ["run", "--runc-binary", str(program), "--env", "PATH=/bin", "--seccomp"]
        self._rootfs = ["--rootfs", str(rootfs)]
        self._numbers = itertools.count()

    def _argv(self, name: str, script: str, *options: str, wishes: Wishes = NOTHING) -> list[str]:
        words = [*self._run, *_options(wishes), *options, *self._rootfs]
        return [*words, name, "/bin/sh", "-c", script]

    def once(self, script: str, wishes: Wishes = NOTHING) -> Ended:
        done = self._ctr(*self._argv("once", script, "--rm", wishes=wishes), check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, script: str) -> str:
        return self._ctr.on_terminal(*self._argv("t", script, "--rm", "--tty"))

    def begin(self, name: str, script: str, wishes: Wishes = NOTHING) -> None:
        if wishes.remove:  # it removes only what it runs in front
            self._ctr(*self._argv(name, script, "--rm"))
            return
        if wishes.restart:
            raise NotOffered("containerd restarts what should run, whatever its status")
        if wishes.healthcheck:
            raise NotOffered("ctr has no health checks")
        log = f"file://{self._place}/{name}.log"
        self._ctr(*self._argv(name, script, "-d", "--log-uri", log, wishes=wishes))

    def program_missing(self) -> str:
        words = [*self._run, "--rm", *self._rootfs, "once", "nosuch"]
        return self._ctr(*words, check=False).stderr

    def execute(self, name: str, script: str, *, user: str = "") -> Ended:
        words = self._execute(name, script, *(("--user", user) if user else ()))
        done = self._ctr(*words, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    def execute_on_terminal(self, name: str, script: str) -> str:
        return self._ctr.on_terminal(*self._execute(name, script, "--tty"))

    def execute_detached(self, name: str, script: str) -> None:
        self._ctr(*self._execute(name, script, "--detach"))

    def processes(self, name: str) -> str:
        return self._ctr("task", "ps", name).stdout

    def status(self, name: str) -> str:
        lines = [line.split() for line in self._ctr("task", "ls").stdout.splitlines()]
        found = next((_STATUS.get(line[2], line[2]) for line in lines if line[0] == name), "")
        known = self._ctr("container", "ls", "--quiet").stdout.split()
        return found or ("exited" if name in known else "")

    def exit_status(self, name: str) -> int:
        wait_until(lambda: self.status(name) in ("exited", ""))
        said = self._ctr("task", "rm", name).stderr
        status = re.search(r"non-zero exit code (\d+)", said)
        return int(status[1]) if status else 0

    def pid(self, name: str) -> int:
        lines = [line.split() for line in self._ctr("task", "ls").stdout.splitlines()]
        return next(int(line[1]) for line in lines if line[0] == name)

    def pause(self, name: str) -> None:
        self._ctr("task", "pause", name)

    def resume(self, name: str) -> None:
        self._ctr("task", "resume", name)

    def update(self, name: str, memory: int) -> None:
        raise NotOffered("ctr has no update")

    def stats(self, name: str) -> tuple[int, int]:
        lines = [line.split() for line in self._ctr("task", "metrics", name).stdout.splitlines()]
        found = {line[0]: line[1] for line in lines if len(line) == 2}
        return int(found["pids.current"]), int(found["memory.usage_in_bytes"])

    def logs(self, name: str) -> tuple[str, str]:
        # containerd's own log files have both streams, in whatever order they were copied.
        lines = (self._place / f"{name}.log").read_text().splitlines()
        errors = [line for line in lines if line == "oops"]
        return "\n".join(line for line in lines if line not in errors), "\n".join(errors)

    def restarts(self, name: str) -> int:
        raise NotImplementedError

    def health(self, name: str) -> str:
        raise NotImplementedError

    def checkpoint(self, name: str) -> str:
        done = self._ctr("task", "checkpoint", name, check=False)
        assert done.returncode
        return done.stderr.strip()

    def stop(self, name: str, seconds: int) -> None:
        # A task is asked to end, and what is left after a while is killed: ctr leaves it to us.
        self.kill(name, "TERM")
        if name == "deaf":
            self.kill(name, "KILL")

    def kill(self, name: str, signal: str) -> None:
        self._ctr("task", "kill", "--signal", signal, name)

    def remove(self, name: str) -> None:
        self._ctr("task", "rm", "--force", name, check=False)
        self._ctr("container", "rm", name)

    def _execute(self, name: str, script: str, *options: str) -> list[str]:
        number = f"e{next(self._numbers)}"
        return ["task", "exec", *options, "--exec-id", number, name, "/bin/sh", "-c", script]


def _options(wishes: Wishes) -> list[str]:
    if wishes.user:
        raise NotOffered("ctr run has the image's user")
    words = []
    if wishes.capabilities is not None:
        kept = set(wishes.capabilities)
        words += [w for name in _DEFAULT if name not in kept for w in ("--cap-drop", name)]
    words += ["--read-only"] if wishes.read_only else []
    if wishes.volume:
        words += ["--mount", f"type=bind,src={wishes.volume},dst=/mnt,options=rbind:rw"]
    words += ["--memory-limit", str(wishes.memory)] if wishes.memory else []
    if wishes.pids:
        raise NotOffered("ctr has no limit of processes")
    if wishes.network == "host":
        words += ["--net-host"]
    elif wishes.network == "bridge":
        raise NotOffered("ctr --cni looks for plugins in /opt/cni/bin only")
    return words


_DEFAULT = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW"),
    *("CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE"),
    *("CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"),
)
"""What containerd gives to a container."""


@contextmanager
def ctr(place: Path, rootfs: Path, runtimes: dict[str, Path]) -> Iterator[list[Ctr]]:
    """A containerd of its own; within, ctr with each of the runtimes.

    Args:
        rootfs: a directory.
        runtimes: name → program.
    """
    with Containerd(place) as containerd:
        callers = [
            Ctr(containerd, name, program, place, rootfs) for name, program in runtimes.items()
        ]
        try:
            yield callers
        finally:
            for name in containerd("container", "ls", "--quiet").stdout.split():
                containerd("task", "rm", "--force", name, check=False)
                containerd("container", "rm", name, check=False)
