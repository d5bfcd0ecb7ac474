"""What the runtime says to people and to its caller: errors and warnings.

An error goes as one entry to ``--log`` (JSON or text, the formats of logrus, which containerd,
podman and docker parse) and as plain text to standard error.
Spec: none (runc convention)
"""

from __future__ import annotations

import os
import time

from ocinb.errors import StorageError
from ocinb.plain_json import dumps


class Log:
    """Where entries go.

    Args:
        path: the ``--log`` file, appended to; empty for standard error only.
        form: ``json`` or ``text``.
        debug: keep debug entries too.
        descriptor: of the file, where it is open already.

    Attributes:
        form: as it was given.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(
        self, path: str = "", form: str = "text", *, debug: bool = False, descriptor: int = -1
    ) -> None:
        self.form = form
        self._debug = debug
        self._fd = descriptor
        if path and path != "/dev/stderr":
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            try:
                self._fd = os.open(path, flags, 0o644)
            except OSError as error:
                raise StorageError(
                    f"the log {path} cannot be opened: {os.strerror(error.errno or 0).lower()}"
                ) from None

    @property
    def descriptor(self) -> int:
        """Of the ``--log`` file; -1 where there is none."""
        return self._fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)

    def error(self, message: str) -> None:
        """An operation failed."""
        self._write("error", message)
        _say(f"ocinb-runtime: {message}\n")

    def warning(self, message: str) -> None:
        """Something that does not stop the operation."""
        self._write("warning", message)
        if self._fd < 0:
            _say(f"ocinb-runtime: warning: {message}\n")

    def debug(self, message: str) -> None:
        """What only ``--debug`` shows."""
        if self._debug:
            self._write("debug", message)

    def _write(self, level: str, message: str) -> None:
        if self._fd < 0:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.form == "json":
            line = dumps({"level": level, "msg": message, "time": now})
        else:
            line = f"time={dumps(now)} level={level} msg={dumps(message)}"
        try:
            os.write(self._fd, line.encode() + b"\n")
        except OSError:
            _say(f"ocinb-runtime: {level}: {message}\n")


def _say(text: str) -> None:
    try:
        os.write(2, text.encode(errors="replace"))
    except OSError:
        pass  # nobody is left to tell
