"""proot: another process follows every system call and moves its paths into the image.

It is a tracer (ptrace), so it works wherever a process may be debugged, for static programs too.

proot's own exit status is that of whichever process of the container ended last, and 255 where
that was killed. So a shell of the image, where it has one, stands between: it waits for the
program and writes down its status.
"""

from __future__ import annotations

import os
import signal

from ocinb.engine.emulated import programs
from ocinb.engine.emulated.launch_plan import STATUS_DESCRIPTOR, LaunchPlan
from ocinb.engine.emulated.mending import mending_filter
from ocinb.errors import StepFailed, UnsupportedHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.engine.emulated.places import Places

PROGRAM = "proot"
_SHELL = "/bin/sh"
_WAIT = (
    "trap : INT QUIT TERM HUP; exec 8>&2 2>/dev/null; "
    f'"$@" 2>&8 8>&- {STATUS_DESCRIPTOR}>&-; echo $? >&{STATUS_DESCRIPTOR}'
)
"""The shell's own words ("Killed") go nowhere, and its descriptors do not reach the program."""


def find_proot() -> str:
    """The path of proot.

    Raises:
        UnsupportedHost: it is not installed.
    """
    for directory in os.get_exec_path():
        path = os.path.join(directory, PROGRAM)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise UnsupportedHost(
        "proot is not installed", hint="install it (Debian: apt-get install proot)"
    )


def plan(places: Places, process: dict[str, Any]) -> LaunchPlan:
    """How a process document is run by proot.

    Raises:
        StepFailed: its program cannot be executed, or a path cannot be given to proot.
        UnsupportedHost: there is no proot.
    """
    proot = find_proot()
    program = programs.find(places, process)
    programs.chain(places, program)
    user = process.get("user") or {}
    options = [
        "--verbose=-1",
        f"--rootfs={places.rootfs}",
        f"--cwd={process['cwd']}",
        f"--change-id={user.get('uid', 0)}:{user.get('gid', 0)}",
    ]
    for binding in places.bound:
        if ":" in binding.source + binding.destination:
            raise StepFailed(f"proot cannot bind {binding.source}: there is a colon in a path")
        # Links at the destination lead to places in the image, as they do for a real mount.
        options.append(f"--bind={binding.source}:{binding.destination}")
    arguments = [program, *process["args"][1:]]
    shell = _has_shell(places)
    if shell:
        arguments = [_SHELL, "-c", _WAIT, "sh", *arguments]
    return LaunchPlan(
        argv=(proot, *options, *arguments),
        variables=programs.variables(places, process),
        directory="/",
        filter=mending_filter(os.uname().machine),
        depth=2 if shell else 1,
        tells_status=shell,
        # On this signal proot kills whom it traces; killed itself, it would let them go.
        last_signal=signal.SIGQUIT,
    )


def _has_shell(places: Places) -> bool:
    try:
        os.close(places.open(_SHELL, os.O_RDONLY))
        programs.chain(places, _SHELL)
    except (StepFailed, OSError):
        return False
    return True
