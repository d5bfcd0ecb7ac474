"""A process that stands by to become a container's: forked, and made ready, before anybody asks.

A fork costs twice: while it is made, and again when either side writes to what they share. Whoever
creates containers in its own process can have paid for both before one is wanted. It is a child in
a new pid namespace that waits for everything which a child forked at that moment would have: what
is in memory, and descriptors, which get the same numbers. From there it goes the same way.
"""

from __future__ import annotations

import os
import sys
import time

from ocinb.linux import flags as f
from ocinb.runtime.descriptors import close_others
from ocinb.runtime.environment import close_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from ocinb.linux.syscalls import Kernel

    Life = Callable[..., NoReturn]
    Title = tuple[Callable[[], Sequence[str]], Callable[..., None]]

_LARGEST = 100_000
"""Bytes that go through its socket at once; who wants to say more forks."""
_MOST_DESCRIPTORS = 64
_READY = b"r"
_SIGKILL = 9


class Standby:
    """The one child that stands by.

    Args:
        kernel: makes the system calls.
        rehearse: what the child does before it waits.
        title: tells what is shown of this process, and shows it of the child, too, once it lives.

    Raises:
        OSError, SyscallError: it could not be forked.
    """

    def __init__(
        self, kernel: Kernel, rehearse: Callable[[], None], title: Title = (tuple, lambda: None)
    ) -> None:
        import socket  # only now: most who create a container have no standby

        self._title = title
        self._user_namespace = _user_namespace()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        began = time.perf_counter()
        try:
            with theirs:
                self.pid = kernel.fork(f.CLONE_NEWPID)
                if self.pid == 0:
                    _stand_by(kernel, theirs, rehearse, title)
        except BaseException:
            self._socket.close()
            raise
        self.seconds = time.perf_counter() - began

    @property
    def usable(self) -> bool:
        """Whether this process is still where it was forked, but for the mount namespace."""
        return self._user_namespace == _user_namespace()

    def become(self, life: Life, arguments: tuple[Any, ...], descriptors: Sequence[int]) -> bool:
        """Have it live a life with copies of these; afterwards it stands by no more.

        Args:
            life: a function at the top level of a module; it never returns.
            arguments: for it.
            descriptors: that it shall have, at the same numbers as here, beside the standard
                streams; it has no others.

        Returns:
            False where it is gone or not ready yet, or where this is too much for it.
        """
        import pickle
        from socket import send_fds

        numbers = sorted({0, 1, 2, *(number for number in descriptors if number >= 0)})
        data = pickle.dumps((life, arguments, numbers, self._title[0]()), pickle.HIGHEST_PROTOCOL)
        with self._socket:
            if len(data) > _LARGEST or len(numbers) + 2 > _MOST_DESCRIPTORS or not self._ready():
                return False
            here = _here()
            try:
                send_fds(self._socket, [data], [*here, *numbers])
            except OSError:
                return False
            finally:
                close_all(*here)
        return True

    def _ready(self) -> bool:
        """Whether it has rehearsed: to wait for that takes longer than to fork."""
        from socket import MSG_DONTWAIT

        try:
            return bool(self._socket.recv(1, MSG_DONTWAIT))
        except OSError:
            return False

    def dismiss(self) -> None:
        """Have it end; its parent reaps it."""
        self._socket.close()
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):  # else the number is another's
                os.kill(self.pid, _SIGKILL)
        except ChildProcessError:
            pass


AT_HAND: list[Standby] = []
"""The one of this process, where there is one."""


def take(life: Life, arguments: tuple[Any, ...], descriptors: Sequence[int]) -> Standby | None:
    """The standby of this process, which lives that life from now on; None: there is none."""
    while AT_HAND:
        standby = AT_HAND.pop()
        if standby.usable and standby.become(life, arguments, descriptors):
            return standby
        standby.dismiss()
    return None


def dismiss() -> None:
    """Nobody here will need it."""
    while AT_HAND:
        AT_HAND.pop().dismiss()


def _user_namespace() -> str:
    return os.readlink("/proc/self/ns/user")


def _stand_by(
    kernel: Kernel, connection: socket.socket, rehearse: Callable[[], None], title: Title
) -> NoReturn:
    """What the child does: it never returns into the code of who forked it."""
    try:
        close_others(kernel, [connection.fileno()])
        _move(kernel, *_here())  # where that is not allowed, nobody shall count on us
        rehearse()
        try:
            connection.send(_READY)
            life, arguments, shown = _hear(kernel, connection)
        except (EOFError, ConnectionError):
            os._exit(0)  # nobody needs us
        title[1](*shown)
        life(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _here() -> tuple[int, int]:
    """Descriptors of our mount namespace, and of our root in it."""
    mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    return mounts, os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _move(kernel: Kernel, mounts: int, root: int) -> None:
    """Go where another process is: setns(2) leads to the topmost directory, which may be above its
    root.
    """
    kernel.setns(mounts, f.CLONE_NEWNS)
    kernel.chdir(root)
    kernel.chroot(".")


def _hear(kernel: Kernel, connection: socket.socket) -> tuple[Life, tuple[Any, ...], Sequence[str]]:
    """Wait for a life, with its title, and put every descriptor at its number."""
    import fcntl
    import pickle
    from socket import recv_fds

    data, received, _, _ = recv_fds(connection, _LARGEST, _MOST_DESCRIPTORS)
    if not data:
        raise EOFError
    connection.close()
    life, arguments, numbers, shown = pickle.loads(data)
    _move(kernel, *received[:2])
    # Out of the way of the numbers that they shall have.
    free = max(*numbers, *received) + 1
    above = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, free) for number in received[2:]]
    kernel.close_range(3, free - 1)
    for number, descriptor in zip(numbers, above, strict=True):
        os.dup2(descriptor, number, inheritable=number < 3)
    kernel.close_range(free)
    return life, arguments, shown
