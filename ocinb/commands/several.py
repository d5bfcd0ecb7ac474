"""A command that does the same to each of several containers: those that it names, or --all."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ocinb.commands.values import Done, Lines
from ocinb.errors import CommandError, ContainerError, ContainerNotFound, OcinbError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ocinb.commands.session import Session
    from ocinb.engine.existing_containers import ExistingContainers


def chosen(
    session: Session,
    command: str,
    names: tuple[str, ...],
    every: bool,
    statuses: Collection[str] | None,
) -> tuple[str, ...]:
    """Which containers a command is for: those that were named, or all that it suits.

    Args:
        command: its name, for the sentence.
        names: as they were typed.
        every: whether --all was.
        statuses: of those that --all means; ``None`` for any.

    Raises:
        CommandError: neither was typed, or both were.
    """
    if every == bool(names):
        raise CommandError(
            f"{command}: name containers, or --all", hint="ocinb ps --all lists them"
        )
    if not every:
        return names
    found = session.engine.containers.all()
    return tuple(c.name for c in found if statuses is None or c.status in statuses)


def each(names: Sequence[str], do: Callable[[str], object], done: str) -> Done | Lines:
    """Do it to all of them, also when it fails for one; then tell. None is no error.

    Args:
        names: as they were typed.
        do: raises an ``OcinbError`` where it cannot.
        done: a sentence, with ``{}`` for the name.

    Raises:
        OcinbError: what the only one raised. ContainerError: what several did, in a sentence.
    """
    if len(names) == 1:
        do(names[0])
        return Done(names[0], done.format(names[0]))
    failed: list[OcinbError] = []
    told = []
    for name in dict.fromkeys(names):
        try:
            do(name)
            told.append(name)
        except OcinbError as error:
            failed.append(error)
    if failed:
        also = f"; it was done to {', '.join(told)}" if told else ""
        raise ContainerError(
            "; ".join(error.message for error in failed) + also, hint=failed[0].hint
        )
    return Lines(told)


def remove_users(containers: ExistingContainers, users: Iterable[str]) -> None:
    """Remove the containers that use what shall go, but not their volumes; errors as for
    ``delete``.

    Args:
        users: their ids; one that has just ended, and was not kept, is no error.
    """
    for user in users:
        with contextlib.suppress(ContainerNotFound):
            containers.delete(user, force=True, volumes=False)
