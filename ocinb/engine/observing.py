"""What a running container does: its processes, and what they use of the machine.

Everything is read from the kernel at that moment, whatever runtime made the container.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.errors import InvalidStatus, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.linux.process_cgroup import cgroup_of
from ocinb.linux.processes import all_pids, boot_time, descendants
from ocinb.linux.syscalls import Kernel
from ocinb.runtime.stats import oom_kills, statistics

if TYPE_CHECKING:
    from ocinb.engine.containers import ContainerRecord

_NO_LIMIT = 2**62
"""Bytes above which a limit is none: the kernel tells the largest number of pages."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Running(Frozen):
    """A process of a container.

    Attributes:
        pid: on this machine.
        inside: its number in the container.
        parent: on this machine.
        uid: of this machine.
        user: its name there, or the number.
        state: one letter, as in proc_pid_stat(5).
        started: seconds since the epoch.
        cpu: seconds of processor time.
        memory: bytes in main memory.
        threads: how many it has.
        command: program and arguments.
    """

    pid: int
    inside: int
    parent: int
    uid: int
    user: str
    state: str
    started: float
    cpu: float
    memory: int
    threads: int
    command: tuple[str, ...]


class Usage(Frozen):
    """What a container uses, and may use.

    Attributes:
        cpu: seconds of processor time since its start.
        memory: bytes, without what is only cached and would be given back.
        memory_limit: bytes; None: no limit.
        pids: processes and threads.
        pids_limit: None: no limit.
        read: bytes read from disks.
        written: bytes written to disks.
        received: bytes from its networks, loopback left out.
        sent: bytes to its networks.
        out_of_memory: how often the kernel killed one of its processes for lack of memory.
        throttled: seconds that it had to wait for its quota of processor time.
    """

    cpu: float
    memory: int
    memory_limit: int | None
    pids: int
    pids_limit: int | None
    read: int
    written: int
    received: int
    sent: int
    out_of_memory: int
    throttled: float


def processes(record: ContainerRecord) -> list[Running]:
    """The processes of a container, by their numbers.

    Raises:
        InvalidStatus: it has none.
    """
    _require_process(record)
    group = cgroup_of(Kernel(), record.pid)
    pids = group.pids() if group is not None else list(_same_namespace(record.pid))
    booted = boot_time()
    # The first process may have waited for its container; see ``runtime/standby.py``.
    begun = {record.pid: record.started or record.created}
    return [
        found for pid in pids if (found := _running(pid, booted, begun.get(pid, 0.0))) is not None
    ]


def usage(record: ContainerRecord) -> Usage:
    """What a container uses at this moment.

    Raises:
        InvalidStatus: it has no process. UnsupportedHost: it has no control groups of its own, so
            nobody counts.
    """
    _require_process(record)
    group = cgroup_of(Kernel(), record.pid)
    if group is None:
        raise UnsupportedHost(
            f"nobody counts what container {record.name} uses: it has no control groups of its own",
            hint="the superuser's containers have them; ocinb top shows its processes",
        )
    found = statistics(group)
    memory, blocks = found["memory"], found["blkio"]["ioServiceBytesRecursive"]
    limit = memory["usage"]["limit"]
    raw = memory["raw"]
    idle = raw.get("total_inactive_file", raw.get("inactive_file", 0))
    received, sent = _network(record.pid)
    return Usage(
        cpu=found["cpu"]["usage"]["total"] / 1e9,
        memory=max(0, memory["usage"]["usage"] - idle),
        memory_limit=limit if 0 < limit < _NO_LIMIT else None,
        pids=found["pids"]["current"],
        pids_limit=found["pids"].get("limit"),
        read=sum(entry["value"] for entry in blocks if entry["op"] == "Read"),
        written=sum(entry["value"] for entry in blocks if entry["op"] == "Write"),
        received=received,
        sent=sent,
        out_of_memory=oom_kills(group),
        throttled=found["cpu"]["throttling"]["throttledTime"] / 1e9,
    )


def _require_process(record: ContainerRecord) -> None:
    if not record.pid:
        raise InvalidStatus(
            f"container {record.name} has no processes: it is {record.status}",
            hint=f"ocinb logs {record.name} shows what it wrote",
        )


def _same_namespace(pid: int) -> Iterator[int]:
    """The processes that see the same process 1, for a container without control groups; where
    that is this machine's, those that the container's first process has begun.
    """
    try:
        wanted = os.stat(f"/proc/{pid}/ns/pid").st_ino
        ours = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return
    if wanted == ours:
        yield from sorted([pid, *descendants(pid)])
        return
    for other in sorted(all_pids()):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{other}/ns/pid").st_ino == wanted:
                yield other


def _running(pid: int, booted: float, earliest: float) -> Running | None:
    """A process as /proc tells of it; None where it is gone.

    Args:
        booted: when the machine was.
        earliest: a process that is older did something else until then.
    """
    directory = Path(f"/proc/{pid}")
    try:
        name, _, rest = (directory / "stat").read_text(errors="replace").rpartition(")")
        lines = (directory / "status").read_text(errors="replace").splitlines()
        words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    fields = rest.split()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    uid = int(status["Uid"].split()[1])
    return Running(
        pid=pid,
        inside=int(status.get("NSpid", str(pid)).split()[-1]),
        parent=int(fields[1]),
        uid=uid,
        user=_user(uid),
        state=fields[0],
        started=max(booted + int(fields[19]) / _TICKS, earliest),
        cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
        memory=int(fields[21]) * _PAGE,
        threads=int(fields[17]),
        command=tuple(words[:-1]) or (f"[{name.partition('(')[2]}]",),
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _network(pid: int) -> tuple[int, int]:
    """Bytes received and sent in a process's network namespace."""
    received = sent = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/net/dev").read_text(encoding="utf-8").splitlines()[2:]:
            name, _, numbers = line.partition(":")
            if name.strip() != "lo":
                fields = numbers.split()
                received, sent = received + int(fields[0]), sent + int(fields[8])
    return received, sent
