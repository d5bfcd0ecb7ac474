"""exec, attach, wait, stop, restart as a shell sees them: streams and exit statuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.spec.reference import Reference

pytestmark = [pytest.mark.root, pytest.mark.slow]

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def ocinb(tmp_path: Path) -> Iterator[Shell]:
    """Runs ``ocinb WORDS`` with a store of its own that has the image ``demo``."""
    store = Store(tmp_path / "root/store")
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    places = {"OCINB_ROOT": f"{tmp_path}/root", "OCINB_RUN_ROOT": f"{tmp_path}/run"}

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ocinb", *words],
            env={**os.environ, **places},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    yield run
    left = run("ps", "--all", "--quiet").stdout.split()
    if left:
        run("rm", "--force", *left)


def test_exec_has_the_streams_and_the_status_of_its_command(ocinb: Shell) -> None:
    assert ocinb("run", "-d", "--name", "box", "demo", "sleep", "100").returncode == 0
    script = "cat; echo $WHO $PWD >&2; exit 9"
    words = ("exec", "-i", "-e", "WHO=me", "-w", "/tmp", "box", "sh", "-c", script)
    done = ocinb(*words, stdin="typed\n")
    assert (done.stdout, done.stderr, done.returncode) == ("typed\n", "me /tmp\n", 9)
    assert ocinb("exec", "box", "not-there").returncode == 127
    assert ocinb("exec", "box", "/etc").returncode == 126
    assert ocinb("exec", "other", "true").returncode == 125
    assert ocinb("exec", "-d", "box", "touch", "/tmp/mark").returncode == 0
    no_text = os.fsdecode(b"WHO=\xff")
    same = """test "$WHO" = "$(printf '\\377')" && echo it is"""
    assert ocinb("exec", "-e", no_text, "box", "sh", "-c", same).stdout == "it is\n"


def test_attach_wait_restart_and_stop(ocinb: Shell) -> None:
    script = "read line; echo got $line; exit 4"
    assert ocinb("run", "-d", "-i", "--name", "box", "demo", "sh", "-c", script).returncode == 0
    done = ocinb("attach", "box", stdin="this\n")
    assert (done.stdout, done.stderr, done.returncode) == ("got this\n", "", 4)
    assert ocinb("wait", "box").stdout == "4\n"
    assert ocinb("restart", "box").stdout == "box\n"
    late = ocinb("wait", "--timeout", "0.1", "box")
    assert (late.returncode, "has not ended within 0.1 s" in late.stderr) == (1, True)
    assert ocinb("stop", "-t", "0", "box").stdout == "box\n"
    assert ocinb("wait", "box").stdout == "137\n"
    assert ocinb("start", "box").returncode == 0
    assert ocinb("attach", "box", stdin="that\n").stdout == "got that\n"
    assert ocinb("logs", "box").stdout == "got this\ngot that\n"
