"""``healthcheck``: a container's health, asked for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Group
from ocinb.commands.values import Done
from ocinb.errors import ContainerError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.group(cls=Group)
def command() -> None:
    """Check the health of a container now, by its health check."""


@command.command()
@click.argument("container")
@click.pass_obj
def run(session: Session, container: str) -> Done:
    """Run the health check of CONTAINER once. It counts like those that are run by themselves.

    A check that fails is an error, and the exit status 1.
    """
    result = session.engine.containers.check_health(container)
    if result["exit_status"]:
        said = result["output"].strip()
        raise ContainerError(
            f"the health check of {container} failed"
            + (f" with status {result['exit_status']}" if result["exit_status"] > 0 else "")
            + (f": {said}" if said else ""),
            hint=f"{container} is {result['status']}",
        )
    return Done(container, f"{container} is {result['status']}")
