"""The runtime's command line: runc's commands, options and exit codes.

Spec: none (runc convention); the operations behind it are runtime-spec runtime.md#operations
"""

from __future__ import annotations

import os
import sys

from ocinb import __version__
from ocinb.errors import CommandError, OcinbError, UnsupportedHost
from ocinb.linux import signals
from ocinb.runtime.command import Command, Context
from ocinb.runtime.commands import NAMES, find
from ocinb.runtime.log import Log
from ocinb.runtime.options import Option, parse
from ocinb.spec.versions import RUNTIME_SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GLOBAL = (
    Option(names=("--root",), value="DIR", help="where containers' states are kept"),
    Option(names=("--log",), value="FILE", help="append errors and warnings to this file"),
    Option(names=("--log-format",), value="FORMAT", help="text or json"),
    Option(names=("--events",), value="FILE", help="append what happens, as JSON lines"),
    Option(names=("--debug",), help="log more"),
    Option(names=("--rootless",), value="WHEN", help="true, false or auto"),
    Option(names=("--systemd-cgroup",), help="refused: control groups are made directly"),
    Option(names=("--help", "-h"), help="this text"),
    Option(names=("--version", "-v"), help="the versions of the runtime and of the specification"),
)


INTERRUPTING = (signals.SIGTERM, signals.SIGHUP)
"""Signals that end an operation half-way, as an error would."""


def run_command(words: Sequence[str]) -> int:
    """Carry out a command line; returns the exit status, 1 for every error of our own."""
    # Until the options are read there is no log but standard error.
    log = Log()
    context: Context | None = None
    be_interruptible()
    try:
        options, rest = parse(words, GLOBAL, what="ocinb-runtime", stop=True)
        if options.given("version"):
            return _say(f"ocinb-runtime version {__version__}\nspec: {RUNTIME_SPEC}\n")
        if options.given("help") or not rest:
            return _say(_overview())
        context = Context(options)
        log = context.log
        return _dispatch(context, rest)
    except REPORTED as error:
        return report(error, log)
    finally:
        if context is not None:
            context.close()


def be_interruptible() -> None:
    """From now on the signals that ask to end do so as an error does."""
    for number in INTERRUPTING:
        signals.handle(number, _interrupt)


REPORTED = (OcinbError, OSError, KeyboardInterrupt)
"""Errors that a person is told in a sentence."""


def report(error: BaseException, log: Log) -> int:
    """Write down why an operation failed, one of ``REPORTED``; its exit status."""
    if sentence := told(error):
        log.error(sentence)
    return 1


def told(error: BaseException) -> str:
    """The sentence for one of ``REPORTED``; none for a broken pipe: nobody reads what we print."""
    if isinstance(error, OcinbError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{os.strerror(error.errno or 0).lower()}"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else ""


def _interrupt(number: int, _: object) -> None:
    """End as an error does, so that what was begun is undone."""
    raise SystemExit(128 + number)


def _dispatch(context: Context, words: list[str]) -> int:
    command = find(words[0])
    if command is None:
        raise CommandError(f"there is no command {words[0]!r}", hint="see --help")
    if command.refused:
        raise UnsupportedHost(f"{words[0]} is refused: {command.refused}")
    options = (*command.options, Option(names=("--help", "-h")))
    name = f"ocinb-runtime {command.name}"
    parsed, rest = parse(words[1:], options, what=name, stop=command.most < 0)
    parsed.arguments += rest
    if parsed.given("help"):
        return _say(_help(command))
    number = len(parsed.arguments)
    if number < command.least or (0 <= command.most < number):
        raise CommandError(f"usage: {name} [options] {command.usage}")
    return command.function(context, parsed)


def _overview() -> str:
    lines = ["An OCI runtime: config.json and a root filesystem become a process.", ""]
    lines += [
        "usage: ocinb-runtime [global options] COMMAND [options] [arguments]",
        "",
        "commands:",
    ]
    lines += [f"  {c.name:10} {c.help}" for c in map(find, NAMES) if c]
    return "\n".join([*lines, "", "global options:", *_option_lines(GLOBAL)]) + "\n"


def _help(command: Command) -> str:
    lines = [command.help, "", f"usage: ocinb-runtime {command.name} [options] {command.usage}", ""]
    return "\n".join([*lines, *_option_lines(command.options)]) + "\n"


def _option_lines(options: Sequence[Option]) -> list[str]:
    shown = [(f"{', '.join(o.names)} {o.value}".rstrip(), o.help) for o in options]
    return [f"  {names:28} {text}" for names, text in shown]


def _say(text: str) -> int:
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0
