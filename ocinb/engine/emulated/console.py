"""The terminal of a container without namespaces: one of this machine's."""

from __future__ import annotations

import fcntl
import os

from ocinb.errors import UnsupportedHost
from ocinb.linux import flags as f
from ocinb.runtime.descriptors import send_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def open_terminal() -> tuple[int, ...]:
    """A pseudoterminal of this machine: its master, and the other side.

    Raises:
        UnsupportedHost: there is none for this user.
    """
    try:
        return os.openpty()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UnsupportedHost(
            f"no terminal can be opened: /dev/ptmx: {reason}",
            hint="devpts must be mounted with ptmxmode=0666 for ordinary users",
        ) from None


def use_terminal(process: dict[str, Any], console: int, master: int, peer: int) -> None:
    """Make a terminal this process's own, and send its master to the caller.

    Spec: runtime-spec config.md#process (terminal, consoleSize)
    """
    import socket

    size = process.get("consoleSize")
    if size:
        words = (size["height"], size["width"], 0, 0)
        packed = b"".join(word.to_bytes(2, "little") for word in words)
        fcntl.ioctl(peer, f.TIOCSWINSZ, packed)
    fcntl.ioctl(peer, f.TIOCSCTTY, 0)
    with socket.socket(fileno=console) as connection:
        send_descriptor(connection, os.ttyname(peer).encode(), master)
    for descriptor in (0, 1, 2):
        os.dup2(peer, descriptor)
    os.close(master)
    os.close(peer)
