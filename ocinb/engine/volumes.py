"""The volumes of a container: those that its image asks for, and those that the person does.

A volume without a name is a directory ``volumes/N`` of the bundle, made with what the image has at
that place (content, mode, owner), and bound there. It goes with the container, or is left behind
by it under a name that was made up. One with a name stays; see ``named_volumes``. Whoever wants a
directory of this machine there gives it by ``--volume``, which takes the place of the image's
volume.

Spec: image-spec conversion.md#optional-fields (Config.Volumes)
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.filesystems import clean_path
from ocinb.bundle.options import Volume
from ocinb.engine.named_volumes import VOLUMES, make_data
from ocinb.engine.removal import in_namespace_of, remove_files
from ocinb.errors import BundleError, StorageError, SyscallError
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.trees import copy_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.engine.named_volumes import NamedVolumes
    from ocinb.spec.image_config import ImageConfig

_MONITOR = re.compile(r"/proc/(\d+)/root/")
MOST = 100
"""Volumes of one image; more are an attack rather than an application."""


def add_volumes(
    config: dict[str, Any],
    image: ImageConfig,
    wished: Sequence[Volume],
    rootfs: os.PathLike[str],
    bundle: Path,
    named: NamedVolumes,
    *,
    inner: str = "",
) -> None:
    """Make volumes and add their mounts to config.json.

    A place where something is mounted already, by default or by the person's wish, is no volume
    of the image any more.

    Args:
        config: config.json; changed.
        wished: the person's.
        rootfs: the container's root filesystem, as the image has it.
        bundle: its directory.
        named: the volumes that outlive containers.
        inner: the directory in ``volumes/N`` that is bound; empty: that itself.

    Raises:
        BundleError: a path of the image's is no place for a volume.
        VolumeError: a name is none. StorageError: the disk refused.

    Spec: image-spec conversion.md#optional-fields (Config.Volumes)
    """
    for number, volume in enumerate(planned(config, image, wished)):
        place = volume.destination
        fill = functools.partial(_fill, rootfs, place)
        if volume.name:
            source = named.use(volume.name, fill if volume.copy else None)
        else:
            source = bundle / VOLUMES / str(number) / inner
            fill(source)
        config["mounts"].append(mount_of(volume, str(source)))


def planned(config: dict[str, Any], image: ImageConfig, wished: Sequence[Volume]) -> list[Volume]:
    """The volumes that a container will have, outer ones first; their places are clean paths.

    Raises:
        BundleError: a path of the image's is no place for a volume.
    """
    wanted = {clean_path(volume.destination): volume for volume in wished}
    taken = {clean_path(mount["destination"]) for mount in config["mounts"]} | wanted.keys()
    asked = dict.fromkeys(clean_path(path) for path in image.execution.volumes or ())
    if len(asked) > MOST:
        raise BundleError(f"the image asks for {len(asked):,} volumes, more than {MOST}")
    if "/" in asked:
        raise BundleError("the image asks for a volume in the place of its root filesystem")
    wanted |= {p: Volume(name="", destination=p) for p in asked if p not in taken}
    # A volume within another one is mounted after it.
    places = sorted(wanted, key=lambda place: place.count("/"))
    return [dataclasses.replace(wanted[place], destination=place) for place in places]


def mount_of(volume: Volume, source: str) -> dict[str, Any]:
    """The entry of config.json's ``mounts`` for a volume. Spec: runtime-spec config.md#mounts"""
    access = [] if "ro" in volume.options else ["rw"]
    return {
        "destination": volume.destination,
        "type": "bind",
        "source": source,
        "options": ["rbind", *access, "nodev", *volume.options],
    }


def _like(found: os.stat_result, volume: Path) -> None:
    """Give a volume the owner and the mode that its place has in the image."""
    with contextlib.suppress(PermissionError):  # an ordinary user has but its own ids
        os.chown(volume, found.st_uid, found.st_gid)
    volume.chmod(stat.S_IMODE(found.st_mode))


def _fill_from(rootfs: os.PathLike[str], source: int, volume: Path) -> None:
    """Copy an open directory. An ordinary user may not read what belongs to other ids of its
    container: the superuser there may, which is the monitor's.
    """

    def copy() -> None:
        copy_layers([f"/proc/self/fd/{source}"], str(volume))
        _like(os.fstat(source), volume)

    monitor = _MONITOR.match(os.fspath(rootfs))
    if os.geteuid() == 0 or monitor is None:
        copy()
        return
    answer = in_namespace_of(int(monitor[1]), functools.partial(copy))
    if answer:
        raise StorageError(f"the volume {volume} cannot be filled: {answer}")


def _fill(rootfs: os.PathLike[str], place: str, volume: Path) -> None:
    """Make a volume with what the image has at its place. Spec: none (Docker convention)"""
    path = os.fspath(rootfs)  # where it cannot be there, that is the error
    try:
        make_data(volume)
        root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            source = Beneath(Kernel(), root).open(place, os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
        try:
            _fill_from(rootfs, source, volume)
        finally:
            os.close(source)
    except SyscallError:
        return  # the image has no directory there: the volume is empty
    except OSError as error:
        remove_files(volume)
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"the volume {place} cannot be made: {reason}") from error
