"""Limits of an ordinary user's containers, made by the engine, by what the user was given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from machine import TREE, read, wait_until

USER = 1000
PLACE = "/tmp/engine"
MANY = f"{TREE}/many"
FEW = f"{TREE}/few"

_PROGRAM = """
import json, os, sys
from pathlib import Path
sys.path[:0] = ["/vm", "/vm/packages"]
from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.events import Recorder, Warned
from ocinb.settings import Settings

recorder = Recorder()
place = Path(sys.argv[1])
engine = Engine(Settings(root=place / "root", run_root=place / "run"), recorder)
limits = {
    "pids": {"limit": 9}, "memory": {"limit": 2**26}, "cpu": {"quota": 50000, "period": 100000}
}
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    recorder.events.clear()
    options = ContainerOptions(args=["sleep", "1000"], resources=limits)
    record = engine.run("box", options, detach=True)
    groups = Path(f"/proc/{record.pid}/cgroup").read_text()
    # That there is no newuidmap here is another matter.
    warned = [e.message for e in recorder.of(Warned) if "linux.resources" in e.message]
    print(json.dumps([record.status, groups.strip(), warned]), flush=True)
    sys.stdin.readline()
    engine.containers.delete(record.id, force=True)
    print(json.dumps("removed"), flush=True)
"""


class UsersEngine:
    """A program of the user's that has an engine, told by lines what to do."""

    def __init__(self) -> None:
        shutil.rmtree(PLACE, ignore_errors=True)
        shutil.copytree("/vm/store", f"{PLACE}/root/store")
        for directory, names, files in os.walk(PLACE):
            for name in (".", *names, *files):
                os.chown(f"{directory}/{name}", USER, USER)
        argv = ["/usr/bin/python3", "-I", "-S", "-c", _PROGRAM, PLACE]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=_become_user,  # noqa: PLW1509  # there is one thread
            env={"PATH": "/bin:/usr/bin", "HOME": PLACE},
        )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, group: str) -> tuple[str, str, list[str]]:
        """A container, begun out of a group: its status, its group, and what was warned of."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat(f"/proc/{name}").st_uid == USER:
                    with open(f"{group}/cgroup.procs", "w", encoding="utf-8") as file:
                        file.write(name)
            except OSError:
                continue
        self._say()
        status, said, warned = self._answer()
        return status, said.removeprefix("0::"), warned

    def end(self) -> None:
        """Remove the container."""
        self._say()
        assert self._answer() == "removed"

    def _say(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _answer(self) -> object:
        line = self._process.stdout.readline()
        assert line, "the program has ended"
        return json.loads(line)


def _become_user() -> None:
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


_engines: list[UsersEngine] = []


def engine() -> UsersEngine:
    """One for all tests: nothing is quick here."""
    if not _engines:
        _engines.append(UsersEngine())
    return _engines[0]


def give(group: str, controllers: str) -> str:
    """Give the user a group with these controllers, and a group in it to be in."""
    with open(f"{TREE}/cgroup.subtree_control", "w", encoding="utf-8") as file:
        file.write("+memory +pids +cpu")
    os.makedirs(group, exist_ok=True)
    with open(f"{group}/cgroup.subtree_control", "w", encoding="utf-8") as file:
        file.write(controllers)
    user = f"{group}/user"
    os.makedirs(f"{user}/session", exist_ok=True)
    for path in (user, f"{user}/session"):
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
            os.chown(path + name, USER, USER)
    return f"{user}/session"


def test_limits_are_kept_where_control_groups_are_delegated() -> None:
    session = give(MANY, "+memory +pids +cpu")
    status, path, warned = engine().run(session)
    assert (status, warned) == ("running", []), warned
    directory = f"{TREE}{path}"
    assert os.path.dirname(directory) == f"{MANY}/user", path
    seen = {name: read(f"{directory}/{name}").strip() for name in
            ("pids.max", "memory.max", "cpu.max")}  # fmt: skip
    assert seen == {"pids.max": "9", "memory.max": str(2**26), "cpu.max": "50000 100000"}
    engine().end()
    wait_until(lambda: not os.path.exists(directory))


def test_of_some_controllers_the_others_are_named() -> None:
    session = give(FEW, "+pids")
    status, path, warned = engine().run(session)
    directory = f"{TREE}{path}"
    assert status == "running"
    assert read(f"{directory}/pids.max").strip() == "9"
    assert not os.path.exists(f"{directory}/memory.max")
    (said,) = warned
    assert "memory, cpu of control groups is not given to this user" in said, said
    assert "Delegate=pids memory cpu" in said, said
    engine().end()
    wait_until(lambda: not os.path.exists(directory))


def test_without_delegation_it_is_said_that_no_limit_is_kept() -> None:
    os.makedirs(f"{TREE}/closed/session", exist_ok=True)
    status, path, warned = engine().run(f"{TREE}/closed/session")
    assert status == "running"
    assert path == "/closed/session"
    (said,) = warned
    assert "no limit is kept (linux.resources): control groups are version 2, not delegated" in said
    assert "Delegate=yes" in said
    engine().end()
