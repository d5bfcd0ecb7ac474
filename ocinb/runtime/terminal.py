"""Between the caller's terminal and that of the container, for ``run`` and ``exec`` in front.

Spec: none (runc convention)
"""

from __future__ import annotations

import os
import select
import socket
import sys
import termios
import tty

from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel

_PIECE = 65536


class Terminal:
    """Carries bytes and window sizes between our standard streams and a pseudoterminal.

    Args:
        kernel: makes the calls.

    Attributes:
        console: what the container's process gets as its console socket.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.console = theirs.detach()
        self._saved: list[Any] | None = None
        self._master = -1

    def receive(self) -> None:
        """Take the master, which the container's process has sent by now."""
        os.close(self.console)
        _, descriptors, _, _ = socket.recv_fds(self._ours, 4096, 1)
        self._ours.close()
        self._master = descriptors[0]
        os.set_inheritable(self._master, False)
        self.resize()

    def resize(self) -> None:
        """Give the container's terminal the size of ours, if ours is one."""
        if os.isatty(0):
            columns, rows = os.get_terminal_size(0)
            words = (rows, columns, 0, 0)
            size = b"".join(word.to_bytes(2, sys.byteorder) for word in words)
            self._kernel.ioctl(self._master, f.TIOCSWINSZ, size)

    def carry(self, ended: int) -> None:
        """Carry bytes until the descriptor ``ended`` is readable and nothing is left to read."""
        if os.isatty(0):
            self._saved = termios.tcgetattr(0)
            tty.setraw(0)
        try:
            self._carry(ended)
        finally:
            if self._saved is not None:
                termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
            os.close(self._master)

    def _carry(self, ended: int) -> None:
        poll = select.poll()
        for fd in (0, self._master, ended):
            poll.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._master in ready:
                if not self._pass(self._master, 1):
                    return
            elif ended in ready:
                return
            if 0 in ready and not self._pass(0, self._master):
                poll.unregister(0)

    @staticmethod
    def _pass(source: int, target: int) -> bool:
        """Carry one piece; False at the end of the source."""
        try:
            data = os.read(source, _PIECE)
        except OSError:
            return False  # EIO: no process has the other side open any more
        while data:
            data = data[os.write(target, data) :]
            if not data:
                return True
        return False
