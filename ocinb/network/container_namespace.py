"""The network namespace of a container, seen from a hook."""

from __future__ import annotations

import _socket
import os
import sys

from ocinb.errors import NetworkError, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.namespaces import in_user_namespace, open_namespace, same
from ocinb.linux.netlink import NETLINK_ROUTE
from ocinb.linux.rtnetlink import Interfaces
from ocinb.linux.syscalls import Kernel


class ContainerNamespace:
    """A network namespace that is not this process's own. A context manager.

    Args:
        pid: of the container's first process.

    Attributes:
        descriptor: of the namespace.
        path: by which a program that we start finds it.

    Raises:
        NetworkError: the process is gone, or shares our network: nothing of this machine's own
            network is ever changed.
    """

    def __init__(self, pid: int) -> None:
        self._kernel = Kernel()
        self.path = f"/proc/{pid}/ns/net"
        try:
            self.descriptor = open_namespace(self._kernel, self.path, "net")
        except SyscallError as error:
            raise NetworkError(f"the container's network is not there: {error}") from None
        if same(self.descriptor, "net"):
            os.close(self.descriptor)
            raise NetworkError("the container has no network namespace of its own")

    def __enter__(self) -> ContainerNamespace:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def enter(self) -> None:
        """Go there; for a process that stays there.

        Raises:
            SyscallError.
        """
        self._kernel.setns(self.descriptor, f.CLONE_NEWNET)

    def interfaces(self) -> Interfaces:
        """The interfaces in there; this process stays where it is.

        Raises:
            SyscallError.
        """
        if in_user_namespace():
            return Interfaces(self._socket_from_inside())
        home = self._kernel.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.enter()
            try:
                return Interfaces()
            finally:
                self._kernel.setns(home, f.CLONE_NEWNET)
        finally:
            os.close(home)

    def _socket_from_inside(self) -> int:
        """A netlink socket that another process makes in there.

        An ordinary user may enter the namespace, for it is theirs, but not come back: the one of
        this machine is not.
        """
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        child = os.fork()
        if child == 0:
            try:
                self.enter()
                made = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, NETLINK_ROUTE)
                number = made.fileno().to_bytes(4, sys.byteorder)
                ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, number)]
                theirs.sendmsg([b"!"], ancillary)
            finally:
                os._exit(0)
        theirs.close()
        size = _socket.CMSG_SPACE(4)
        said, received, _, _ = ours.recvmsg(1, size, _socket.MSG_CMSG_CLOEXEC)
        ours.close()
        os.waitpid(child, 0)
        if not said or not received:
            raise NetworkError("the container's network namespace may not be entered")
        return int.from_bytes(received[0][2][:4], sys.byteorder)
