"""``tags``: what a registry offers of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.default_group import DefaultGroup
from ocinb.commands.options import listing
from ocinb.commands.values import Done
from ocinb.errors import CommandError, RegistryError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.group(cls=DefaultGroup)
def command() -> None:
    """List the tags of a repository in a registry, or delete one."""


@command.command()
@click.argument("repository")
@listing
@click.pass_obj
def show(session: Session, repository: str) -> Table:
    """List the tags that a registry has of REPOSITORY; the word show can be left out."""
    from ocinb.spec.reference import Reference

    reference = Reference.parse(repository)
    tags = tuple(session.engine.client.tags(reference))
    session.remote_tags[reference.familiar.removesuffix(f":{reference.tag}")] = tags
    return Table(columns("tag"), [(tag,) for tag in tags], title=f"tags of {reference.name}")


@command.command()
@click.argument("reference")
@click.pass_obj
def delete(session: Session, reference: str) -> Done:
    """Delete one tag in a registry; the manifest and its other tags stay."""
    from ocinb.spec.reference import Reference

    parsed = Reference.parse(reference)
    if parsed.digest is not None or not reference.endswith(f":{parsed.tag}"):
        raise CommandError(
            f"{reference} does not name a tag",
            hint="write it out, as in localhost:5000/demo:1.0; for a digest: manifest delete",
        )
    try:
        session.engine.client.delete_manifest(parsed)
    except RegistryError as error:
        if error.status not in (400, 405):
            raise
        raise RegistryError(
            f"registry {parsed.registry} does not delete single tags",
            status=error.status,
            errors=error.errors,
            hint=f"manifest delete {reference} deletes the manifest, with all of its tags",
            citation="distribution-spec spec.md#deleting-tags",
        ) from error
    return Done(str(parsed), f"{parsed} is deleted; its manifest stays")
