"""``where``: the section of a specification, its code, its test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("term", nargs=-1, required=True)
@listing
def command(term: tuple[str, ...]) -> Table:
    """Tell which code implements a section of a specification.

    And which test holds it. TERM is a section such as layer.md#whiteouts, a word of one, or a
    name in the code.
    """
    from ocinb.insight.where import where

    return where(" ".join(term))
