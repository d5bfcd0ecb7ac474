"""The truth about running as an ordinary user: nothing outside of one's own files is changed.

Two proofs of the same day's work. In the one the whole machine is read-only but for the user's
directory, and all of it works. In the other the user has numbers that nobody else has, and nothing
anywhere belongs to one of them afterwards: no file, process, mount, control group.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.linux.mounts import mounts
from ocinb.overlay.trees import remove_tree
from ocinb.spec.reference import Reference
from tests.support.peers import require, require_system_python

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer]

ROOT = Path(__file__).parents[2]
USER, FIRST, COUNT = 471_230, 471_300_000, 65_536
"""A user, and a range of ids, that nobody else has."""

DAY = """\
set -e
ocinb() { $PYTHON -m ocinb "$@" >>"$HOME/said" 2>&1 || { tail -5 "$HOME/said"; exit 9; }; }
mkdir "$HOME/context"
cat > "$HOME/context/Dockerfile" <<END
FROM demo
RUN echo made > /made
USER demo
RUN echo of another > ~/x
USER 0
COPY file /file
END
echo content > "$HOME/context/file"
ocinb images
ocinb build --tag mine "$HOME/context"
ocinb run --rm --volume data:/data mine sh -c "cat /made /file > /data/both"
ocinb run --detach --name box --publish 127.0.0.1::80 mine sleep 100
ocinb exec box sh -c "echo more > /tmp/more"
ocinb cp "$HOME/context/file" box:/srv/file
ocinb cp box:/made "$HOME/back"
ocinb rm --force box
ocinb save --output "$HOME/mine.tar" mine
ocinb rmi mine
ocinb load "$HOME/mine.tar"
ocinb volume rm data
ocinb bundle mine "$HOME/bundle"
ocinb doctor --repair
ocinb gc --grace 0
"""

READ_ONLY = """
import os, sys
from ocinb.linux import flags as f
from ocinb.linux.mounts import mounts
from ocinb.linux.syscalls import Kernel
place, *words = sys.argv[1:]
kernel = Kernel()
kernel.unshare(f.CLONE_NEWNS)
kernel.mount(None, "/", None, f.MS_REC | f.MS_SLAVE)
for name in ("subuid", "subgid", "passwd"):
    kernel.mount(f"{place}/{name}", f"/etc/{name}", None, f.MS_BIND)
kernel.mount(place, place, None, f.MS_BIND)
if os.environ["READ_ONLY"]:
    kernel.mount_setattr(f.AT_FDCWD, "/", f.AT_RECURSIVE, set_=f.MOUNT_ATTR_RDONLY)
    for writable in (place, "/proc"):
        kernel.mount_setattr(f.AT_FDCWD, writable, 0, clear=f.MOUNT_ATTR_RDONLY)
    try:
        os.mkdir("/tmp/must-not-be")
        sys.exit("the machine is not read-only")
    except OSError as error:
        assert error.errno == 30, error
os.execvp(words[0], words)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """The user's directory, with a store that has the demo image."""
    require_system_python()
    require("newuidmap")
    directory = Path(tempfile.mkdtemp(prefix="ocinb-own-"))
    directory.chmod(0o755)
    store = Store(directory / ".local/share/ocinb/store")
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    (directory / "run").mkdir(mode=0o700)
    for path in [directory, *directory.rglob("*")]:
        os.lchown(path, USER, USER)
    for name in ("subuid", "subgid"):
        (directory / name).write_text(f"{USER}:{FIRST}:{COUNT}\n")
    entry = f"somebody:x:{USER}:{USER}::{directory}:/bin/sh\n"
    (directory / "passwd").write_text(Path("/etc/passwd").read_text() + entry)
    yield directory
    remove_tree(str(directory))
    shutil.rmtree(directory, ignore_errors=True)


def a_day(place: Path, *, read_only: bool) -> None:
    """The user's work; it must succeed."""
    who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, place, *who, "sh", "-c", DAY],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(place),
            "OCINB_ROOT": str(place / ".local/share/ocinb"),
            "XDG_RUNTIME_DIR": str(place / "run"),
            "TMPDIR": str(place / "run"),
            "READ_ONLY": "yes" if read_only else "",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "back").read_text() == "made\n"


def test_it_works_where_nothing_else_can_be_written(place: Path) -> None:
    a_day(place, read_only=True)


@pytest.mark.timeout(400)
def test_afterwards_nothing_is_the_users_but_in_their_directory(place: Path) -> None:
    before = {mount.target for mount in mounts()}
    a_day(place, read_only=False)
    ids = ["(", "-uid", str(USER), "-o", "-uid", f"+{FIRST - 1}", "-uid", f"-{FIRST + COUNT}", ")"]
    apart = ["/proc", "/sys/devices", "/sys/kernel", str(place)]
    paths = [word for path in apart for word in ("-o", "-path", path)][1:]
    skipped = ["(", *paths, ")", "-prune", "-o"]
    # Of what goes while it is looked at nothing is said; that is other people's.
    found = subprocess.run(
        ["find", "/", *skipped, *ids, "-print"], capture_output=True, text=True, check=False
    )
    assert found.stdout.split("\n") == [""]
    new = {mount.target for mount in mounts()} - before
    assert [target for target in new if target.startswith(str(place))] == []
    assert processes_of_the_user() == []


def processes_of_the_user() -> list[str]:
    """What runs under one of the numbers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            owner, command = process.stat().st_uid, (process / "cmdline").read_bytes()
        except OSError:
            continue
        if owner == USER or FIRST <= owner < FIRST + COUNT:
            found.append(f"{process.name} {command!r}")
    return found
