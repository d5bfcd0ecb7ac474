"""``push``: bring an image from the store to a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Lines

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("image")
@click.argument("destination", required=False)
@click.option("-q", "--quiet", is_flag=True, help="Only the digest, without progress.")
@click.pass_obj
def command(session: Session, image: str, destination: str | None, quiet: bool) -> Done | Lines:
    """Bring an image to a registry. It is the one in its name, or the one of DESTINATION."""
    from ocinb.content.short_names import resolve
    from ocinb.distribution.push import push
    from ocinb.spec.reference import Reference

    if quiet:
        session.hush.set()
    engine = session.engine
    name = resolve(engine.store.names, image)
    source = engine.store.names.get(name)
    target = Reference.parse(destination or name)
    pushed = push(engine.client, engine.store, source, target)
    if quiet:
        return Lines([pushed.digest])
    return Done(pushed.digest, f"{target} is now {pushed.digest}")
