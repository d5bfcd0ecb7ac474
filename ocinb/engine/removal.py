"""Removing files that containers made: with a range of ids they belong to none of this user's.

An ordinary user may not remove what belongs to subordinate ids; the superuser of a user namespace
with the same map may.
"""

from __future__ import annotations

import os
from functools import partial

from ocinb.engine.rootless import enter_namespaces
from ocinb.engine.subordinate_ids import subordinate_ids
from ocinb.errors import StorageError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.probe import answer_of
from ocinb.overlay.trees import remove_tree


def remove_files(path: str | os.PathLike[str]) -> None:
    """Delete a tree as ``remove_tree`` does, also what belongs to subordinate ids.

    Raises:
        StorageError: not even so. OSError: as ``remove_tree``.
    """
    target = os.fspath(path)
    try:
        remove_tree(target)
    except PermissionError as error:
        if os.geteuid() == 0:
            raise
        answer = in_namespace(partial(remove_tree, target))
        if answer:
            raise StorageError(
                f"{error.filename or target} cannot be removed: {answer}",
                hint="its files belong to subordinate ids: see /etc/subuid",
            ) from None


def in_namespace_of(pid: int, action: partial[None]) -> str:
    """Do something in a child that is the superuser of a process's user namespace.

    Returns:
        What went wrong; empty if nothing did.
    """

    def act() -> None:
        kernel = Kernel()
        descriptor = kernel.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(descriptor, f.CLONE_NEWUSER)
        action()

    return answer_of(act)


def in_namespace(action: partial[None]) -> str:
    """Do something in a child that is the superuser of all ids of this user's containers.

    Returns:
        What went wrong; empty if nothing did.
    """

    def act() -> None:
        enter_namespaces(Kernel(), user=True, ids=subordinate_ids().document())
        action()

    return answer_of(act)
