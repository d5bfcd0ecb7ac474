"""``graph``: what a name leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.drawing import drawing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@drawing("content_graph")
@click.pass_obj
def command(session: Session, image: str) -> Table:
    """Show what a name leads to, blob by blob.

    And the artifacts of the store that refer to these. What the store lacks is shown as missing.
    """
    from ocinb.insight.graph import graph_table
    from ocinb.spec.reference import Reference

    reference = Reference.parse(image)
    store = session.engine.store
    target = store.names.get(str(reference))
    return graph_table(store, target, f"what {reference.familiar} leads to")
