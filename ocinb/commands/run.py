"""``run``: a container of an image."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.creation import (
    EVERYTHING_ELSE,
    RunningCommand,
    check_cidfile,
    creation_options,
    find_image,
    make_room,
    shown_config,
    write_cidfile,
)
from ocinb.commands.options import sig_proxy_option
from ocinb.commands.tree import cell_script
from ocinb.commands.values import Ran

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.commands.session import Session


@click.command(cls=RunningCommand, context_settings=EVERYTHING_ELSE)
@creation_options
@click.option("-i", "--interactive", is_flag=True, help="Give it this standard input.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for it.")
@click.option(
    "--rm",
    "remove",
    is_flag=True,
    help="Remove it when it has ended; what it writes outside volumes need not reach the disk.",
)
@sig_proxy_option
@click.pass_context
def command(
    context: click.Context,
    image: str,
    options: ContainerOptions,
    name: str | None,
    replace: bool,
    quiet: bool,
    interactive: bool,
    detach: bool,
    remove: bool,
    sig_proxy: bool,
    runtime: str | None,
    platform: str | None,
    pull: str,
    cidfile: str | None,
    show_config: bool,
) -> Any:
    """Run a command in a new container of IMAGE. It is pulled if the store lacks it.

    The exit status is the command's; 125 where ocinb failed, 126 where the command cannot be
    executed, 127 where there is none. In a notebook the text of a %%oci run cell is run by sh.
    """
    from ocinb.container import Container
    from ocinb.engine.engine import Finished

    session: Session = context.obj
    options = _with_script(options, cell_script(context))
    check_cidfile(cidfile)
    engine = session.engine
    local = find_image(session, image, platform, pull, options, name, replace=replace, quiet=quiet)
    if show_config:
        return shown_config(session, local, options)
    make_room(session, name, replace=replace)
    sys.stdout.flush()
    done = engine.run(
        local,
        options,
        name=name,
        runtime=runtime,
        detach=detach,
        output=None if detach else session.output,
        stdin=0 if interactive and not detach and session.output is None else None,
        tty=options.terminal,
        keep=not remove,
        # A cell has nothing that could be typed into: the program sees the end of its input.
        interactive=interactive and (detach or session.output is None),
        claimed=lambda container: write_cidfile(cidfile, container),
        pass_on=sig_proxy if session.output is None else None,
    )
    container = Container.of(engine, done, local.name, kept=not remove, name=name)
    if not isinstance(done, Finished):
        return container
    return Ran(container, interrupted=done.interrupted)


def _with_script(options: ContainerOptions, script: str | None) -> ContainerOptions:
    if script is None:
        return options
    entrypoint = [] if options.entrypoint is None else options.entrypoint
    args = ["/bin/sh", "-c", script, "sh", *(options.args or ())]
    return dataclasses.replace(options, entrypoint=entrypoint, args=args)
