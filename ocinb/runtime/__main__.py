"""``ocinb-runtime``, the command.

Three ways to start it, the quickest first (measured with an absolute path to the interpreter):

* ``python3 -I -S /path/to/ocinb/runtime/__main__.py ARGUMENTS`` — no site-packages are searched;
  the directory that holds the ``ocinb`` package is put on the path by this file itself;
* ``python3 -m ocinb.runtime ARGUMENTS``;
* ``ocinb-runtime ARGUMENTS``, the console script.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    if not {"create", "run", "exec"}.isdisjoint(sys.argv):
        # Before anything else is imported, for it would have to be imported twice.
        from ocinb.linux.syscalls import Kernel
        from ocinb.runtime.sealing import seal

        seal(Kernel())
    from ocinb.runtime.command_line import run_command

    status = run_command(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        pass  # nobody reads what we print
    # Nothing is left to tidy up, and the interpreter would take 1 ms for it.
    os._exit(status)


if __name__ == "__main__":
    if not __package__:
        # Started by path: our own directory is no place to import from, the package's is.
        own = os.path.dirname(os.path.abspath(__file__))
        package = os.path.dirname(os.path.dirname(own))
        sys.path[:] = [package, *(place for place in sys.path if place != own)]
    main()
