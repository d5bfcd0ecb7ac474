"""``volume``: directories of ours that outlive containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import inspecting, listing, names_only, never_asking
from ocinb.commands.quantities import pairs
from ocinb.commands.several import each, remove_users
from ocinb.commands.tree import Group
from ocinb.commands.values import Document, Done, Lines
from ocinb.table import Table, columns, rfc3339

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("name created:time used_by anonymous? path?")
"""``anonymous``: ``yes`` where an image asked for it, and its name was made up."""


@click.group(cls=Group)
def command() -> None:
    """Directories that outlive containers: run --volume NAME:PATH."""


@command.command()
@names_only
@listing
@click.pass_obj
def ls(session: Session) -> Table:
    """List the volumes, and which containers use them."""
    rows = [
        (
            volume.name,
            volume.created,
            ", ".join(volume.used_by),
            "yes" if volume.anonymous else "",
            str(volume.path),
        )
        for volume in session.engine.volumes.all()
    ]
    return Table(COLUMNS, rows, title="volumes")


@command.command()
@click.argument("name", required=False)
@click.option("-l", "--label", multiple=True, metavar="NAME[=VALUE]", help="For people.")
@click.pass_obj
def create(session: Session, name: str | None, label: tuple[str, ...]) -> Done:
    """Make a volume; without NAME one is made up."""
    made = session.engine.volumes.create(name, pairs("--label", label, bare=True))
    return Done(made.name, f"volume {made.name} is made")


@command.command()
@click.argument("name")
@inspecting
@click.pass_obj
def inspect(session: Session, name: str) -> Document:
    """Show all that is known of a volume."""
    volume = session.engine.volumes.get(name)
    document = {
        "name": volume.name,
        "path": str(volume.path),
        "created": rfc3339(volume.created),
        "labels": dict(volume.labels),
        "usedBy": list(volume.used_by),
        "anonymous": volume.anonymous,
    }
    return Document(document, title=f"volume {name}")


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="With the containers that use them.")
@click.pass_obj
def rm(session: Session, names: tuple[str, ...], force: bool) -> Done | Lines:
    """Remove volumes with all that is in them. One that a container uses stays, but by force."""
    engine = session.engine

    def remove(name: str) -> None:
        if force:
            remove_users(engine.containers, engine.volumes.get(name).used_by)
        engine.volumes.remove(name)

    return each(names, remove, "volume {} is removed")


@command.command()
@never_asking
@click.pass_obj
def prune(session: Session) -> Lines:
    """Remove all volumes that no container uses."""
    return Lines(session.engine.volumes.prune())
