"""``lesson``: the notebooks of the course."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.default_group import DefaultGroup
from ocinb.commands.options import listing
from ocinb.commands.values import Done
from ocinb.errors import CommandError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.course.room import Room

COLUMNS = columns("lesson title minutes:int file")


class LessonGroup(DefaultGroup):
    """Opens what is no command: ``lesson 05``; lists where nothing is said."""

    default = "open"

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As ``DefaultGroup`` does."""
        if (not args or args[0] in ("--lang", "--format")) and not context.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(context, args)


_language = click.option(
    "--lang", "language", type=click.Choice(["en", "zh"]), help="English or Chinese."
)


@click.group(cls=LessonGroup)
def command() -> None:
    """List the lessons of the course; open one: lesson 05."""


@command.command(name="list")
@_language
@listing
def list_(language: str | None) -> Table:
    """List the lessons."""
    from ocinb.course.shelf import lessons
    from ocinb.course.words import language as spoken

    spoken_language = language or spoken()
    rows = [(one.number, one.title[spoken_language], one.minutes, one.file) for one in lessons()]
    return Table(COLUMNS, rows, title="the course", key="lesson")


@command.command(name="open")
@click.argument("lesson")
@click.argument("directory", required=False, default=".")
@click.option("--reset", is_flag=True, help="A fresh copy; yours is kept under another name.")
@_language
def open_(lesson: str, directory: str, reset: bool, language: str | None) -> Done:
    """Put a copy of LESSON into DIRECTORY, the current one if not given.

    The Chinese one goes into its directory zh. A notebook that you have worked on is not touched.
    """
    from ocinb.course.shelf import copy, find
    from ocinb.course.words import language as spoken

    found = find(lesson)
    path, done = copy(found, Path(directory), language or spoken(), reset=reset)
    return Done(str(path), f"{path}: {done}; open it with jupyter lab")


@command.command()
@click.argument("lesson")
@click.pass_obj
def begin(session: Session, lesson: str) -> Room:
    """Make the room of LESSON: directories, a registry, the demo image.

    Until the end of the lesson images and containers are kept in it, and nothing else is touched.
    """
    from ocinb.course.room import Room
    from ocinb.course.shelf import find

    if session.reader is None:
        raise CommandError("a lesson begins in its notebook", hint="ocinb lesson lists them")
    found = find(lesson)
    leave(session)
    room = Room(found, session.settings)
    session.room, session.outside = room, session.settings
    session.move(room.settings)
    return room


@command.command()
@click.pass_obj
def end(session: Session) -> Done:
    """Remove the room of the lesson that is on, with all that is in it."""
    room = session.room
    if room is None:
        raise CommandError("no lesson is on", hint="ocinb lesson begin 05 begins one")
    leave(session)
    return Done(room.lesson.number, f"lesson {room.lesson.number} is over, its room is gone")


@command.command()
@click.argument("lesson")
@listing
@click.pass_obj
def needs(session: Session, lesson: str) -> Table:
    """Tell which cells of LESSON are live on this machine, and which are recorded."""
    from ocinb.course.room import needs_table
    from ocinb.course.shelf import find

    return needs_table(find(lesson), session.engine)


def leave(session: Session) -> None:
    """End the lesson that is on, if any is."""
    if session.room is None:
        return
    session.room.end()
    session.room = None
    session.move(session.outside)
