"""What was made for each container, written down before it is made, so that it can be undone.

Whoever undoes it need not be who made it: the ``poststop`` hook, the engine after a runtime was
killed, or ``doctor --repair`` after the machine was.
"""

from __future__ import annotations

import os

from ocinb import plain_json
from ocinb.errors import NetworkError, StorageError
from ocinb.event_log import append_event
from ocinb.events import NetworkChanged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Attachment:
    """The record of one container.

    Args:
        state: ``RUN_ROOT/networks``.
        container: its ID.
        values: what is known of it: ``kind``, ``links``, ``ports`` …; see ``plan.py``.
    """

    def __init__(self, state: str, container: str, values: dict[str, Any]) -> None:
        self.state = state
        self.container = container
        self.values = values
        self._path = path(state, container)

    def note(self, **values: Any) -> None:
        """Write down more of it.

        Raises:
            StorageError: the disk refused.
        """
        self.values.update(values)
        directory = os.path.dirname(self._path)
        new = f"{directory}/.{os.getpid()}"
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
            with open(new, "w", encoding="utf-8") as file:
                file.write(plain_json.dumps(self.values))
            os.replace(new, self._path)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{self._path} cannot be written: {reason}") from error

    def forget(self) -> None:
        """All of it is undone."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return

    def link(self, network: str) -> dict[str, Any] | None:
        """How the container is connected with a network of ours; None: it is not."""
        links: list[dict[str, Any]] = self.values.get("links") or []
        return next((link for link in links if link["network"]["name"] == network), None)

    def tell(
        self, action: str, kind: str, name: str, detail: str = "", seconds: float = 0.0
    ) -> None:
        """Record that a part of the container's network was made or removed."""
        event = NetworkChanged(
            container=self.container,
            action=action,
            kind=kind,
            name=name,
            detail=detail,
            seconds=seconds,
        )
        # Where the file is not there any more, the container is gone with its directory.
        append_event(str(self.values.get("events") or ""), event, create=False)

    @classmethod
    def read(cls, state: str, container: str) -> Attachment | None:
        """The record of a container; None where nothing was made for it."""
        try:
            with open(path(state, container), encoding="utf-8") as file:
                values = plain_json.loads(file.read())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise NetworkError(f"{path(state, container)} cannot be read: {error}") from None
        return cls(state, container, values if isinstance(values, dict) else {})

    @classmethod
    def all(cls, state: str) -> Iterator[Attachment]:
        """Every record."""
        try:
            names = sorted(os.listdir(f"{state}/attachments"))
        except FileNotFoundError:
            return
        for name in names:
            found = None if name.startswith(".") else cls.read(state, name)
            if found is not None:
                yield found


def path(state: str, container: str) -> str:
    """Where a container's record lies.

    Raises:
        NetworkError: that is no ID of a container.
    """
    good = container and not container.startswith(".") and len(container) < 200
    if not good or not all(c.isalnum() or c in "_+-." for c in container):
        raise NetworkError(f"{container!r} is not the ID of a container")
    return f"{state}/attachments/{container}"


def bridge_alias(network: str, state: str) -> str:
    """What the alias of a network's bridge says; at most 255 bytes of it are kept."""
    return f"ocinb network {network} of {state}".encode()[:255].decode(errors="ignore")
