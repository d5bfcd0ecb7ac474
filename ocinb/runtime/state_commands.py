"""The ``state`` and ``list`` commands, which only look."""

from __future__ import annotations

import sys

from ocinb.errors import CommandError
from ocinb.plain_json import dumps, pretty
from ocinb.runtime.command import Command, Context
from ocinb.runtime.options import Option, Parsed
from ocinb.spec.runtime_state import STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.operations import Runtime


def state(context: Context, options: Parsed) -> int:
    """Print the state of a container.

    Spec: runtime-spec runtime.md#query-state
    """
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    described = _described(runtime, runtime.containers.load(container_id))
    sys.stdout.write(pretty(described) + "\n")
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


def list_containers(context: Context, options: Parsed) -> int:
    """Print all containers under the root.

    Spec: none (runc convention)
    """
    runtime = context.runtime("")
    containers = runtime.containers.all()
    if options.given("quiet"):
        sys.stdout.write("".join(f"{container.id}\n" for container in containers))
    elif options.text("format", "table") == "json":
        entries = [_described(runtime, container) for container in containers]
        sys.stdout.write(dumps(entries or None) + "\n")
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


COMMANDS = (
    Command(name="state", function=state, usage="ID", help="print a container's state"),
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
)
