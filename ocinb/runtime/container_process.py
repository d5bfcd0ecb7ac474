"""The container's process, from its first moment until it makes the container from inside.

It was forked for this container, or before, for any (``standby.py``). The runtime, which it talks
to, is ``parent.py``; what it does at the end are the rows of ``init.py``.
"""

from __future__ import annotations

import os

from ocinb.linux.cgroup import Cgroup, Hierarchy
from ocinb.runtime import entering
from ocinb.runtime.descriptors import close_others
from ocinb.runtime.failures import described
from ocinb.runtime.sync import FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from ocinb.runtime.environment import Environment
    from ocinb.runtime.start_gate import Gate
    from ocinb.runtime.sync import Channel


def live(
    env: Environment, channel: Channel, gate: Gate, prepare: Callable[[], None] = lambda: None
) -> NoReturn:
    """Become the container's process, or the one that must go between, and then its child.

    It never returns.

    Args:
        prepare: called before anything else.
    """
    try:
        env.recording.process = "init"
        prepare()
        _become(env, channel, gate)
    except BaseException as error:
        failure = described(error, env.recording.field)
        if gate.report(failure):
            pass  # start waits for it
        elif not channel.closed:
            channel.send(FAILED, **failure)
        else:
            env.log.error(failure["message"])
    finally:
        env.recording.flush()
        # Whatever happens, this process never returns into the runtime's own code.
        os._exit(1)


def _become(env: Environment, channel: Channel, gate: Gate) -> None:
    # Whose process was forked may have more open than it means to hand on.
    close_others(env.kernel, [*env.descriptors(), *channel.descriptors, *gate.descriptors])
    # Here, for meanwhile the runtime has to make the control groups.
    from ocinb.runtime import init

    entering.adjust_oom_score(env)
    # Its hooks start in the bundle, as those of the runtime do.
    os.chdir(env.bundle)
    if entering.all_new(env.namespaces):
        entering.enter(env, channel, grouped=False)
        _join_group(env, channel)
        entering.make_cgroup_namespace(env)
    else:
        # What is entered may have other ids, and other files.
        _join_group(env, channel)
        entering.enter(env, channel)
    if entering.needs_another(env.namespaces):
        entering.go_between(env, channel)
    init.run(env, channel, gate)


def _join_group(env: Environment, channel: Channel) -> None:
    """Join the control groups, as soon as the runtime has made them.

    Spec: runtime-spec config-linux.md#cgroups-path
    """
    made = channel.expect_proceed()
    if made["trees"] is not None:
        env.trees = [
            Hierarchy(**{**tree, "controllers": tuple(tree["controllers"])})
            for tree in made["trees"]
        ]
    env.applying("linux.cgroupsPath")
    Cgroup(env.kernel, made["directories"], (), made["version"]).join()
