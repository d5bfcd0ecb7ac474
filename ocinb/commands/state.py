"""``state``: the state document of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import inspecting
from ocinb.commands.tree import Command
from ocinb.commands.values import Document

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@inspecting
@click.pass_obj
def command(session: Session, container: str) -> Document:
    """Show the state of a container as the specification defines it."""
    return Document(
        session.engine.containers.state(container).document(), title=f"state of {container}"
    )
