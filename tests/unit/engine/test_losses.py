"""What is not kept where nothing is isolated."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.bundle.seccomp import profile
from ocinb.engine.emulated.losses import losses
from ocinb.spec.runtime_defaults import CAPABILITIES, MASKED_PATHS

PLAIN: dict[str, Any] = {
    "root": {"path": "rootfs", "readonly": False},
    "process": {
        "user": {"uid": 0, "gid": 0},
        "capabilities": {"bounding": list(CAPABILITIES)},
    },
    "hostname": "0123456789ab",
    "linux": {
        "namespaces": [{"type": "pid"}, {"type": "mount"}],
        "resources": {"devices": [{"allow": False}]},
        "maskedPaths": list(MASKED_PATHS),
        "seccomp": profile(CAPABILITIES),
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "options": ["nosuid"]},
        {"destination": "/dev", "type": "tmpfs", "options": ["size=65536k"]},
        {"destination": "/dev/shm", "type": "tmpfs", "options": ["nosuid", "size=65536k"]},
        {"destination": "/etc/hosts", "type": "bind", "options": ["bind", "rw", "noexec"]},
        # The program of --init, and a device: nobody chose how they are mounted.
        {"destination": "/dev/init", "type": "bind", "options": ["bind", "ro", "nosuid"]},
        {"destination": "/dev/fuse", "type": "bind", "options": ["bind", "nosuid", "noexec"]},
    ],
}


def test_what_every_container_has_by_default_is_no_loss_worth_a_word() -> None:
    assert losses("proot", PLAIN) == losses("fakechroot", PLAIN) == losses("proot", {}) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"root": {"path": "r", "readonly": True}}, "read-only"),
        ({"linux": {"resources": {"memory": {"limit": 1}}}}, "linux.resources"),
        ({"linux": {"sysctl": {"a": "b"}}}, "linux.sysctl"),
        ({"linux": {"devices": [{"path": "/dev/x"}]}}, "linux.devices"),
        (
            {"linux": {"namespaces": [{"type": "pid", "path": "/p"}]}},
            "cannot be joined",
        ),
        ({"mounts": [{"destination": "/d", "type": "bind", "options": ["ro"]}]}, "read-only"),
        ({"process": {"user": {"uid": 0, "gid": 0, "additionalGids": [5]}}}, "groups"),
        ({"process": {"user": {"uid": 0, "gid": 0}, "apparmorProfile": "p"}}, "profiles"),
        ({"hostname": "web"}, "host name"),
        (
            {"mounts": [{"destination": "/d", "type": "bind", "options": ["rbind", "noexec"]}]},
            "(noexec, nosuid, nodev)",
        ),
        ({"mounts": [{"destination": "/t", "type": "tmpfs", "options": ["size=1m"]}]}, "tmpfs"),
        (
            {"mounts": [{"destination": "/dev/shm", "type": "tmpfs", "options": ["size=1m"]}]},
            "tmpfs",
        ),
        ({"linux": {"maskedPaths": ["/proc/kcore", "/proc/version"]}}, "masked"),
        ({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}, "filtered"),
        (
            {"process": {"capabilities": {"bounding": ["CAP_NET_ADMIN"]}}, "linux": {}},
            "capabilities",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["proot", "fakechroot"])
def test_a_wish_is_named_by_what_it_would_take(
    kind: str, change: dict[str, Any], word: str
) -> None:
    (found,) = losses(kind, PLAIN | change)
    assert word in found


def test_only_fakechroot_cannot_even_pretend_another_user() -> None:
    other = PLAIN | {"process": {"user": {"uid": 33, "gid": 33}}}
    assert losses("proot", other) == []
    assert losses("fakechroot", other) == ["another user needs privileges"]
