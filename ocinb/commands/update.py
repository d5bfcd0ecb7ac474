"""``update``: other limits for a container, or another restart policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands import resource_options
from ocinb.commands.field_option import with_options
from ocinb.commands.tree import Command
from ocinb.commands.values import Document, Done
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.argument("container")
@click.pass_obj
def _update(
    session: Session, /, container: str, restart: str | None, **values: Any
) -> Document | Done:
    """Change limits of CONTAINER, which may be running. What is not given stays as it is."""
    from ocinb.engine.restarting import RestartPolicy

    policy = None if restart is None else RestartPolicy.parse(restart)
    wanted = resource_options.wishes(values)["resources"]
    if not wanted and policy is None:
        raise CommandError("update: no limit is given", hint="as in update --memory 256m NAME")
    containers = session.engine.containers
    limits = containers.update(container, wanted) if wanted else None
    if policy is not None:
        containers.set_restart(container, policy)
    if limits is None:
        return Done(container, f"the restart policy of {container} is {policy}")
    return Document(limits, title=f"linux.resources of {container}")


_RESTART = click.Option(
    ["--restart"],
    metavar="POLICY",
    help="Run it again, from its next end on: no, on-failure[:TIMES], always or unless-stopped. "
    "One that is removed when it ends (run --rm) is not run again.",
)

command = click.command(cls=Command, name="update")(
    with_options(_update, (_RESTART, *resource_options.OPTIONS))
)
