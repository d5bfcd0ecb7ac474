"""What this runtime implements, whatever the machine offers: ``features``.

Spec: runtime-spec features.md#features-structure
"""

from __future__ import annotations

from ocinb import __version__
from ocinb.linux.capabilities import NAMES as CAPABILITIES
from ocinb.linux.seccomp import ACTIONS, FLAGS, OPERATORS
from ocinb.runtime import mount_options
from ocinb.spec.lifecycle import HOOKS
from ocinb.spec.runtime_fields import (
    MEMORY_POLICIES,
    MEMORY_POLICY_FLAGS,
    NAMESPACES,
    SECCOMP_ARCHITECTURES,
)
from ocinb.spec.versions import RUNTIME_SPEC, RUNTIME_SPEC_OLDEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def features() -> dict[str, Any]:
    """The features structure.

    Spec: runtime-spec features.md#features-structure
    """
    return {
        "ociVersionMin": ".".join(map(str, RUNTIME_SPEC_OLDEST)),
        "ociVersionMax": RUNTIME_SPEC,
        "hooks": list(HOOKS),
        "mountOptions": sorted(mount_options.words()),
        "linux": {
            "namespaces": sorted(NAMESPACES),
            "capabilities": list(CAPABILITIES),
            "cgroup": {
                "v1": True,
                "v2": True,
                "systemd": False,
                "systemdUser": False,
                "rdma": True,
            },
            "seccomp": {
                "enabled": True,
                "actions": sorted(ACTIONS),
                "operators": sorted(OPERATORS),
                "archs": sorted(SECCOMP_ARCHITECTURES),
                "knownFlags": list(FLAGS),
                "supportedFlags": list(FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "memoryPolicy": {
                "modes": list(MEMORY_POLICIES),
                "flags": list(MEMORY_POLICY_FLAGS),
            },
            "intelRdt": {"enabled": False, "schemata": False, "monitoring": False},
            "mountExtensions": {"idmap": {"enabled": True}},
            "netDevices": {"enabled": True},
        },
        # None: what a container may do never depends on its annotations.
        "potentiallyUnsafeConfigAnnotations": [],
        "annotations": {
            "org.opencontainers.runc.checkpoint.enabled": "false",
            "ocinb.version": __version__,
        },
    }
