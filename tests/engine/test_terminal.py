"""A person's terminal at the disposal of a container's."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from ocinb.settings import Settings

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Typist:
    """Somebody at a terminal that runs a program."""

    def __init__(self, source: str) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (33, 77))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.slave = slave
        self.seen = b""

    def wait_for(self, text: bytes, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            self.look()
        self.seen = self.seen.partition(text)[2]

    def look(self) -> None:
        """See what is there. A terminal that nobody looks at cannot be made raw."""
        ready, _, _ = select.select([self.master], [], [], 0.1)
        if ready:
            self.seen += os.read(self.master, 4096)

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def __enter__(self) -> Typist:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(20)
        os.close(self.slave)
        os.close(self.master)


@pytest.mark.peer
def test_a_shell_on_a_terminal(settings: Settings, runtime: str) -> None:
    source = (
        "from ocinb.bundle.options import ContainerOptions as Options\n"
        "from ocinb.engine import Engine\nfrom ocinb.settings import Settings\n"
        "import pathlib\n"
        f"engine = Engine(Settings(root=pathlib.Path({str(settings.root)!r}), "
        f"run_root=pathlib.Path({str(settings.run_root)!r})))\n"
        "options = Options(args=['sh'], env=['PS1=ready> '])\n"
        f"done = engine.run('demo', options, tty=True, stdin=0, runtime={runtime!r})\n"
        "print('status', done.exit_status, flush=True)\n"
    )
    with Typist(source) as typist:
        typist.wait_for(b"ready> ")
        typist.type(b"echo $((40 + 2))\n")
        typist.wait_for(b"42\r\n")
        typist.wait_for(b"ready> ")
        # Ctrl-C is a key of the container's terminal: the shell goes on, what it runs does not.
        typist.type(b"sh -c 'echo go; exec sleep 100'\n")
        typist.wait_for(b"go\r\n")
        typist.type(b"\x03")
        typist.wait_for(b"ready> ")
        typist.type(b"exit 7\n")
        typist.wait_for(b"status 7\r\n")
        assert termios.tcgetattr(typist.slave) == typist.before
