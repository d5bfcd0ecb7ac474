"""What the next monitor does while it waits: it goes through the motions.

A forked process pays for each page of memory that it writes to for the first time, and Python
writes to whatever it looks at. So what a container needs is looked at before anybody asks for one.
Nothing here has an effect outside this process, nor any that is left in it.
"""

from __future__ import annotations

import contextlib
import os
from json import dumps, loads

from ocinb.engine.container_files import Process, read_json
from ocinb.engine.forked_runtime import perform_here
from ocinb.engine.frames import REPLY, Unpacker, order, pack
from ocinb.errors import OcinbError
from ocinb.event_log import EventsReader, append_event
from ocinb.events import StatusChanged, StepFinished
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.cgroup import Cgroup, hierarchies
from ocinb.linux.mounts import mounts
from ocinb.overlay.plan import OVERLAY, plan
from ocinb.plain_json import dumps as dumps_plainly
from ocinb.plain_json import loads as loads_plainly
from ocinb.runtime import plan as runtime_plan
from ocinb.runtime.default_config import default_config
from ocinb.runtime.hooks import run_hooks
from ocinb.runtime.recording import Recording
from ocinb.spec.runtime_config import check
from ocinb.spec.runtime_state import CREATING, State

_NAME = "rehearsal"
_NOWHERE = f"{os.devnull}/{_NAME}"
"""A path at which nothing can ever be."""


def rehearse() -> None:
    """Go through what a monitor and its runtime do for a container."""
    with contextlib.suppress(OcinbError, OSError):
        _talk()
    with contextlib.suppress(OcinbError, OSError):
        _look_at_the_machine()
    with contextlib.suppress(OcinbError, OSError):
        _understand(default_config())
    with contextlib.suppress(OcinbError, OSError):
        _record()
    perform_here(["--root", _NOWHERE, "--events", os.devnull, "delete", "--force", _NAME])


def _talk() -> None:
    loads(order("create", container=_NAME))
    for _, content in Unpacker().feed(pack(REPLY, dumps({"pid": 0}).encode())):
        loads(content)


def _look_at_the_machine() -> None:
    Process.of(os.getpid())
    read_json(os.devnull)
    mounts()
    trees = hierarchies()
    with contextlib.suppress(OcinbError):
        plan([f"{_NOWHERE}/layer"], _NOWHERE, kind=OVERLAY, writable=_NOWHERE)
    recording = Recording()
    group = Cgroup(recording.kernel, {}, (), trees[0].version if trees else 0)
    group.frozen()
    group.remove()


def _understand(config: dict[str, object]) -> None:
    config = loads_plainly(dumps_plainly(loads(dumps(config))))
    check(config)
    for version in (1, 2):
        runtime_plan.plan(config, bundle="/", container=_NAME, cgroup_version=version)


def _record() -> None:
    append_event(os.devnull, StatusChanged(container=_NAME, status=CREATING))
    EventsReader(os.devnull).new(only=StepFinished)
    recording = Recording(os.devnull, _NAME)
    state = State(id=_NAME, status=CREATING, pid=0, bundle="/")
    try:
        with recording.step(1) as step:
            kernel = recording.kernel
            kernel.prctl(f.PR_GET_DUMPABLE)
            root = kernel.open("/", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.close(Beneath(kernel, root).make_directory("/"))
                with contextlib.suppress(OcinbError):
                    Beneath(kernel, root).open(_NOWHERE)
            finally:
                os.close(root)
            step.detail = str(run_hooks(recording, None, "prestart", state))
    finally:
        recording.close()
