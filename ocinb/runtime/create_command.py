"""The ``create`` and ``run`` commands."""

from __future__ import annotations

import os
import sys

from ocinb.errors import CommandError, OcinbError
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.runtime import foreground
from ocinb.runtime.command import Command, Context
from ocinb.runtime.configuration import load
from ocinb.runtime.descriptors import connect, preserved
from ocinb.runtime.options import Option, Parsed
from ocinb.runtime.parent import CreateOptions

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


_CREATE_OPTIONS = (
    Option(names=("--bundle", "-b"), value="DIR", help="the bundle (default: here)"),
    Option(names=("--console-socket",), value="PATH", help="send the terminal's master there"),
    Option(names=("--pid-file",), value="FILE", help="write the process's pid there"),
    Option(names=("--no-pivot",), help="move the root instead of pivot_root"),
    Option(names=("--no-new-keyring",), help="keep the session keyring of the caller"),
    Option(names=("--preserve-fds",), value="N", help="pass N more descriptors to the program"),
)

COMMANDS = (
    Command(
        name="create",
        function=create,
        usage="ID",
        help="make a container from a bundle",
        options=_CREATE_OPTIONS,
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
)
