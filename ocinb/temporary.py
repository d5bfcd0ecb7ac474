"""Where files lie that are needed for a moment only."""

from __future__ import annotations

from ocinb.errors import StorageError


def temporary_place() -> str:
    """The directory for temporary files: ``TMPDIR`` where that can be written, else the usual ones.

    Raises:
        StorageError: none of them can be written.
    """
    import tempfile  # much is loaded for it, and few commands need it

    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        raise StorageError(
            "there is no directory for temporary files: neither TMPDIR nor /tmp nor /var/tmp can "
            "be written",
            hint="TMPDIR=DIR names another one; or the disk is full",
        ) from None
