"""The pseudoterminal of a container with ``process.terminal``.

It is made in the container's own /dev/pts; its master goes to the caller over a Unix socket, as
a descriptor (SCM_RIGHTS), for the caller is the one who outlives the runtime.
"""

from __future__ import annotations

import os
import sys

from ocinb.errors import StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.calls import buffer
from ocinb.runtime.descriptors import send_descriptor
from ocinb.runtime.environment import close_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_PTMX = os.makedev(5, 2)
_BOTH = f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH


def attach_console(env: Environment) -> None:
    """Open a pseudoterminal, bind it to /dev/console, hand out its master, use it as stdio.

    Spec: runtime-spec config-linux.md#default-devices (/dev/console)
    Spec: runtime-spec config.md#process (terminal, consoleSize)
    """
    if not env.process.get("terminal"):
        return
    master, peer, name = _open(env)
    close_all(env.root.make_file("/dev/console"))
    try:
        # Where a link leads is not for the image to say (CVE-2025-52565).
        point = env.root.open("/dev/console", resolve=f.RESOLVE_NO_SYMLINKS)
    except SyscallError:
        raise StepFailed("process.terminal: /dev/console of the image is a link") from None
    tree = env.kernel.open_tree(peer, "", f.AT_EMPTY_PATH | f.OPEN_TREE_CLONE)
    env.kernel.move_mount(tree, "", point, "", _BOTH)
    close_all(tree, point)
    _use(env, master, peer, name)


def attach_exec_console(env: Environment) -> None:
    """The same for a further process: the container's /dev/console stays as it is."""
    if env.process.get("terminal"):
        master, peer, name = _open(env)
        _use(env, master, peer, name)


def _open(env: Environment) -> tuple[int, int, str]:
    kernel = env.kernel
    needs = "process.terminal needs /dev/pts in the container"
    hint = "add a devpts mount on /dev/pts to mounts"
    try:
        found = env.root.open("/dev/pts/ptmx", f.O_PATH)
    except SyscallError as error:
        raise StepFailed(f"{needs}: {error}", hint=hint) from None
    # Only now it is really opened: another device would do something at that moment already.
    if os.fstat(found).st_rdev != _PTMX:
        raise StepFailed(f"{needs}: /dev/pts/ptmx is something else", hint=hint)
    flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
    master = kernel.open(f"self/fd/{found}", flags, dirfd=env.host_proc)
    os.close(found)
    unlocked, number = buffer(4), buffer(4)
    kernel.ioctl(master, f.TIOCSPTLCK, unlocked)
    kernel.ioctl(master, f.TIOCGPTN, number)
    peer = kernel.ioctl(master, f.TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    return master, peer, f"/dev/pts/{int.from_bytes(number.raw, 'little')}"


def _use(env: Environment, master: int, peer: int, name: str) -> None:
    size = env.process.get("consoleSize")
    if size:
        words = (size["height"], size["width"], 0, 0)
        packed = b"".join(word.to_bytes(2, "little") for word in words)
        env.kernel.ioctl(peer, f.TIOCSWINSZ, packed)
    env.kernel.chown(peer, env.user["uid"], -1)
    _send(env.console_socket, master, name)
    for fd in (0, 1, 2):
        os.dup2(peer, fd)
    env.kernel.ioctl(0, f.TIOCSCTTY, 0)
    close_all(master, peer, env.console_socket)


def _send(descriptor: int, master: int, name: str) -> None:
    # The runtime imported it when it connected the socket; here nothing can be imported any more.
    socket = sys.modules["socket"]
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        send_descriptor(connection, name.encode(), master)
