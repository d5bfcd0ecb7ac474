"""Differences that many runs show, because config.json says nothing about what differs."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class General:
    """What a peer shows whatever the row is, and what ours shows there.

    Attributes:
        peer: ``runc`` or ``crun``.
        keys: the observations.
        shown: regular expression for what the peer shows.
        instead: what ours shows in its place.
        reason: why ours is right.
        row: a variation that shows it; empty: the unchanged config.json does.
    """

    peer: str
    keys: tuple[str, ...]
    shown: str
    instead: str
    reason: str
    row: str = ""


GENERAL = (
    General(
        peer="crun",
        keys=("dev",),
        shown=r"^'core' -> '/proc/kcore' .*\n",
        instead="",
        reason="not among the links of runtime-linux.md#dev-symbolic-links",
    ),
    General(
        peer="crun",
        keys=("left",),
        shown=r"^dev/core .*\n?",
        instead="",
        reason="the same link, left in a root filesystem that has no mount on /dev",
        row="dev: not mounted",
    ),
    General(
        peer="crun",
        keys=("left",),
        shown=r" 41755 ",
        instead=" 40755 ",
        reason="crun sets the sticky bit of directories that it makes",
        row="tmpfs: where there is no directory",
    ),
    General(
        peer="crun",
        keys=("root",),
        shown=r"drwxr-xr-t",
        instead="drwxr-xr-x",
        reason="crun sets the sticky bit of directories that it makes",
        row="tmpfs: where there is no directory",
    ),
    General(
        peer="crun",
        keys=("mounts",),
        shown=r" tmpfs tmpfs rw,size=0k$",
        instead=" tmpfs tmpfs ro",
        reason="how an empty directory is made for maskedPaths is open; nothing fits in either",
        row="maskedPaths: /var",
    ),
    General(
        peer="runc",
        keys=("cgroup",),
        shown=r"^:/.+$",
        instead=":/",
        reason="the version 2 tree of a hybrid machine has no controllers: ours leaves it alone",
    ),
)


def leveled(peer: str, seen: dict[str, str]) -> dict[str, str]:
    """What a peer showed, with the general differences taken out."""
    seen = dict(seen)
    for general in GENERAL:
        for key in general.keys if general.peer == peer else ():
            if key in seen:
                seen[key] = re.sub(general.shown, general.instead, seen[key], flags=re.MULTILINE)
    return seen
