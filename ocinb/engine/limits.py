"""Other limits for a container that is there already.

Spec: runtime-spec config-linux.md#control-groups (the document); none (runc's ``update``)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ocinb.engine.container_files import read_json, write_json
from ocinb.errors import InvalidStatus, UnsupportedHost
from ocinb.spec.runtime_config import check_resources
from ocinb.spec.runtime_state import CREATING, STOPPED
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from ocinb.engine.containers import Containers
    from ocinb.engine.operations import Operations

Resources = Mapping[str, Mapping[str, Any]]


def update(
    containers: Containers, operations: Operations, name: str, wanted: Resources
) -> dict[str, Any]:
    """Change limits of a container, in the kernel where it lives and in its config.json.

    Args:
        wanted: fields of ``linux.resources``; what is not mentioned stays as it is.

    Returns:
        ``linux.resources`` as it is now, without devices.

    Raises:
        ContainerNotFound. InvalidStatus: it is just being created.
        InvalidConfig: the specification forbids it. StepFailed: the kernel refused.
        UnsupportedHost: it has no control groups.
    """
    files, record = containers.find(name)
    if record.status == CREATING:
        raise InvalidStatus(f"container {record.name} is just being created")
    config = read_json(f"{files.bundle}/config.json")
    linux = config.setdefault("linux", {})
    if "resources" not in linux:
        raise UnsupportedHost(
            f"container {record.name} has no control groups that could limit it",
            hint="the superuser's containers have them",
        )
    merged = {**linux["resources"]}
    for kind, fields in wanted.items():
        merged[kind] = {**merged.get(kind, {}), **fields}
    check_resources(merged)
    changed = {kind: merged[kind] for kind in wanted}
    if record.status != STOPPED:
        with tempfile.NamedTemporaryFile(
            "w", prefix="ocinb-update-", suffix=".json", dir=temporary_place()
        ) as file:
            json.dump(changed, file)
            file.flush()
            operations.update(record.id, file.name)
    linux["resources"] = merged
    write_json(f"{files.bundle}/config.json", config)
    return {kind: fields for kind, fields in merged.items() if kind != "devices"}
