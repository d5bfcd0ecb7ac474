"""Is this directory a bundle that a runtime can run?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ocinb.bundle.explain import section
from ocinb.errors import BundleError, InvalidConfig
from ocinb.spec.runtime_config import findings

CONFIG = "config.json"
LARGEST_CONFIG = 16 * 1024 * 1024
"""Bytes."""


def validate(bundle: Path) -> list[tuple[str, str]]:
    """All that is wrong with a bundle, as ``(field, message)``; nothing: it can be run.

    Raises:
        BundleError: there is no config.json. InvalidConfig: it is not JSON.

    Spec: runtime-spec bundle.md#container-format
    """
    return examine(bundle, read_config(bundle))


def examine(bundle: Path, config: Any) -> list[tuple[str, str]]:
    """``validate``, for a config.json that is not written yet.

    Spec: runtime-spec bundle.md#container-format
    """
    found = findings(config)
    if found or not isinstance(config, dict):
        return found
    root = bundle / config["root"]["path"]
    if not root.is_dir():
        found.append(("root.path", f"names {root}, which is not a directory"))
    if not config.get("process"):
        found.append(("process", "is missing, so the container can be created but not started"))
    return found


def cited(found: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Findings as ``(field, message, section)``."""
    return [(field, message, section(field)) for field, message in found]


def read_config(bundle: Path) -> Any:
    """The JSON value of a bundle's config.json.

    Raises:
        BundleError: it cannot be read. InvalidConfig: it is not JSON, or too large.

    Spec: runtime-spec bundle.md#container-format
    """
    path = bundle / CONFIG
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CONFIG + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise BundleError(
            f"{path} cannot be read: {reason}", citation="runtime-spec bundle.md#container-format"
        ) from error
    if len(data) > LARGEST_CONFIG:
        raise InvalidConfig(f"{path} is larger than {LARGEST_CONFIG:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidConfig(f"{path} is not JSON: {str(error).lower()}") from error
