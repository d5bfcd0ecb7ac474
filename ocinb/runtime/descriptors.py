"""Options of create, run and exec that are about descriptors."""

from __future__ import annotations

import os
import sys

from ocinb.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket

    from ocinb.runtime.options import Parsed

_SOL_SOCKET, _SCM_RIGHTS = 1, 1


def preserved(options: Parsed) -> int:
    """How many descriptors from 3 on the program shall have: ``--preserve-fds``, LISTEN_FDS.

    Raises:
        CommandError: one of them is not open.
    """
    number = options.number("preserve_fds", 0) + int(os.environ.get("LISTEN_FDS") or 0)
    for fd in range(3, 3 + number):
        try:
            os.fstat(fd)
        except OSError:
            raise CommandError(f"--preserve-fds: descriptor {fd} is not open") from None
    return number


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
