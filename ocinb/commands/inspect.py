"""``inspect``: all that is known of an image or a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import inspecting, platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Document, Json
from ocinb.errors import ContainerNotFound, NameNotFound
from ocinb.table import rfc3339

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["container", "image"]),
    help="Where a container and an image have that name; the container if not given.",
)
@platform_option
@inspecting
@click.pass_obj
def command(
    session: Session, names: tuple[str, ...], kind: str | None, platform: str | None
) -> Document | Json:
    """Show all that is known of images and containers. Images are those of the store.

    Of several names it is a list, in their order.
    """
    found = [_one(session, name, kind, platform) for name in names]
    return found[0] if len(found) == 1 else Json([dict(one) for one in found])


def _one(session: Session, name: str, kind: str | None, platform: str | None) -> Document:
    if kind == "container":
        return _container(session, name)
    if kind == "image":
        return _image(session, name, platform)
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
    from ocinb.engine.networking import networks_of

    engine = session.engine
    record = engine.containers.get(name)
    files = ContainerFiles(str(engine.settings.containers / record.id))
    times = {name: rfc3339(getattr(record, name)) for name in ("created", "started", "ended")}
    document = {
        **dict(record),
        **times,
        "state": engine.containers.state(name).document(),
        "health": read_json(files.health) if record.health else None,
        "networks": networks_of(engine.networks, record.id),
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
    document = {
        "name": image.name,
        "digest": image.digest,
        "size": image.size,
        "platform": str(image.local.config.platform),
        "chainIDs": list(image.local.config.chain_ids),
        "manifestDigest": image.local.manifest_descriptor.digest,
        "manifest": image.manifest,
        "config": image.config,
    }
    return Document(document, title=f"image {image.name}")
