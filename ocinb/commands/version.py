"""``version``: of ocinb and of the specifications that it implements."""

from __future__ import annotations

import platform

import click

from ocinb import __version__
from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.spec import versions
from ocinb.table import Table, columns


@click.command(cls=Command)
@listing
def command() -> Table:
    """Show the versions of ocinb and of the specifications."""
    rows = [
        ("ocinb", __version__),
        ("runtime-spec", versions.RUNTIME_SPEC),
        ("image-spec", versions.IMAGE_SPEC),
        ("distribution-spec", versions.DISTRIBUTION_SPEC),
        ("python", platform.python_version()),
    ]
    return Table(columns("component version"), rows, title="versions")
