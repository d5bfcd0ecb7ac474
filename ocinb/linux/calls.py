"""How a system call is made: observed, and raised as ``SyscallError`` where it is refused."""

from __future__ import annotations

import os
import time

from ocinb.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable
    from typing import Any

    Observe = Callable[[str, tuple[str, ...], int, int, float], None]
    StrPath = str | bytes


class Calls:
    """The base of ``Kernel``.

    Args:
        observe: called after every call with its name, its arguments in readable form, the
            result, the errno (0 for success) and the seconds it took.
    """

    def __init__(self, observe: Observe | None = None) -> None:
        self.observe = observe

    def _call(self, call: str, shown: tuple[object, ...], *arguments: object) -> int:
        """Make a call by its number."""
        from ocinb.linux import raw_calls

        prepared = raw_calls.prepared(call, *arguments)
        started = time.perf_counter()
        result = raw_calls.perform(prepared)
        errno = raw_calls.errno() if result == -1 else 0
        self._tell(call, shown, result, errno, started)
        return result

    def _os(
        self,
        call: str,
        shown: tuple[object, ...],
        function: Callable[..., Any],
        *arguments: object,
        **options: object,
    ) -> Any:
        """Make a call that Python's ``os`` makes faithfully."""
        started = time.perf_counter()
        result, errno = None, 0
        try:
            result = function(*arguments, **options)
        except OSError as error:
            errno = error.errno or 0
        self._tell(call, shown, result if isinstance(result, int) else 0, errno, started)
        return result

    def _tell(
        self, call: str, shown: tuple[object, ...], result: int, errno: int, started: float
    ) -> None:
        if self.observe:
            seconds = time.perf_counter() - started
            readable = tuple([v if type(v) is str else show(v) for v in shown])
            self.observe(call, readable, result, errno, seconds)
        if errno:
            raise SyscallError(call, tuple(map(show, shown)), errno)


def buffer(size: int) -> ctypes.Array[ctypes.c_char]:
    """Memory that the kernel fills in: an argument of ``ioctl`` and its like; ``raw`` is what is
    in it.
    """
    from ocinb.linux import raw_calls

    return raw_calls.buffer(size)


def text(value: StrPath | None) -> bytes | None:
    """A string for the kernel. A NUL in it would silently cut it short, so it is refused."""
    if value is None:
        return None
    data = os.fsencode(value)
    if b"\0" in data:
        raise SyscallError("path", (show(value),), 22)
    return data


def show(value: object) -> str:
    """A value for people to read."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
