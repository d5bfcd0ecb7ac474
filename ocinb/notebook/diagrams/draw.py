"""``draw``: the diagram of whatever can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.commands.values import Picture
from ocinb.errors import CommandError
from ocinb.notebook.diagrams.conversation import conversation_diagram
from ocinb.notebook.diagrams.layer_stack import layer_stack
from ocinb.notebook.diagrams.lifecycle_line import lifecycle_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.notebook.diagrams.diagram import Diagram
    from ocinb.table import Table

KINDS: dict[str, Callable[[Table], Diagram]] = {
    "layer_stack": layer_stack,
    "lifecycle_line": lifecycle_line,
    "conversation": conversation_diagram,
}


def draw(subject: Any) -> Diagram:
    """An image as its layer stack, a container as its lifecycle.

    Raises:
        CommandError: there is no diagram of such a thing.
    """
    from ocinb.container import Container
    from ocinb.image import Image

    if isinstance(subject, Picture):
        return KINDS[subject.kind](subject.table)
    if isinstance(subject, Image):
        return layer_stack(subject.layer_table())
    if isinstance(subject, Container):
        return lifecycle_line(subject.lifecycle_table())
    raise CommandError(
        f"there is no diagram of a {type(subject).__name__}",
        hint="an image is drawn as its layers, a container as its lifecycle",
    )
