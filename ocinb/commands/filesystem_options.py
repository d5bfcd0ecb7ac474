"""Options of ``run`` about what a container sees as files: ``root`` and ``mounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.commands.quantities import size

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = (
    FieldOption(
        "-v", "--volume", multiple=True, metavar="[DIR|NAME:]PATH[:ro,…]",
        help="A directory of this machine, or a volume, at PATH.", sets="mounts",
    ),
    FieldOption(
        "--mount", multiple=True, metavar="type=…,src=…,dst=…",
        help="The same in words: bind, volume or tmpfs.", sets="mounts",
    ),
    FieldOption(
        "--tmpfs", multiple=True, metavar="PATH[:OPTIONS]", help="A tmpfs at PATH.",
        sets="mounts",
    ),
    FieldOption("--shm-size", metavar="SIZE", help="Of /dev/shm; 64m.", sets="mounts"),
    FieldOption(
        "--read-only", is_flag=True, help="The root filesystem cannot be written.",
        sets="root.readonly",
    ),
    FieldOption(
        "--device", multiple=True, metavar="DEVICE[:PATH][:rwm]", help="A device of this machine.",
        sets="linux.devices linux.resources.devices",
    ),
    FieldOption(
        "--device-cgroup-rule", multiple=True, metavar="RULE",
        help="Allow devices that are not there, as in 'c 1:3 rw'.",
        sets="linux.resources.devices",
    ),
)  # fmt: skip


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Raises:
        CommandError: a value is not what its option takes; a source does not exist.
    """
    from ocinb.commands.device_words import device, device_rule
    from ocinb.commands.mount_words import mount, tmpfs, unique, volume

    mounted = [
        *(volume(text) for text in values["volume"]),
        *(mount(text) for text in values["mount"]),
        *(tmpfs(text) for text in values["tmpfs"]),
    ]
    unique(mounted)
    shared = values["shm_size"]
    found = [device(text) for text in values["device"]]
    return {
        "mounts": [entry for entry in mounted if isinstance(entry, dict)],
        "volumes": [entry for entry in mounted if not isinstance(entry, dict)],
        "shm_size": None if shared is None else size("--shm-size", shared),
        "read_only": values["read_only"],
        "devices": [entry for entries, _ in found for entry in entries],
        "device_rules": [
            *(rule for _, rules in found for rule in rules),
            *(device_rule(text) for text in values["device_cgroup_rule"]),
        ],
    }
