"""``--filter NAME=VALUE`` of listings of containers, as podman and docker have it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ocinb.content.short_names import resolve
from ocinb.engine.health import HEALTHY, STARTING, UNHEALTHY
from ocinb.errors import CommandError, OcinbError
from ocinb.spec.runtime_state import PAUSED, RESTARTING, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ocinb.engine.containers import ContainerRecord
    from ocinb.engine.engine import Engine

    Test = Callable[[ContainerRecord, str], bool]


def chosen(
    engine: Engine, records: Sequence[ContainerRecord], texts: Iterable[str]
) -> list[ContainerRecord]:
    """The containers that all filters let through; of one name, any is enough.

    Raises:
        CommandError: a filter that is not known. ContainerNotFound: for ``before``, ``since``.
    """
    tests = _tests(engine)
    wanted: dict[str, list[str]] = {}
    for text in texts:
        name, value = split(text, tests)
        if name in _VALUES and value not in _VALUES[name]:
            raise CommandError(
                f"--filter {text}: no container can be that",
                hint=f"{name} is one of {', '.join(_VALUES[name])}",
            )
        if name == "exited" and not value.lstrip("-").isdigit():
            raise CommandError(f"--filter {text}: {value!r} is no exit status")
        wanted.setdefault(name, []).append(value)
    return [
        record
        for record in records
        if all(any(tests[name](record, v) for v in values) for name, values in wanted.items())
    ]


def split(text: str, names: Collection[str]) -> tuple[str, str]:
    """The name and the value of a filter.

    Raises:
        CommandError: it is no NAME=VALUE, or the name is none of these.
    """
    name, equals, value = text.partition("=")
    if name not in names or not equals:
        raise CommandError(
            f"--filter {text} is not known", hint=f"NAME=VALUE of {', '.join(names)}"
        )
    return name, value


def known(engine: Engine) -> dict[str, Sequence[str]]:
    """Each filter, with what there is to ask for where that is little."""
    names = [record.name for record in engine.containers.all()]
    listed = {**_VALUES, **dict.fromkeys(("name", "before", "since"), names)}
    return {name: listed.get(name, ()) for name in _tests(engine)}


def _tests(engine: Engine) -> dict[str, Test]:
    def created(name: str) -> float:
        return engine.containers.get(name).created

    def labelled(record: ContainerRecord, value: str) -> bool:
        try:
            annotations = engine.containers.state(record.id).annotations
        except OcinbError:
            return False  # it has just been removed
        name, equals, wanted = value.partition("=")
        return name in annotations and (not equals or annotations[name] == wanted)

    return {
        "name": lambda record, value: _matches(value, record.name),
        "id": lambda record, value: record.id.startswith(value),
        "status": lambda record, value: record.status == _STATUS.get(value, value),
        "exited": lambda record, value: str(record.exit_status) == value,
        "ancestor": lambda record, value: _same_image(engine, record.image, value),
        "health": lambda record, value: (record.health or "none") == value,
        "label": labelled,
        "volume": lambda record, value: value in record.volumes,
        "before": lambda record, value: record.created < created(value),
        "since": lambda record, value: record.created > created(value),
        "runtime": lambda record, value: record.runtime == value,
    }


_STATUS = {"exited": "stopped"}
"""Docker's word → the specification's."""
_VALUES = {
    "status": (*STATUSES, PAUSED, RESTARTING, *_STATUS),
    "health": (STARTING, HEALTHY, UNHEALTHY, "none"),
}
"""Filter → all that there is to ask for."""


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return pattern in name


def _same_image(engine: Engine, image: str, value: str) -> bool:
    try:
        return resolve(engine.store.names, value) == image
    except OcinbError:
        return False
