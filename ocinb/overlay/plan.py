"""Which mount, with which options: decided without touching anything.

Spec: none (Linux overlayfs; image-spec layer.md#applying-changesets says what the result must be)
"""

from __future__ import annotations

from ocinb.errors import BundleError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OVERLAY = "overlay"
FUSE = "fuse-overlayfs"
COPY = "copy"
KINDS = (OVERLAY, FUSE, COPY)
"""Best first: the kernel's own, the same in user space, a copy of all files."""

ONE_PAGE = 4095
"""Bytes of options that mount(2) takes; what is longer it cuts off silently."""

_SPECIAL = frozenset(":,\\\"' \t\n")
"""Characters with a meaning in an option string, or unreadable in /proc/self/mountinfo."""


class Plan(Frozen):
    """A mount that is to be made.

    Attributes:
        kind: ``overlay``, ``fuse-overlayfs`` or ``copy``.
        layers: directories in overlay form, bottom to top.
        target: where the tree will appear.
        upper: the directory that takes what is written; empty: nothing can be written.
        work: overlayfs's scratch directory beside ``upper``; empty without it.
        flags: options without a path in them, as in ``userxattr``.
        by_descriptor: the directories are named ``/proc/self/fd/N``: their paths are too long
            for one page together, or hold characters that mean something in an option string.
        inert: programs give nobody the power of their owner, and device nodes open nothing: for
            trees that every process of this machine may come upon.
    """

    kind: str
    layers: tuple[str, ...]
    target: str
    upper: str = ""
    work: str = ""
    flags: tuple[str, ...] = ()
    by_descriptor: bool = False
    inert: bool = False

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory that the options name."""
        return (*self.layers, *filter(None, (self.upper, self.work)))

    @property
    def options(self) -> str:
        """The option string with the directories' own paths, for people."""
        return option_string(self, dict(zip(self.directories, self.directories, strict=True)))


def plan(
    layers: Sequence[str],
    target: str,
    *,
    kind: str,
    writable: str | None = None,
    flags: Sequence[str] = (),
    inert: bool = False,
) -> Plan:
    """The plan for a stack of layers.

    Args:
        layers: bottom to top, as a manifest lists them.
        target: where the tree will appear.
        kind: one of ``KINDS``.
        writable: the directory that holds ``upper`` and ``work``, or None for a tree that cannot
            be written.
        flags: what the probe found to be needed, as in ``userxattr``.
        inert: as in ``Plan``.

    Raises:
        BundleError: no layer at all, or not a kind.
    """
    if kind not in KINDS:
        raise BundleError(f"{kind!r} is not a kind of mount", hint=f"one of {', '.join(KINDS)}")
    if not layers:
        raise BundleError(f"there is no layer to mount on {target}")
    made = Plan(
        kind=kind,
        layers=tuple(layers),
        target=target,
        upper=f"{writable}/upper" if writable else "",
        work=f"{writable}/work" if writable else "",
        flags=tuple(flags),
        inert=inert,
    )
    special = any(_SPECIAL.intersection(path) for path in made.directories)
    too_long = len(made.options.encode(errors="surrogateescape")) > ONE_PAGE
    if kind == COPY or not (special or too_long):
        return made
    return Plan(**dict(made) | {"by_descriptor": True})


def option_string(plan: Plan, names: dict[str, str]) -> str:
    """The options as the kernel and fuse-overlayfs read them.

    Args:
        plan: what to mount.
        names: directory → how it is to be called in the string.

    overlayfs wants the top layer first; manifests have the bottom layer first.
    """
    if plan.kind == COPY:
        return ""
    parts = ["lowerdir=" + ":".join(names[layer] for layer in reversed(plan.layers))]
    if plan.upper:
        parts += [f"upperdir={names[plan.upper]}", f"workdir={names[plan.work]}"]
    return ",".join([*parts, *plan.flags])
