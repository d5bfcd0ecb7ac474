"""The process that stands by: it becomes what a fork at that moment would be, or says no."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

BEGIN = """
import os, sys, time
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.runtime.standby import Standby
kernel = Kernel()

def become(standby, script, descriptors=(), life=os.execv):
    end = time.monotonic() + 20
    # It says no until it is ready, and is no more then: so the first answer counts.
    while not standby._ready() and time.monotonic() < end:
        time.sleep(0.01)
    standby._ready = lambda: True
    sys.stdout.flush()
    arguments = (script,) if life is exec else ("/bin/sh", ["sh", "-c", script])
    took = standby.become(life, arguments, descriptors)
    return took and os.waitstatus_to_exitcode(os.waitpid(standby.pid, 0)[1])
"""


def said(script: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def test_it_goes_into_the_mount_namespace_and_the_root_of_that_moment(tmp_path: Path) -> None:
    script = """
standby = Standby(kernel, lambda: None)
kernel.unshare(f.CLONE_NEWNS)
kernel.mount(None, "/", None, f.MS_REC | f.MS_PRIVATE)
kernel.mount("/", sys.argv[1], None, f.MS_BIND | f.MS_REC)
os.chroot(sys.argv[1])
os.chdir("/")
print(open("/proc/self/mountinfo").read(), end="====")
become(standby, "cat /proc/self/mountinfo")
"""
    here, there = said(script, tmp_path).split("====")
    assert here == there != ""


def test_it_has_the_descriptors_that_it_is_given_and_no_others() -> None:
    script = """
standby = Standby(kernel, lambda: None)
os.dup2(os.open("/dev/zero", os.O_RDONLY), 17)
os.dup2(os.open("/etc/passwd", os.O_RDONLY), 19)
look = "import os\\nfor n in os.listdir('/proc/self/fd'):\\n try: print(n, os.stat(int(n)).st_ino)"
look += "\\n except OSError: pass\\nprint(flush=True)"
become(standby, look, [19], life=exec)
print(os.stat(19).st_ino)
"""
    *there, _, inode = said(script).splitlines()
    assert [line.split()[0] for line in there] == ["0", "1", "2", "19"]
    assert there[3] == f"19 {inode}"


def test_it_is_the_first_process_of_its_own_pid_namespace() -> None:
    script = """
print(become(Standby(kernel, lambda: None), "exit $$"))
"""
    assert said(script) == "1\n"


def test_what_it_cannot_take_it_refuses_so_that_another_is_forked() -> None:
    script = """
print(become(Standby(kernel, lambda: None), ":" * 200_000))
print(become(Standby(kernel, lambda: None), ":", range(3, 100)))
slow = Standby(kernel, lambda: time.sleep(100))
print(slow.become(os.execv, ("/bin/true", ["true"]), ()))
os.kill(slow.pid, 9)
"""
    assert said(script) == "False\nFalse\nFalse\n"


def test_who_has_entered_a_user_namespace_cannot_use_it() -> None:
    script = """
standby = Standby(kernel, lambda: None)
print(standby.usable)
kernel.unshare(f.CLONE_NEWUSER)
print(standby.usable)
"""
    assert said(script) == "True\nFalse\n"


def test_one_that_is_dismissed_ends_without_a_word() -> None:
    script = """
os.dup2(1, 2)
def end(standby):
    standby.dismiss()
    try:
        os.waitpid(standby.pid, 0)
    except ChildProcessError:
        print("was reaped")
ready = Standby(kernel, lambda: None)
while not ready._ready():
    time.sleep(0.01)
end(ready)
end(Standby(kernel, lambda: time.sleep(100)))
gone = Standby(kernel, lambda: None)
os.kill(gone.pid, 9)
os.waitpid(gone.pid, 0)
end(gone)
# As the end of this process would, with what it says unheard and not said yet.
for seconds in 0, 1:
    left = Standby(kernel, lambda: time.sleep(seconds))
    time.sleep(0.5)
    left._socket.close()
    print(os.waitstatus_to_exitcode(os.waitpid(left.pid, 0)[1]))
"""
    assert said(script) == "was reaped\n0\n0\n"


def test_it_is_shown_as_who_called_it_to_life() -> None:
    script = """
standby = Standby(kernel, lambda: None, (lambda: ("who", "I am"), print))
become(standby, "import sys; sys.stdout.flush()", life=exec)
"""
    assert said(script) == "who I am\n"
