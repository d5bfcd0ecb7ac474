"""Options of create, run and exec that are about descriptors."""

from __future__ import annotations

import os
import sys

from ocinb.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from socket import socket

    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.options import Parsed

FIRST_PRESERVED = 3
"""The first descriptor behind the standard streams."""
_SOL_SOCKET, _SCM_RIGHTS = 1, 1


def preserved(options: Parsed) -> int:
    """How many descriptors from 3 on the program shall have: ``--preserve-fds``, LISTEN_FDS.

    Raises:
        CommandError: one of them is not open.
    """
    number = options.number("preserve_fds", 0) + int(os.environ.get("LISTEN_FDS") or 0)
    for fd in range(FIRST_PRESERVED, FIRST_PRESERVED + number):
        try:
            os.fstat(fd)
        except OSError:
            raise CommandError(f"--preserve-fds: descriptor {fd} is not open") from None
    return number


def close_others(kernel: Kernel, kept: Iterable[int]) -> None:
    """Close every descriptor but the standard streams and these, in a child that has just been
    forked. The objects that have the others must live as long as it does.
    """
    first = FIRST_PRESERVED
    for descriptor in sorted({number for number in kept if number >= first}):
        if first < descriptor:
            kernel.close_range(first, descriptor - 1)
        first = descriptor + 1
    kernel.close_range(first)


def connect(path: str, what: str = "the console socket") -> int:
    """A descriptor of a Unix socket, connected: ``--console-socket``.

    Raises:
        CommandError: nobody listens there.
    """
    import socket

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CommandError(f"{what} {path} cannot be reached: {reason}") from None
    return connection.detach()


def send_descriptor(connection: socket, data: bytes, descriptor: int) -> None:
    """Send bytes, and with them a descriptor. (socket.send_fds would import a module.)"""
    packed = descriptor.to_bytes(4, sys.byteorder)
    connection.sendmsg([data], [(_SOL_SOCKET, _SCM_RIGHTS, packed)])
