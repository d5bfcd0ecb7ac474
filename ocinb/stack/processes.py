"""Processes of this machine, as /proc shows them to this user."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from ocinb.frozen import Frozen


class Process(Frozen):
    """A process.

    Attributes:
        pid: its number.
        parent: its parent's; 0: the kernel, or a process outside of this namespace.
        name: as the kernel keeps it: at most 15 characters.
        command: its command line.
        state: one letter.
    """

    pid: int
    parent: int
    name: str
    command: tuple[str, ...] = ()
    state: str = ""


def processes() -> Iterator[Process]:
    """All that are to be seen."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found = process(int(entry))
            if found is not None:
                yield found


def process(pid: int) -> Process | None:
    """One of them; None: it is not there."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as raw:
            command = raw.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return Process(pid=pid, parent=int(parent), name=name, command=tuple(command), state=state)


def chain(pid: int) -> list[Process]:
    """A process, its parent, and so on to init."""
    found: list[Process] = []
    while pid:
        each = process(pid)
        if each is None or len(found) > 100:
            break
        found.append(each)
        pid = each.parent
    return found


def sockets(pid: int) -> list[str]:
    """The paths of sockets at which a process listens."""
    own = {target for _, target in descriptors(pid) if target.startswith("socket:[")}
    known = {path for inode, path in _listening() if f"socket:[{inode}]" in own}
    # One that was made by way of a descriptor cannot be found by its name.
    return sorted(path for path in known if path[:1] == "/" and not path.startswith("/proc/"))


def descriptors(pid: int) -> Iterator[tuple[int, str]]:
    """A process's descriptors, and what they are."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for number in numbers:
        try:
            yield int(number), os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue  # closed meanwhile


def terminal_of(pid: int, number: int) -> tuple[int, int] | None:
    """Which terminal a descriptor is: its file system's device, and its number there."""
    try:
        found = os.stat(f"/proc/{pid}/fd/{number}")
    except OSError:
        return None
    if not stat.S_ISCHR(found.st_mode) or not 136 <= os.major(found.st_rdev) <= 143:
        return None
    return found.st_dev, os.minor(found.st_rdev)


def master_of(pid: int, number: int) -> tuple[int, int] | None:
    """The same of a descriptor that is a terminal's other side.

    Its file, ``ptmx``, is of the file system of terminals, or a device node elsewhere, beside which
    that is mounted as ``pts``.
    """
    place = f"/proc/{pid}/fd/{number}"
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        index = int(lines["tty-index"])
        beside = f"/proc/{pid}/root{os.path.dirname(os.readlink(place))}/pts"
        with contextlib.suppress(OSError):
            return os.stat(beside).st_dev, index
        return os.stat(place).st_dev, index
    except (OSError, KeyError, ValueError):
        return None


def _listening() -> Iterator[tuple[str, str]]:
    """Inode and path of the UNIX sockets of this network namespace at which somebody listens."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split(None, 7)
        if len(fields) == 8 and int(fields[3], 16) & 0x10000:
            yield fields[6], fields[7]
