"""A config.json to start from: ``spec``.

Spec: none (runc convention)
"""

from __future__ import annotations

import os

from ocinb.spec import runtime_defaults as defaults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_OPEN_FILES = 1024


def default_config(*, rootless: bool = False) -> dict[str, Any]:
    """A config.json that runs ``sh`` on a terminal in ``rootfs`` beside it.

    Args:
        rootless: for an ordinary user: a user namespace with that user as its superuser, and
            nothing that takes more privileges.
    """
    linux: dict[str, Any] = {
        "namespaces": defaults.namespaces(host_network=rootless, user=rootless),
        "maskedPaths": list(defaults.MASKED_PATHS),
        "readonlyPaths": list(defaults.READONLY_PATHS),
    }
    if rootless:
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    else:
        linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    return {
        "ociVersion": defaults.CONFIG_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [defaults.PATH, defaults.TERM],
            "cwd": "/",
            "capabilities": {
                name: list(CAPABILITIES)
                for name in ("bounding", "effective", "permitted", "ambient")
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": _OPEN_FILES, "soft": _OPEN_FILES}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "ocinb",
        "mounts": defaults.mounts(rootless=rootless, host_network=rootless),
        "linux": linux,
    }
