"""The stages between an image and a created container, in their order, each by its monitor."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.convert import command, runtime_config
from ocinb.bundle.init_program import write_program
from ocinb.bundle.write import write_bundle
from ocinb.engine.container_files import ContainerFiles, read_json, write_json
from ocinb.engine.fitting import fit
from ocinb.engine.health import health_check
from ocinb.engine.launcher_process import launcher
from ocinb.engine.named_volumes import DATA
from ocinb.engine.networking import add_network
from ocinb.engine.operations import cgroups_path
from ocinb.engine.rejoin import rejoin
from ocinb.engine.restarting import RestartPolicy
from ocinb.engine.runtime_process import find_runtime
from ocinb.engine.strace_output import find_strace
from ocinb.engine.volumes import add_volumes
from ocinb.errors import ContainerError

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.bundle.user import User
    from ocinb.engine.containers import Containers
    from ocinb.engine.image_users import ImageUsers
    from ocinb.engine.images import LocalImage
    from ocinb.engine.launch import Shim
    from ocinb.engine.named_volumes import NamedVolumes
    from ocinb.engine.rung import Rung
    from ocinb.engine.stacked import Stacked
    from ocinb.engine.way import Way
    from ocinb.events import Record
    from ocinb.network.networks import Networks

_SHORT = 1 << 20
"""Bytes of a config.json that goes with the order to create; a longer one our runtime reads."""


def claim(
    containers: Containers,
    image: LocalImage,
    options: ContainerOptions,
    name: str | None,
    way: Way,
) -> ContainerFiles:
    """A directory for the container; what can be known to fail fails before it is there.

    Raises:
        ContainerExists, ContainerError, StorageError: as for ``Containers.claim``.
        BundleError: it has no command. UnsupportedHost: it cannot be traced.
    """
    program = command(image.config.execution, options)
    return containers.claim(
        image=image.name,
        runtime=way.runtime.name,
        name=name,
        command=program,
        manifest=image.manifest_descriptor.digest,
        volumes=[volume.name for volume in options.volumes if volume.name],
        restart=RestartPolicy.parse(options.restart),
        strace=find_strace(way.rung) if options.strace else "",
        health=health_check(options.health, image.config.execution.healthcheck),
    )


def describe(
    files: ContainerFiles,
    image: LocalImage,
    options: ContainerOptions,
    rootfs: os.PathLike[str],
    rung: Rung,
    volumes: NamedVolumes,
    networks: Networks,
    users: ImageUsers,
    record: Record,
) -> dict[str, Any]:
    """Write the config.json of the container; what it says.

    Args:
        rootfs: its root filesystem, asked for its path only where it must be looked into.

    Raises:
        BundleError: image and options together make none that is valid.
        UnsupportedHost: it needs user ids that an ordinary user does not have.
        VolumeError: a volume's name is none.
        NetworkError: its network cannot be what was wished for.
        StorageError: the disk refused.

    Spec: runtime-spec bundle.md#container-format
    """
    user = users.find(image, options, rootfs)
    config = config_of(os.path.basename(files.directory), image, options, user, rung)
    bundle = Path(files.bundle)
    fit(config, rung, record, options)
    if options.init:
        write_program(bundle)
    add_volumes(config, image.config, options.volumes, rootfs, bundle, volumes, inner=DATA)
    add_network(config, files, image, options, rung, networks, record)
    if options.joined:
        write_json(files.joined, dict(options.joined))
    write_bundle(bundle, config, record, indent=None)
    if config["linux"].get("seccomp"):
        launcher().learn(config["linux"]["seccomp"])
    return config


def config_of(
    container: str, image: LocalImage, options: ContainerOptions, user: User, rung: Rung
) -> dict[str, Any]:
    """The config.json of a container, without its volumes.

    Args:
        container: its id.
        user: of its process.

    Raises:
        BundleError, UnsupportedHost: as for ``describe``.
    """
    rootless = options.rootless or rung.rootless
    wished = dataclasses.replace(
        options,
        hostname=options.hostname or container,
        rootless=rootless,
        one_id=options.one_id or rung.one_id,
        cgroups_path=options.cgroups_path
        or (None if rootless else (options.cgroup_parent or "") + cgroups_path(container)),
    )
    return runtime_config(image.config, wished, user)


def creation(
    files: ContainerFiles,
    stacked: Stacked,
    config: dict[str, Any],
    runtime_state: Path,
    *,
    interactive: bool = False,
    keep: bool = True,
) -> dict[str, Any]:
    """The order to the monitor that has the runtime create the container.

    Args:
        stacked: its root filesystem.
        interactive: what it reads can be typed, though nobody may do so yet.
        keep: whether the order is kept, for a container that may be made again.

    Raises:
        StorageError: the disk refused.

    Spec: runtime-spec runtime.md#create
    """
    record = read_json(files.record)
    runtime = find_runtime(record["runtime"], str(runtime_state))
    process = config["process"]
    os.makedirs(runtime_state, 0o700, exist_ok=True)
    order = {
        "runtime": {"name": runtime.name, "argv": list(runtime.argv), "root": runtime.root},
        "container": record["id"],
        "cwd": process["cwd"],
        "terminal": process["terminal"],
        "interactive": interactive,
        "hooks": bool(config.get("hooks")),
        "limited": "memory" in (config["linux"].get("resources") or {}),
    }
    order |= {name: record[name] for name in ("strace", "health") if name in record}
    if keep:
        write_json(files.again, {"mount": stacked.order, "create": order})
    short = os.stat(f"{files.bundle}/config.json").st_size < _SHORT
    return {**order, "config": config} if runtime.ours and short else order


def make_again(shim: Shim, files: ContainerFiles) -> None:
    """Mount and create a container that has ended, with the orders that it was made by.

    Raises:
        ContainerError: it never came so far. OcinbError: as for ``Stacked`` and ``create``.
    """
    orders = read_json(files.again)
    if "create" not in orders:
        raise ContainerError(
            f"container {os.path.basename(files.directory)} was never made whole",
            hint="delete it and run its image again",
        )
    rejoin(files)
    shim.order_first("mount", **orders["mount"])
    shim.first_reply()
    shim.ask("create", **orders["create"])
