"""``diff``: what two images, or an image and a container, do not have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, platform_option
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option("--times", is_flag=True, help="Another modification time alone is a change, too.")
@click.option(
    "--only",
    type=click.Choice(["layer", "config", "file"]),
    multiple=True,
    help="Only rows of this subject; can be repeated.",
)
@platform_option
@listing
@click.pass_obj
def command(
    session: Session,
    before: str,
    after: str | None,
    times: bool,
    only: tuple[str, ...],
    platform: str | None,
) -> Table:
    """Tell how B differs from A: layers, config, files.

    A is an image, B an image or a container. One container alone is compared with its image.
    """
    from ocinb.image import Image

    if after is None:
        before, after = session.engine.containers.get(before).image, before
    image = Image(session.engine, session.engine.images.get(before, platform))
    table = image.diff_table(after, times=times)
    if only:
        table.rows = [row for row in table.rows if row[0] in only]
    return table
