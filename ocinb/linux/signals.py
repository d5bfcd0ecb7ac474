"""Signals by their numbers, without the ``signal`` module, which imports ``enum``: 3 ms at every
start of the runtime. See signal(7).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGPIPE, SIGTERM = 1, 2, 3, 9, 13, 15
SIGCHLD, SIGSTOP, SIGURG, SIGXFSZ, SIGWINCH = 17, 19, 23, 25, 28
LAST: int = _signal.SIGRTMAX


def handle(number: int, handler: Callable[[int, FrameType | None], object]) -> None:
    """Call a function whenever the signal comes.

    Raises:
        OSError: a real-time signal that the C library keeps for itself.
    """
    _signal.signal(number, handler)


def default(number: int) -> None:
    """Let the kernel do what it does by default, also in programs that are executed from here."""
    _signal.signal(number, _signal.SIG_DFL)


def send(process: int, number: int) -> None:
    """Send a signal to the process of a descriptor (``os.pidfd_open``), which no other process
    can have taken the number of.

    Raises:
        OSError: it has ended.
    """
    _signal.pidfd_send_signal(process, number)


def all_numbers() -> set[int]:
    """Every signal of this machine."""
    return set(_signal.valid_signals())


def named(name: str) -> int | None:
    """The number of a signal called ``SIGTERM`` and its like; None where there is none."""
    number = getattr(_signal, name, None) if name.startswith("SIG") else None
    # SIG_DFL and SIG_BLOCK, which also live there, are no signals.
    return number if isinstance(number, int) and not name.startswith("SIG_") else None
