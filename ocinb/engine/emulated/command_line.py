"""The command line: runc's commands and options, as far as they mean something here.

Spec: none (runc convention)
"""

from __future__ import annotations

import json
import os
import signal
import sys

from ocinb import __version__
from ocinb.engine.emulated.launch_plan import KINDS
from ocinb.engine.emulated.operations import EmulatedRuntime
from ocinb.errors import CommandError, OcinbError, UnsupportedHost
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.runtime import foreground
from ocinb.runtime.command import Context
from ocinb.runtime.command_line import GLOBAL
from ocinb.runtime.commands import find as find_in_runtime
from ocinb.runtime.configuration import load
from ocinb.runtime.descriptors import connect, preserved
from ocinb.runtime.exec_command import read_process
from ocinb.runtime.log import Log
from ocinb.runtime.operation_commands import signal_number
from ocinb.runtime.options import parse
from ocinb.runtime.recording import Recording
from ocinb.spec.runtime_state import STOPPED
from ocinb.spec.versions import RUNTIME_SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.options import Parsed

EXEC_FAILED = 255


class Call:
    """One call: its kind, its global options, and those of the command."""

    def __init__(self, kind: str, context: Context, options: Parsed) -> None:
        self.options = options
        self.context = context
        self.container = options.arguments[0] if options.arguments else ""
        recording = Recording(context.events, self.container)
        self.runtime = EmulatedRuntime(kind, context.root, recording, context.log)

    def descriptors(self) -> int:
        """How many more descriptors the program shall have; all others are closed in it."""
        extra = preserved(self.options)
        self.runtime.kernel.close_range(3 + extra, flags=CLOSE_RANGE_CLOEXEC)
        return extra

    def console(self, wanted: bool) -> int:
        """The socket that gets the terminal's master; -1 where there is no terminal."""
        path = self.options.text("console_socket")
        if wanted and not path:
            raise CommandError("a terminal needs --console-socket")
        return connect(path) if wanted else -1


def run_command(kind: str, words: Sequence[str]) -> int:
    """Carry out a command line; returns the exit status, 1 for every error of our own.

    Args:
        kind: ``proot`` or ``fakechroot``.
        words: as of an OCI runtime.
    """
    log = Log()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        if kind not in KINDS:
            raise CommandError(f"{kind!r} is neither of {', '.join(KINDS)}")
        options, rest = parse(words, GLOBAL, what=kind, stop=True)
        if options.given("version") or not rest:
            sys.stdout.write(f"ocinb by {kind} version {__version__}\nspec: {RUNTIME_SPEC}\n")
            return 0
        context = Context(options)
        log = context.log
        return _dispatch(kind, context, rest)
    except OcinbError as error:
        log.error(f"{error.message} ({error.hint})" if error.hint else error.message)
    except KeyboardInterrupt:
        log.error("interrupted")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        log.error(f"{where}{os.strerror(error.errno or 0).lower()}")
    return 1


def _dispatch(kind: str, context: Context, words: list[str]) -> int:
    name = words[0]
    function = _COMMANDS.get(name)
    described = find_in_runtime(name)
    if function is None or described is None:
        raise UnsupportedHost(
            f"a container by {kind} knows no {name}: it is only processes of yours",
            hint="ocinb doctor says what would allow more",
        )
    parsed, rest = parse(words[1:], described.options, what=f"{kind} {name}", stop=name == "exec")
    parsed.arguments += rest
    if len(parsed.arguments) < described.least:
        raise CommandError(f"usage: {kind} {name} [options] {described.usage}")
    return function(Call(kind, context, parsed))


def _create(call: Call) -> int:
    extra = call.descriptors()
    bundle = os.path.abspath(call.options.text("bundle") or ".")
    config = load(bundle)
    console = call.console(bool((config.get("process") or {}).get("terminal")))
    container = call.runtime.create(call.container, bundle, config, console=console, extra=extra)
    if call.options.text("pid_file"):
        try:
            foreground.write_pid_file(call.options.text("pid_file"), container.pid)
        except OcinbError:
            call.runtime.delete(call.container, force=True)
            raise
    return 0


def _start(call: Call) -> int:
    call.runtime.start(call.container)
    return 0


def _state(call: Call) -> int:
    _print(_described(call.runtime.containers.load(call.container)))
    return 0


def _described(container: Container) -> dict[str, Any]:
    status = container.status()
    return {
        **container.state(status).document(),
        "pid": 0 if status == STOPPED else container.pid,
        "rootfs": container.data["rootfs"],
        "created": container.data["created"],
    }


def _kill(call: Call) -> int:
    text = call.options.arguments[1] if len(call.options.arguments) > 1 else "SIGTERM"
    number = signal_number(text)
    call.runtime.kill(call.container, number, everyone=call.options.given("all"))
    return 0


def _delete(call: Call) -> int:
    call.runtime.delete(call.container, force=call.options.given("force"))
    return 0


def _list(call: Call) -> int:
    _print([_described(container) for container in call.runtime.containers.all()])
    return 0


def _ps(call: Call) -> int:
    _print(call.runtime.pids(call.container))
    return 0


def _exec(call: Call) -> int:
    detached = call.options.given("detach")
    try:
        extra = call.descriptors()
        documents: list[dict[str, Any]] = []

        def process(container: Container) -> dict[str, Any]:
            documents.append(read_process(container, call.options))
            return documents[0]

        wanted = bool(call.options.text("console_socket"))
        pid = call.runtime.execute(
            call.container, process, console=call.console(wanted), extra=extra
        )
        if call.options.text("pid_file"):
            foreground.write_pid_file(call.options.text("pid_file"), pid)
    except OcinbError as error:
        hint = f" ({error.hint})" if error.hint else ""
        call.context.log.error(f"exec failed: {error.message}{hint}")
        return EXEC_FAILED
    if detached:
        return 0
    foreground.forward_signals(call.runtime.kernel, pid)
    return foreground.wait(pid)


def _print(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


_COMMANDS: dict[str, Callable[[Call], int]] = {
    "create": _create,
    "start": _start,
    "state": _state,
    "kill": _kill,
    "delete": _delete,
    "list": _list,
    "ps": _ps,
    "exec": _exec,
}
