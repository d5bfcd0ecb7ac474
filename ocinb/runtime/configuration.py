"""Reading a bundle's config.json, checked, and what this runtime cannot apply.

Spec: runtime-spec bundle.md#container-format
"""

from __future__ import annotations

import os

from ocinb.errors import InvalidConfig
from ocinb.linux.mounts import mounts
from ocinb.plain_json import loads
from ocinb.spec.runtime_config import check, check_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST = 16 * 1024 * 1024
"""A larger config.json is refused, in bytes."""


def load(bundle: str) -> dict[str, Any]:
    """The bundle's config.json.

    Raises:
        InvalidConfig: it is missing, unreadable, no JSON, or breaks the specification.
    """
    config: dict[str, Any] = read_document(f"{bundle}/config.json")
    check(config)
    return config


def load_process(path: str) -> dict[str, Any]:
    """A process document, as ``exec --process`` takes it.

    Raises:
        InvalidConfig: it is missing, unreadable, no JSON, or breaks the specification.
    """
    process: dict[str, Any] = read_document(path)
    check_process(process)
    return process


def read_document(path: str) -> Any:
    """A JSON document of at most ``LARGEST`` bytes.

    Raises:
        InvalidConfig: it is missing, unreadable, too large, or no JSON.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidConfig(
            f"{path} cannot be read: {os.strerror(error.errno or 0).lower()}",
            hint="a bundle is a directory with a config.json in it",
            citation="runtime-spec bundle.md#container-format",
        ) from None
    return parse_document(data, path)


def parse_document(data: bytes, path: str) -> Any:
    """The same, of bytes that came from ``path``."""
    if len(data) > LARGEST:
        raise InvalidConfig(f"{path} is larger than {LARGEST // 2**20} MiB")
    try:
        return loads(data.decode())
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{path} is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise InvalidConfig(f"{path} is nested too deeply") from None
    except ValueError as error:
        raise InvalidConfig(f"{path} is not JSON: {str(error).lower()}") from None


def check_supported(config: dict[str, Any]) -> None:
    """Refuse what this runtime cannot apply: a property is never silently left out.

    Raises:
        InvalidConfig: names the field.

    Spec: runtime-spec runtime.md#create
    """
    rdt = (config.get("linux") or {}).get("intelRdt")
    if rdt is not None and not any(mount.fstype == "resctrl" for mount in mounts()):
        raise InvalidConfig(
            "linux.intelRdt in config.json needs a mounted resctrl filesystem, and there is none",
            findings=[("linux.intelRdt", "needs a mounted resctrl filesystem")],
            hint="take linux.intelRdt out, or mount resctrl where the processor has Intel RDT",
            citation="runtime-spec config-linux.md#intelrdt",
        )
    for field, value in (("linux.intelRdt", rdt), ("vm", config.get("vm"))):
        if value is not None:
            raise InvalidConfig(
                f"{field} in config.json cannot be applied by ocinb-runtime",
                findings=[(field, "is not supported")],
                hint=f"take {field} out, or use another runtime",
                citation="runtime-spec runtime.md#create",
            )
