"""``update``: other limits for a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands import resource_options
from ocinb.commands.field_option import with_options
from ocinb.commands.tree import Command
from ocinb.commands.values import Document
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.argument("container")
@click.pass_obj
def _update(session: Session, /, container: str, **values: Any) -> Document:
    """Change limits of CONTAINER, which may be running. What is not given stays as it is."""
    wanted = resource_options.wishes(values)["resources"]
    if not wanted:
        raise CommandError("update: no limit is given", hint="as in update --memory 256m NAME")
    return Document(
        session.engine.containers.update(container, wanted), title=f"linux.resources of {container}"
    )


command = click.command(cls=Command, name="update")(with_options(_update, resource_options.OPTIONS))
