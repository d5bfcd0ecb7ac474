"""The layers of a container, shown as one tree by its monitor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ocinb.engine import rung_cache
from ocinb.errors import SyscallError, UnsupportedHost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ocinb.engine.launch import Shim
    from ocinb.engine.rung import Rung


class Stacked(os.PathLike[str]):
    """A tree that is being mounted; whoever wants its path waits until it is there.

    The path leads into the monitor's mount namespace.

    Args:
        shim: the container's monitor; this is its first order.
        layers: unpacked, bottom to top.
        rung: how layers are stacked here.
        run_root: where it is kept what this machine can do, to be found out anew after a failure.
        volatile: whether what is written to it may be lost with this machine.
    """

    def __init__(
        self,
        shim: Shim,
        layers: Sequence[Path],
        rung: Rung,
        run_root: Path | None = None,
        *,
        volatile: bool = False,
    ) -> None:
        self._shim = shim
        self._run_root = run_root
        self._path = ""
        attempt = rung.mount
        assert attempt is not None  # a rung that works has one
        self.order = {
            "layers": [str(layer) for layer in layers],
            "kind": attempt.kind,
            "flags": list(attempt.options(volatile=volatile)),
            "why": rung.answer,
            "namespaces": None
            if rung.emulated
            else {"user": rung.user_namespace, "ids": rung.ids and rung.ids.document()},
        }
        shim.order_first("mount", **self.order)

    def __fspath__(self) -> str:
        """The path.

        Raises:
            SyscallError, UnsupportedHost, StorageError, BundleError: it could not be mounted.
            ContainerError: there is no monitor.
        """
        if not self._path:
            try:
                self._path = self._shim.first_reply()["rootfs"]
            except (SyscallError, UnsupportedHost):
                # What was found out about this machine is not true any more: the next one asks
                # anew.
                if self._run_root is not None:
                    rung_cache.forget(self._run_root)
                raise
        return self._path
