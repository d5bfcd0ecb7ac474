"""What a container would be, without making one: its config.json, its bundle, what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.fitting import fit
from ocinb.engine.named_volumes import DATA, VOLUMES
from ocinb.engine.networking import add_network, check_network
from ocinb.engine.plain_bundle import check_empty, make_bundle
from ocinb.engine.stages import config_of
from ocinb.engine.volumes import mount_of, planned
from ocinb.spec.runtime_config import check

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage


def bundle_of(
    engine: Engine,
    image: LocalImage,
    options: ContainerOptions,
    directory: str | os.PathLike[str],
) -> Path:
    """Make a bundle that any OCI runtime runs, also without us: config.json and a plain tree.

    Returns:
        The path of config.json.

    Raises:
        StorageError: the directory is not empty, or the disk refused.
        BundleError: the config.json that was wished for is not valid.

    Spec: runtime-spec bundle.md#container-format
    """
    path = Path(directory).absolute()
    check_empty(path)
    wished = engine.containers.settle(options)
    layers = engine.images.unpack(image)
    return make_bundle(
        path, image.config, layers, wished, engine.volumes, engine.networks, engine.record
    )


def preview(
    engine: Engine, image: LocalImage, options: ContainerOptions, rootfs: Path
) -> dict[str, Any]:
    """The config.json that a container would have, with ``ID`` in the place of its id.

    Args:
        engine: whose container it would be.
        image: its image.
        options: what is wished for it.
        rootfs: a tree with the image's ``etc/passwd`` and ``etc/group``.

    Raises:
        BundleError: image and options together make none that is valid.
        UnsupportedHost, VolumeError, NetworkError: as for ``stages.describe``.
    """
    wished, rung = engine.containers.settle(options), engine.rung
    config = config_of("ID", image, wished, engine.users.find(image, wished, rootfs), rung)
    fit(config, rung, engine.record, wished)
    files = ContainerFiles(str(engine.settings.containers / "ID"))
    for number, volume in enumerate(planned(config, image.config, wished.volumes)):
        name, place = volume.name, f"{files.bundle}/{VOLUMES}/{number}/{DATA}"
        config["mounts"].append(mount_of(volume, str(engine.volumes.path(name)) if name else place))
    add_network(config, files, image, wished, rung, engine.networks, engine.record, write=False)
    check(config)
    return config


def check_wishes(engine: Engine, options: ContainerOptions, name: str | None) -> None:
    """See what can be known to be wrong with a container before its image is there.

    Raises:
        ContainerExists: its name is in use. ContainerError: it is none.
        ContainerNotFound, InvalidStatus, NetworkError: what it shall share is not there.
    """
    if name is not None:
        engine.containers.check_free(name)
    check_network(engine.containers.settle(options), engine.networks)
