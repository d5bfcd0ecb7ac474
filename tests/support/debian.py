"""A real Debian root file system as an OCI image, made by debootstrap and packed by umoci.

Made once and kept in ``OCINB_TEST_CACHE`` (default ``/var/cache/ocinb-tests``), because it takes
half a minute. Nothing in it is ours: the unpacker is tried on archives that others wrote.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.peers import require

CACHE = Path(os.environ.get("OCINB_TEST_CACHE", "/var/cache/ocinb-tests"))
TAG = "bookworm"

_CHANGES = """
set -eu
rm -rf usr/share/doc usr/share/man usr/share/info
rm etc/motd
mkdir usr/share/doc && echo 'made anew' > usr/share/doc/README
rm -rf var/lib/apt/lists && ln -s /nowhere var/lib/apt/lists
ln usr/bin/env usr/bin/env-hard-link
mkfifo run/fifo && mknod dev/spare-null c 1 3
cp usr/bin/cat usr/bin/cat-with-capability
setcap cap_net_raw+ep usr/bin/cat-with-capability
cp usr/bin/id usr/bin/id-setuid
chown 1234:4321 usr/bin/id-setuid && chmod 6755 usr/bin/id-setuid
setfattr -n user.comment -v 'a value' usr/bin/id-setuid
touch -h -d '2001-02-03T04:05:06.123456789Z' usr/bin/id-setuid var/lib/apt/lists
printf 'sn\\303\\266\\303\\266ze' > "$(printf 'home/\\303\\244 b\\nc')"
"""


def debian_layout() -> Path:
    """An image layout with the image under the tag ``bookworm``; the caller must not change it."""
    for program in ("debootstrap", "umoci", "setcap", "setfattr"):
        require(program)
    CACHE.mkdir(parents=True, exist_ok=True)
    layout = CACHE / "debian-layout-1"
    with (CACHE / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layout.exists():
            _make(layout)
    return layout


def _make(layout: Path) -> None:
    work = CACHE / "debian-work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    made, bundle = work / "layout", work / "bundle"
    image = f"{made}:{TAG}"
    run("umoci", "init", "--layout", made)
    run("umoci", "new", "--image", image)
    run("umoci", "unpack", "--image", image, bundle)
    rootfs = bundle / "rootfs"
    run("debootstrap", "--variant=minbase", "bookworm", work / "debian")
    run("cp", "-a", "--no-target-directory", work / "debian", rootfs)
    run("umoci", "repack", "--image", image, bundle)
    # A second layer with all that a layer can say: whiteouts, replaced types, links, devices,
    # capabilities, setuid bits, times to the nanosecond, odd names.
    shutil.rmtree(bundle)
    run("umoci", "unpack", "--image", image, bundle)
    run("sh", "-c", _CHANGES, cwd=rootfs)
    run("umoci", "repack", "--image", image, bundle)
    run("umoci", "config", "--image", image, "--config.cmd", "/bin/bash", "--config.env", "A=B")
    made.rename(layout)
    shutil.rmtree(work)


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """Run a peer; its output. A failure carries all that it said."""
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{argv} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout
