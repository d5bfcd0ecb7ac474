"""``save``: images of the store into an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Stream
from ocinb.errors import CommandError
from ocinb.table import human_bytes

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("images", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="FILE|DIR|-", help="Where to; -, or not given: standard output."
)
@click.option("--directory", is_flag=True, help="An OCI layout in a new directory, not a tar.")
@click.pass_obj
def command(session: Session, images: tuple[str, ...], output: str | None, directory: bool) -> Any:
    """Write images into one archive.

    It is both an OCI layout and a docker-archive: podman load, docker load, skopeo and umoci read
    it. The same images give the same bytes.
    """
    from ocinb.content.save import save, save_directory, write_archive
    from ocinb.content.short_names import resolve

    if output is None:
        if directory or sys.stdout.isatty() or session.output is not None:
            raise CommandError("save: no file is named", hint="name one, as in --output FILE")
        output = "-"
    store = session.engine.store
    names = [resolve(store.names, image) for image in images]
    for name in names:
        store.names.get(name)
    if output == "-" and not directory:
        return Stream(lambda out: write_archive(store, names, out))
    size = (save_directory if directory else save)(store, names, Path(output))
    count = f"{len(names)} images" if len(names) > 1 else names[0]
    return Done(output, f"{count} in {output}, {human_bytes(size)}")
