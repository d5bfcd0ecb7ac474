"""Which rung of the ladder this machine lets this user stand on, found out by trying.

::

    root             the superuser: namespaces, overlay, control groups
    user namespace   an ordinary user, who is the superuser of a namespace of its own
    proot            no namespaces: another process follows each system call and moves its paths
    fakechroot       not even that: a library in each program does, where it can; not isolated
    nothing          images can be pulled, unpacked and copied, containers cannot be run

What was found is kept until something changes that could change it; see ``rung_cache``.

Spec: none
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from functools import partial

from ocinb.engine import rung_cache
from ocinb.engine.emulated.attempts import try_fakechroot, try_proot
from ocinb.engine.emulated.launch_plan import FAKECHROOT, PROOT
from ocinb.engine.emulated.losses import ALWAYS
from ocinb.engine.rootless import enter_namespaces
from ocinb.engine.rung import NOTHING, ROOT, USER_NAMESPACE, Choice, Rung
from ocinb.engine.subordinate_ids import Ids, one_id, own_ids, subordinate_ids
from ocinb.errors import UnsupportedHost
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.plan import COPY, FUSE
from ocinb.overlay.probe import Attempt, Probe, answer_of, probe
from ocinb.private_directory import private_directory

_LIMITS = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}
"""Files that forbid user namespaces → the value with which they do."""
_TRACING = "/proc/sys/kernel/yama/ptrace_scope"
_MOUNTS = {
    FUSE: "files are slow (fuse-overlayfs)",
    COPY: "each container copies its whole image",
}
"""Ways of stacking layers that are second best → what is lost with them."""
_COPY = Attempt(kind=COPY, works=True, answer="all files are copied")


def ladder(directory: pathlib.Path) -> list[Rung]:
    """Each rung, best first, with what the kernel answered.

    Args:
        directory: where containers will write; made when missing.
    """
    private_directory(directory)
    return [
        _root(directory, all_kinds=True),
        _user_namespace(directory, all_kinds=True),
        _emulated(PROOT, directory),
        _emulated(FAKECHROOT, directory),
        Rung(
            name=NOTHING,
            works=True,
            answer="images are pulled, unpacked, copied and described, but not run",
            enable="",
            mount=_COPY,
            probe=None,
            lost=("containers",),
        ),
    ]


def choose(directory: pathlib.Path, cache: pathlib.Path | None = None) -> Choice:
    """The best rung that works for running containers.

    Args:
        directory: where containers will write; made when missing.
        cache: a directory for what was found; None: it is not kept.

    Raises:
        UnsupportedHost: none does; the message names what the kernel refused.
    """
    private_directory(directory)
    key = rung_cache.key(directory) if cache else ""
    known = rung_cache.read(cache, key) if cache else None
    if known is not None:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return Choice.from_document(known)
    choice = _choose(directory)
    if cache:
        rung_cache.write(cache, key, choice.document())
    return choice


def choose_emulated(kind: str, directory: pathlib.Path) -> Choice:
    """A rung that was asked for by name.

    Args:
        kind: ``proot`` or ``fakechroot``.
        directory: where containers will write; made when missing.

    Raises:
        UnsupportedHost: it does not work here.
    """
    private_directory(directory)
    rung = _emulated(kind, directory)
    if not rung.works:
        raise UnsupportedHost(f"{kind} does not work here: {rung.answer}", hint=rung.enable)
    return Choice(rung=rung, better="it was asked for")


def _choose(directory: pathlib.Path) -> Choice:
    refused: list[Rung] = []
    for attempt in (
        partial(_root, directory, all_kinds=False),
        partial(_user_namespace, directory, all_kinds=False),
        partial(_emulated, PROOT, directory),
        partial(_emulated, FAKECHROOT, directory),
    ):
        rung = attempt()
        if rung.works:
            # That an ordinary user is not the superuser is no news.
            missed = [r for r in refused if r.name != ROOT or os.geteuid() == 0]
            better = "; ".join(f"no {r.name}: {r.answer}" for r in missed)
            return Choice(rung=rung, better=better)
        refused.append(rung)
    answer = next(rung.answer for rung in refused if rung.name == USER_NAMESPACE)
    enable = " or ".join(rung.enable for rung in refused[1:3])
    raise UnsupportedHost(
        f"the kernel does not let this user run containers: {answer}",
        hint=f"{enable}; everything up to the bundle works without",
    )


def _root(directory: pathlib.Path, *, all_kinds: bool) -> Rung:
    tried = probe(str(directory), all_kinds=all_kinds)
    ids = own_ids()
    few = "" if ids.count > 65535 else f"only {ids.count:,} ids"
    return _mounting(ROOT, tried, ids, few, "be the superuser, with CAP_SYS_ADMIN")


def _user_namespace(directory: pathlib.Path, *, all_kinds: bool) -> Rung:
    ids = _ids()
    enter = partial(enter_namespaces, Kernel(), user=True, ids=ids.document())
    tried = probe(str(directory), user_namespace=True, all_kinds=all_kinds, enter=enter)
    few = f"containers have the id 0 only ({ids.why})" if ids.single else ""
    return _mounting(USER_NAMESPACE, tried, ids, few, _enable_user_namespaces())


def _ids() -> Ids:
    """The ids that a user namespace gets, tried."""
    if os.geteuid() == 0:
        return own_ids()
    wanted = subordinate_ids()
    if wanted.single:
        return wanted
    answer = answer_of(partial(enter_namespaces, Kernel(), user=True, ids=wanted.document()))
    return one_id(f"one id: {answer}") if answer else wanted


def _mounting(name: str, tried: Probe, ids: Ids, few: str, enable: str) -> Rung:
    works = not tried.namespaces
    best = tried.best if works else None
    seen = f"this machine's processes are seen (a new /proc: {tried.proc})" if tried.proc else ""
    lost = [few, seen, _MOUNTS.get(best.kind, "")] if best else []
    return Rung(
        name=name,
        works=works,
        answer=tried.why if works else tried.namespaces,
        enable="" if works else enable,
        mount=best,
        probe=tried,
        ids=ids if works else None,
        lost=tuple(filter(None, lost)),
        proc=tried.proc,
    )


def _emulated(kind: str, directory: pathlib.Path) -> Rung:
    answer, enable = try_proot() if kind == PROOT else try_fakechroot(str(directory))
    works = not answer
    if kind == PROOT and not works and os.path.exists(_TRACING):
        scope = pathlib.Path(_TRACING).read_text(encoding="ascii").strip()
        if scope in ("2", "3"):
            enable = f"the superuser must change {_TRACING}, which is {scope}"
    return Rung(
        name=kind,
        works=works,
        answer=answer or "a program ran, and saw an image's files in the place of this machine's",
        enable="" if works else enable,
        # Nothing can be mounted that only the container's processes see.
        mount=_COPY if works else None,
        probe=None,
        lost=(*ALWAYS[kind], _MOUNTS[COPY]),
    )


def _enable_user_namespaces() -> str:
    for path, forbidding in _LIMITS.items():
        with contextlib.suppress(OSError):
            if pathlib.Path(path).read_text(encoding="ascii").strip() == forbidding:
                return f"the superuser must change {path}, which is {forbidding}"
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return "this is a container: its seccomp profile must allow unshare and mount"
    return "a seccomp filter or a security module must allow unshare(CLONE_NEWUSER) and mount"
