"""The container's own process, from the fork to the user's program.

The rows are the whole of it: what is done, for which field of config.json, by which rule; those
of ``process``, which an exec has too, are in ``rows.py``. The process goes through them in this
order; a failure in any of them ends it, and is the error of the operation that waits for it.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import os

from ocinb.runtime.hooks import hooks_ran, run_hooks
from ocinb.runtime.rows import PROCESS_ROWS, PROGRAM_ROWS, carry_out, row
from ocinb.runtime.steps import console, devices, masks, mounts, names, rootfs, session
from ocinb.runtime.sync import ENVIRONMENT, READY, host_is_waited_for
from ocinb.spec.runtime_state import CREATED, CREATING, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment
    from ocinb.runtime.start_gate import Gate
    from ocinb.runtime.sync import Channel


_PROPAGATION = "config-linux.md#rootfs-mount-propagation"

ENVIRONMENT_ROWS = (
    row(session.forbid_imports),
    row(session.lead_session),
    row(session.join_keyring),
    row(rootfs.isolate_mounts, "linux.rootfsPropagation", _PROPAGATION),
    row(rootfs.bind_root, "root.path", "config.md#root"),
    row(mounts.mount_all, "mounts", "config.md#mounts"),
    row(devices.make_default, "", "config-linux.md#default-devices"),
    row(devices.make_listed, "linux.devices", "config-linux.md#devices"),
    row(devices.link, "", "runtime-linux.md#dev-symbolic-links"),
    row(devices.link_ptmx, "", "config-linux.md#default-devices"),
    row(rootfs.make_cwd, "process.cwd"),
    row(names.set_hostname, "hostname", "config.md#hostname"),
    row(names.set_domainname, "domainname", "config.md#domainname"),
    row(names.set_parameters, "linux.sysctl", "config-linux.md#sysctl"),
    row(console.attach_console, "process.terminal", "config.md#process"),
)  # fmt: skip
"""Step 2 of the lifecycle, as far as hooks may rely on it: all before the root changes."""

ROOT_ROWS = (
    row(mounts.make_tmpfs_readonly, "mounts", "config.md#mounts"),
    row(masks.make_paths_readonly, "linux.readonlyPaths", "config-linux.md#readonly-paths"),
    row(masks.mask_paths, "linux.maskedPaths", "config-linux.md#masked-paths"),
    row(rootfs.make_readonly, "root.readonly", "config.md#root"),
    row(rootfs.change_root, "root.path", "config.md#root"),
    row(rootfs.set_propagation, "linux.rootfsPropagation", _PROPAGATION),
)  # fmt: skip
"""The rest of step 2, which the hooks of create must come before."""


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
    with recording.step(2):
        carry_out(env, ENVIRONMENT_ROWS)
    # Steps 3 and 4: prestart and createRuntime hooks, which the runtime runs on the host's side.
    channel.send(ENVIRONMENT)
    if host_is_waited_for(env.config):
        channel.expect_proceed()
    else:
        for number in (3, 4):
            with recording.step(number) as step:
                step.detail = hooks_ran(0)
    with recording.step(5) as step:
        ran = run_hooks(recording, hooks, "createContainer", _state(env, CREATING), _variables(env))
        step.detail = hooks_ran(ran)
    carry_out(env, ROOT_ROWS)
    carry_out(env, PROCESS_ROWS)
    recording.flush()
    gate.heed_signals()
    channel.check_wanted()
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
