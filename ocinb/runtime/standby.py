"""A process that waits to be a container's, so that nobody waits for its fork.

What a fork costs is paid later, too, by both sides, as each page that they share is written to. A
process that was forked before anybody asked, and has gone through the motions, has paid that. It
has the pid namespace that a fork gives, so it can only become the process of a container that has
a new one; what else it must know it is told, with the descriptors that it shall have.
"""

from __future__ import annotations

import contextlib
import os
import socket
from functools import partial

from ocinb.errors import OcinbError
from ocinb.linux import flags as f
from ocinb.linux import signals
from ocinb.linux.syscalls import Kernel
from ocinb.plain_json import dumps, loads
from ocinb.runtime.container_process import live
from ocinb.runtime.descriptors import close_others
from ocinb.runtime.entering import made_by_fork
from ocinb.runtime.environment import Environment, close_all
from ocinb.runtime.log import Log
from ocinb.runtime.recording import Recording
from ocinb.runtime.seccomp import Filter
from ocinb.runtime.start_gate import Gate
from ocinb.runtime.sync import Channel
from ocinb.spec.runtime_state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_LONGEST = 1 << 17
"""Bytes of what it is told; with a longer config.json a container's process is forked."""
_DESCRIPTORS = 12
_TOLD = ("config", "bundle", "rootfs", "pivot", "keyring", "apparmor")
"""Of the ``Environment``, beside the state."""


class Standby:
    """The side of who will make the container.

    Args:
        pid: of the process, a child of this one.
        connection: to it.
        made: what ``Recording.observe`` is told of the call that made it.
    """

    def __init__(self, pid: int, connection: socket.socket, made: list[tuple[Any, ...]]) -> None:
        self._pid = pid
        self._connection = connection
        self._made = made
        self._user_namespace = _user_namespace()

    @classmethod
    def fork(cls, rehearse: Callable[[], None], named: Callable[[str], None]) -> Standby | None:
        """One that goes through the motions first; None: there can be none here.

        For a process with one thread.

        Args:
            rehearse: called in it.
            named: called in it with the container's id, once there is a container.
        """
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError:
            return None  # there are too few descriptors
        made: list[tuple[Any, ...]] = []
        with theirs:
            try:
                child = Kernel(lambda *call: made.append(call)).fork(f.CLONE_NEWPID)
            except OcinbError:
                ours.close()
                return None
            if child == 0:
                ours.close()
                _stand_by(theirs, rehearse, named)
        return cls(child, ours, made)

    def become(self, env: Environment, channel: Channel, gate: Gate) -> int | None:
        """Let it become the container's process, with our standard streams and mounts; its pid.

        The call that made it is recorded now, with the time that it took then.

        None: it is not there any more, or a process that was forked before cannot be this one.
        """
        new = made_by_fork(env.namespaces) == f.CLONE_NEWPID
        if not new or env.sources or env.listeners() or env.preserve:
            return None
        if self._user_namespace != _user_namespace():
            return None  # we are the superuser of another one now
        document = dumps(
            {
                **{name: getattr(env, name) for name in _TOLD},
                "state": dict(env.state),
                "filter": env.filter and [env.filter.program.hex(), env.filter.flags],
                "log": env.log.form,
                "console": env.console_socket >= 0,
            }
        ).encode()
        if len(document) > _LONGEST or self._connection.fileno() < 0:
            return None
        try:
            tree = _tree()
        except OSError:
            return None  # there are too few descriptors
        given = [0, 1, 2, *tree, env.recording.descriptor, env.log.descriptor]
        given += [*channel.descriptors, *gate.descriptors]
        if env.console_socket >= 0:
            given.append(env.console_socket)
        try:
            socket.send_fds(self._connection, [document], given)
        except OSError:
            return None  # it was killed
        finally:
            close_all(*tree)
            self._connection.close()
        for call in self._made:
            env.recording.observe(*call)
        pid, self._pid = self._pid, 0
        return pid

    def end(self) -> None:
        """Part with it, and see that it ends, unless it has become a container's process."""
        self._connection.close()
        pid, self._pid = self._pid, 0
        if pid:
            with contextlib.suppress(ChildProcessError):  # it was, and was waited for
                if not os.waitpid(pid, os.WNOHANG)[0]:
                    os.kill(pid, signals.SIGKILL)
                    os.waitpid(pid, 0)


def _tree() -> tuple[int, int]:
    """What leads to our files: descriptors of our mount namespace, and of our root in it."""
    mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return mounts, os.open("/", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        os.close(mounts)
        raise


def _enter(kernel: Kernel, mounts: int, root: int) -> None:
    """Have the files of whoever gave these descriptors: setns(2) alone leads out of a chroot."""
    kernel.setns(mounts, f.CLONE_NEWNS)
    kernel.chdir(root)
    kernel.chroot(".")


def _user_namespace() -> int:
    """Our own, as a number that no other has."""
    return os.stat("/proc/self/ns/user").st_ino


def _stand_by(
    connection: socket.socket, rehearse: Callable[[], None], named: Callable[[str], None]
) -> NoReturn:
    try:
        # Who forked us is known to have ended by its sockets.
        close_others(Kernel(), [connection.fileno()])
        rehearse()
        tree = _tree()
        _enter(Kernel(), *tree)  # who may not do that is of no use
        close_all(*tree)
        document, given, _, _ = socket.recv_fds(
            connection, _LONGEST, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
        )
        if document:
            told = loads(document)
            named(told["state"]["id"])
            _become(told, given)
    finally:
        os._exit(1)


def _become(told: dict[str, Any], given: list[int]) -> NoReturn:
    mounts, root, events, log, reader, writer, fifo, lock = given[3:11]
    for number in range(3):
        os.dup2(given[number], number)
    state = State(**told["state"])
    recording = Recording(container=state.id, descriptor=events)
    env = Environment(
        config=told["config"],
        process=told["config"].get("process"),
        bundle=told["bundle"],
        rootfs=told["rootfs"],
        recording=recording,
        log=Log(form=told["log"], descriptor=log),
        state=state,
    )
    if told["filter"]:
        program, flags = told["filter"]
        env.filter = Filter(program=bytes.fromhex(program), flags=flags)
    env.console_socket = given[11] if told["console"] else -1
    env.pivot, env.keyring, env.apparmor = told["pivot"], told["keyring"], told["apparmor"]
    enter = partial(_enter, env.kernel, mounts, root)
    live(env, Channel(reader, writer), Gate(fifo, lock), enter)
