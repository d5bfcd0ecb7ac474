"""Programs that we did not write, against which we test."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {
    "newuidmap": "uidmap",
    "containerd": "containerd",
    "ctr": "containerd",
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
