"""``load``: images from an archive into the store."""

from __future__ import annotations

import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Lines

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("source", metavar="FILE|DIR|-")
@click.option("--name", metavar="REPOSITORY", help="For images that have no name in the archive.")
@click.pass_obj
def command(session: Session, source: str, name: str | None) -> Lines:
    """Take the images of an archive into the store; their names.

    What skopeo, umoci, podman save and docker save (old and new) write: an OCI layout as a
    directory or tar, or a docker-archive; compressed or not. -: standard input.
    """
    from ocinb.content.durable import storage_errors
    from ocinb.content.load import load

    store = session.engine.store
    if source != "-":
        return Lines(load(store, source, name=name))
    # An archive's index stands at its end: it is read more than once.
    with tempfile.NamedTemporaryFile(dir=store.ingest, prefix="upload-stdin-") as file:
        with storage_errors("write", store.ingest):
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
            file.flush()
        return Lines(load(store, file.name, name=name or "localhost/image"))
