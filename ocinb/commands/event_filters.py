"""``--filter NAME=VALUE`` of ``events``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.commands.filters import split
from ocinb.errors import CommandError, OcinbError
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ocinb.engine.engine import Engine
    from ocinb.events import Happened

_FILTERS = ("action", "event", "container", "name", "image")
_ACTIONS = (
    "create", "start", "oom", "die", "kill", "pause", "unpause", "update", "rename", "exec",
    "connect", "disconnect", "health_status", "remove",
)  # fmt: skip


def known(engine: Engine) -> dict[str, Sequence[str]]:
    """Each filter, with what there is to ask for where that is little."""
    names = [record.name for record in engine.containers.all()]
    listed = {"action": _ACTIONS, "event": _ACTIONS, "container": names, "name": names}
    return {name: listed.get(name, ()) for name in _FILTERS}


def wishes(texts: Iterable[str]) -> dict[str, set[str]]:
    """What filters ask for: what is told → the values of which any is enough.

    Raises:
        CommandError: a filter that is not known, or that nothing could ever fit.
    """
    wanted: dict[str, set[str]] = {}
    for text in texts:
        name, value = split(text, _FILTERS)
        key = {"event": "action", "name": "container"}.get(name, name)
        if key == "action" and value not in _ACTIONS:
            raise CommandError(
                f"--filter {text}: nothing is called that", hint=f"one of {', '.join(_ACTIONS)}"
            )
        if key == "image":
            value = _whole(value)
        wanted.setdefault(key, set()).add(value)
    return wanted


def fits(event: Happened, wanted: Mapping[str, set[str]]) -> bool:
    """Whether an event is one of those that were asked for."""
    if "action" in wanted and event.action not in wanted["action"]:
        return False
    if "container" in wanted and not {event.name, event.container} & wanted["container"]:
        return False
    return "image" not in wanted or event.image in wanted["image"]


def _whole(name: str) -> str:
    try:
        return str(Reference.parse(name))
    except OcinbError:
        return name
