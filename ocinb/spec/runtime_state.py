"""The state of a container.

Spec: runtime-spec runtime.md#state
"""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.spec.versions import RUNTIME_SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CREATING = "creating"
CREATED = "created"
RUNNING = "running"
STOPPED = "stopped"
STATUSES = (CREATING, CREATED, RUNNING, STOPPED)
"""Spec: runtime-spec runtime.md#state (status)"""

PAUSED = "paused"
"""An additional value, as the specification allows; runc and crun have the same one."""
RESTARTING = "restarting"
"""Another one, of engines: its program has ended, and will be run again. Docker's word."""


class State(Frozen):
    """What ``state`` prints and what hooks read on standard input.

    Spec: runtime-spec runtime.md#state
    """

    id: str
    status: str
    pid: int = 0
    bundle: str
    annotations: Mapping[str, str] = {}
    oci_version: str = RUNTIME_SPEC

    def document(self) -> dict[str, Any]:
        """The JSON object, with ``pid`` only where the specification requires or allows it."""
        document: dict[str, Any] = {
            "ociVersion": self.oci_version,
            "id": self.id,
            "status": self.status,
        }
        if self.pid or self.status != CREATING:
            document["pid"] = self.pid
        return {**document, "bundle": self.bundle, "annotations": dict(self.annotations)}
