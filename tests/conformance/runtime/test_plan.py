"""A plan is what is then done: each plan beside the system calls of a real run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb.linux.cgroup import hierarchies
from ocinb.runtime.plan import Planned, plan
from tests.support.runtimes import OURS, Bundle, RuntimeProgram

LOOKING = {"openat2", "openat", "close_range", "fchdir", "chdir", "capget", "ioctl", "kill"}
"""Calls that find things, or tidy up; a plan leaves them out."""

VARIATIONS: dict[str, Callable[[Bundle], Any]] = {
    "as it is": lambda b: None,
    "writable root": lambda b: b.config["root"].update(readonly=False),
    "names": lambda b: b.config.update(domainname="x"),
    "limits": lambda b: b.linux.update(resources={"cpu": {"shares": 100}, "pids": {"limit": 9}}),
    "devices denied": lambda b: b.linux.update(resources={"devices": [{"allow": False}]}),
    "sysctl": lambda b: b.linux.update(sysctl={"net.core.somaxconn": "99"}),
    "masks": lambda b: b.linux.update(maskedPaths=["/proc/kcore", "/proc/acpi", "/nothing"]),
    "read-only paths": lambda b: b.linux.update(readonlyPaths=["/proc/sys", "/nothing"]),
    "bind": lambda b: b.mount("/mnt", "bind", "/etc", "rbind", "ro", "rprivate"),
    "bind as it is": lambda b: b.mount("/mnt", "bind", "/etc", "bind"),
    "tmpfs": lambda b: b.mount("/mnt", "tmpfs", "tmpfs", "rro", "shared"),
    "copied up": lambda b: b.mount("/etc", "tmpfs", "tmpfs", "tmpcopyup", "nodev"),
    "read-only tmpfs": lambda b: b.mount("/mnt", "tmpfs", "tmpfs", "ro"),
    "remount": lambda b: b.mount("/proc", "proc", "proc", "remount", "bind", "ro"),
    "cgroup": lambda b: b.mount("/sys", "cgroup", "cgroup", "ro"),
    "ids": lambda b: b.process.update(user={"uid": 7, "gid": 8, "umask": 7, "additionalGids": [9]}),
    "no capabilities": lambda b: b.process.pop("capabilities"),
    "no new privileges": lambda b: b.process.update(noNewPrivileges=True),
    "oom": lambda b: b.process.update(oomScoreAdj=9),
    "rlimits": lambda b: b.process.update(rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]),
    "I/O priority": lambda b: b.process.update(
        ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 5}
    ),
    "scheduler": lambda b: b.process.update(scheduler={"policy": "SCHED_BATCH"}),
    "personality": lambda b: b.linux.update(personality={"domain": "LINUX"}),
    "propagation": lambda b: b.linux.update(rootfsPropagation="rprivate"),
    "seccomp": lambda b: b.linux.update(seccomp={"defaultAction": "SCMP_ACT_ALLOW"}),
    "cgroup namespace": lambda b: b.linux["namespaces"].append({"type": "cgroup"}),
    "joined": lambda b: b.linux["namespaces"][1].update(path="/proc/self/ns/net"),
    "time": lambda b: (
        b.linux["namespaces"].append({"type": "time"}),
        b.linux.update(timeOffsets={"boottime": {"secs": 5}}),
    ),
    "a user namespace": lambda b: (
        b.linux["namespaces"].append({"type": "user"}),
        b.linux.update(
            uidMappings=[{"containerID": 0, "hostID": 5000, "size": 1000}],
            gidMappings=[{"containerID": 0, "hostID": 5000, "size": 1000}],
        ),
        b.mount("/mnt", "bind", "/etc", "bind", "nodev"),
    ),
    "no mount namespace": lambda b: b.linux["namespaces"].pop(4),
}


def observed(ours: RuntimeProgram, bundle: Bundle, file: Path) -> list[tuple[str, str]]:
    """Calls and fields of a real run, what only looks left out, repetitions once."""
    done = ours.call("--events", file, "run", "--bundle", bundle.write(), ours.note("c"))
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in file.read_text().splitlines()]
    seen: list[tuple[str, str]] = []
    for event in events:
        if event["event"] == "Syscall" and event["call"] not in LOOKING:
            call = (event["call"], event["field"])
            if call[0] == "umask" and call[1] != "process.user":
                continue  # so that a device gets the mode it shall have
            if seen[-1:] != [call]:
                seen.append(call)
        if event["event"] == "StepFinished" and event["number"] == 8:
            return seen
    return seen


def fits(entry: Planned, call: tuple[str, str]) -> bool:
    """Whether a real call is one that was planned. Limits are applied as one field."""
    name, field = call
    same = field == entry.field or (field == "linux.resources" and field in entry.field)
    return name == entry.call and same


@pytest.mark.parametrize("name", VARIATIONS)
def test_each_call_was_planned_and_each_plan_is_carried_out(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path, name: str
) -> None:
    VARIATIONS[name](bundle)
    planned = plan(
        bundle.config,
        bundle=str(bundle.directory),
        container="c",
        cgroup_version=hierarchies()[0].version,
    )
    wanted = [p for p in planned if p.call not in LOOKING]
    seen = observed(ours, bundle, tmp_path / "events")
    unplanned = [call for call in seen if not any(fits(p, call) for p in wanted)]
    assert unplanned == []
    missing = [p for p in wanted if not p.optional and not any(fits(p, c) for c in seen)]
    assert missing == []
    # And of each process in this order, where a call is made for one field only once.
    firsts = [next((i for i, c in enumerate(seen) if fits(p, c)), -1) for p in wanted]
    once = [
        (entry, place)
        for entry, place in zip(wanted, firsts, strict=True)
        if place >= 0 and entry.process != "runtime"
        and sum(fits(entry, call) for call in seen) == 1
        and sum((p.call, p.field) == (entry.call, entry.field) for p in wanted) == 1
    ]  # fmt: skip
    assert [place for _, place in once] == sorted(place for _, place in once)


def test_printing_a_plan_takes_no_privileges_and_changes_nothing(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    argv = ["/usr/bin/python3", *OURS[1:], "--root", "/nonexistent", "run", "--plan"]
    done = subprocess.run(
        [*argv, "--bundle", bundle.write(), "c"],
        capture_output=True,
        text=True,
        check=False,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "pivot_root" in done.stdout
    assert not ours.exists()
