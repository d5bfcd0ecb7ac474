"""Each command of the runtime, as a function from its options to an exit status."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

from ocinb.errors import CommandError, OcinbError
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.runtime import foreground
from ocinb.runtime.command_line import Command, Context
from ocinb.runtime.configuration import load
from ocinb.runtime.descriptors import connect, preserved
from ocinb.runtime.options import Option, Parsed
from ocinb.runtime.parent import CreateOptions
from ocinb.spec.runtime_state import STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.operations import Runtime
    from ocinb.runtime.terminal import Terminal


def create(context: Context, options: Parsed) -> int:
    """Make a container, up to its user's program."""
    runtime, container, _ = _create(context, options, detached=True)
    _write_pid(runtime, container, options)
    return 0


def _create(
    context: Context, options: Parsed, *, detached: bool
) -> tuple[Runtime, Container, Terminal | None]:
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    preserve = preserved(options)
    # What a caller leaked to us goes no further: not to hooks, not to the program.
    runtime.kernel.close_range(3 + preserve, flags=CLOSE_RANGE_CLOEXEC)
    bundle = os.path.abspath(options.text("bundle") or ".")
    config = load(bundle)
    terminal, console = _console(runtime, config, options, detached=detached)
    creating = CreateOptions(
        console=console,
        preserve=preserve,
        pivot=not options.given("no_pivot"),
        keyring=not options.given("no_new_keyring"),
        rootless=context.rootless,
    )
    container = runtime.create(container_id, bundle, creating, config)
    if terminal:
        terminal.receive()
    elif console >= 0:
        os.close(console)
    return runtime, container, terminal


def _console(
    runtime: Runtime, config: dict[str, Any], options: Parsed, *, detached: bool
) -> tuple[Terminal | None, int]:
    """Where the terminal's master goes: to the caller's socket, or to ourselves."""
    wanted = (config.get("process") or {}).get("terminal")
    path = options.text("console_socket")
    if path:
        if not wanted:
            raise CommandError("--console-socket is of no use without process.terminal")
        return None, connect(path)
    if not wanted:
        return None, -1
    if detached:
        raise CommandError("process.terminal needs --console-socket where nobody waits")
    from ocinb.runtime.terminal import Terminal

    terminal = Terminal(runtime.kernel)
    return terminal, terminal.console


def _write_pid(runtime: Runtime, container: Container, options: Parsed) -> None:
    if options.text("pid_file"):
        try:
            foreground.write_pid_file(options.text("pid_file"), container.pid)
        except OcinbError:
            runtime.delete(container.id, force=True)
            raise


def start(context: Context, options: Parsed) -> int:
    """Run the user's program."""
    container_id = options.arguments[0]
    context.runtime(container_id).start(container_id)
    return 0


def run(context: Context, options: Parsed) -> int:
    """Create, start, wait, delete."""
    container_id = options.arguments[0]
    if options.given("plan"):
        return _print_plan(container_id, options)
    detached = options.given("detach")
    runtime, container, terminal = _create(context, options, detached=detached)
    try:
        _write_pid(runtime, container, options)
        if not detached:
            foreground.forward_signals(runtime.kernel, container.pid, terminal)
        runtime.start(container_id)
        if detached:
            return 0
        status = foreground.wait(container.pid, terminal)
        runtime.exited(container, status)
    except BaseException:
        runtime.delete(container_id, force=True)
        raise
    if not options.given("keep"):
        runtime.delete(container_id, force=True)
    return status


def _print_plan(container_id: str, options: Parsed) -> int:
    """Print what run would do, and do nothing."""
    from ocinb.linux.cgroup import hierarchies
    from ocinb.runtime.plan import lines, plan

    bundle = os.path.abspath(options.text("bundle") or ".")
    trees = hierarchies()
    planned = plan(
        load(bundle),
        bundle=bundle,
        container=container_id,
        cgroup_version=trees[0].version if trees else 0,
    )
    sys.stdout.write("".join(f"{line}\n" for line in lines(planned)))
    return 0


def state(context: Context, options: Parsed) -> int:
    """Print the state of a container."""
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    _print(_described(runtime, runtime.containers.load(container_id)))
    return 0


def _described(runtime: Runtime, container: Container) -> dict[str, Any]:
    status = container.shown_status(runtime.kernel)
    data = container.data
    return {
        **container.state(status).document(),
        "pid": 0 if status == STOPPED else container.pid,
        "rootfs": data["rootfs"],
        "created": data["created"],
        "owner": _user_name(data["owner"]),
    }


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
    import signal

    if text.isdigit() and 0 < int(text) <= signal.SIGRTMAX:
        return int(text)
    name = text.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    found = signal.Signals.__members__.get(name)
    if found is None:
        raise CommandError(f"{text!r} is not a signal", hint="for example TERM, SIGKILL or 9")
    return int(found)


def delete(context: Context, options: Parsed) -> int:
    """Undo what create did."""
    container_id = options.arguments[0]
    context.runtime(container_id).delete(container_id, force=options.given("force"))
    return 0


def list_containers(context: Context, options: Parsed) -> int:
    """Print all containers under the root."""
    runtime = context.runtime("")
    containers = runtime.containers.all()
    if options.given("quiet"):
        sys.stdout.write("".join(f"{container.id}\n" for container in containers))
    elif options.text("format", "table") == "json":
        entries = [_described(runtime, container) for container in containers]
        sys.stdout.write(json.dumps(entries or None) + "\n")
    elif options.text("format", "table") == "table":
        _print_table([_described(runtime, container) for container in containers])
    else:
        raise CommandError(f"--format is table or json, not {options.text('format')!r}")
    return 0


def _print_table(entries: list[dict[str, Any]]) -> None:
    columns = ("id", "pid", "status", "bundle", "created", "owner")
    rows = [[name.upper() for name in columns]]
    rows += [[str(entry[name]) for name in columns] for entry in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("   ".join(cells).rstrip() + "\n")


def pause(context: Context, options: Parsed) -> int:
    """Freeze every process of a container."""
    context.runtime(options.arguments[0]).pause(options.arguments[0])
    return 0


def resume(context: Context, options: Parsed) -> int:
    """Let a paused container go on."""
    context.runtime(options.arguments[0]).resume(options.arguments[0])
    return 0


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


_CREATE_OPTIONS = (
    Option(names=("--bundle", "-b"), value="DIR", help="the bundle (default: here)"),
    Option(names=("--console-socket",), value="PATH", help="send the terminal's master there"),
    Option(names=("--pid-file",), value="FILE", help="write the process's pid there"),
    Option(names=("--no-pivot",), help="move the root instead of pivot_root"),
    Option(names=("--no-new-keyring",), help="keep the session keyring of the caller"),
    Option(names=("--preserve-fds",), value="N", help="pass N more descriptors to the program"),
)

_ALL = (
    Command(
        name="create",
        function=create,
        usage="ID",
        help="make a container from a bundle",
        options=_CREATE_OPTIONS,
    ),
    Command(name="start", function=start, usage="ID", help="run the user's program"),
    Command(name="state", function=state, usage="ID", help="print a container's state"),
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
    Command(
        name="run",
        function=run,
        usage="ID",
        help="create, start, wait, delete",
        options=(
            *_CREATE_OPTIONS,
            Option(names=("--detach", "-d"), help="do not wait"),
            Option(names=("--keep",), help="do not delete"),
            Option(names=("--plan",), help="only print the calls, and the fields they are for"),
            Option(names=("--no-subreaper",), help="accepted for compatibility"),
        ),
    ),
    Command(
        name="list",
        function=list_containers,
        usage="",
        help="print all containers",
        options=(
            Option(names=("--format", "-f"), value="FORMAT", help="table or json"),
            Option(names=("--quiet", "-q"), help="only ids"),
        ),
        least=0,
        most=0,
    ),
    Command(name="pause", function=pause, usage="ID", help="freeze a container's processes"),
    Command(name="resume", function=resume, usage="ID", help="let them go on"),
)

_HERE = {command.name: command for command in _ALL}
_ELSEWHERE = {
    "exec": "exec_command",
    "ps": "exec_command",
    "update": "update_command",
    "events": "events_command",
    "spec": "document_commands",
    "features": "document_commands",
    "checkpoint": "document_commands",
    "restore": "document_commands",
}
"""Command → module, imported only for it: each import is paid for at every start."""

NAMES = (*_HERE, *_ELSEWHERE)


def find(name: str) -> Command | None:
    """The command of that name, if there is one."""
    if name in _HERE:
        return _HERE[name]
    if name not in _ELSEWHERE:
        return None
    module = import_module(f"ocinb.runtime.{_ELSEWHERE[name]}")
    commands: tuple[Command, ...] = module.COMMANDS
    return next(command for command in commands if command.name == name)
