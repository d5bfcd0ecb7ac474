"""``tag``: further names for an image of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Lines
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.spec.reference import Reference


@click.command(cls=Command)
@click.argument("image")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def command(session: Session, image: str, names: tuple[str, ...]) -> Done | Lines:
    """Give an image of the store further names. A name that is there points to it from now on.

    Nothing is copied, and no registry is told: push does that.
    """
    from ocinb.content.short_names import resolve
    from ocinb.spec.reference import Reference

    store = session.engine.store
    whole = resolve(store.names, image)
    target = store.names.get(whole)
    wanted = [_name(name) for name in names]
    for name in wanted:
        store.names.set(str(name), target)
    if len(wanted) > 1:
        return Lines(str(name) for name in wanted)
    given = Reference.parse(whole).familiar
    return Done(str(wanted[0]), f"{wanted[0].familiar} is the same image as {given}")


def _name(text: str) -> Reference:
    from ocinb.spec.reference import Reference

    found = Reference.parse(text)
    if found.digest is not None:
        raise CommandError(
            f"{text} names a digest, which is an image's own and cannot be given",
            hint="a name to give looks like demo:1.0 or localhost:5000/demo",
        )
    return found
