"""The source of a bind mount, opened by the runtime or by the container's process."""

from __future__ import annotations

import os

from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.mount_options import MountOptions


def open_source(kernel: Kernel, bundle: str, entry: dict[str, Any], options: MountOptions) -> int:
    """A detached copy of a bind source, which is absolute or relative to the bundle.

    Spec: runtime-spec config.md#mounts (source)
    """
    source = os.path.join(bundle, entry.get("source") or "")
    recursive = f.AT_RECURSIVE if options.recursive else 0
    return kernel.open_tree(f.AT_FDCWD, source, f.OPEN_TREE_CLONE | recursive)
