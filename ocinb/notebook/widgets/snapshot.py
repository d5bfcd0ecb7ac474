"""How a container looks from this machine at a moment: processes, namespaces, mounts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.linux.mounts import mounts
from ocinb.linux.processes import all_pids, parent
from ocinb.table import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACES = ("pid", "mnt", "net", "uts", "ipc", "user", "cgroup", "time")
"""Names in /proc/PID/ns."""


class Snapshot(Frozen):
    """What was seen.

    Attributes:
        state: the runtime's state document; empty where it knows of no container.
        processes: pid here, pid inside (0: it is not inside), role, command.
        namespaces: kind, ``own`` or ``shared`` with this process, the kernel's number.
        mounts: target, filesystem type, source.
    """

    state: Mapping[str, Any] = {}
    processes: tuple[tuple[int, int, str, str], ...] = ()
    namespaces: tuple[tuple[str, str, str], ...] = ()
    mounts: tuple[tuple[str, str, str], ...] = ()


def take(state: dict[str, Any], runtime: int, init: int, gate: int, rootfs: str) -> Snapshot:
    """Look at everything that belongs to a container.

    Args:
        state: as the runtime tells it.
        runtime: a call of the runtime that is being carried out; 0: none.
        init: the container's first process; 0: none, or not known.
        gate: a hook that waits; 0: none.
        rootfs: the path of the container's root on this machine.
    """
    below = _below(runtime) if runtime else []
    inside = _namespace(init, "pid") if init else ""
    if not init:
        # While it is being created only the runtime knows its number; its namespace tells.
        ours = _namespace(os.getpid(), "pid")
        strangers = [pid for pid in below if _namespace(pid, "pid") not in ("", ours)]
        init = strangers[0] if strangers else 0
        inside = _namespace(init, "pid") if init else ""
    members = [pid for pid in all_pids() if inside and _namespace(pid, "pid") == inside]
    if inside == _namespace(os.getpid(), "pid"):
        members = [init, *_below(init)]
    found: list[tuple[int, int, str, str]] = []
    # An ordinary user may not look into the first process before it is the container's program.
    for pid in dict.fromkeys(pid for pid in (runtime, *below, init, *sorted(members)) if pid):
        command = _command(pid)
        if command:
            role = _role(pid, runtime, init, gate, members)
            number = _inside(pid) if pid in members else 0
            found.append((pid, number, role, command))
    return Snapshot(
        state=state,
        processes=tuple(found),
        namespaces=tuple(_namespaces(init)) if init else (),
        mounts=tuple(_mounts(init, rootfs)) if init else (),
    )


def changes(before: Snapshot, after: Snapshot) -> list[list[str]]:
    """What is new (``+``), another (``~``) and gone (``−``): sign, subject, words."""
    said: list[list[str]] = []
    for key in dict.fromkeys([*before.state, *after.state]):
        old, new = before.state.get(key), after.state.get(key)
        if old != new and key != "annotations":
            sign = "+" if old is None else "−" if new is None else "~"
            shown = f"{old} → {new}" if sign == "~" else str(new if sign == "+" else old)
            said.append([sign, "state.json", f"{key}: {one_line(shown)}"])
    said += _lines("process", _named(before.processes), _named(after.processes))
    own = {row for row in after.namespaces if row[1] == "own"}
    had = {row for row in before.namespaces if row[1] == "own"}
    said += [["+", "namespace", f"{kind} {number}"] for kind, _, number in sorted(own - had)]
    said += [["−", "namespace", f"{kind} {number}"] for kind, _, number in sorted(had - own)]
    said += _lines("mount", _mounted(before.mounts), _mounted(after.mounts))
    return said


def _lines(subject: str, before: dict[Any, str], after: dict[Any, str]) -> list[list[str]]:
    rows = [["+", subject, after[key]] for key in after if key not in before]
    rows += [
        ["~", subject, f"{before[key]} → {after[key]}"]
        for key in after
        if key in before and before[key] != after[key]
    ]
    return rows + [["−", subject, before[key]] for key in before if key not in after]


def _named(rows: Iterable[tuple[int, int, str, str]]) -> dict[Any, str]:
    return {pid: f"{role} {pid}: {command}" for pid, _, role, command in rows}


def _mounted(rows: Iterable[tuple[str, str, str]]) -> dict[Any, str]:
    return {target: f"{target} ({kind})" for target, kind, _ in rows}


def _role(pid: int, runtime: int, init: int, gate: int, members: list[int]) -> str:
    if pid == gate:
        return "hook"
    if pid == runtime:
        return "runtime"
    if pid == init:
        return "init"
    return "container" if pid in members else "runtime"


def _below(pid: int) -> list[int]:
    parents = {other: parent(other) for other in all_pids()}
    found, waiting = [], [pid]
    while waiting:
        here = waiting.pop()
        children = sorted(other for other, above in parents.items() if above == here)
        found += children
        waiting += children
    return found


def _namespace(pid: int, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""  # gone, or not ours to look at


def _namespaces(pid: int) -> list[tuple[str, str, str]]:
    rows = []
    for kind in NAMESPACES:
        link = _namespace(pid, kind)
        if link:
            shared = link == _namespace(os.getpid(), kind)
            rows.append((kind, "shared" if shared else "own", link.partition(":")[2].strip("[]")))
    return rows


def _mounts(pid: int, rootfs: str) -> list[tuple[str, str, str]]:
    """The mounts of the container; before its root is changed, those beneath its root to be."""
    if _namespace(pid, "mnt") == _namespace(os.getpid(), "mnt"):
        return []
    try:
        found = mounts(pid)
        changed = os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat(rootfs))
    except OSError:
        return []
    cut = 0 if changed else len(rootfs)
    return [
        (one_line(mount.target[cut:] or "/"), mount.fstype, one_line(mount.source))
        for mount in found
        if changed or f"{mount.target}/".startswith(f"{rootfs}/")
    ]


def _inside(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("NSpid:"):
                    return int(line.split()[-1])
    except OSError:
        pass
    return 0


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).split(b"\0")
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = file.read().strip()
    except OSError:
        return ""
    if len(words) > 4 and words[3].endswith(b"/ocinb/runtime/__main__.py"):
        operation = next((word for word in words if word in _OPERATIONS), b"")
        words = [b"ocinb-runtime", operation]
    text = b" ".join(words).strip() or b"[" + name + b"]"
    return one_line(text.decode(errors="replace"))[:160]


_OPERATIONS = (b"create", b"start", b"kill", b"delete")
