"""What a field of config.json does, who makes it so, and where the specification says it."""

from __future__ import annotations

from ocinb.bundle.explanations import EXPLANATIONS, Explanation
from ocinb.bundle.field_path import general, known, nearest
from ocinb.errors import CommandError


def explain(path: str = "") -> list[Explanation]:
    """A field and those directly below it; without a path those at the top.

    Args:
        path: ``process.cwd``, ``mounts[0].options``, or the name of a field alone where only one
            field has it.

    Raises:
        CommandError: config.json has no such field.

    Spec: runtime-spec config.md#configuration
    """
    if not path:
        return [found for field, found in EXPLANATIONS.items() if "." not in field]
    wanted = general(path)
    if wanted not in EXPLANATIONS:
        same = [field for field in EXPLANATIONS if field.rpartition(".")[2] == wanted]
        if len(same) != 1:
            near = ", ".join(same[:4]) or nearest(path)
            raise CommandError(
                f"config.json has no field {path}",
                hint=f"did you mean {near}?" if near else "ocinb bundle explain lists them",
                citation="runtime-spec config.md#extensibility",
            )
        wanted = same[0]
    return [
        found
        for field, found in EXPLANATIONS.items()
        if field == wanted or _directly_below(field, wanted)
    ]


def section(path: str) -> str:
    """The section of the specification that a field, or what is nearest above it, is in."""
    field = known(path)
    return EXPLANATIONS[field].citation if field else "runtime-spec config.md#configuration"


def _directly_below(field: str, above: str) -> bool:
    rest = field.removeprefix(above) if field.startswith(above) else ""
    rest = rest.removeprefix("[]").removeprefix(".*")
    return rest.startswith(".") and "." not in rest[1:]
