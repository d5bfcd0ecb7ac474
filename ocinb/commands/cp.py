"""``cp``: files into and out of a container."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done, Stream
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session

STDIO = "-"


@click.command(cls=Command)
@click.argument("source", metavar="[CONTAINER:]SOURCE")
@click.argument("target", metavar="[CONTAINER:]TARGET")
@click.option("-a", "--archive", is_flag=True, help="Owners, their rights and devices stay.")
@click.option("-L", "--follow-link", is_flag=True, help="What SOURCE links to, not the link.")
@click.pass_obj
def command(
    session: Session, source: str, target: str, archive: bool, follow_link: bool
) -> Done | Stream:
    """Copy files or directories between a container and this machine.

    One of both is CONTAINER:PATH. As cp has it: into TARGET if that is a directory, else to that
    name; DIR/. is what is in DIR. As TARGET - writes a tar archive to standard output, as SOURCE
    it unpacks one from standard input. The container need not run.
    """
    inside, outside = _parse(source), _parse(target)
    engine = session.engine
    if (inside is None) == (outside is None):
        raise CommandError(
            "cp: one of SOURCE and TARGET is CONTAINER:PATH, the other is here",
            hint="as in cp web:/etc/hosts ./hosts",
        )
    if inside is not None:
        name, path = inside
        if target == STDIO:
            return Stream(
                lambda out: engine.containers.archive_out(name, path, out, follow=follow_link)
            )
        engine.containers.copy_out(name, path, target, follow=follow_link, owners=archive)
        return Done(target, f"{source} is copied to {target}")
    assert outside is not None
    name, path = outside
    if source == STDIO:
        engine.containers.archive_in(name, sys.stdin.buffer, path)
        return Done(target, f"the archive is unpacked in {target}")
    engine.containers.copy_in(name, source, path, follow=follow_link, owners=archive)
    return Done(target, f"{source} is copied to {target}")


def _parse(text: str) -> tuple[str, str] | None:
    """Container and path; None for a path of this machine, as one with a slash before a colon."""
    name, colon, path = text.partition(":")
    if not colon or "/" in name or name.startswith("."):
        return None
    if not name or not path or "\0" in text:
        raise CommandError(f"cp: {text} is not CONTAINER:PATH")
    # A relative path counts from the container's root, as docker has it.
    return name, path if path.startswith("/") else f"/{path}"
