"""Files of a user namespace made the user's own, and who owned them there written down.

What a container of an ordinary user writes may belong to subordinate ids: the user itself cannot
read, pack or remove it. Inside a namespace with the same ids its superuser can give every file to
itself, which outside is the user. Who it belonged to is kept in a file, so that a layer made of
these files has the right owners, and so that it can be undone.
"""

from __future__ import annotations

import json
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Owner = tuple[int, int]


def take(directory: str, record: str) -> None:
    """Give all files beneath a directory to the superuser, and write down whose they were.

    To be done by the superuser of their user namespace, while nobody changes them.

    Raises:
        OSError: the disk refused; it can be done again.
    """
    owners = owners_of(record) or {}
    found = {}
    for path, _, info in _walk(directory):
        if info.st_uid or info.st_gid:
            found[path] = info
            owners[path] = (info.st_uid, info.st_gid)
    # Before anything is changed: a crash in between loses no owner.
    _write(record, owners)
    for path, info in found.items():
        _own(f"{directory}/{path}" if path else directory, info, (0, 0))


def give(directory: str, record: str) -> None:
    """Undo ``take``.

    Raises:
        OSError: the disk refused.
    """
    owners = owners_of(record) or {}
    for path, place, info in list(_walk(directory)):
        if path in owners:
            _own(place, info, owners[path])
    if os.path.exists(record):
        os.unlink(record)


def owners_of(record: str) -> dict[str, Owner] | None:
    """Path beneath the directory → user and group, of those that are not the superuser's; None
    where nothing was written down.
    """
    try:
        with open(record, encoding="utf-8", errors="surrogateescape") as file:
            document = json.load(file)
        return {path: (int(uid), int(gid)) for path, (uid, gid) in document.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def record_beside(upper: str | os.PathLike[str]) -> str:
    """The file of the owners of an upper directory."""
    return f"{os.path.dirname(os.fspath(upper))}/owners.json"


def _walk(directory: str) -> Iterator[tuple[str, str, os.stat_result]]:
    pending = [""]
    yield "", directory, os.lstat(directory)
    while pending:
        relative = pending.pop()
        with os.scandir(f"{directory}/{relative}" if relative else directory) as entries:
            for entry in entries:
                path = f"{relative}/{entry.name}" if relative else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                yield path, entry.path, entry.stat(follow_symlinks=False)


def _own(place: str, info: os.stat_result, owner: Owner) -> None:
    os.chown(place, *owner, follow_symlinks=False)
    if stat.S_ISREG(info.st_mode) and info.st_mode & (stat.S_ISUID | stat.S_ISGID):
        os.chmod(place, stat.S_IMODE(info.st_mode))  # the kernel took these bits with the owner


def _write(record: str, owners: dict[str, Owner]) -> None:
    new = f"{record}.new"
    with open(new, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(json.dumps(owners, ensure_ascii=False))
    os.replace(new, record)
