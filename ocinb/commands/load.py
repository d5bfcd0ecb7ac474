"""``load``: images from an archive into the store."""

from __future__ import annotations

import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Lines
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("source", metavar="[FILE|DIR|-|STORE:NAME]", required=False)
@click.option("-i", "--input", "file", metavar="FILE", help="The same, as docker and podman say.")
@click.option("--name", metavar="REPOSITORY", help="For images that have no name in the archive.")
@click.pass_obj
def command(session: Session, source: str | None, file: str | None, name: str | None) -> Lines:
    """Take the images of an archive into the store; their names.

    What skopeo, umoci, podman save and docker save (old and new) write: an OCI layout as a
    directory or tar, or a docker-archive; compressed or not. Standard input is read for -, and
    where nothing is named. docker-daemon:NAME and containers-storage:NAME are images in the
    stores of docker and podman.
    """
    from ocinb.content.durable import storage_errors
    from ocinb.content.load import load
    from ocinb.stack.other_stores import PREFIXES, write_archive

    if source is not None and file is not None:
        raise CommandError("load: two archives are named", hint="name one, with --input or without")
    source = source or file or "-"
    if source == "-" and sys.stdin.isatty():
        raise CommandError(
            "load: no archive is named, and none comes by standard input",
            hint="ocinb load FILE, or ocinb load < FILE",
        )
    store = session.engine.store
    elsewhere = source.startswith(PREFIXES)
    if source != "-" and not elsewhere:
        return Lines(load(store, source, name=name))
    # An archive's index stands at its end: it is read more than once.
    with tempfile.NamedTemporaryFile(dir=store.ingest, prefix="upload-stdin-") as copied:
        with storage_errors("write", store.ingest):
            if elsewhere:
                write_archive(source, copied.file)
            else:
                shutil.copyfileobj(sys.stdin.buffer, copied, 1 << 20)
            copied.flush()
        called = source if elsewhere else "standard input"
        return Lines(load(store, copied.name, name=name or "localhost/image", called=called))
