"""config.json on disk, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.validate import CONFIG
from ocinb.errors import StorageError
from ocinb.events import BundleWritten, ignore
from ocinb.spec.runtime_config import check

if TYPE_CHECKING:
    from ocinb.events import Record

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def write_bundle(
    directory: Path, config: dict[str, Any], record: Record = ignore, *, indent: int | None = 2
) -> Path:
    """Make ``directory`` a bundle: check config.json and write it, in one move.

    Args:
        indent: spaces, for people; None writes it in a fraction of the time.

    Returns:
        The path of config.json.

    Raises:
        InvalidConfig: the specification forbids it; nothing is written.
        StorageError: the disk is full, read-only or broken.

    Spec: runtime-spec bundle.md#container-format
    """
    check(config)
    path = directory / CONFIG
    new = directory / f".{CONFIG}.{os.getpid()}"
    try:
        (directory / config["root"]["path"]).mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(config, ensure_ascii=False, indent=indent) + "\n")
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        if error.errno in _DISK:
            reason = os.strerror(error.errno).lower()
            raise StorageError(f"writing {path}: {reason}") from error
        raise
    record(BundleWritten(directory=str(directory)))
    return path
