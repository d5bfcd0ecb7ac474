"""Which capabilities a container has.

Spec: runtime-spec config.md#linux-process (capabilities)
"""

from __future__ import annotations

from collections.abc import Iterable

from ocinb.bundle.options import ContainerOptions
from ocinb.errors import BundleError
from ocinb.linux.capabilities import NAMES as ALL_CAPABILITIES
from ocinb.spec import runtime_defaults as defaults


def bounding(options: ContainerOptions) -> list[str]:
    """The bounding set of a container.

    Raises:
        BundleError: no capability has that name.
    """
    added = ["ALL"] if options.privileged else options.add_capabilities
    return capabilities(added, options.drop_capabilities)


def capabilities(add: Iterable[str], drop: Iterable[str]) -> list[str]:
    """The default set without those dropped and with those added, in the kernel's order.

    Raises:
        BundleError: no capability has that name.
    """
    dropped, added = set(map(_capability, drop)), set(map(_capability, add))
    kept = set() if "ALL" in dropped else set(defaults.CAPABILITIES) - dropped
    kept |= set(ALL_CAPABILITIES) - dropped if "ALL" in added else added
    return [name for name in ALL_CAPABILITIES if name in kept]


def _capability(word: str) -> str:
    name = word.upper()
    if name == "ALL":
        return name
    name = name if name.startswith("CAP_") else f"CAP_{name}"
    if name not in ALL_CAPABILITIES:
        raise BundleError(
            f"{word!r} is not a capability", hint="names are those of capabilities(7), or ALL"
        )
    return name
