"""Which runtime the commands of ``cri`` speak to."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ocinb.errors import CriError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ocinb.commands.session import Session
    from ocinb.cri.client import Client
    from ocinb.cri.pods import Pods

ENDPOINT = "ocinb.cri.endpoint"
"""Key of ``click.Context.meta``."""


@contextmanager
def client(session: Session) -> Iterator[Client]:
    """A connection for the command that runs.

    Raises:
        CriError: no runtime was named, and none is where runtimes listen.
    """
    from ocinb.cri.client import SOCKETS, Client

    endpoint = click.get_current_context().meta.get(ENDPOINT, "")
    endpoint = endpoint or next(filter(os.path.exists, SOCKETS), "")
    if not endpoint:
        raise CriError(
            "no runtime with the CRI listens here",
            hint=f"--endpoint names its socket; looked for were {', '.join(SOCKETS)}",
        )
    with Client(endpoint, record=session.recorder) as connection:
        yield connection


@contextmanager
def pods(session: Session) -> Iterator[Pods]:
    """The same, for pods; their logs are in ``ROOT/cri/logs``."""
    from ocinb.cri.pods import Pods

    with client(session) as connection:
        yield Pods(connection, session.settings.root / "cri" / "logs")


def find(items: Iterable[Any], text: str, kind: str) -> str:
    """The id of what is called so, or whose id begins so.

    Args:
        items: with ``id`` and ``metadata.name``; the newest of a name is meant.
        kind: a word for errors.

    Raises:
        CriError: none, or several.
    """
    known = sorted(items, key=lambda item: int(item.created_at), reverse=True)
    named = [item for item in known if item.metadata.name == text]
    if named:
        return str(named[0].id)
    begun = [item for item in known if item.id.startswith(text)]
    if len(begun) == 1:
        return str(begun[0].id)
    names = ", ".join(dict.fromkeys(item.metadata.name for item in known)) or "none"
    what = "several" if begun else "no"
    raise CriError(f"the runtime has {what} {kind} {text}", hint=f"there are: {names}")


def pod_id(call: Client, text: str) -> str:
    """A pod's id, from its name or the beginning of its id."""
    return find(call("ListPodSandbox").items, text, "pod")


def container_id(call: Client, text: str) -> str:
    """A container's id, from its name or the beginning of its id."""
    return find(call("ListContainers").containers, text, "container")


def seconds(nanoseconds: int) -> float | None:
    """A time of the CRI as ours; None where there is none."""
    return nanoseconds / 1e9 if nanoseconds else None
