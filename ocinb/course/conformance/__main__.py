"""Puts one runtime through its lives, and writes what was seen; see ``lives``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ocinb.course.conformance.driver import Driver
from ocinb.course.conformance.lives import LIVES


def main() -> None:
    """Read the order from standard input, answer on standard output; both are JSON."""
    order = json.load(sys.stdin)
    driver = Driver(order["argv"], Path(order["directory"]))
    json.dump({name: LIVES[name](driver) for name in order["lives"]}, sys.stdout)


if __name__ == "__main__":
    main()
