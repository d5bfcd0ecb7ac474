"""A new file in the place of an old one, which goes only once the new one is whole."""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def replacing(parent: int, name: str) -> Iterator[str]:
    """A free name in a directory; what is made there gets ``name`` when the context is left.

    When it is left by an error, what has that name stays, and what was made goes.

    Args:
        parent: a descriptor of the directory.
        name: of what is replaced, if it is there; no directory.

    Raises:
        OSError: the name cannot be taken.
    """
    beside = _free_name()
    try:
        yield beside
        os.rename(beside, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        if error.filename == beside:
            error.filename = name  # for people, who know nothing of ours
        raise
    finally:
        # There still after an error, and where both names were the same file's.
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=parent)


def directory_for_file(parent: int, name: str) -> None:
    """Make a directory in the place of what is none.

    Args:
        parent: a descriptor of the directory that has it.
        name: its name.

    Raises:
        OSError: it cannot be made; what was there is there still.
    """
    beside = _free_name()
    os.rename(name, beside, src_dir_fd=parent, dst_dir_fd=parent)
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except OSError:
        os.rename(beside, name, src_dir_fd=parent, dst_dir_fd=parent)
        raise
    os.unlink(beside, dir_fd=parent)


def _free_name() -> str:
    return f".ocinb-{os.urandom(8).hex()}"
