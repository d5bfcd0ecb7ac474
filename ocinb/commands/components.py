"""``components``: the chain from an orchestrator to the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.drawing import drawing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("container", required=False)
@drawing("component_chain")
@click.pass_obj
def command(session: Session, container: str | None) -> Table:
    """Show the components from Kubernetes to the kernel that are here.

    With CONTAINER: what took part in its run.
    """
    from ocinb.insight.components import components_table

    if container is None:
        return components_table()
    from ocinb.container import Container

    return Container.find(session.engine, container).components_table()
