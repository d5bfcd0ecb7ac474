"""``referrers``: what was attached to an image: signatures, bills of material, attestations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("artifact_type digest:digest size:bytes media_type? annotations")


@click.command(cls=Command)
@click.argument("reference")
@click.option("--artifact-type", metavar="TYPE", help="Only artifacts of this type.")
@listing
@click.pass_obj
def command(session: Session, reference: str, artifact_type: str | None) -> Table:
    """List the manifests that have REFERENCE as their subject. The registry is asked."""
    from ocinb.distribution.referrers import referrers
    from ocinb.distribution.resolve import digest_of_name
    from ocinb.spec.reference import Reference

    parsed, client = Reference.parse(reference), session.engine.client
    digest = digest_of_name(client, parsed)
    rows = [
        (
            found.artifact_type or "",
            found.digest,
            found.size,
            found.media_type,
            json.dumps(found.annotations, ensure_ascii=False) if found.annotations else "",
        )
        for found in referrers(client, parsed, digest, artifact_type)
    ]
    return Table(COLUMNS, rows, title=f"referrers of {digest}", key="digest")
