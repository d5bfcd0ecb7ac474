"""A bundle that any OCI runtime runs, also without us: config.json, a plain tree, volumes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.bundle.convert import runtime_config, wished_user
from ocinb.bundle.init_program import write_program
from ocinb.bundle.user import resolve
from ocinb.bundle.write import write_bundle
from ocinb.engine.networking import add_network_to_bundle
from ocinb.engine.volumes import add_volumes
from ocinb.errors import StorageError
from ocinb.overlay.trees import copy_layers, remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.named_volumes import NamedVolumes
    from ocinb.events import Record
    from ocinb.network.networks import Networks
    from ocinb.spec.image_config import ImageConfig


def check_empty(directory: Path) -> None:
    """Raise ``StorageError`` where there is something that a bundle would be mixed up with."""
    try:
        if any(directory.iterdir()):
            raise StorageError(f"{directory} is not empty, so no bundle is made there")
    except FileNotFoundError:
        return
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"no bundle can be made in {directory}: {reason}") from error


def make_bundle(
    directory: Path,
    image: ImageConfig,
    layers: Sequence[Path],
    options: ContainerOptions,
    volumes: NamedVolumes,
    networks: Networks,
    record: Record,
) -> Path:
    """Make a bundle in a directory that is empty, or missing.

    Returns:
        The path of config.json.

    Raises:
        StorageError: the disk refused. BundleError: config.json would not be valid.
        NetworkError, UnsupportedHost: no hooks can give it that network. Of what was begun
            nothing is left.

    Spec: runtime-spec bundle.md#container-format
    """
    made, rootfs = not directory.exists(), directory / "rootfs"
    ordinary = os.geteuid() != 0
    wished = dataclasses.replace(
        options,
        rootless=options.rootless or ordinary,
        one_id=options.one_id or ordinary,
        user_namespace=options.user_namespace or ordinary,
    )
    try:
        _make_directory(rootfs)
        copy_layers(map(str, layers), str(rootfs))
        user = resolve(wished_user(image.execution, wished), rootfs, wished.additional_groups)
        config = runtime_config(image, wished, user)
        if wished.init:
            write_program(directory)
        add_volumes(config, image, options.volumes, rootfs, directory, volumes)
        add_network_to_bundle(config, directory, image, options, networks, record)
        return write_bundle(directory, config, record)
    except BaseException:
        with contextlib.suppress(OSError):
            for part in directory.iterdir():
                remove_tree(str(part))
            if made:
                directory.rmdir()
        raise


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{path} cannot be made: {reason}") from error
