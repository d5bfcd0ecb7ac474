"""``commit``: an image from what a container has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Lines

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.argument("name", required=False)
@click.option("-c", "--change", "changes", multiple=True, help="As in a Dockerfile: CMD, ENV …")
@click.option("-m", "--message", default="", help="For history.")
@click.option("-a", "--author", default="", help="Of the image.")
@click.pass_obj
def command(
    session: Session,
    container: str,
    name: str | None,
    changes: tuple[str, ...],
    message: str,
    author: str,
) -> Any:
    """Make an image NAME of what CONTAINER has changed.

    It has one layer more than the container's image. A container that runs is paused meanwhile.
    """
    from ocinb.image import Image
    from ocinb.workshop import commit_container

    local = commit_container(
        session.engine,
        container,
        name,
        changes=changes,
        message=message,
        author=author,
        record=session.recorder,
    )
    return Image(session.engine, local) if name else Lines([local.target.digest])
