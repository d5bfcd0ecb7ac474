"""The commands that are one operation of the specification each, and those that pause."""

from __future__ import annotations

from ocinb.errors import CommandError
from ocinb.linux import signals
from ocinb.runtime.command import Command, Context
from ocinb.runtime.options import Option, Parsed


def start(context: Context, options: Parsed) -> int:
    """Run the user's program."""
    container_id = options.arguments[0]
    context.runtime(container_id).start(container_id)
    return 0


def kill(context: Context, options: Parsed) -> int:
    """Send a signal to the container's process."""
    container_id, *rest = options.arguments
    runtime = context.runtime(container_id)
    number = signal_number(rest[0] if rest else "SIGTERM")
    runtime.kill(container_id, number, everyone=options.given("all"))
    return 0


def signal_number(text: str) -> int:
    """A signal by its number, or its name with or without ``SIG``, in either case.

    Raises:
        CommandError: no such signal.
    """
    if text.isdigit() and int(text) <= signals.LAST:  # 0 only asks whether it is there
        return int(text)
    name = text.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    found = signals.named(name)
    if found is None:
        raise CommandError(f"{text!r} is not a signal", hint="for example TERM, SIGKILL or 9")
    return found


def delete(context: Context, options: Parsed) -> int:
    """Undo what create did."""
    container_id = options.arguments[0]
    context.runtime(container_id).delete(container_id, force=options.given("force"))
    return 0


def pause(context: Context, options: Parsed) -> int:
    """Freeze every process of a container."""
    context.runtime(options.arguments[0]).pause(options.arguments[0])
    return 0


def resume(context: Context, options: Parsed) -> int:
    """Let a paused container go on."""
    context.runtime(options.arguments[0]).resume(options.arguments[0])
    return 0


COMMANDS = (
    Command(name="start", function=start, usage="ID", help="run the user's program"),
    Command(
        name="kill",
        function=kill,
        usage="ID [SIGNAL]",
        help="send a signal to the container's process",
        options=(Option(names=("--all", "-a"), help="to all processes of the container"),),
        most=2,
    ),
    Command(
        name="delete",
        function=delete,
        usage="ID",
        help="undo what create did",
        options=(Option(names=("--force", "-f"), help="kill it first if need be"),),
    ),
    Command(name="pause", function=pause, usage="ID", help="freeze a container's processes"),
    Command(name="resume", function=resume, usage="ID", help="let them go on"),
)
