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
    from ocinb.content.short_names import resolve
    from ocinb.insight.graph import graph_table
    from ocinb.spec.reference import Reference

    store = session.engine.store
    name = resolve(store.names, image)
    familiar = Reference.parse(name).familiar
    return graph_table(store, store.names.get(name), f"what {familiar} leads to")
