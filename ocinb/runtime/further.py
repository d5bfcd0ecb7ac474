"""A further process in a container that exists: ``exec``.

It joins the namespaces of the container's process instead of making any, and then goes through
the same rows of ``init.py`` that make the container's own process what config.json says.

Spec: none (runc convention); its ``process`` is runtime-spec config.md#process
"""

from __future__ import annotations

import os

from ocinb.errors import InvalidStatus, StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.namespaces import FLAGS, in_user_namespace, open_namespace, same
from ocinb.runtime.descriptors import close_others
from ocinb.runtime.entering import KINDS, adjust_oom_score, become_superuser, go_between
from ocinb.runtime.environment import Environment, close_all
from ocinb.runtime.failures import described, rebuilt
from ocinb.runtime.from_outside import prepare_filter, set_rlimit
from ocinb.runtime.rows import PROCESS_ROWS, PROGRAM_ROWS, carry_out
from ocinb.runtime.steps import console, labels, session
from ocinb.runtime.steps.scheduling import numbers
from ocinb.runtime.sync import FAILED, INIT, PROCEED, READY, Channel
from ocinb.spec.runtime_state import CREATED, PAUSED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.cgroup import Cgroup
    from ocinb.runtime.container_state import Container
    from ocinb.runtime.operations import Runtime

_NOT_PERMITTED, _SIGKILL, _BUSY = 1, 9, 16


def execute(
    runtime: Runtime,
    container: Container,
    process: dict[str, Any],
    *,
    console_socket: int = -1,
    preserve: int = 0,
    ignore_paused: bool = False,
    groups: dict[str, str] | None = None,
) -> int:
    """Run a process in a container; returns its pid once the program was executed.

    Args:
        runtime: whose container it is.
        container: created or running.
        process: a checked ``process`` document.
        console_socket: for the terminal's master; -1 for none.
        preserve: descriptors from 3 on that the program shall have.
        ignore_paused: wait for a paused container to be resumed instead of refusing.
        groups: control groups inside the container's: controller, or empty for all → path.

    Raises:
        InvalidStatus: the container is stopped or paused.
        StepFailed: the program cannot be found or executed, or a property cannot be applied.
    """
    container.require("exec", CREATED, RUNNING)
    if container.shown_status(runtime.kernel) == PAUSED and not ignore_paused:
        raise InvalidStatus(f"cannot exec in container {container.id}: it is paused")
    env = Environment(
        config=container.config(),
        process=process,
        bundle=container.data["bundle"],
        rootfs=container.data["rootfs"],
        recording=runtime.recording,
        log=runtime.log,
        state=container.state(),
    )
    env.console_socket = console_socket
    env.preserve = preserve
    prepare_filter(env)
    labels.check(env)
    kernel = runtime.kernel
    ours, theirs = Channel.pair()
    namespaces = _namespaces(env, container.pid)
    # Not dumpable before anything of the container can look at the child (CVE-2016-9962).
    dumpable = kernel.prctl(f.PR_GET_DUMPABLE)
    kernel.prctl(f.PR_SET_DUMPABLE, 0)
    if "pid" in namespaces and _join_for_child(env, namespaces["pid"]):
        os.close(namespaces.pop("pid"))
    between = "pid" in namespaces
    if between:
        kernel.prctl(f.PR_SET_CHILD_SUBREAPER, 1)
    env.recording.flush()
    child = os.fork()
    if child == 0:
        _child(env, theirs, container, groups, namespaces)
    if dumpable == 1:
        kernel.prctl(f.PR_SET_DUMPABLE, 1)
    theirs.close()
    close_all(*namespaces.values(), *env.listeners())
    try:
        return _converse(runtime, env, ours, child, between=between)
    finally:
        ours.close()


def _converse(
    runtime: Runtime, env: Environment, channel: Channel, child: int, *, between: bool
) -> int:
    pid = child
    try:
        if not between:
            _limit(runtime, env, pid)
            channel.send(PROCEED)
        ready = False
        while True:
            message = channel.receive()
            if message is None:
                # The descriptor was closed by the exec; or by a death that came before.
                if ready:
                    return pid
                raise StepFailed("the process ended before the program was executed")
            if message["kind"] == FAILED:
                raise rebuilt(message)
            if message["kind"] == INIT:
                os.waitpid(child, 0)
                pid = message["pid"]
                _limit(runtime, env, pid)
                channel.send(PROCEED)
            ready = ready or message["kind"] == READY
    except BaseException:
        try:
            runtime.kernel.kill(pid, _SIGKILL)
            os.waitpid(pid, 0)
        except (SyscallError, ChildProcessError):
            pass  # it ended by itself
        raise


def _limit(runtime: Runtime, env: Environment, pid: int) -> None:
    for number, limit in enumerate(env.process.get("rlimits") or []):
        runtime.recording.field = f"process.rlimits[{number}]"
        set_rlimit(runtime.recording, pid, limit)


def _join_groups(cgroup: Cgroup, container_pid: int, groups: dict[str, str] | None) -> None:
    if groups:
        cgroup = cgroup.below(groups)
    try:
        cgroup.join()
    except SyscallError as error:
        # In version 2 a group that gives controllers to others inside takes no processes: then
        # where the container's own process has gone. Spec: none (runc convention)
        if groups or cgroup.version != 2 or error.errno != _BUSY:
            raise
        cgroup.below({"": _inner_group(cgroup, container_pid)}).join()


def _inner_group(cgroup: Cgroup, pid: int) -> str:
    """Where a process is, as a path beneath the container's control group."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        path = file.read().rstrip("\n").rpartition("::")[2]
    directory = cgroup.directory("") or ""
    # The group's directory ends in the path that it has in the tree.
    names = path.strip("/").split("/")
    for number in range(len(names), 0, -1):
        if directory.endswith("/" + "/".join(names[:number])):
            return "/".join(names[number:])
    return "/"


def _run_on(env: Environment, when: str) -> None:
    """Keep the process to some processors, before and after it joins the control groups.

    Spec: runtime-spec config.md#linux-process (execCPUAffinity)
    """
    affinity = env.process.get("execCPUAffinity")
    if affinity is None:
        affinity = (env.config.get("process") or {}).get("execCPUAffinity")
    listed = (affinity or {}).get(when)
    if listed:
        field = f"process.execCPUAffinity.{when}"
        env.applying(field)
        env.kernel.sched_setaffinity(0, numbers(listed, field))


def _child(
    env: Environment,
    channel: Channel,
    container: Container,
    groups: dict[str, str] | None,
    namespaces: dict[str, int],
) -> None:
    """The forked process; it never returns."""
    try:
        env.recording.process = "init"
        # Whose process was forked may have more open than it means to hand on.
        kept = [*env.descriptors(), *channel.descriptors, *namespaces.values()]
        close_others(env.kernel, kept)
        session.forbid_imports(env)
        _run_on(env, "initial")
        _join_groups(container.cgroup(env.kernel), container.pid, groups)
        _run_on(env, "final")
        adjust_oom_score(env)
        env.host_proc = env.kernel.open("/proc", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        _join(env, namespaces)
        # Either way until the limits are set.
        if "pid" in namespaces:
            go_between(env, channel)
        else:
            channel.expect_proceed()
        session.lead_session(env)
        session.join_keyring(env)
        root = env.kernel.open("/", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        env.root = Beneath(env.kernel, root)
        console.attach_exec_console(env)
        carry_out(env, PROCESS_ROWS)
        channel.send(READY)
        carry_out(env, PROGRAM_ROWS)
    except BaseException as error:
        channel.send(FAILED, **described(error, env.recording.field))
    finally:
        env.recording.flush()
        os._exit(1)


def _namespaces(env: Environment, container_pid: int) -> dict[str, int]:
    """Every namespace that the container's process does not share with us: kind → descriptor."""
    descriptors = {}
    for name in env.namespaces:
        kind = KINDS[name]
        fd = open_namespace(env.kernel, f"/proc/{container_pid}/ns/{kind}", kind)
        if same(fd, kind):
            os.close(fd)
        else:
            descriptors[kind] = fd
    return descriptors


def _join_for_child(env: Environment, fd: int) -> bool:
    """Join the pid namespace, which then is that of children only; false where they must do it.

    Either only the user namespace that owns it gives that power, or a child that is in there, and
    for that reason must not be dumpable, could not set its own score.
    """
    scored = env.process.get("oomScoreAdj") is not None
    return not (scored and in_user_namespace()) and _try_join(env, "pid", fd)


def _join(env: Environment, descriptors: dict[str, int]) -> None:
    """Join namespaces: those that a user namespace owns can be joined only from inside it; others
    only from outside.
    """
    left = [kind for kind in descriptors if kind not in ("user", "mnt")]
    if "user" in descriptors:
        left = [kind for kind in left if not _try_join(env, kind, descriptors[kind])]
        env.kernel.setns(descriptors["user"], f.CLONE_NEWUSER)
        become_superuser(env)
    for kind in [*left, *(["mnt"] if "mnt" in descriptors else [])]:
        env.applying(f"linux.namespaces ({kind})")
        env.kernel.setns(descriptors[kind], FLAGS[kind])
    for fd in descriptors.values():
        os.close(fd)


def _try_join(env: Environment, kind: str, fd: int) -> bool:
    try:
        env.kernel.setns(fd, FLAGS[kind])
    except SyscallError as error:
        if error.errno != _NOT_PERMITTED:
            raise
        return False
    return True
