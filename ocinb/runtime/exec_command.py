"""The ``exec`` and ``ps`` commands: processes in a container beside its own."""

from __future__ import annotations

import os
import sys

from ocinb.errors import CommandError, OcinbError, UnsupportedHost
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.plain_json import dumps
from ocinb.runtime import foreground, further
from ocinb.runtime.command import Command, Context
from ocinb.runtime.configuration import load_process
from ocinb.runtime.descriptors import connect, preserved
from ocinb.runtime.options import Option, Parsed
from ocinb.spec.runtime_config import check_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.operations import Runtime
    from ocinb.runtime.terminal import Terminal

EXEC_FAILED = 255
"""The exit status where the program was not executed, so that it is told from the program's."""


def exec_(context: Context, options: Parsed) -> int:
    """Run a further process in a container."""
    try:
        return _exec(context, options)
    except OcinbError as error:
        hint = f" ({error.hint})" if error.hint else ""
        context.log.error(f"exec failed: {error.message}{hint}")
        return EXEC_FAILED


def _exec(context: Context, options: Parsed) -> int:
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    container = runtime.containers.load(container_id)
    process = read_process(container, options)
    preserve = preserved(options)
    runtime.kernel.close_range(3 + preserve, flags=CLOSE_RANGE_CLOEXEC)
    detached = options.given("detach")
    terminal: Terminal | None = None
    socket_path = options.text("console_socket")
    console = connect(socket_path) if socket_path else -1
    if process.get("terminal") and console < 0:
        if detached:
            raise CommandError("a detached process with a terminal needs --console-socket")
        from ocinb.runtime.terminal import Terminal

        terminal = Terminal(runtime.kernel)
        console = terminal.console
    pid = further.execute(
        runtime,
        container,
        process,
        console_socket=console,
        preserve=preserve,
        ignore_paused=options.given("ignore_paused"),
        groups=_groups(options.texts("cgroup")),
    )
    if terminal:
        terminal.receive()
    if options.text("pid_file"):
        foreground.write_pid_file(options.text("pid_file"), pid)
    if detached:
        return 0
    foreground.forward_signals(runtime.kernel, pid, terminal)
    return foreground.wait(pid, terminal)


def read_process(container: Container, options: Parsed) -> dict[str, Any]:
    """The process document: from ``--process``, or config.json's changed by options."""
    arguments = options.arguments[1:]
    path = options.text("process")
    if path:
        process = load_process(path)
    elif arguments:
        process = dict(container.config().get("process") or {"cwd": "/"})
        process.update(args=arguments, terminal=False)
    else:
        raise CommandError("exec needs a command, or --process FILE")
    _change(process, options)
    check_process(process)
    return process


def _change(process: dict[str, Any], options: Parsed) -> None:
    if options.given("tty"):
        process["terminal"] = True
    if options.text("cwd"):
        process["cwd"] = options.text("cwd")
    if options.texts("env"):
        process["env"] = [*(process.get("env") or []), *options.texts("env")]
    if options.given("no_new_privs"):
        process["noNewPrivileges"] = True
    if options.text("user"):
        process["user"] = _user(process.get("user") or {}, options.text("user"))
    if options.texts("additional_gids"):
        gids = [_id(text) for text in options.texts("additional_gids")]
        user = process.get("user") or {"uid": 0, "gid": 0}
        process["user"] = {**user, "additionalGids": gids}
    if options.texts("cap"):
        sets = dict(process.get("capabilities") or {})
        for name in ("bounding", "effective", "permitted", "ambient"):
            sets[name] = [*(sets.get(name) or []), *options.texts("cap")]
        process["capabilities"] = sets


def _groups(texts: list[str]) -> dict[str, str]:
    """Controllers and paths of ``--cgroup``: ``PATH``, or ``cpu,memory:PATH``."""
    groups = {}
    for text in texts:
        controllers, colon, path = text.rpartition(":")
        for name in controllers.split(",") if colon else [""]:
            groups[name] = path
    return groups


def _user(before: dict[str, Any], text: str) -> dict[str, Any]:
    uid, colon, gid = text.partition(":")
    return {**before, "uid": _id(uid), "gid": _id(gid) if colon else before.get("gid", 0)}


def _id(text: str) -> int:
    if not text.isdigit():
        raise CommandError(f"{text!r} is not a numeric id")
    return int(text)


def ps(context: Context, options: Parsed) -> int:
    """Print the processes of a container."""
    container_id, *arguments = options.arguments
    runtime = context.runtime(container_id)
    pids = _pids(runtime, runtime.containers.load(container_id))
    form = options.text("format", "table")
    if form == "json":
        sys.stdout.write(dumps(pids) + "\n")
    elif form == "table":
        _print_table(pids, arguments or ["-ef"])
    else:
        raise CommandError(f"--format is table or json, not {form!r}")
    return 0


def _pids(runtime: Runtime, container: Container) -> list[int]:
    cgroup = container.cgroup(runtime.kernel)
    if not cgroup.version:
        raise UnsupportedHost(
            f"container {container.id} has no control groups, so its processes are not known",
            hint="ps needs control groups",
        )
    return cgroup.pids()


def _print_table(pids: list[int], arguments: list[str]) -> None:
    """What ``ps`` of the host prints, cut to the container's processes."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.posix_spawnp(
            "ps",
            ["ps", *arguments],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)],
        )
    except FileNotFoundError:
        raise UnsupportedHost("ps is not installed", hint="use --format json") from None
    finally:
        os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as output:
        lines = output.read().splitlines()
    if os.waitpid(child, 0)[1]:
        raise CommandError(f"ps {' '.join(arguments)} failed")
    titles = lines[0].split()
    if "PID" not in titles:
        raise CommandError(f"ps {' '.join(arguments)} prints no PID column")
    place = titles.index("PID")
    shown = [line for line in lines[1:] if int(line.split()[place]) in pids]
    sys.stdout.write("\n".join([lines[0], *shown]) + "\n")


COMMANDS = (
    Command(
        name="exec",
        function=exec_,
        usage="ID COMMAND [ARGUMENTS]",
        help="run a further process in a container",
        options=(
            Option(names=("--process", "-p"), value="FILE", help="a process document"),
            Option(names=("--detach", "-d"), help="do not wait"),
            Option(names=("--tty", "-t"), help="with a terminal"),
            Option(names=("--console-socket",), value="PATH", help="send its master there"),
            Option(names=("--pid-file",), value="FILE", help="write the process's pid there"),
            Option(names=("--user", "-u"), value="UID[:GID]", help="run as"),
            Option(names=("--additional-gids", "-g"), value="GID", help="more groups"),
            Option(names=("--cwd",), value="DIR", help="working directory"),
            Option(names=("--env", "-e"), value="NAME=VALUE", help="more environment"),
            Option(names=("--cap", "-c"), value="CAP", help="more capabilities"),
            Option(names=("--no-new-privs",), help="no way to more privileges"),
            Option(names=("--preserve-fds",), value="N", help="pass N more descriptors"),
            Option(names=("--cgroup",), value="[CONTROLLER:]PATH", help="in a group inside"),
            Option(names=("--ignore-paused",), help="do not refuse a paused container"),
        ),
        most=-1,
    ),
    Command(
        name="ps",
        function=ps,
        usage="ID [ARGUMENTS OF PS]",
        help="print a container's processes",
        options=(Option(names=("--format", "-f"), value="FORMAT", help="table or json"),),
        most=-1,
    ),
)
