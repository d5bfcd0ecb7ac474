"""The program ``ocinb``."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocinb.cli.progress import LiveProgress
    from ocinb.commands.values import Narration


def main() -> int:
    """Run the command of ``sys.argv``; returns the exit status."""
    from ocinb.cli import standard_streams

    standard_streams.open_closed_ones()
    from ocinb.cli import errors, interrupts, render
    from ocinb.cli.progress import LiveProgress
    from ocinb.commands import tree
    from ocinb.commands.last_error import KeptError
    from ocinb.commands.session import Session
    from ocinb.commands.values import Narration
    from ocinb.errors import OcinbError

    if "_OCINB_COMPLETE" in os.environ:
        with contextlib.suppress(OcinbError):  # of a line that is wrong nothing is completed
            tree.root.main(prog_name="ocinb")
        return 0
    interrupts.keep()
    session = Session()
    kept = session.errors = KeptError(session.settings)
    try:
        with LiveProgress(session.recorder, session.hush) as progress:
            value = tree.call(sys.argv[1:], session, width=render.width())
            if isinstance(value, Narration):
                _tell(value, progress)
            else:
                progress.settle()
                render.show(value)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has gone: what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if not isinstance(error, KeyboardInterrupt):
            kept.keep(error)
        return errors.report(error)
    return exit_status(value)


def _tell(narration: Narration, progress: LiveProgress) -> None:
    from ocinb.cli import render

    try:
        for part in narration:
            progress.settle()
            render.narrate(part)
            sys.stdout.flush()
    finally:
        narration.close()


def exit_status(value: object) -> int:
    """What ran attached gives its own, a listing of faults 1; else success."""
    from ocinb.commands.values import Exited, Picture, Ran
    from ocinb.course.exercise import Verdict
    from ocinb.table import Table

    if isinstance(value, Ran):
        return value.container.exit_status or 0
    return value.exit_status if isinstance(value, Table | Picture | Exited | Verdict) else 0


if __name__ == "__main__":
    sys.exit(main())
