"""The container's own process, from the fork to the user's program.

``ROWS`` is the whole of it: what is done, for which field of config.json, by which rule. The
process goes through them in this order; a failure in any of them ends it, and is the error of
the operation that waits for it.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import os

from ocinb.frozen import Frozen
from ocinb.runtime.hooks import hooks_ran, run_hooks
from ocinb.runtime.steps import (
    console,
    credentials,
    devices,
    labels,
    masks,
    mounts,
    names,
    program,
    rootfs,
    scheduling,
    session,
)
from ocinb.runtime.sync import ENVIRONMENT, READY
from ocinb.spec.runtime_state import CREATED, CREATING, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.runtime.environment import Environment
    from ocinb.runtime.start_gate import Gate
    from ocinb.runtime.sync import Channel


class Row(Frozen):
    """Something that the container's process does.

    Attributes:
        function: does it.
        field: the field of config.json it is for; empty where no field asks for it.
        citation: the rule.
    """

    function: Callable[[Environment], None]
    field: str = ""
    citation: str = ""


def _row(function: Callable[[Environment], None], field: str = "", citation: str = "") -> Row:
    return Row(function=function, field=field, citation=citation)


_PROPAGATION = "config-linux.md#rootfs-mount-propagation"
_LINUX_PROCESS = "config.md#linux-process"

ENVIRONMENT_ROWS = (
    _row(session.forbid_imports),
    _row(session.lead_session),
    _row(session.join_keyring),
    _row(rootfs.isolate_mounts, "linux.rootfsPropagation", _PROPAGATION),
    _row(rootfs.bind_root, "root.path", "config.md#root"),
    _row(mounts.mount_all, "mounts", "config.md#mounts"),
    _row(devices.make_default, "", "config-linux.md#default-devices"),
    _row(devices.make_listed, "linux.devices", "config-linux.md#devices"),
    _row(devices.link, "", "runtime-linux.md#dev-symbolic-links"),
    _row(devices.link_ptmx, "", "config-linux.md#default-devices"),
    _row(rootfs.make_cwd, "process.cwd"),
    _row(names.set_hostname, "hostname", "config.md#hostname"),
    _row(names.set_domainname, "domainname", "config.md#domainname"),
    _row(names.set_parameters, "linux.sysctl", "config-linux.md#sysctl"),
    _row(console.attach_console, "process.terminal", "config.md#process"),
)  # fmt: skip
"""Step 2 of the lifecycle, as far as hooks may rely on it: all before the root changes."""

ROOT_ROWS = (
    _row(mounts.make_tmpfs_readonly, "mounts", "config.md#mounts"),
    _row(masks.make_paths_readonly, "linux.readonlyPaths", "config-linux.md#readonly-paths"),
    _row(masks.mask_paths, "linux.maskedPaths", "config-linux.md#masked-paths"),
    _row(rootfs.make_readonly, "root.readonly", "config.md#root"),
    _row(rootfs.change_root, "root.path", "config.md#root"),
    _row(rootfs.set_propagation, "linux.rootfsPropagation", _PROPAGATION),
)  # fmt: skip
"""The rest of step 2, which the hooks of create must come before."""

PROCESS_ROWS = (
    _row(credentials.check_ids, "process.user", "config.md#posix-platform-user"),
    _row(scheduling.set_personality, "linux.personality", "config-linux.md#personality"),
    _row(scheduling.set_io_priority, "process.ioPriority", _LINUX_PROCESS),
    _row(scheduling.set_scheduler, "process.scheduler", _LINUX_PROCESS),
    _row(scheduling.set_memory_policy, "linux.memoryPolicy", "config-linux.md#memory-policy"),
    _row(program.set_variables, "process.env", "config.md#process"),
    _row(program.enter_cwd, "process.cwd", "config.md#process"),
    _row(credentials.warn_of_ungranted, "process.capabilities", _LINUX_PROCESS),
    _row(credentials.limit_bounding_set, "process.capabilities.bounding", _LINUX_PROCESS),
    _row(credentials.become_user, "process.user", "config.md#posix-platform-user"),
    _row(program.enter_cwd_as_user, "process.cwd", "config.md#process"),
    _row(credentials.set_capabilities, "process.capabilities", _LINUX_PROCESS),
    _row(credentials.forbid_privileges, "process.noNewPrivileges", _LINUX_PROCESS),
    _row(program.find, "process.args", "config.md#process"),
    _row(program.refuse_runtime, "process.args"),
    _row(labels.set_labels, "process", _LINUX_PROCESS),
)  # fmt: skip
"""The properties of ``process``, which create may apply; the same for a further process."""

PROGRAM_ROWS = (
    _row(program.close_descriptors, "", "runtime-linux.md#file-descriptors"),
    _row(program.execute, "process.args", "runtime.md#lifecycle"),
)
"""Step 8 of the lifecycle."""


def carry_out(env: Environment, rows: tuple[Row, ...]) -> None:
    """Go through rows, keeping track of the field for which things are done."""
    for row in rows:
        env.applying(row.field)
        row.function(env)


def run(env: Environment, channel: Channel, gate: Gate) -> None:
    """Make the container from inside, wait for start, become the user's program.

    Args:
        env: what the steps share.
        channel: to the runtime that creates the container; it may be gone once we are ready.
        gate: opened by start.

    Raises:
        OcinbError: a step failed; the caller reports it and ends the process.
    """
    hooks, recording = env.config.get("hooks"), env.recording
    # Only once the runtime knows our pid may it hear anything else from us.
    env.host_pid = channel.expect_proceed()["pid"]
    with recording.step(2):
        carry_out(env, ENVIRONMENT_ROWS)
    # Steps 3 and 4: prestart and createRuntime hooks, which the runtime runs on the host's side.
    channel.send(ENVIRONMENT)
    channel.expect_proceed()
    with recording.step(5) as step:
        ran = run_hooks(recording, hooks, "createContainer", _state(env, CREATING), _variables(env))
        step.detail = hooks_ran(ran)
    carry_out(env, ROOT_ROWS)
    carry_out(env, PROCESS_ROWS)
    channel.send(READY)
    channel.close()
    gate.wait(env)
    with recording.step(7) as step:
        ran = run_hooks(recording, hooks, "startContainer", _state(env, CREATED), env.variables)
        step.detail = hooks_ran(ran)
    gate.announce()
    carry_out(env, PROGRAM_ROWS)


def _state(env: Environment, status: str) -> State:
    """The state as hooks in the container read it: with the pid that the container sees.

    Spec: runtime-spec runtime.md#state (pid)
    """
    return State(**{**dict(env.state), "status": status, "pid": os.getpid()})


def _variables(env: Environment) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in env.process.get("env") or [])
    return {name: value for name, _, value in pairs}
