"""Volumes that an image asks for: directories of the container's own, outside its root filesystem.

Each is a directory ``volumes/N`` of the bundle, made with what the image has at that place
(content, mode, owner), and bound there. It goes with the container: whoever wants data to stay
gives a directory by ``--volume``, which takes the place of the image's volume.

Spec: image-spec conversion.md#optional-fields (Config.Volumes)
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.convert import working_directory
from ocinb.errors import BundleError, StorageError, SyscallError
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.trees import copy_layers

if TYPE_CHECKING:
    from ocinb.spec.image_config import ImageConfig

VOLUMES = "volumes"
MOST = 100
"""Volumes of one image; more are an attack rather than an application."""


def add_volumes(config: dict[str, Any], image: ImageConfig, rootfs: Path, bundle: Path) -> None:
    """Make the image's volumes in the bundle and add their mounts to config.json.

    A place where something is mounted already, by default or by the person's wish, stays that.

    Args:
        config: config.json; changed.
        rootfs: the container's root filesystem, as the image has it.
        bundle: its directory.

    Raises:
        BundleError: a path of the image's is no place for a volume.
        StorageError: the disk refused.

    Spec: image-spec conversion.md#optional-fields (Config.Volumes)
    """
    wanted = [working_directory(path) for path in image.execution.volumes or ()]
    taken = {working_directory(mount["destination"]) for mount in config["mounts"]}
    places = [place for place in dict.fromkeys(wanted) if place not in taken]
    if len(places) > MOST:
        raise BundleError(f"the image asks for {len(places):,} volumes, more than {MOST}")
    # A volume within another one is mounted after it.
    for number, place in enumerate(sorted(places, key=lambda place: place.count("/"))):
        if place == "/":
            raise BundleError("the image asks for a volume in the place of its root filesystem")
        relative = f"{VOLUMES}/{number}"
        _fill(rootfs, place, bundle / relative)
        config["mounts"].append(
            {
                "destination": place,
                "type": "bind",
                "source": str(bundle / relative),
                "options": ["rbind", "rw", "nodev"],
            }
        )


def _fill(rootfs: Path, place: str, volume: Path) -> None:
    """Make a volume with what the image has at its place. Spec: none (Docker convention)"""
    try:
        volume.mkdir(parents=True)
        root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            source = Beneath(Kernel(), root).open(place, os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
        try:
            copy_layers([f"/proc/self/fd/{source}"], str(volume))
        finally:
            os.close(source)
    except SyscallError:
        return  # the image has no directory there: the volume is empty
    except OSError as error:
        shutil.rmtree(volume, ignore_errors=True)
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"the volume {place} cannot be made: {reason}") from error
