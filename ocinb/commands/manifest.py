"""``manifest``: the document that a name points at, as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import inspecting, platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Document

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.spec.descriptor import Descriptor
    from ocinb.spec.reference import Reference


@click.command(cls=Command)
@click.argument("reference")
@platform_option
@click.option("--remote", is_flag=True, help="Ask the registry even if the store has it.")
@inspecting
@click.pass_obj
def command(session: Session, reference: str, platform: str | None, remote: bool) -> Document:
    """Show what REFERENCE points at: an image index or an image manifest.

    It comes from the store, or else from the registry. With --platform an index is followed to
    the manifest of that platform.
    """
    from ocinb.spec.document import parse_object
    from ocinb.spec.reference import Reference

    parsed = Reference.parse(reference)
    local = not remote and str(parsed) in session.engine.store.names
    read = _from_store if local else _from_registry
    descriptor, data = read(session, parsed, platform)
    kind = "image index" if descriptor.is_index else "image manifest"
    title = f"{kind} {descriptor.digest}"
    return Document(parse_object(data, title), title=title, raw=data)


def _from_store(
    session: Session, reference: Reference, platform: str | None
) -> tuple[Descriptor, bytes]:
    engine = session.engine
    descriptor = engine.store.names.get(str(reference))
    if platform:
        descriptor = engine.image(str(reference), platform).manifest_descriptor
    return descriptor, engine.store.read(descriptor)


def _from_registry(
    session: Session, reference: Reference, platform: str | None
) -> tuple[Descriptor, bytes]:
    from ocinb.distribution.resolve import resolve
    from ocinb.spec.platform import Platform

    client = session.engine.client
    if platform:
        fetched = resolve(client, reference, Platform.parse(platform)).fetched
    else:
        fetched = client.get_manifest(reference)
    return fetched.descriptor, fetched.data
