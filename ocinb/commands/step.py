"""``step``: a container's life, one step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Interactive

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(
    cls=Command, context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True}
)
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(session: Session, image: str, args: tuple[str, ...]) -> Interactive:
    """Step through the lifecycle of a container of IMAGE.

    Each step of the specification is taken when its button is pressed.

    ARGS are its command, in place of the image's. In a notebook; a shell lists the steps.
    """
    from ocinb.image import Image
    from ocinb.trace import lifecycle

    found = Image(session.engine, session.engine.images.available(image))
    return Interactive("stepper", lifecycle((), image), found, args)
