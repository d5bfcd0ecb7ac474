"""The pseudoterminal of a container: received from the runtime, sized, and put on a person's."""

from __future__ import annotations

import os

from ocinb.errors import StepFailed
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from ocinb.linux.syscalls import Kernel


class Console:
    """A socket on which the runtime hands over the terminal's master side.

    Spec: none (runc convention: ``--console-socket``)
    """

    def __enter__(self) -> Console:
        import socket

        # A socket's path may have 107 bytes, and a container's directory may be deeper.
        self._directory = f"/tmp/ocinb-console-{os.urandom(8).hex()}"
        os.mkdir(self._directory, 0o700)
        self.path = f"{self._directory}/socket"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen(1)
        return self

    def receive(self) -> int:
        """The master's descriptor.

        Raises:
            StepFailed: the runtime did not send one.
        """
        import socket

        self._socket.settimeout(5)
        try:
            connection, _ = self._socket.accept()
            with connection:
                _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        except OSError:
            descriptors = []
        if not descriptors:
            raise StepFailed("the runtime did not hand over the container's terminal")
        os.set_inheritable(descriptors[0], False)
        return descriptors[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()
        os.unlink(self.path)
        os.rmdir(self._directory)


def set_size(kernel: Kernel, fd: int, rows: int, columns: int) -> None:
    """Tell a terminal how large it is; its programs hear of it by SIGWINCH."""
    import struct

    kernel.ioctl(fd, f.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
