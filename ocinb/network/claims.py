"""Subnets that are claimed from their choice on, so that two users' networks get different ones.

What is in the kernel says which subnets are taken, but nothing of a network is there until its
first container is. A claim is an abstract socket with the subnet's name: of two processes that
bind it at the same moment one succeeds; it is known in its network namespace alone, as the subnet
is; and it goes with whoever holds it, however that ends.
"""

from __future__ import annotations

import _socket
import contextlib
import hashlib
import os
import struct
import time
import weakref

_CLAIM = "\0ocinb subnet {subnet}"
_OWNER = "\0ocinb subnet {subnet} of {owner}"
"""Beside each claim, so that other processes of the same networks know it for theirs."""

_CREDENTIALS = struct.Struct("=3i")
_TRIES, _PAUSE = 20, 0.005
"""How often and how many seconds apart a claim is asked for its holder while it is being made."""


class Claims:
    """The claims of this process.

    Args:
        owner: whose they are: the directory of the networks' state. Processes of one owner do not
            refuse each other a subnet.
    """

    def __init__(self, owner: str) -> None:
        self._owner = hashlib.sha256(owner.encode()).hexdigest()[:16]
        self._held: dict[str, tuple[int, int]] = {}
        weakref.finalize(self, _close_all, self._held, os.getpid())

    def take(self, subnet: str) -> bool:
        """Claim a subnet; whether nobody else has. Where this user may claim none, nobody has.

        Args:
            subnet: as in ``10.87.0.0/24``.
        """
        if subnet in self._held:
            return True
        own = _bind(_OWNER.format(subnet=subnet, owner=self._owner))
        if own is None:
            return True  # another process of the same networks claims it
        claim = _bind(_CLAIM.format(subnet=subnet))
        if claim is None:
            os.close(own)
            return not _is_held(_CLAIM.format(subnet=subnet))
        self._held[subnet] = (own, claim)
        return True

    def release(self, subnet: str) -> None:
        """Give a claim back, if this process has it."""
        for descriptor in self._held.pop(subnet, ()):
            os.close(descriptor)


def _close_all(held: dict[str, tuple[int, int]], process: int) -> None:
    """In the process that has them: a child of it may have other files under these numbers."""
    if os.getpid() == process:
        for descriptors in held.values():
            for descriptor in descriptors:
                os.close(descriptor)


def _bind(name: str) -> int | None:
    """A socket of that name; None where there is one."""
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        made.bind(name)
        made.listen()
    except OSError:
        made.close()
        return None
    return made.detach()


def _is_held(name: str) -> bool:
    """Whether a claim is the superuser's or this user's: others could claim everything."""
    for _ in range(_TRIES):
        asking = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        with contextlib.closing(asking):
            asking.setblocking(False)
            try:
                asking.connect(name)
            except BlockingIOError:
                return False  # it does not want to be asked
            except ConnectionRefusedError:
                time.sleep(_PAUSE)  # it is being made, or it has just gone
                continue
            said = asking.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS.size)
            return _CREDENTIALS.unpack(said)[1] in (0, os.geteuid())
    return False
