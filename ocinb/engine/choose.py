"""Which rung of the ladder this machine lets this user stand on, found out by trying.

::

    root             the superuser: namespaces, overlay, control groups
    user namespace   an ordinary user, who is the superuser of a namespace of its own
    nothing          images can be pulled, unpacked and copied, containers cannot be run

Spec: none
"""

from __future__ import annotations

import contextlib
import os
import pathlib

from ocinb.errors import UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.overlay.probe import Attempt, Probe, probe

ROOT = "root"
USER_NAMESPACE = "user namespace"
NOTHING = "nothing"

_LIMITS = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}
"""Files that forbid user namespaces → the value with which they do."""


class Rung(Frozen):
    """One way of running containers, tried.

    Attributes:
        name: ``root``, ``user namespace`` or ``nothing``.
        works: whether the kernel allowed it.
        answer: what the kernel said.
        enable: what would make it work; empty where it does.
        mount: how layers are stacked there.
        probe: everything that was tried for mounts; None for ``nothing``.
    """

    name: str
    works: bool
    answer: str
    enable: str
    mount: Attempt | None
    probe: Probe | None

    @property
    def user_namespace(self) -> bool:
        """Whether a user namespace is needed to stand here."""
        return self.name == USER_NAMESPACE


def ladder(directory: pathlib.Path) -> list[Rung]:
    """Each rung, best first, with what the kernel answered.

    Args:
        directory: where containers will write; made when missing.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    as_root = probe(str(directory))
    in_user_namespace = probe(str(directory), user_namespace=True)
    return [
        _rung(ROOT, as_root, "be the superuser, with CAP_SYS_ADMIN"),
        _rung(USER_NAMESPACE, in_user_namespace, _enable_user_namespaces()),
        Rung(
            name=NOTHING,
            works=True,
            answer="images are pulled, unpacked, copied and described, but not run",
            enable="",
            mount=as_root.of("copy"),
            probe=None,
        ),
    ]


def choose(directory: pathlib.Path) -> Rung:
    """The best rung that works for running containers.

    Raises:
        UnsupportedHost: none does; the message names what the kernel refused.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    rungs = []
    for name, user_namespace in ((ROOT, False), (USER_NAMESPACE, True)):
        tried = probe(str(directory), user_namespace=user_namespace, all_kinds=False)
        rung = _rung(name, tried, _enable_user_namespaces() if user_namespace else "")
        if rung.works:
            return rung
        rungs.append(rung)
    raise UnsupportedHost(
        f"the kernel does not let this user run containers: {rungs[-1].answer}",
        hint=f"{rungs[-1].enable}; everything up to the bundle works without",
    )


def _rung(name: str, tried: Probe, enable: str) -> Rung:
    works = not tried.namespaces
    return Rung(
        name=name,
        works=works,
        answer=tried.why if works else tried.namespaces,
        enable="" if works else enable,
        mount=tried.best if works else None,
        probe=tried,
    )


def _enable_user_namespaces() -> str:
    for path, forbidding in _LIMITS.items():
        with contextlib.suppress(OSError):
            if pathlib.Path(path).read_text(encoding="ascii").strip() == forbidding:
                return f"the superuser must change {path}, which is {forbidding}"
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return "this is a container: its seccomp profile must allow unshare and mount"
    return "a seccomp filter or a security module must allow unshare(CLONE_NEWUSER) and mount"
