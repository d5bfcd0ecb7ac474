"""User and group id maps of a user namespace. See user_namespaces(7)."""

from __future__ import annotations

import os

from ocinb.errors import UnsupportedHost
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.linux.syscalls import Kernel


class IdMap(Frozen):
    """A range of ids: ``size`` ids from ``inside`` on are those from ``outside`` on."""

    inside: int
    outside: int
    size: int

    def __str__(self) -> str:
        return f"{self.inside} {self.outside} {self.size}"


def write_maps(kernel: Kernel, pid: int, uids: Sequence[IdMap], gids: Sequence[IdMap]) -> None:
    """Give the new user namespace of ``pid`` its ids; called from its parent namespace.

    The superuser writes the maps. Anybody else may map just the own uid and gid (which costs
    ``setgroups``), and needs ``newuidmap`` and ``newgidmap`` for more.

    Raises:
        SyscallError: the kernel refused a map.
        UnsupportedHost: the maps need newuidmap, and it is missing or refused.
    """
    if os.geteuid() == 0:
        kernel.write(f"/proc/{pid}/gid_map", "\n".join(map(str, gids)))
        kernel.write(f"/proc/{pid}/uid_map", "\n".join(map(str, uids)))
    elif _only_own(uids, os.geteuid()) and _only_own(gids, os.getegid()):
        # The kernel lets an unprivileged process write gid_map only once setgroups is given up.
        kernel.write(f"/proc/{pid}/setgroups", "deny")
        kernel.write(f"/proc/{pid}/gid_map", str(gids[0]))
        kernel.write(f"/proc/{pid}/uid_map", str(uids[0]))
    else:
        _by_program("newuidmap", pid, uids)
        _by_program("newgidmap", pid, gids)


def _only_own(maps: Sequence[IdMap], own: int) -> bool:
    return len(maps) == 1 and maps[0].size == 1 and maps[0].outside == own


def _by_program(name: str, pid: int, maps: Sequence[IdMap]) -> None:
    numbers = [str(n) for m in maps for n in (m.inside, m.outside, m.size)]
    complaint = os.memfd_create(name)
    try:
        child = os.posix_spawnp(
            name,
            [name, str(pid), *numbers],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, complaint, 2)],
        )
    except FileNotFoundError:
        raise UnsupportedHost(
            f"mapping more than one's own id needs {name}, which is not installed",
            hint="install it (Debian: apt-get install uidmap)",
        ) from None
    else:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            said = os.pread(complaint, 400, 0).decode(errors="replace").strip()
            raise UnsupportedHost(
                f"{name} refused the map {', '.join(map(str, maps))}: {said or status}",
                hint="the ids must belong to you in /etc/subuid and /etc/subgid",
            )
    finally:
        os.close(complaint)
