"""The ``events`` command: what a container uses, and that it ran out of memory.

Spec: none (runc convention)
"""

from __future__ import annotations

import sys
import time

from ocinb.errors import CommandError, UnsupportedHost
from ocinb.plain_json import dumps
from ocinb.runtime.command import Command, Context
from ocinb.runtime.options import Option, Parsed
from ocinb.runtime.stats import oom_kills, statistics
from ocinb.spec.runtime_state import CREATED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0))
_LOOK = 0.1  # seconds between looks at whether memory ran out, and whether the container is there


def events(context: Context, options: Parsed) -> int:
    """Print a container's use of the machine, as JSON lines, until the container ends."""
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    container = runtime.containers.load(container_id)
    container.require("watch", CREATED, RUNNING)
    interval = seconds(options.text("interval", "5s"))
    cgroup = container.cgroup(runtime.kernel)
    if not cgroup.version:
        raise UnsupportedHost(f"container {container_id} has no control groups to count in")

    def say(kind: str, data: dict[str, Any] | None = None) -> None:
        event = {"type": kind, "id": container_id}
        line = dumps(event if data is None else {**event, "data": data})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    if options.given("stats"):
        say("stats", statistics(cgroup))
        return 0
    kills, due, there = oom_kills(cgroup), time.monotonic() + interval, True
    while there:
        time.sleep(min(_LOOK, max(0.0, due - time.monotonic())))
        # Before the look at its memory, which may be what has ended it.
        there = container.status() in (CREATED, RUNNING)
        now = oom_kills(cgroup)
        if now > kills:
            say("oom")
        kills = max(kills, now)
        if there and time.monotonic() >= due:
            say("stats", statistics(cgroup))
            due += interval
    return 0


def seconds(text: str) -> float:
    """A duration as Go writes it: ``500ms``, ``5s``, ``1m``.

    Raises:
        CommandError: it is none, or not longer than nothing.
    """
    for unit, factor in _UNITS:
        number = text.removesuffix(unit)
        if number != text:
            try:
                value = float(number) * factor
            except ValueError:
                break
            if value > 0:
                return value
            break
    raise CommandError(f"--interval takes a duration, not {text!r}", hint="for example 5s or 500ms")


COMMANDS = (
    Command(
        name="events",
        function=events,
        usage="ID",
        help="print what a container uses",
        options=(
            Option(names=("--interval",), value="DURATION", help="how often (default: 5s)"),
            Option(names=("--stats",), help="once, at once"),
        ),
    ),
)
