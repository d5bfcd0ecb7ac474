"""``cri``: images of the runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ocinb.commands.cri_endpoint import client, pods
from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.commands.values import Done
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

_IMAGES = columns("image size:bytes id:digest digest:digest?")


@click.command(cls=Command)
@click.argument("image")
@click.pass_obj
def pull(session: Session, image: str) -> Done:
    """Let the runtime pull an image, for itself; ours are apart."""
    with pods(session) as kubelet:
        found = kubelet.pull(image, _login(image))
    return Done(found, f"the runtime has {image}: {found}")


@click.command(cls=Command)
@listing
@click.pass_obj
def images(session: Session) -> Table:
    """List the images that the runtime has."""
    with client(session) as call:
        found = call("ListImages").images
    rows = [
        (name, image.size, image.id, next(iter(image.repo_digests), "").partition("@")[2])
        for image in found
        for name in (image.repo_tags or [image.id])
    ]
    return Table(_IMAGES, sorted(rows), title="images of the runtime")


@click.command(cls=Command)
@click.argument("image")
@click.pass_obj
def rmi(session: Session, image: str) -> Done:
    """Let the runtime remove an image."""
    with client(session) as call:
        call("RemoveImage", image={"image": image})
    return Done(image, f"the runtime has {image} no more")


def _login(image: str) -> tuple[str, str] | None:
    """What ``login`` has kept for the image's registry, as a kubelet sends its pull secrets."""
    from ocinb.distribution.auth_file import AuthFiles, auth_files
    from ocinb.spec.reference import Reference

    reference = Reference.parse(image)
    login = AuthFiles(auth_files(os.environ)).find(reference.registry, reference.repository)
    return (login.username, login.password) if login and login.password else None


IMAGE_COMMANDS = (pull, images, rmi)
