"""``annotate``: what a manifest or an index says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Done
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("image")
@click.argument("annotations", nargs=-1, metavar="NAME=VALUE…")
@click.option("--remove", multiple=True, metavar="NAME", help="Take an annotation away.")
@click.option("-t", "--tag", "name", metavar="NAME", help="Of the result; IMAGE if not given.")
@platform_option
@click.pass_obj
def command(
    session: Session,
    image: str,
    annotations: tuple[str, ...],
    remove: tuple[str, ...],
    name: str | None,
    platform: str | None,
) -> Done:
    """Set annotations of what IMAGE points at: a manifest or an index.

    With --platform those of the manifest for that platform, and the index around it changes.
    """
    from ocinb.workshop import annotate_image

    wanted: dict[str, str | None] = dict.fromkeys(remove)
    for text in annotations:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise CommandError(f"{text} is not NAME=VALUE")
        wanted[key] = value
    if not wanted:
        raise CommandError("annotate needs NAME=VALUE, or --remove NAME")
    target = annotate_image(session.engine, image, wanted, name, platform)
    return Done(target.digest, f"{name or image} is {target.digest} now")
