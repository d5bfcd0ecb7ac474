"""``draw``: the diagram of whatever can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.commands.values import Picture
from ocinb.errors import CommandError
from ocinb.notebook.diagrams.call_sequence import call_sequence
from ocinb.notebook.diagrams.comparison import comparison
from ocinb.notebook.diagrams.component_chain import component_chain
from ocinb.notebook.diagrams.content_graph import content_graph
from ocinb.notebook.diagrams.conversation import conversation_diagram
from ocinb.notebook.diagrams.digest_ledger import digest_ledger
from ocinb.notebook.diagrams.isolation import isolation
from ocinb.notebook.diagrams.layer_stack import layer_stack
from ocinb.notebook.diagrams.lifecycle_line import lifecycle_line
from ocinb.notebook.diagrams.limits import limits
from ocinb.notebook.diagrams.network_plan import network_plan
from ocinb.notebook.diagrams.overlay_lookup import overlay_lookup
from ocinb.notebook.diagrams.step_calls import step_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.notebook.diagrams.diagram import Diagram
    from ocinb.table import Table

KINDS: dict[str, Callable[[Table], Diagram]] = {
    "layer_stack": layer_stack,
    "lifecycle_line": lifecycle_line,
    "conversation": conversation_diagram,
    "overlay_lookup": overlay_lookup,
    "content_graph": content_graph,
    "digest_ledger": digest_ledger,
    "isolation": isolation,
    "limits": limits,
    "network_plan": network_plan,
    "component_chain": component_chain,
    "comparison": comparison,
    "step_calls": step_calls,
    "call_sequence": call_sequence,
}


def draw(subject: Any, what: str = "", argument: Any = None) -> Diagram:
    """The diagram of something; see ``SUBJECTS`` for what can be drawn of it.

    Args:
        subject: an ``Image``, a ``Container``, or a ``Picture`` that a command gave.
        what: as the command is called; the first one of the subject's if not given.
        argument: a path for ``why``, the other one for ``compare``, a step's number for
            ``lifecycle``.

    Raises:
        CommandError: there is no such diagram of it.
    """
    if isinstance(subject, Picture):
        return drawn(subject.kind, subject.table)
    drawings = SUBJECTS.get(f"{type(subject).__module__}.{type(subject).__name__}", {})
    if not drawings:
        raise CommandError(
            f"there is no diagram of a {type(subject).__name__}",
            hint="an image is drawn as its layers, a container as its lifecycle",
        )
    if (what or next(iter(drawings))) not in drawings:
        raise CommandError(
            f"there is no diagram {what!r} of it", hint=f"there are {', '.join(drawings)}"
        )
    kind, table = drawings[what or next(iter(drawings))]
    if argument is None and what in _NEED:
        raise CommandError(f"the diagram {what!r} needs {_NEED[what]}")
    if what == "lifecycle" and argument is not None:
        return drawn("step_calls", subject.step_table(argument))
    return drawn(kind, table(subject) if argument is None else table(subject, argument))


def drawn(kind: str, table: Table) -> Diagram:
    """The diagram of that kind.

    Args:
        kind: as in ``KINDS``.
    """
    diagram = KINDS[kind](table)
    diagram.kind = kind
    return diagram


SUBJECTS: dict[str, dict[str, tuple[str, Callable[..., Table]]]] = {
    "ocinb.image.Image": {
        "layers": ("layer_stack", lambda image: image.layer_table()),
        "graph": ("content_graph", lambda image: image.graph_table()),
        "ledger": ("digest_ledger", lambda image: image.ledger_table()),
        "why": ("overlay_lookup", lambda image, path: image.lookup_table(path)),
        "compare": ("comparison", lambda image, other: image.compare_table(other)),
    },
    "ocinb.container.Container": {
        "lifecycle": ("lifecycle_line", lambda container: container.lifecycle_table()),
        "namespaces": ("isolation", lambda container: container.isolation_table()),
        "limits": ("limits", lambda container: container.limits_table()),
        "components": ("component_chain", lambda container: container.components_table()),
        "compare": ("comparison", lambda container, other: container.compare_table(other)),
    },
}
"""Type → what can be drawn of it, by the names of the commands: kind of diagram, and its rows."""

_NEED = {"why": "a path", "compare": "another one"}
