"""Options of ``run`` that stand in config.json for others to read: ``annotations``, ``hooks``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.commands.quantities import pairs
from ocinb.errors import CommandError
from ocinb.spec.lifecycle import HOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPTIONS = (
    FieldOption(
        "-l", "--label", multiple=True, metavar="NAME[=VALUE]", help="To find it by.",
        sets="annotations",
    ),
    FieldOption(
        "--label-file", multiple=True, metavar="FILE", help="Labels, a NAME=VALUE a line.",
        sets="annotations",
    ),
    FieldOption(
        "--annotation", multiple=True, metavar="NAME=VALUE", help="For config.json.",
        sets="annotations",
    ),
    FieldOption(
        "--hook", multiple=True, metavar="STAGE=COMMAND", help=", ".join(HOOKS) + ".",
        sets="hooks",
    ),
)  # fmt: skip


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Labels become annotations, as those of images do; the container is found by either.

    Raises:
        CommandError: a value is not what its option takes.

    Spec: image-spec conversion.md#annotation-fields
    """
    labels = [line for path in values["label_file"] for line in _lines(path)]
    return {
        "annotations": {
            **pairs("--label", [*labels, *values["label"]], bare=True),
            **pairs("--annotation", values["annotation"]),
        },
        "hooks": _hooks(values["hook"]),
    }


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, ValueError) as error:
        raise CommandError(f"--label-file {path} cannot be read: {error}") from None
    return [line for line in lines if line and not line.startswith("#")]


def _hooks(texts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Spec: runtime-spec config.md#posix-platform-hooks"""
    hooks: dict[str, list[dict[str, Any]]] = {}
    for text in texts:
        stage, _, words = text.partition("=")
        try:
            command = shlex.split(words)
        except ValueError:
            command = []
        if stage not in HOOKS or not command or not command[0].startswith("/"):
            raise CommandError(
                f"--hook {text} is not STAGE=COMMAND",
                hint=f"a stage is one of {', '.join(HOOKS)}; the command begins with a path",
            )
        hooks.setdefault(stage, []).append({"path": command[0], "args": command})
    return hooks
