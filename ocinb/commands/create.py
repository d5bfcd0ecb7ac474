"""``create``: a container whose program waits for ``start``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.creation import (
    EVERYTHING_ELSE,
    CreatingCommand,
    check_cidfile,
    creation_options,
    find_image,
    make_room,
    shown_config,
    write_cidfile,
)
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.commands.session import Session


@click.command(cls=CreatingCommand, context_settings=EVERYTHING_ELSE)
@creation_options
@click.option("-i", "--interactive", is_flag=True, help="What it reads can be typed by attach.")
@click.pass_obj
def command(
    session: Session,
    image: str,
    options: ContainerOptions,
    name: str | None,
    replace: bool,
    quiet: bool,
    interactive: bool,
    runtime: str | None,
    platform: str | None,
    pull: str,
    cidfile: str | None,
    show_config: bool,
) -> Any:
    """Make a container of IMAGE; its program waits for ocinb start.

    Everything is there already: the mounts, the namespaces, the process. Options as for run.
    """
    from ocinb.container import Container

    check_cidfile(cidfile)
    local = find_image(session, image, platform, pull, options, name, replace=replace, quiet=quiet)
    if show_config:
        return shown_config(session, local, options)
    make_room(session, name, replace=replace)
    record = session.engine.create(
        local, options, name=name, runtime=runtime, interactive=interactive
    )
    try:
        write_cidfile(cidfile, record.id)
    except CommandError:
        session.engine.containers.delete(record.id, force=True)
        raise
    return Container.find(session.engine, record.id)
