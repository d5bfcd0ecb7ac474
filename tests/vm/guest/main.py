"""Runs every test in the small machine and tells of each over the serial line."""

from __future__ import annotations

import sys
import time
import traceback

sys.path.insert(0, "/vm")

import delegation
import devices
import engine_delegation
import limits
import processes

TESTS = {
    f"{module.__name__}.{name}": function
    for module in (limits, processes, devices, delegation, engine_delegation)
    for name, function in vars(module).items()
    if name.startswith("test_")
}


def main() -> None:
    """``ok NAME SECONDS``, or ``not ok NAME WHY`` with the traceback in lines that begin with #."""
    for name, function in TESTS.items():
        start = time.monotonic()
        try:
            function()
        except BaseException as error:
            for line in traceback.format_exc().splitlines():
                tell(f"# {line}")
            tell(f"not ok {name} {type(error).__name__}: {' '.join(str(error).split())}")
        else:
            tell(f"ok {name} {time.monotonic() - start:.1f}")
    tell("done")


def tell(line: str) -> None:
    """A line on the serial line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


main()
