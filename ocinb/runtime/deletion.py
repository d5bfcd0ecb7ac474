"""Who deletes a container, where several want to."""

from __future__ import annotations

from ocinb.errors import ContainerNotFound
from ocinb.spec.runtime_state import STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.container_state import Container, Containers


def to_delete(
    containers: Containers, container_id: str, made: Container | None = None, *, force: bool
) -> Container | None:
    """The container, locked, for the one who is to delete it; None: there is nothing left to do.

    Of several at once one gets it. The others were asked for what is done by then, so that they
    find nothing is no error.

    Args:
        containers: those under one root.
        container_id: which.
        made: as this process made it; None: it is read.
        force: also where it is not stopped; one that does not exist is no error, and of one
            whose creation was killed before it had a state nothing is left.

    Raises:
        ContainerNotFound: it does not exist. InvalidStatus: it is not stopped. Neither with
            ``force``.

    Spec: runtime-spec runtime.md#delete
    """
    try:
        container = made or containers.load(container_id)
    except ContainerNotFound:
        if force:
            containers.clear(container_id)
            return None
        raise
    if not force:
        container.require("delete", STOPPED)
    try:
        container.lock()
    except ContainerNotFound:
        return None
    return container
