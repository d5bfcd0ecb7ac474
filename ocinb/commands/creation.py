"""What ``run`` and ``create`` have in common: which image, which name, and what will be run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.container_options import container_options
from ocinb.commands.field_option import with_options
from ocinb.commands.options import platform_option, runtime_option
from ocinb.commands.supervision_options import supervision_options
from ocinb.commands.tree import Command
from ocinb.commands.values import Document
from ocinb.content.short_names import resolve
from ocinb.errors import (
    BlobNotFound,
    CommandError,
    DistributionError,
    NameNotFound,
    OcinbError,
)
from ocinb.events import Warned
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.bundle.options import ContainerOptions
    from ocinb.commands.session import Session
    from ocinb.engine.images import LocalImage

    Decorated = Callable[..., Any]

EVERYTHING_ELSE = {"allow_interspersed_args": False}
"""What stands behind the image belongs to the container's command, options too."""

MISSING, ALWAYS, NEVER, NEWER = "missing", "always", "never", "newer"

_OPTIONS = (
    click.Option(["--name"], help="Of the container; one is made up if not given."),
    click.Option(
        ["--replace"],
        is_flag=True,
        help="First remove the container that has this name, if there is one; end it if it runs.",
    ),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress while the image is brought."),
    click.Option(
        ["--pull"],
        type=click.Choice([MISSING, ALWAYS, NEVER, NEWER]),
        default=MISSING,
        help="When to ask the registry for the image; missing if not given. "
        "newer: always, but what is here is used where no registry answers.",
    ),
    click.Option(["--cidfile"], metavar="FILE", help="Write the container's id there."),
    click.Option(["--show-config"], is_flag=True, help="Show config.json; make nothing."),
)


def creation_options(function: Decorated) -> Decorated:
    """Adds ``IMAGE``, ``ARGS`` and the options of a container to be made."""
    function = container_options(supervision_options(function))
    function = platform_option(runtime_option(function))
    function = with_options(function, _OPTIONS)
    function = click.argument("args", nargs=-1, type=click.UNPROCESSED)(function)
    return click.argument("image")(function)


class CreatingCommand(Command):
    """A command whose failures have the exit statuses that docker and podman give ``run``."""

    failed_status = 125

    def invoke(self, context: click.Context) -> Any:
        """Run it; an error carries its exit status."""
        from ocinb.engine.exit_status import mark

        try:
            return super().invoke(context)
        except OcinbError as error:
            raise mark(error) from None


class RunningCommand(CreatingCommand):
    """One that runs a program; the text of a ``%%oci`` cell is its script."""

    takes_cell = True


def find_image(
    session: Session,
    image: str,
    platform: str | None,
    pull: str,
    options: ContainerOptions,
    name: str | None,
    *,
    replace: bool = False,
    quiet: bool = False,
) -> LocalImage:
    """The image that a container shall be made of.

    Args:
        pull: ``missing``, ``always``, ``never`` or ``newer``.
        options, name: of the container: what is wrong with them is told before an image is
            brought for nothing.
        replace: whether the name may be another container's.
        quiet: whether no progress is shown.

    Raises:
        OcinbError: it cannot be had, or not so.
    """
    if replace and name is None:
        raise CommandError("--replace needs --name", hint="it says which container is replaced")
    if quiet:
        session.hush.set()
    images, found = session.engine.images, image
    try:
        if pull in (MISSING, NEVER):
            return images.get(image, platform)
        found = resolve(session.engine.store.names, image)
    except (NameNotFound, BlobNotFound):
        if pull == NEVER:
            raise
    from ocinb.engine.planning import check_wishes

    check_wishes(session.engine, options, None if replace else name)
    try:
        return images.pull(found, platform)
    except DistributionError as error:
        if pull != NEWER:
            raise
        try:
            here = images.get(image, platform)
        except OcinbError:
            raise error from None
        message = f"whether there is a newer {image} is not known: {error.message}"
        session.engine.record(Warned(message=message))
        return here


def make_room(session: Session, name: str | None, *, replace: bool) -> None:
    """Remove the container that has a name, where that was asked for.

    Raises:
        OcinbError: it cannot be removed.
    """
    if not replace:
        return
    containers = session.engine.containers
    for record in containers.all():
        if record.name == name:
            containers.delete(record.id, force=True)


def check_cidfile(path: str | None) -> None:
    """Raise ``CommandError`` where a file is there already: it may name another container."""
    if path is not None and os.path.lexists(path):
        raise CommandError(f"--cidfile {path} is there already", hint="remove it first")


def write_cidfile(path: str | None, container: str) -> None:
    """Write a container's id, where that was asked for.

    Raises:
        CommandError: the file is there, or cannot be written.
    """
    if path is None:
        return
    try:
        with open(path, "x", encoding="ascii") as file:
            file.write(container)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CommandError(f"--cidfile {path} cannot be written: {reason}") from None


def shown_config(session: Session, local: LocalImage, options: ContainerOptions) -> Document:
    """The config.json that a container would have; ``ID`` stands for what is not known yet.

    Raises:
        BundleError: image and options make none that is valid.
    """
    from ocinb.bundle.user import LARGEST_FILE
    from ocinb.engine.planning import preview
    from ocinb.errors import LayerError
    from ocinb.image import Image

    with (
        tempfile.TemporaryDirectory(prefix="ocinb-show-", dir=temporary_place()) as directory,
        Image(session.engine, local).contents() as contents,
    ):
        etc = Path(directory, "etc")
        etc.mkdir()
        for name in ("passwd", "group"):
            try:
                with contents.open(contents.find(f"/etc/{name}")) as file:
                    (etc / name).write_bytes(file.read(LARGEST_FILE))
            except LayerError:
                continue  # the image has none
        config = preview(session.engine, local, options, Path(directory))
    return Document(config, title=f"config.json of {local.name}")
