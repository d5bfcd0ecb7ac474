"""``manifest``: the document that a name points at; and deleting one in a registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.default_group import DefaultGroup
from ocinb.commands.options import platform_option
from ocinb.commands.tree import CellCommand, cell_script
from ocinb.commands.values import Document, Done, Json, Raw
from ocinb.errors import CommandError, StorageError
from ocinb.spec import media_types
from ocinb.spec.document import MAX_DOCUMENT

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.spec.descriptor import Descriptor
    from ocinb.spec.reference import Reference


@click.group(cls=DefaultGroup)
def command() -> None:
    """Show what a name points at; put or delete it in a registry."""


@command.command()
@click.argument("reference")
@platform_option
@click.option("--remote", is_flag=True, help="Ask the registry even if the store has it.")
@click.option("--raw", is_flag=True, help="The bytes that were hashed, unchanged.")
@click.option(
    "--format",
    type=click.Choice(["document", "json", "table"]),
    default="document",
    help="json: never coloured; table: what it names.",
)
@click.pass_obj
def show(
    session: Session,
    reference: str,
    platform: str | None,
    remote: bool,
    raw: bool,
    format: str,
) -> Any:
    """Show what REFERENCE points at; the word show can be left out.

    An image index, an image manifest, an artifact's manifest, or Docker's old schema 1. It comes
    from the store, or else from the registry. With --platform an index is followed to the
    manifest of that platform.
    """
    from ocinb.content.short_names import resolve
    from ocinb.manifest_tables import kind_of, manifest_table
    from ocinb.spec.document import parse_object
    from ocinb.spec.reference import Reference

    names = session.engine.store.names
    parsed = Reference.parse(reference if remote else resolve(names, reference))
    local = not remote and str(parsed) in names
    read = _from_store if local else _from_registry
    descriptor, data = read(session, parsed, platform)
    if raw:
        return Raw(data)
    if format == "table":
        return manifest_table(descriptor, data)
    title = f"{kind_of(descriptor, data)} {descriptor.digest}"
    document = parse_object(data, title)
    return Json(document) if format == "json" else Document(document, title=title, raw=data)


@command.command()
@click.argument("reference")
@click.pass_obj
def delete(session: Session, reference: str) -> Done:
    """Delete a manifest in a registry, with all of its tags.

    REFERENCE names it by digest, or by one of its tags.
    """
    from ocinb.distribution.referrers import delete_manifest
    from ocinb.distribution.resolve import digest_of_name
    from ocinb.spec.reference import Reference

    parsed, client = Reference.parse(reference), session.engine.client
    digest = digest_of_name(client, parsed)
    delete_manifest(client, parsed.with_digest(digest))
    return Done(digest, f"{parsed.name}@{digest} is deleted, with all of its tags")


@command.command(cls=CellCommand)
@click.argument("reference")
@click.option("-f", "--file", metavar="FILE", help="The document; '-' is standard input.")
@click.pass_context
def put(context: click.Context, reference: str, file: str | None) -> Done:
    """Push a manifest or an index to a registry, byte for byte.

    REFERENCE is its tag there, or its digest; what it names must be there already. It is the
    text of a %%oci manifest put cell, or of FILE.
    """
    from ocinb.distribution.referrers import put_with_subject
    from ocinb.spec.descriptor import describe
    from ocinb.spec.document import parse_object
    from ocinb.spec.reference import Reference

    session: Session = context.obj
    data = _document(cell_script(context), file)
    document = parse_object(data, "the manifest")
    kind = document.get("mediaType")
    if not isinstance(kind, str):
        kind = media_types.IMAGE_INDEX if "manifests" in document else media_types.IMAGE_MANIFEST
    parsed, descriptor = Reference.parse(reference), describe(data, kind)
    if parsed.digest is not None:
        parsed.digest.verify(data, "the manifest")
    put_with_subject(session.engine.client, parsed, data, descriptor)
    return Done(descriptor.digest, f"{parsed} is {descriptor.digest}")


def _document(cell: str | None, file: str | None) -> bytes:
    if (cell is None) == (file is None):
        raise CommandError(
            "manifest put takes one document", hint="--file FILE, or the text of a %%oci cell"
        )
    if cell is not None:
        return cell.strip().encode()
    try:
        with click.open_file(str(file), "rb") as source:
            data: bytes = source.read(MAX_DOCUMENT + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{file} cannot be read: {reason}") from error
    return data


def _from_store(
    session: Session, reference: Reference, platform: str | None
) -> tuple[Descriptor, bytes]:
    engine = session.engine
    descriptor = engine.store.names.get(str(reference))
    if platform:
        descriptor = engine.images.get(str(reference), platform).manifest_descriptor
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
