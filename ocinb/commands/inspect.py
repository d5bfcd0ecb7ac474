"""``inspect``: all that is known of an image or a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import inspecting, platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Document
from ocinb.errors import ContainerNotFound, NameNotFound

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("name")
@platform_option
@inspecting
@click.pass_obj
def command(session: Session, name: str, platform: str | None) -> Document:
    """Show all that is known of an image or a container. The image is one of the store."""
    try:
        return _container(session, name)
    except ContainerNotFound:
        pass
    try:
        return _image(session, name, platform)
    except NameNotFound as error:
        raise NameNotFound(
            f"there is no image and no container {name}",
            hint="ocinb images and ocinb ps --all list them",
        ) from error


def _container(session: Session, name: str) -> Document:
    import json

    from ocinb.engine.container_files import ContainerFiles, read_json

    engine = session.engine
    record = engine.containers.get(name)
    files = ContainerFiles(str(engine.settings.containers / record.id))
    document = {
        **dict(record),
        "state": engine.containers.state(name).document(),
        "manifest": read_json(files.record).get("manifest", ""),
        "bundle": files.bundle,
        "log": files.log,
        "writable": files.writable,
        "config": read_json(f"{files.bundle}/config.json"),
    }
    # Tuples as JSON has them, so that what is worked with is what is shown.
    return Document(json.loads(json.dumps(document)), title=f"container {record.name}")


def _image(session: Session, name: str, platform: str | None) -> Document:
    from ocinb.image import Image

    image = Image(session.engine, session.engine.images.get(name, platform))
    from ocinb.engine.networking import networks_of
    document = {
        "name": image.name,
        "digest": image.digest,
        "size": image.size,
        "platform": str(image.local.config.platform),
        "chainIDs": list(image.local.config.chain_ids),
        "manifestDigest": image.local.manifest_descriptor.digest,
        "manifest": image.manifest,
        "config": image.config,
        "networks": networks_of(engine, record.id),
    }
    return Document(document, title=f"image {image.name}")
