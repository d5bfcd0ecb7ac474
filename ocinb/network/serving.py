"""The published ports of an attachment: taken first, served last."""

from __future__ import annotations

import os

from ocinb.linux.processes import start_time
from ocinb.network.ports import PublishedPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Iterable, Sequence

    from ocinb.network.attachments import Attachment


class Served:
    """The published ports of a container. A context manager, left when they are served or not.

    Args:
        attachment: ``ports``; what they became is noted there.

    Attributes:
        ports: with their numbers; none where the container is in no network.

    Raises:
        NetworkError: one is in use.
    """

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        wanted = [PublishedPort.of(each) for each in attachment.values["ports"]]
        self._sockets: list[_socket.socket] = []
        self.ports: list[PublishedPort] = []
        if wanted and attachment.values.get("links") != []:
            from ocinb.network.listeners import listen

            self._sockets, self.ports = listen(wanted)
            attachment.note(ports=[dict(port) for port in self.ports])
        if wanted:
            _write_down(attachment.values["published"], self.ports)

    def serve(
        self,
        target: str,
        pid: int,
        enter: Callable[[], None] | None = None,
        keep: Iterable[int] = (),
    ) -> None:
        """Have a process hand on what comes, until the container ends.

        Args:
            target: the container's address.
            pid: of its first process.
            enter, keep: see ``proxy.spawn``.
        """
        if not self._sockets and not keep:
            return
        from ocinb.network import proxy

        child, go = proxy.spawn(self._sockets, self.ports, target, pid, enter, keep)
        served = {"name": "proxy", "pid": child, "started": start_time(child)}
        self._attachment.note(processes=[*self._attachment.values["processes"], served])
        os.write(go, b"!")
        os.close(go)
        for port in self.ports:
            self._attachment.tell("made", "port", str(port), f"process {child}")

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()


def _write_down(path: str, ports: Sequence[PublishedPort]) -> None:
    """For listings: the numbers of the ports, a line each."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{port}\n" for port in ports))
    except OSError:
        return  # the container works without
