"""What programs write, passed on to this process' own streams as it is."""

from __future__ import annotations

import sys


def write_bytes(data: bytes, stream: int) -> None:
    """Write to standard output, or for stream 2 to standard error, behind what is there already."""
    target = sys.stdout if stream == 1 else sys.stderr
    target.flush()
    target.buffer.write(data)
    target.buffer.flush()
