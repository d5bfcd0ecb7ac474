"""The ids that an ordinary user's containers have: one, or a range of subordinate ids.

``/etc/subuid`` and ``/etc/subgid`` say which further ids belong to a user; the programs newuidmap
and newgidmap, which have the privilege, give them to a user namespace. See subuid(5).
"""

from __future__ import annotations

import os

from ocinb.frozen import Frozen
from ocinb.linux.id_maps import IdMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILES = {"uid": "/etc/subuid", "gid": "/etc/subgid"}
PROGRAMS = {"uid": "newuidmap", "gid": "newgidmap"}
ALL_IDS = 2**32 - 1
"""How many ids there are outside of user namespaces."""
_LARGEST = ALL_IDS - 1
_MOST_RANGES = 340  # lines that the kernel takes


class Ids(Frozen):
    """The ids of a user namespace.

    Attributes:
        uids: user ids; 0 inside is the user outside.
        gids: group ids.
        why: in one line: what there is, and why not more.
    """

    uids: tuple[IdMap, ...]
    gids: tuple[IdMap, ...]
    why: str

    @property
    def count(self) -> int:
        """How many ids of both kinds there are."""
        return min(sum(m.size for m in self.uids), sum(m.size for m in self.gids))

    @property
    def single(self) -> bool:
        """Whether the superuser of the container is all there is."""
        return self.count == 1

    def document(self) -> dict[str, list[list[int]]]:
        """As plain JSON values, for the monitor."""
        return {
            kind: [[m.inside, m.outside, m.size] for m in maps]
            for kind, maps in (("uids", self.uids), ("gids", self.gids))
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Ids:
        """What ``document`` gave, with ``why`` beside it."""
        uids, gids = (tuple(maps_of(document, kind)) for kind in ("uids", "gids"))
        return cls(uids=uids, gids=gids, why=document["why"])


def how_to_have_more() -> str:
    """What would give this user more ids than its own."""
    user = (_name(os.geteuid()) or [str(os.geteuid())])[0]
    return (
        "the superuser gives this user ids that nobody else has: usermod --add-subuids "
        f"100000-165535 --add-subgids 100000-165535 {user}"
    )


def maps_of(document: dict[str, list[list[int]]], kind: str) -> list[IdMap]:
    """The maps of one kind (``uids``, ``gids``) of what ``Ids.document`` gave."""
    return [IdMap(inside=i, outside=o, size=s) for i, o, s in document[kind]]


def one_id(why: str) -> Ids:
    """The user's own id only, as the superuser of the container."""
    uid, gid = os.geteuid(), os.getegid()
    return Ids(
        uids=(IdMap(inside=0, outside=uid, size=1),),
        gids=(IdMap(inside=0, outside=gid, size=1),),
        why=why,
    )


def own_ids() -> Ids:
    """The superuser's: all ids that there are in this user namespace."""
    found = {}
    for kind in ("uid", "gid"):
        with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
            ranges = [line.split() for line in file]
        found[kind] = tuple(
            IdMap(inside=int(n), outside=int(n), size=int(size)) for n, _, size in ranges
        )
    ids = Ids(uids=found["uid"], gids=found["gid"], why="")
    return Ids(uids=ids.uids, gids=ids.gids, why=f"{ids.count:,} ids, all that there are")


def subordinate_ids() -> Ids:
    """What the files give to this user; not yet tried."""
    missing = [program for program in PROGRAMS.values() if not _on_path(program)]
    if missing:
        return one_id(f"one id: {' and '.join(missing)} not installed (Debian: uidmap)")
    uid, gid, maps = os.geteuid(), os.getegid(), {}
    for kind, own in (("uid", uid), ("gid", gid)):
        ranges, problem = _ranges(FILES[kind], uid)
        if not ranges:
            return one_id(f"one id: {problem}")
        maps[kind] = [IdMap(inside=0, outside=own, size=1)]
        for start, count in ranges[: _MOST_RANGES - 1]:
            last = maps[kind][-1]
            inside = last.inside + last.size
            maps[kind].append(IdMap(inside=inside, outside=start, size=count))
    ids = Ids(uids=tuple(maps["uid"]), gids=tuple(maps["gid"]), why="")
    return Ids(uids=ids.uids, gids=ids.gids, why=f"{ids.count:,} ids by {FILES['uid']}")


def _ranges(path: str, uid: int) -> tuple[list[tuple[int, int]], str]:
    """The ranges of a user in a file, and why there are none.

    A line that makes no sense is passed over, as newuidmap does.
    """
    names = {str(uid), *_name(uid)}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        return [], f"{path}: {os.strerror(error.errno or 0).lower()}"
    found: list[tuple[int, int]] = []
    malformed: list[int] = []
    for number, line in enumerate(lines, 1):
        owner, _, numbers = line.partition(":")
        if not line or line.startswith("#") or owner not in names:
            continue
        start, _, count = numbers.partition(":")
        if _is_range(start, count) and not _overlaps(found, int(start), int(count)):
            found.append((int(start), int(count)))
        else:
            malformed.append(number)
    if found:
        return found, ""
    if malformed:
        return [], f"line {malformed[0]} of {path} is malformed (USER:FIRST:COUNT)"
    return [], f"{path} has no line for this user"


def _is_range(start: str, count: str) -> bool:
    digits = start.isascii() and start.isdigit() and count.isascii() and count.isdigit()
    return digits and int(count) > 0 and int(start) > 0 and int(start) + int(count) <= _LARGEST


def _overlaps(ranges: list[tuple[int, int]], start: int, count: int) -> bool:
    return any(start < s + c and s < start + count for s, c in ranges)


def _name(uid: int) -> list[str]:
    import pwd

    try:
        return [pwd.getpwuid(uid).pw_name]
    except KeyError:
        return []


def _on_path(name: str) -> bool:
    return any(os.access(os.path.join(place, name), os.X_OK) for place in os.get_exec_path())
