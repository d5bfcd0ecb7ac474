"""Changing fields of a config.json; what nobody named, known or not, stays as it is."""

from __future__ import annotations

import itertools
import json
from typing import Any

from ocinb.bundle.field_path import APPEND, Step, parse
from ocinb.errors import CommandError


def set_field(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a field, in place; objects on the way are made.

    Args:
        config: config.json.
        path: as in ``process.args``, ``mounts[0].options``, ``linux.namespaces[+]``.
        value: any JSON value.

    Raises:
        CommandError: the path leads through something that is no object or array.

    Spec: runtime-spec config.md#extensibility (unknown fields are kept)
    """
    steps = parse(path)
    inner: Any = config
    for step, following in itertools.pairwise(steps):
        fresh: Any = {} if isinstance(following, str) else []
        inner = _enter(inner, step, path, fresh)
    _put(inner, steps[-1], path, value)


def remove_field(config: dict[str, Any], path: str) -> None:
    """Take a field out, in place.

    Raises:
        CommandError: it is not there.
    """
    *above, last = parse(path)
    inner: Any = config
    try:
        for step in above:
            inner = inner[step]
        del inner[last]
    except (KeyError, IndexError, TypeError):
        raise CommandError(f"config.json has no {path} to remove") from None


def merge(config: dict[str, Any], changes: dict[str, Any]) -> None:
    """Change many fields at once, in place: a JSON merge patch (RFC 7396).

    Args:
        config: config.json.
        changes: an object of the same form; objects are merged, all else replaces what is there,
            null takes a field out.

    Spec: runtime-spec config.md#extensibility (unknown fields are kept)
    """
    for name, value in changes.items():
        if value is None:
            config.pop(name, None)
        elif isinstance(value, dict):
            inner = config.get(name)
            config[name] = inner if isinstance(inner, dict) else {}
            merge(config[name], value)
        else:
            config[name] = value


def value_of(text: str) -> Any:
    """A value as a person types it: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def assignment(text: str) -> tuple[str, Any]:
    """``FIELD=VALUE`` taken apart.

    Raises:
        CommandError: it has no equals sign.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise CommandError(
            f"{text!r} is not FIELD=VALUE",
            hint="as in process.cwd=/tmp or 'process.args=[\"sh\"]'",
        )
    return path.strip(), value_of(value)


def _enter(inner: Any, step: Step, path: str, fresh: Any) -> Any:
    if isinstance(step, str) and isinstance(inner, dict):
        if inner.get(step) is None:
            inner[step] = fresh
        return inner[step]
    if isinstance(step, int) and isinstance(inner, list):
        if step == APPEND:
            inner.append(fresh)
        if step < len(inner):
            return inner[step]
    raise _no_way(path, step)


def _put(inner: Any, step: Step, path: str, value: Any) -> None:
    if isinstance(step, str) and isinstance(inner, dict):
        inner[step] = value
    elif isinstance(step, int) and isinstance(inner, list) and step < len(inner):
        if step == APPEND:
            inner.append(value)
        else:
            inner[step] = value
    else:
        raise _no_way(path, step)


def _no_way(path: str, step: Step) -> CommandError:
    where = f"the name {step}" if isinstance(step, str) else f"the number {step}"
    return CommandError(f"{path} leads nowhere: at {where} there is nothing of that kind")
