"""``attach``: the streams of a container that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import sig_proxy_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Exited

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.option("--no-stdin", is_flag=True, help="Only look on; nothing is typed.")
@sig_proxy_option
@click.pass_obj
def command(session: Session, container: str, no_stdin: bool, sig_proxy: bool) -> Done | Exited:
    """See what a running container writes, and type what it reads.

    Ctrl-C is sent to its program; a second one ends the looking, and the container goes on. At a
    terminal Ctrl-P Ctrl-Q does so. The exit status is that of its program.
    """
    sys.stdout.flush()
    typed = None if no_stdin or session.output is not None else 0
    pass_on = sig_proxy if session.output is None else None
    ended = session.engine.containers.attach(
        container, output=session.output, stdin=typed, pass_on=pass_on
    )
    if ended is None:
        return Done(container, f"{container} goes on")
    return Exited(ended.exit_status, interrupted=False)
