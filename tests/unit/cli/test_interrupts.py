"""An interrupt that falls into a finalizer still ends the program."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, time
from ocinb.cli import interrupts
if {keep}:
    interrupts.keep()

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)

try:
    Finalized()
    time.sleep(1)
    print("lost")
except KeyboardInterrupt:
    print("raised")
"""


def said(keep: bool) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", PROGRAM.format(keep=keep)]
    return subprocess.run(argv, capture_output=True, text=True, check=True)


def test_python_alone_loses_it() -> None:
    assert said(keep=False).stdout == "lost\n"


def test_with_our_hook_it_is_raised_right_behind_and_nothing_is_printed() -> None:
    done = said(keep=True)
    assert (done.stdout, done.stderr) == ("raised\n", "")
