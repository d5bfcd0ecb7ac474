"""Entering the namespaces: what the container's process does before anything else.

A new pid namespace it has from its fork. Where one is joined, or shall belong to a user namespace,
and for a time namespace, which all hold only for children that are made afterwards, a process goes
between: it enters, forks the container's process, and ends. The runtime, being its subreaper, then
inherits that one.

Spec: runtime-spec config-linux.md#namespaces
"""

from __future__ import annotations

import os

from ocinb.errors import InvalidConfig, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.interfaces import raise_loopback
from ocinb.linux.namespaces import FLAGS, open_namespace, same
from ocinb.runtime.sync import INIT, MAP_IDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment
    from ocinb.runtime.sync import Channel

KINDS = {
    "user": "user",
    "mount": "mnt",
    "uts": "uts",
    "ipc": "ipc",
    "network": "net",
    "pid": "pid",
    "cgroup": "cgroup",
    "time": "time",
}
"""The specification's word → the kernel's."""


def needs_another(namespaces: dict[str, str]) -> bool:
    """Whether a process must go between the runtime and the container's process.

    Args:
        namespaces: type → path; empty for a new one.
    """
    return "user" in namespaces or "time" in namespaces or bool(namespaces.get("pid"))


def made_by_fork(namespaces: dict[str, str]) -> int:
    """The kinds of namespaces that the container's process has new from its fork."""
    new = namespaces.get("pid") == "" and not needs_another(namespaces)
    return f.CLONE_NEWPID if new else 0


def made_by_itself(namespaces: dict[str, str]) -> int:
    """The kinds of namespaces that the container's process makes afterwards, the user's apart."""
    new = 0
    for name, path in namespaces.items():
        if not path and name != "user":
            new |= FLAGS[KINDS[name]]
    return new & ~made_by_fork(namespaces)


def all_new(namespaces: dict[str, str]) -> bool:
    """Whether the container's process makes all its namespaces, and keeps its user: it needs
    nothing of the host's for that.
    """
    return not (needs_another(namespaces) or any(namespaces.values()))


def enter(env: Environment, channel: Channel, *, grouped: bool = True) -> None:
    """Join the namespaces that have a path, make the others.

    Args:
        grouped: whether this process is in its control groups: the new namespace of these begins
            there. Otherwise ``make_cgroup_namespace`` makes that later.

    Raises:
        InvalidConfig: a path that is no namespace of its type.
        SyscallError: the kernel refused.
    """
    descriptors = open_paths(env)
    left = join(env, descriptors, later=("user", "mnt"))
    user = env.namespaces.get("user")
    if user == "":
        _make_user_namespace(env, channel)
    elif user:
        _join_user_namespace(env, descriptors["user"])
    env.applying("")
    env.kernel.prctl(f.PR_SET_DUMPABLE, 0)
    # What the host's privileges did not reach may belong to the user namespace just entered.
    for kind in left:
        env.applying(f"linux.namespaces ({kind})")
        env.kernel.setns(descriptors[kind], FLAGS[kind])
    for fd in descriptors.values():
        os.close(fd)
    _make_others(env, grouped=grouped)


def make_cgroup_namespace(env: Environment) -> None:
    """Make the namespace that ``enter`` has left."""
    if env.namespaces.get("cgroup") == "":
        env.applying("linux.namespaces (cgroup)")
        env.kernel.unshare(f.CLONE_NEWCGROUP)


def go_between(env: Environment, channel: Channel) -> None:
    """Fork the process that this one was only to go before, and end: it goes on behind this call,
    as soon as it may.

    Only once the runtime knows its number may that hear anything else from it.

    Raises:
        StepFailed: the runtime is gone.
    """
    env.recording.flush()
    pid = os.fork()
    if pid:
        channel.send(INIT, pid=pid)
        os._exit(0)
    channel.expect_proceed()


def open_paths(env: Environment) -> dict[str, int]:
    """Open every namespace that has a path, while those paths still mean the host's files.

    Spec: runtime-spec config-linux.md#namespaces (path)
    """
    found: dict[str, int] = {}
    for name, path in env.namespaces.items():
        if not path:
            continue
        env.applying(f"linux.namespaces ({name}, {path})")
        try:
            fd = open_namespace(env.kernel, path, KINDS[name])
        except SyscallError as error:
            if error.call == "setns":
                raise InvalidConfig(
                    f"linux.namespaces: {path} is not a {name} namespace",
                    citation="runtime-spec config-linux.md#namespaces",
                ) from None
            raise
        if same(fd, KINDS[name]):
            env.joined_own.add(name)
        found[KINDS[name]] = fd
    return found


def join(env: Environment, descriptors: dict[str, int], later: tuple[str, ...]) -> list[str]:
    """Join namespaces; returns the kinds that must wait until the user namespace is entered.

    The mount namespace is the last: paths of the host mean nothing afterwards.
    """
    left = []
    for kind, fd in descriptors.items():
        if kind in later:
            continue
        env.applying(f"linux.namespaces ({kind})")
        try:
            env.kernel.setns(fd, FLAGS[kind])
        except SyscallError as error:
            if error.errno != 1 or "user" not in env.namespaces:
                raise
            left.append(kind)
    return left + [kind for kind in descriptors if kind in later and kind != "user"]


def _make_user_namespace(env: Environment, channel: Channel) -> None:
    """A new user namespace; the parent, who is outside, gives it its ids.

    Spec: runtime-spec config-linux.md#user-namespace-mappings
    """
    env.applying("linux.namespaces (user)")
    # The maps are files of this process: they must be the caller's to write.
    env.kernel.prctl(f.PR_SET_DUMPABLE, 1)
    env.kernel.unshare(f.CLONE_NEWUSER)
    channel.send(MAP_IDS)
    channel.expect_proceed()
    become_superuser(env)


def _join_user_namespace(env: Environment, fd: int) -> None:
    env.applying("linux.namespaces (user)")
    if not same(fd, "user"):
        env.kernel.setns(fd, f.CLONE_NEWUSER)
        become_superuser(env)


def become_superuser(env: Environment) -> None:
    """Take the ids of the user namespace's superuser, without which nothing in it is ours."""
    env.kernel.setresgid(0, 0, 0)
    env.kernel.setresuid(0, 0, 0)


def _make_others(env: Environment, *, grouped: bool) -> None:
    new = made_by_itself(env.namespaces)
    if not grouped:
        new &= ~f.CLONE_NEWCGROUP
    env.applying("linux.namespaces")
    env.kernel.unshare(new)
    if new & f.CLONE_NEWNET:
        # Not even 127.0.0.1 can be reached while it is down. Spec: none (runc convention)
        raise_loopback(env.kernel)
    for clock, offset in (env.linux.get("timeOffsets") or {}).items():
        env.applying(f"linux.timeOffsets.{clock}")
        line = f"{clock} {offset.get('secs') or 0} {offset.get('nanosecs') or 0}"
        env.kernel.write("/proc/self/timens_offsets", line)


def adjust_oom_score(env: Environment) -> None:
    """Done before a user namespace is entered: lowering it takes a privilege of the host.

    Spec: runtime-spec config.md#linux-process (oomScoreAdj)
    """
    score = env.process.get("oomScoreAdj")
    if score is not None:
        env.applying("process.oomScoreAdj")
        env.kernel.write("/proc/self/oom_score_adj", str(score))
