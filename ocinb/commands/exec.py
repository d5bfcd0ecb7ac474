"""``exec``: a further process in a container that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ocinb.commands.creation import EVERYTHING_ELSE, RunningCommand
from ocinb.commands.process_options import variables
from ocinb.commands.tree import cell_script
from ocinb.commands.values import Done, Exited
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=RunningCommand, context_settings=EVERYTHING_ELSE)
@click.argument("container")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("-d", "--detach", is_flag=True, help="Do not wait for it; what it writes is lost.")
@click.option("-i", "--interactive", is_flag=True, help="Give it this standard input.")
@click.option("-t", "--tty", is_flag=True, help="A terminal of its own.")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="More environment.")
@click.option("--env-file", multiple=True, metavar="FILE", help="The same, a NAME=VALUE a line.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Names or numbers.")
@click.option("-w", "--workdir", metavar="DIR", help="Working directory.")
@click.option("--privileged", is_flag=True, help="With every capability.")
@click.pass_context
def command(
    context: click.Context,
    container: str,
    args: tuple[str, ...],
    detach: bool,
    interactive: bool,
    tty: bool,
    env: tuple[str, ...],
    env_file: tuple[str, ...],
    user: str | None,
    workdir: str | None,
    privileged: bool,
) -> Done | Exited:
    """Run a command in a container that runs, beside its own program.

    The exit status is the command's; 125 where ocinb failed, 126 where the command cannot be
    executed, 127 where there is none. In a notebook the text of a %%oci exec cell is run by sh.
    """
    from ocinb.engine.joining import FurtherProcess

    session: Session = context.obj
    script = cell_script(context)
    if script is not None:
        args = ("/bin/sh", "-c", script, "sh", *args)
    if not args:
        raise CommandError("exec: there is no command", hint="name one behind the container")
    process = FurtherProcess(
        args=args,
        env=variables(env_file, env),
        user=user,
        cwd=workdir,
        privileged=privileged,
        tty=tty,
    )
    sys.stdout.flush()
    ended = session.engine.containers.exec(
        container,
        process,
        detach=detach,
        output=session.output,
        stdin=0 if interactive and session.output is None and not detach else None,
    )
    if ended is None:
        return Done(container, f"{args[0]} runs in {container}")
    return Exited(ended.exit_status, interrupted=ended.interrupted)
