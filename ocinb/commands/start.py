"""``start``: run the program of a container that was created, or that has ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import sig_proxy_option
from ocinb.commands.several import chosen, each
from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Exited
from ocinb.errors import CommandError
from ocinb.spec.runtime_state import CREATED, RUNNING, STOPPED

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that do not run.")
@click.option("-a", "--attach", is_flag=True, help="Show what it writes, and wait for its end.")
@click.option("-i", "--interactive", is_flag=True, help="The same, and give it this input.")
@sig_proxy_option
@click.pass_obj
def command(
    session: Session,
    containers: tuple[str, ...],
    every: bool,
    attach: bool,
    interactive: bool,
    sig_proxy: bool,
) -> Done | Lines | Exited:
    """Run the program of containers that wait for it, or have ended.

    One that runs already goes on.

    With --attach or --interactive the exit status is that of the program, and Ctrl-C and signals
    go to it, as for run.
    """
    containers = chosen(session, "start", containers, every, (CREATED, STOPPED))
    if attach or interactive:
        return _attached(session, containers, interactive, sig_proxy)

    def start(name: str) -> None:
        # As elsewhere: what is wished for is so.
        if session.engine.containers.get(name).status != RUNNING:
            session.engine.containers.start(name)

    return each(containers, start, "{} is started")


def _attached(
    session: Session, containers: tuple[str, ...], interactive: bool, sig_proxy: bool
) -> Done | Exited:
    if len(containers) != 1:
        raise CommandError("start: only one container can be attached to", hint="name one")
    sys.stdout.flush()
    ended = session.engine.containers.start_attached(
        containers[0],
        output=session.output,
        stdin=0 if interactive and session.output is None else None,
        pass_on=sig_proxy if session.output is None else None,
    )
    if ended is None:
        return Done(containers[0], f"{containers[0]} goes on")
    return Exited(ended.exit_status, interrupted=ended.interrupted)
