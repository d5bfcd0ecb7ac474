"""Namespaces of the monitor: mounts that die with it, and power over them without the superuser.

The order is the one that works: a new user namespace and a new mount namespace at once; then,
from outside, the maps; then what is mounted on the host may come in, but nothing goes out.
"""

from __future__ import annotations

import os

from ocinb.errors import OcinbError, UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.id_maps import IdMap, write_maps
from ocinb.linux.syscalls import Kernel


def enter_namespaces(kernel: Kernel, *, user: bool) -> None:
    """Give this process a mount namespace, and for ordinary users a user namespace around it.

    The process must have one thread only. In the user namespace it is the superuser; an ordinary
    user has no other id there, somebody who is the superuser already keeps all ids.

    Raises:
        SyscallError, UnsupportedHost: the kernel does not allow it.
    """
    if not user:
        kernel.unshare(f.CLONE_NEWNS)
    else:
        outside = _Outside(kernel)
        try:
            kernel.unshare(f.CLONE_NEWUSER | f.CLONE_NEWNS)
        except OcinbError:
            outside.dismiss()
            raise
        outside.write_maps()
    # Where / is shared, our mounts would appear on the host and stay there without us.
    kernel.mount(None, "/", None, f.MS_REC | f.MS_SLAVE)


class _Outside:
    """A child that stays outside the new user namespace to write its maps."""

    def __init__(self, kernel: Kernel) -> None:
        uids, gids = _maps(os.geteuid(), "uid"), _maps(os.getegid(), "gid")
        parent = os.getpid()
        go, self._go = os.pipe()
        self._answer, answer = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._go)
            said = ""
            try:
                if os.read(go, 1):
                    write_maps(kernel, parent, uids, gids)
            except (OcinbError, OSError) as error:
                said = str(error)
            finally:
                os.write(answer, said.encode())
                os._exit(0)
        os.close(go)
        os.close(answer)

    def write_maps(self) -> None:
        """Have the maps written.

        Raises:
            UnsupportedHost: they were refused.
        """
        os.write(self._go, b"!")
        said = self.dismiss()
        if said:
            raise UnsupportedHost(f"the user namespace could not be given its ids: {said}")

    def dismiss(self) -> str:
        """Let the child end; what it had to say."""
        os.close(self._go)
        with open(self._answer, encoding="utf-8") as file:
            said = file.read()
        os.waitpid(self._child, 0)
        return said


def _maps(own: int, kind: str) -> list[IdMap]:
    if os.geteuid() != 0:
        return [IdMap(inside=0, outside=own, size=1)]
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [line.split() for line in file]
    return [IdMap(inside=int(n), outside=int(n), size=int(size)) for n, _, size in ranges]
