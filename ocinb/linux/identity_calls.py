"""System calls about what a process is: its namespaces, ids, capabilities, limits, priorities."""

from __future__ import annotations

import os
import sys

from ocinb.linux import flags as f
from ocinb.linux.calls import Calls, buffer, text
from ocinb.linux.flags import Named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class IdentityCalls(Calls):
    """Namespaces, names, ids, capabilities, limits, scheduling."""

    def unshare(self, flags: int) -> None:
        """unshare(2); a new user namespace is refused in a process with several threads."""
        self._call("unshare", (Named("CLONE_", flags),), flags)

    def setns(self, fd: int, flags: int = 0) -> None:
        """setns(2): join the namespace that the descriptor names."""
        self._call("setns", (fd, Named("CLONE_", flags)), fd, flags)

    def sethostname(self, name: str) -> None:
        """sethostname(2)."""
        data = os.fsencode(name)
        self._call("sethostname", (name,), data, len(data))

    def setdomainname(self, name: str) -> None:
        """setdomainname(2)."""
        data = os.fsencode(name)
        self._call("setdomainname", (name,), data, len(data))

    def setgroups(self, groups: Sequence[int]) -> None:
        """setgroups(2), of the calling thread."""
        packed = b"".join(group.to_bytes(4, sys.byteorder) for group in groups)
        self._call("setgroups", (list(groups),), len(groups), packed or None)

    def setresuid(self, real: int, effective: int, saved: int) -> None:
        """setresuid(2), of the calling thread."""
        self._call("setresuid", (real, effective, saved), real, effective, saved)

    def setresgid(self, real: int, effective: int, saved: int) -> None:
        """setresgid(2), of the calling thread."""
        self._call("setresgid", (real, effective, saved), real, effective, saved)

    def capget(self) -> tuple[int, int, int]:
        """capget(2): the effective, permitted and inheritable sets as bit masks."""
        data = buffer(24)
        self._call("capget", (), capability_header(), data)
        words = [int.from_bytes(data.raw[n : n + 4], sys.byteorder) for n in range(0, 24, 4)]
        effective, permitted, inheritable = (words[n] | words[n + 3] << 32 for n in range(3))
        return effective, permitted, inheritable

    def capset(self, effective: int, permitted: int, inheritable: int) -> None:
        """capset(2), sets as bit masks."""
        sets = (effective, permitted, inheritable)
        self._call("capset", tuple(map(hex, sets)), capability_header(), capability_sets(*sets))

    def prctl(self, option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
        """prctl(2)."""
        shown = (_prctl_name(option), arg2, arg3)
        return self._call("prctl", shown, option, arg2, arg3, arg4, arg5)

    def prlimit(self, pid: int, resource: int, soft: int, hard: int, *, name: str = "") -> None:
        """prlimit64(2); pid 0 is the calling process, 2⁶⁴ − 1 is unlimited."""
        limits = soft.to_bytes(8, sys.byteorder) + hard.to_bytes(8, sys.byteorder)
        shown = (pid, name or resource, soft, hard)
        self._call("prlimit64", shown, pid, resource, limits, None)

    def personality(self, persona: int) -> None:
        """personality(2)."""
        self._call("personality", (hex(persona),), persona)

    def ioprio_set(self, which: int, who: int, priority: int) -> None:
        """ioprio_set(2)."""
        self._call("ioprio_set", (which, who, priority), which, who, priority)

    def sched_setaffinity(self, pid: int, processors: Iterable[int]) -> None:
        """sched_setaffinity(2)."""
        self._os("sched_setaffinity", (pid, processors), os.sched_setaffinity, pid, processors)

    def sched_setattr(self, attributes: bytes, *, shown: str = "") -> None:
        """sched_setattr(2) on the calling thread; ``attributes`` is struct sched_attr."""
        self._call("sched_setattr", (0, shown), 0, attributes, 0)

    def set_mempolicy(self, mode: int, nodes: Iterable[int]) -> None:
        """set_mempolicy(2), of the calling thread."""
        mask = sum(1 << node for node in nodes)
        size = 8 * (mask.bit_length() // 64 + 1)
        packed = mask.to_bytes(size, sys.byteorder) if mask else None
        # The kernel looks at one bit less than it is told of.
        bits = size * 8 + 1 if mask else 0
        self._call("set_mempolicy", (hex(mode), hex(mask)), mode, packed, bits)

    def join_session_keyring(self, name: str) -> None:
        """keyctl(2): a new session keyring of this name."""
        shown = ("KEYCTL_JOIN_SESSION_KEYRING", name)
        self._call("keyctl", shown, f.KEYCTL_JOIN_SESSION_KEYRING, text(name), 0, 0, 0)

    def bpf(self, command: int, attributes: bytes, *, shown: str = "") -> int:
        """bpf(2); ``attributes`` is union bpf_attr."""
        return self._call("bpf", (command, shown), command, attributes, len(attributes))


def capability_header() -> bytes:
    """struct __user_cap_header_struct, of the calling thread."""
    pid_of_caller = 0
    return f.CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + pid_of_caller.to_bytes(4, "little")


def capability_sets(*sets: int) -> bytes:
    """struct __user_cap_data_struct, twice: effective, permitted and inheritable set."""
    return b"".join(
        (mask >> shift & 0xFFFFFFFF).to_bytes(4, sys.byteorder)
        for shift in (0, 32)
        for mask in sets
    )


_PRCTL = {
    value: name
    for name, value in vars(f).items()
    if name.startswith("PR_") and not name.startswith("PR_CAP_AMBIENT_")
}


def _prctl_name(option: int) -> str:
    return _PRCTL.get(option) or str(option)
