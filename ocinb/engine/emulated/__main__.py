"""The command: ``python -I -S /path/to/ocinb/engine/emulated/__main__.py proot ARGUMENTS``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from ocinb.engine.emulated.command_line import run_command

    kind, *words = sys.argv[1:]
    sys.exit(run_command(kind, words))


if __name__ == "__main__":
    # Started by path: our own directory is no place to import from, the package's is.
    own = os.path.dirname(os.path.abspath(__file__))
    package = os.path.dirname(os.path.dirname(os.path.dirname(own)))
    sys.path[:] = [package, *(place for place in sys.path if place != own)]
    main()
