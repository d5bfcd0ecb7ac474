"""``compare``: two images, two containers, or two bundles side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.drawing import drawing
from ocinb.commands.tree import Command
from ocinb.errors import CommandError, ContainerNotFound

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.container import Container
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("one")
@click.argument("other")
@drawing("comparison")
@click.pass_obj
def command(session: Session, one: str, other: str) -> Table:
    """Show two images, containers or bundles side by side.

    ONE and OTHER are of the same kind. Two containers of one image, each by another --runtime,
    show what the runtimes do differently; a bundle is a directory with a config.json.
    """
    from ocinb.image import Image
    from ocinb.insight.comparison import compare_bundles

    bundles = [Path(name, "config.json").is_file() for name in (one, other)]
    if all(bundles):
        return compare_bundles(Path(one), Path(other))
    first, second = (_container(session, name) for name in (one, other))
    if first is not None and second is not None:
        return first.compare_table(second)
    if any(bundles) or first is not None or second is not None:
        raise CommandError(
            f"{one} and {other} are not of the same kind",
            hint="two images, two containers, or two directories with a config.json",
        )
    engine = session.engine
    images = [Image(engine, engine.images.get(name)) for name in (one, other)]
    return images[0].compare_table(images[1])


def _container(session: Session, name: str) -> Container | None:
    from ocinb.container import Container

    try:
        return Container.find(session.engine, name)
    except ContainerNotFound:
        return None
