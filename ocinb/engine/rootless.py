"""Namespaces of the monitor: mounts that die with it, and power over them without the superuser.

The order is the one that works: a new user namespace and a new mount namespace at once; then,
from outside, the maps; then what is mounted on the host may come in, but nothing goes out.
"""

from __future__ import annotations

import os

from ocinb.engine.subordinate_ids import maps_of, one_id, own_ids
from ocinb.errors import OcinbError, UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.id_maps import write_maps
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.id_maps import IdMap


def enter_namespaces(
    kernel: Kernel, *, user: bool, ids: dict[str, list[list[int]]] | None = None
) -> None:
    """Give this process a mount namespace, and for ordinary users a user namespace around it.

    The process must have one thread only. In the user namespace it is the superuser.

    Args:
        kernel: makes the system calls.
        user: whether a user namespace is needed.
        ids: its ids, see ``Ids.document``; None: the own one, or all for the superuser.

    Raises:
        SyscallError, UnsupportedHost: the kernel does not allow it.
    """
    if not user:
        kernel.unshare(f.CLONE_NEWNS)
    else:
        if ids is None:
            ids = (one_id("") if os.geteuid() else own_ids()).document()
        outside = _Outside(kernel, maps_of(ids, "uids"), maps_of(ids, "gids"))
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

    def __init__(self, kernel: Kernel, uids: list[IdMap], gids: list[IdMap]) -> None:
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
