"""Network interfaces, as far as a container needs them before anybody else can reach it.

See netdevice(7).
"""

from __future__ import annotations

# One C module, where ``socket`` brings enum and selectors along. Here and not where it is used:
# in a user namespace the interpreter's files may be out of reach, as in another's home.
import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_NAME_SIZE, _REQUEST_SIZE = 16, 40


def raise_loopback(kernel: Kernel) -> None:
    """Let the interface ``lo`` of the calling process's network namespace work.

    Raises:
        SyscallError: the kernel refused.
    """
    request = b"lo".ljust(_NAME_SIZE, b"\0") + _IFF_UP.to_bytes(2, "little")
    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        kernel.ioctl(probe.fileno(), _SIOCSIFFLAGS, request.ljust(_REQUEST_SIZE, b"\0"))
    finally:
        probe.close()
