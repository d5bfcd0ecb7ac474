"""Programs that we did not write, against which we test."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

PACKAGES = {
    "newuidmap": "uidmap",
    "containerd": "containerd",
    "ctr": "containerd",
    "docker": "docker.io",
    "dockerd": "docker.io",
    "htpasswd": "apache2-utils",
    "nft": "nftables",
    "pasta": "passt",
    "qemu-system-x86_64": "qemu-system-x86",
}
"""Program → Debian package, where the names differ."""


def require(program: str) -> str:
    """The path of a peer. Where it is missing: a failure in CI, a skip on a person's machine."""
    path = shutil.which(program)
    if path:
        return path
    message = f"{program} is not installed: apt-get install {PACKAGES.get(program, program)}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def require_system_python() -> None:
    """The tests run with Debian's interpreter, which ordinary users can start as well.

    Another one may lie in a home directory that they cannot enter: a failure in CI, or a skip.
    """
    if os.path.samefile("/usr/bin/python3", os.path.realpath(sys.executable)):
        return
    message = "ordinary users may not reach this interpreter: make test PYTHON=/usr/bin/python3"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
