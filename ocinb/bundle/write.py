"""config.json on disk, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.validate import CONFIG
from ocinb.errors import InvalidConfig, StorageError
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
        InvalidConfig: the specification forbids it, or it is no UTF-8; nothing is written.
        StorageError: the disk is full, read-only or broken.

    Spec: runtime-spec bundle.md#container-format
    """
    check(config)
    data = _encoded(json.dumps(config, ensure_ascii=False, indent=indent) + "\n")
    path = directory / CONFIG
    new = directory / f".{CONFIG}.{os.getpid()}"
    try:
        (directory / config["root"]["path"]).mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        if error.errno in _DISK:
            reason = os.strerror(error.errno).lower()
            raise StorageError(f"writing {path}: {reason}") from error
        raise
    record(BundleWritten(directory=str(directory)))
    return path


def _encoded(text: str) -> bytes:
    """JSON is UTF-8 (RFC 8259, 8.1); in Python bytes that are none stand as surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(error.start - 20, 0) : error.end + 10]
        raise InvalidConfig(
            f"config.json is UTF-8, and this is not: {around!r}",
            hint="arguments, variables and paths of a container must be UTF-8",
            citation="runtime-spec config.md",
        ) from None
