"""What the steps of the container's process share."""

from __future__ import annotations

import os

from ocinb.linux.beneath import Beneath
from ocinb.runtime.descriptors import FIRST_PRESERVED
from ocinb.spec.runtime_config import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.cgroup import Hierarchy
    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording
    from ocinb.runtime.seccomp import Filter
    from ocinb.spec.runtime_state import State


class Environment:
    """The container as its own process sees it while it makes itself.

    Attributes:
        config: config.json, checked.
        process: its ``process``, or that of an exec; empty where there is none.
        bundle: absolute path of the bundle.
        rootfs: absolute path of the root filesystem on the host.
        recording: records steps and system calls.
        kernel: the recording's, for short.
        log: takes warnings.
        state: the container's state, for hooks.
        root: the root filesystem, once it is bound; paths are resolved beneath it.
        host_proc: descriptor of the host's /proc, valid after the root has changed.
        sources: descriptors of bind sources that the parent opened: mount number → descriptor.
        filter: of system calls, compiled; None for none.
        listener_socket: descriptor of a connected socket for the filter's listener; -1 for none.
        joined_own: types of namespaces that are joined by a path and are the runtime's own.
        console_socket: descriptor to send a pseudoterminal's master to; -1 for none.
        preserve: descriptors from 3 on that the user's program shall have.
        pivot: False for ``--no-pivot``.
        keyring: False for ``--no-new-keyring``.
        apparmor: the kernel has AppArmor.
        trees: of control groups, as the container's process finds them; None: it has to look.
        variables: the program's environment, once it is known.
        program: the program's absolute path, once it is found.
    """

    def __init__(
        self,
        *,
        config: dict[str, Any],
        process: dict[str, Any] | None,
        bundle: str,
        rootfs: str,
        recording: Recording,
        log: Log,
        state: State,
    ) -> None:
        self.config = config
        self.process: dict[str, Any] = process or {}
        self.linux: dict[str, Any] = config.get("linux") or {}
        self.namespaces = namespaces(config)
        self.bundle = bundle
        self.rootfs = rootfs
        self.recording = recording
        self.kernel: Kernel = recording.kernel
        self.log = log
        self.state = state
        self.root = Beneath(self.kernel, -1)
        self.host_proc = -1
        self.sources: dict[int, int] = {}
        self.filter: Filter | None = None
        self.listener_socket = -1
        self.joined_own: set[str] = set()
        self.console_socket = -1
        self.preserve = 0
        self.pivot = True
        self.keyring = True
        self.apparmor = False
        self.trees: list[Hierarchy] | None = None
        self.variables: dict[str, str] = {}
        self.program = ""

    def applying(self, field: str) -> None:
        """Say which field of config.json the next calls are made for; errors name it too."""
        self.recording.field = field

    def descriptors(self) -> list[int]:
        """What the container's process needs of the descriptors of who forked it."""
        own = [self.console_socket, self.recording.descriptor, self.log.descriptor]
        kept = range(FIRST_PRESERVED, FIRST_PRESERVED + self.preserve)
        return [*own, *self.sources.values(), *self.listeners(), *kept]

    @property
    def own_mounts(self) -> bool:
        """Whether the container has a mount namespace other than the runtime's."""
        return "mount" in self.namespaces

    def listeners(self) -> list[int]:
        """The socket for the filter's listener, if any: only the container's process keeps it."""
        return [self.listener_socket] if self.listener_socket >= 0 else []

    @property
    def user(self) -> dict[str, Any]:
        """``process.user``; the superuser where it is not given.

        Spec: runtime-spec config.md#posix-platform-user
        """
        user: dict[str, Any] = self.process.get("user") or {"uid": 0, "gid": 0}
        return user


def through(fd: int) -> str:
    """A path that leads to what a descriptor names, for calls that take only paths.

    The kernel follows it without resolving any name again, so nothing can be put in between.
    """
    return f"/proc/self/fd/{fd}"


def close_all(*fds: int) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
