"""Which capabilities a container has.

Spec: runtime-spec config.md#linux-process (capabilities)
"""

from __future__ import annotations

from collections.abc import Iterable

from ocinb.bundle.options import ContainerOptions
from ocinb.errors import BundleError
from ocinb.linux.capabilities import NAMES as ALL_CAPABILITIES
from ocinb.linux.capabilities import names
from ocinb.spec import runtime_defaults as defaults


def bounding(options: ContainerOptions) -> list[str]:
    """The bounding set of a container.

    Raises:
        BundleError: no capability has that name.
    """
    added = ["ALL"] if options.privileged else options.add_capabilities
    wanted = capabilities(added, options.drop_capabilities)
    if "ALL" not in map(str.upper, added):
        return wanted
    # All that can be had: runtimes refuse what is not theirs to give.
    named = set(capabilities([word for word in added if word.upper() != "ALL"], ["ALL"]))
    return [name for name in wanted if name in named or name in _of_this_process()]


def _of_this_process() -> list[str]:
    """The bounding set of this process; everything where nobody tells."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            found = next((line.split()[1] for line in file if line.startswith("CapBnd:")), None)
    except OSError:
        found = None
    return list(ALL_CAPABILITIES) if found is None else names(int(found, 16))


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
