"""Trees whose changes may be lost with the machine: the mount option ``volatile``.

Nothing waits for the disk then, not even fsync(2), and unmounting does not write out all that the
filesystem below has in memory. overlayfs leaves a mark in the work directory, and refuses to use
that again as long as it is there: nobody knows whether the machine stopped meanwhile. We do.

Spec: none (Linux Documentation/filesystems/overlayfs.rst, "Volatile mount")
"""

from __future__ import annotations

import os

from ocinb.errors import StorageError
from ocinb.linux.processes import boot_time
from ocinb.overlay.plan import Plan
from ocinb.overlay.trees import remove_tree

VOLATILE = ("volatile",)
"""For who will not miss what was written."""


def lasting(plan: Plan) -> Plan | None:
    """The same mount without the option; None: it does not have it."""
    flags = tuple(flag for flag in plan.flags if flag not in VOLATILE)
    return Plan(**dict(plan) | {"flags": flags}) if flags != plan.flags else None


def allow_again(writable: str) -> None:
    """Let a tree be mounted again that was volatile, if the machine has not stopped since.

    Args:
        writable: the directory that holds ``upper`` and ``work``.

    Raises:
        StorageError: it has, or the mark cannot be removed.
    """
    mark = f"{writable}/work/work/incompat"
    try:
        if os.stat(mark).st_mtime >= boot_time():
            return remove_tree(mark)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{mark} cannot be removed: {error.strerror}") from None
    raise StorageError(
        f"the machine has stopped since {writable} was written, and it was not carried to the disk",
        hint="delete the container and run its image again",
    )
