"""Standard streams that are there: whoever started us may have closed them.

What is opened next would get their numbers, and would be taken for them by us and by what we
start: a socket of ours for a container's input.
"""

from __future__ import annotations

import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_ones() -> None:
    """Read nothing from, and write nowhere to, those that were closed."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - to the end
