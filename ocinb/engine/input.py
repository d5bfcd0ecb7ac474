"""What people type, on its way to the container: into its terminal, or into a pipe."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.engine.client import Client

DETACH_KEYS = b"\x10\x11"
"""Ctrl-P, Ctrl-Q at a terminal: the container goes on without this person. Docker's convention."""
_MOST = 4096
"""Bytes read at once: what a terminal's queue takes."""


class Input:
    """Moves what the attached clients type.

    Args:
        clients: gives those that are there.
        detach: called for a client that typed ``DETACH_KEYS``.
    """

    def __init__(
        self, clients: Callable[[], list[Client]], detach: Callable[[Client], None]
    ) -> None:
        self._clients = clients
        self._detach = detach
        self._target = -1
        self._terminal = False
        self._pending = b""
        self._ends = False

    def make_pipe(self) -> int:
        """The end that the container reads; the caller closes it."""
        reader, self._target = os.pipe()
        os.set_blocking(self._target, False)
        return reader

    def use_terminal(self, master: int) -> None:
        """Type on a pseudoterminal, whose master side this is; it is not closed here."""
        self._target, self._terminal = master, True

    def register(self, wanted: dict[int, int]) -> None:
        """Add what to wait for, descriptor → events: more input, or that what there is is taken.

        Of a pipe it is always heard that nobody will ever read it. The descriptor of a terminal
        is waited for by ``Output`` too.
        """
        if self._target < 0:
            return
        if self._pending or not self._terminal:
            events = select.POLLOUT if self._pending else 0
            wanted[self._target] = wanted.get(self._target, 0) | events
        if not self._pending:
            wanted.update((client.stdin, select.POLLIN) for client in self._typing())

    def handle(self, ready: dict[int, int]) -> None:
        """Move what is ready: descriptor → events, as ``poll`` gave them."""
        if self._target < 0:
            return
        if not self._terminal and ready.get(self._target, 0) & select.POLLERR:
            self.end()
        elif self._pending:
            self._push()
        else:
            for client in self._typing():
                if client.stdin in ready and not self._pending and self._target >= 0:
                    self._take(client)

    @property
    def on_terminal(self) -> bool:
        """Whether the container has a terminal to read from."""
        return self._terminal and self._target >= 0

    def end(self) -> None:
        """Nothing more is typed. What comes from clients is left unread."""
        if self._target >= 0 and not self._terminal:
            os.close(self._target)
        self._target = -1
        self._pending = b""
        self._ends = False

    def _typing(self) -> list[Client]:
        return [client for client in self._clients() if client.attached and client.stdin >= 0]

    def _take(self, client: Client) -> None:
        try:
            data = os.read(client.stdin, _MOST)
        except OSError:  # EIO: its terminal was hung up
            data = b""
        if not data:
            os.close(client.stdin)
            client.stdin = -1
            self._ends = not self._terminal
        elif self._terminal:
            data, left = _without_keys(client, data)
            if left:
                self._detach(client)
        self._pending = data
        self._push()

    def _push(self) -> None:
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._target, self._pending) :]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it any more
            self.end()
            return
        if self._ends:
            self.end()


def _without_keys(client: Client, data: bytes) -> tuple[bytes, bool]:
    """What is to be passed on, and whether the keys to detach were typed.

    The first of them waits for the next key: together they are no input.
    """
    data, client.typed = client.typed + data, b""
    before, keys, _ = data.partition(DETACH_KEYS)
    if keys:
        return before, True
    if data.endswith(DETACH_KEYS[:1]):
        data, client.typed = data[:-1], DETACH_KEYS[:1]
    return data, False
