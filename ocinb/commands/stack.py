"""``stack``: the chain above a container, and what its links ask of each other."""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.default_group import DefaultGroup
from ocinb.commands.options import listing
from ocinb.commands.values import Picture
from ocinb.errors import CommandError, ContainerNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.commands.session import Session
    from ocinb.table import Table


class StackGroup(DefaultGroup):
    """Alone it shows what is here; a container's name stands for ``show`` and it."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As ``DefaultGroup`` does."""
        return super().parse_args(context, args or [self.default])


@click.group(cls=StackGroup)
def command() -> None:
    """The chain from Kubernetes to an OCI runtime, on this machine."""


@command.command()
@click.argument("container", required=False)
@click.option("--pid", type=int, metavar="NUMBER", help="Of a container of another engine.")
@click.option("--diagram", is_flag=True, help="In a notebook: draw the chain.")
@listing
@click.pass_obj
def show(
    session: Session, container: str | None, pid: int | None, diagram: bool
) -> Table | Picture:
    """Show what of the chain is here, or who is above a container.

    Engines, shims and runtimes, with versions, sockets and configured runtimes. With
    CONTAINER, or the number of a process: what stands between it and init, and who holds its
    terminal and its streams.
    """
    if container is not None or pid is not None:
        from ocinb.stack.ancestry import ancestry_table

        return ancestry_table(pid or _pid(session, container or ""), container or "")
    if diagram:
        from ocinb.insight.components import components_table

        return Picture("component_chain", components_table())
    from ocinb.stack.here import here_table

    return here_table()


@command.command(context_settings={"allow_interspersed_args": False})
@click.option("--runtime", default="", metavar="RUNTIME", help="To be asked: ocinb, runc, a path.")
@click.option("--diagram", is_flag=True, help="In a notebook: draw who asked whom for what.")
@listing
@click.argument("words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="COMMAND…")
@click.pass_obj
def trace(session: Session, runtime: str, diagram: bool, words: tuple[str, ...]) -> Table | Picture:
    """Run podman, ctr or docker, and list what they ask of the OCI runtime.

    As in stack trace -- podman run --rm IMAGE true. A program that writes the calls down stands in
    the runtime's place for that command. It stays where engines look for it, as long as containers
    that it made may need it, and is the runtime itself from then on.
    """
    from ocinb.calls import runtime_calls
    from ocinb.stack.tracing import Tracing

    tracing = Tracing(session.settings.root / "stack")
    argv = tracing.command(words, runtime)
    with tracing.listening() as calls:
        status = _run(session, argv)
        found = calls()
    if not found:
        raise CommandError(
            f"{words[0]} ended with status {status} and asked nothing of its runtime",
            hint="a command that makes or ends a container does",
        )
    title = f"what {words[0].rpartition('/')[2]} asked of the OCI runtime"
    table = runtime_calls(found, title if not status else f"{title}; it ended with {status}")
    return Picture("call_sequence", table) if diagram else table


def _pid(session: Session, name: str) -> int:
    record = session.engine.containers.get(name)
    if not record.pid:
        raise ContainerNotFound(
            f"container {name} does not run", hint="only a live one has parents"
        )
    return int(record.pid)


def _run(session: Session, argv: Sequence[str]) -> int:
    """Run an engine's command with this process's streams, or with the session's output."""
    sys.stdout.flush()
    if session.output is None:
        # What it prints goes to standard error: the answer of this command is the listing.
        with subprocess.Popen(argv, stdout=2) as process:
            while True:
                with contextlib.suppress(KeyboardInterrupt):  # the terminal told the engine, too
                    return process.wait()
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            _carry(session, process)
        except KeyboardInterrupt:
            process.terminate()
            raise
    return process.returncode


def _carry(session: Session, process: subprocess.Popen[Any]) -> None:
    output = session.output
    with selectors.DefaultSelector() as ready:
        for number, stream in ((1, process.stdout), (2, process.stderr)):
            if stream is not None:
                ready.register(stream, selectors.EVENT_READ, number)
        while ready.get_map():
            for key, _ in ready.select():
                data = key.fileobj.read1(65536)  # type: ignore[union-attr]
                if not data:
                    ready.unregister(key.fileobj)
                elif output is not None:
                    output(data, key.data)
