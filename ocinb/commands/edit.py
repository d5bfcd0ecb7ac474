"""``edit``: a bundle's config.json, checked while it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command, call
from ocinb.commands.values import Interactive

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("bundle")
@click.pass_obj
def command(session: Session, bundle: str) -> Interactive:
    """Edit the config.json of BUNDLE, checked while typed.

    In a notebook; a shell lists what is wrong with it.
    """
    from ocinb.bundle.validate import read_config

    read_config(Path(bundle))  # an error now is better than an editor of nothing
    return Interactive("editor", call(["bundle", "validate", bundle], session), Path(bundle))
