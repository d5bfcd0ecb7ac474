"""``images``: what is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing, names_only
from ocinb.commands.tree import Command
from ocinb.errors import OcinbError
from ocinb.table import Table, columns, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.commands.session import Session
    from ocinb.engine.engine import Engine

COLUMNS = columns("image digest:digest platform size:bytes layers:int created:time")


@click.command(cls=Command)
@click.argument("name", required=False)
@names_only
@listing
@click.pass_obj
def command(session: Session, name: str | None) -> Table:
    """List the images in the store.

    With NAME, only those of that name, or of that repository.
    """
    engine = session.engine
    is_meant = _meant(name)
    rows = [
        _row(engine, whole, target.digest)
        for whole, target in engine.store.names.items()
        if is_meant(whole)
    ]
    return Table(COLUMNS, sorted(rows, key=lambda row: str(row[0])), title="images")


def _meant(name: str | None) -> Callable[[str], bool]:
    """Whether a name of the store is what somebody means, with or without its tag."""
    from ocinb.spec.reference import Reference

    if name is None:
        return lambda _whole: True
    try:
        wanted = Reference.parse(name)
    except OcinbError:
        return lambda whole: whole == name
    tagged = ":" in name.rpartition("/")[2]

    def is_meant(whole: str) -> bool:
        try:
            known = Reference.parse(whole)
        except OcinbError:
            return whole == name
        same = (known.registry, known.repository) == (wanted.registry, wanted.repository)
        return same and (known.tag == wanted.tag or not tagged)

    return is_meant


def _row(engine: Engine, name: str, digest: str) -> tuple[Any, ...]:
    from ocinb.image import Image
    from ocinb.spec.reference import Reference

    try:
        shown = Reference.parse(name).familiar
        image = Image(engine, engine.images.get(name))
    except OcinbError:
        # Of another platform only, or an artifact: it is listed, its size is not known.
        return (name, digest, "", None, None, None)
    config = image.local.config
    layers = len(image.local.manifest.layers)
    created = parse_rfc3339(config.created)
    return (shown, digest, str(config.platform), image.size, layers, created)
