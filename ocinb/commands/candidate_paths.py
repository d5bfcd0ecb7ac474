"""Paths that a word may become: of this machine, inside an image, inside a container that runs."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from ocinb.errors import LayerError
from ocinb.spec import runtime_defaults as defaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from ocinb.commands.session import Session
    from ocinb.image import Image
    from ocinb.layer.glance import Glance

_KEPT = 4


def paths(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """Paths inside the image that the line names."""
    stack = _glance(session, image_of(session, context))
    yield from _inside(stack, incomplete)


def commands(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """Words of a container's command: programs of the image, or paths in it."""
    if incomplete.startswith("/"):
        yield from paths(session, context, incomplete)
    elif not context.params.get("args"):
        yield from sorted(set(_programs(session, context)))


def _programs(session: Session, context: click.Context) -> Iterator[str]:
    """The names of what lies on the image's PATH."""
    image = image_of(session, context)
    glance = _glance(session, image)
    variables = dict(entry.partition("=")[::2] for entry in image.local.config.execution.env or ())
    usual = defaults.PATH.partition("=")[2]
    for directory in variables.get("PATH", usual).split(":"):
        with contextlib.suppress(LayerError):
            real = glance.resolve(directory)
            yield from (
                name.rpartition("/")[2]
                for name, place in glance.children(real).items()
                if glance.kind(place) != "d"
            )


def paths_in(
    session: Session, context: click.Context, image: str, incomplete: str
) -> Iterator[str]:
    """Paths inside the image of that name."""
    yield from _inside(_glance(session, image_of(session, context, image)), incomplete)


def files_of_containers(
    session: Session, _context: click.Context, incomplete: str
) -> Iterator[str]:
    """``CONTAINER:PATH`` of one that runs, or a path of this machine."""
    name, colon, path = incomplete.partition(":")
    if not colon:
        if not incomplete.startswith(("/", ".", "~")):
            yield from (f"{record.name}:/" for record in session.engine.containers.all())
        yield from files_here(incomplete)
        return
    pid = session.engine.containers.get(name).pid
    if pid:
        yield from (f"{name}:{found}" for found in _beneath(f"/proc/{pid}/root", path))


def files(_session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Files and directories of this machine."""
    yield from files_here(incomplete)


def image_of(session: Session, context: click.Context, name: str = "") -> Image:
    """An image of the store; that of the argument ``image`` or ``container`` if none is named."""
    from ocinb.image import Image

    platform = context.params.get("platform")
    container = context.params.get("container")
    if container and not name:
        name = session.engine.containers.get(container).image
    wanted = name or given(context, "image")
    return Image(session.engine, session.engine.images.get(wanted, platform))


def given(context: click.Context, *names: str) -> str:
    """The value of the first of these arguments that was typed; empty if none was.

    Where the word to complete is an option's value, click has not given out the arguments yet.
    """
    known = (context.params.get(name) for name in names)
    return next((str(value) for value in (*known, *context.args[:1]) if value), "")


def _glance(session: Session, image: Image) -> Glance:
    """The image's files, as far as they are unpacked: nothing is unpacked for a Tab."""
    from ocinb.layer.glance import Glance

    kept = session.glances
    chain_ids = image.local.config.chain_ids
    key = chain_ids[-1] if chain_ids else ""
    if key not in kept:
        unpacked = session.engine.layers
        if not all(unpacked.get(chain_id) for chain_id in chain_ids):
            raise LayerError(f"{image.name} is not unpacked")
        while len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[key] = Glance([unpacked.index(chain_id) for chain_id in chain_ids])
    return kept[key]


def _inside(glance: Glance, incomplete: str) -> Iterator[str]:
    """Names in the directory that a half-typed path is in; a directory ends with ``/``."""
    from ocinb.insight.contents import shown_path

    parent, _, _ = incomplete.rpartition("/")
    real = glance.resolve(parent) if parent.strip("/") else ""
    for name, place in sorted(glance.children(real).items()):
        shown = shown_path(name).removeprefix("/")
        yield f"{parent}/{shown}{'/' if glance.kind(place) == 'd' else ''}"


def files_here(incomplete: str) -> Iterator[str]:
    """Paths of this machine; hidden names only where a dot was typed."""
    parent, slash, begun = incomplete.rpartition("/")
    with os.scandir(os.path.expanduser(parent) or slash or ".") as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_directory in found:
        if name.startswith(begun) and (begun or not name.startswith(".")):
            yield f"{parent}{slash}{name}{'/' if is_directory else ''}"


def _beneath(root: str, incomplete: str) -> Iterator[str]:
    """Names in a directory of another root; no link leads out of it."""
    from ocinb.linux import flags as f
    from ocinb.linux.syscalls import Kernel

    parent, _, begun = incomplete.rpartition("/")
    top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY
        resolve = f.RESOLVE_IN_ROOT | f.RESOLVE_NO_MAGICLINKS
        here = Kernel().openat2(top, parent or "/", flags, resolve=resolve)
    finally:
        os.close(top)
    try:
        for name in sorted(os.listdir(here)):
            if name.startswith(begun):
                mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
                yield f"{parent}/{name}{'/' if stat.S_ISDIR(mode) else ''}"
    finally:
        os.close(here)
