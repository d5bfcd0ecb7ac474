"""What this machine lets this process do, found out by doing it.

Each attempt runs in a forked child with a mount namespace of its own (and, if asked, a user
namespace): it mounts, deletes a directory that comes from a lower layer, makes it again, and
ends; the kernel then undoes the mount with the namespace. Mounting alone proves nothing: in a
user namespace overlay mounts without ``userxattr`` and then answers EIO to that deletion.
"""

from __future__ import annotations

import json
import os
import signal
from functools import partial

from ocinb.errors import OcinbError, SyscallError
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay import execute
from ocinb.overlay.plan import COPY, FUSE, OVERLAY, plan
from ocinb.overlay.trees import remove_tree
from ocinb.overlay.volatile import VOLATILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HARDENED = ("redirect_dir=nofollow", "index=off", "metacopy=off")
"""A layer is a stranger's: its extended attributes may not point to other files."""
USERXATTR = ("userxattr",)
"""In a user namespace ``trusted.*`` attributes cannot be written; it excludes redirect_dir."""

_COPIED = "all files are copied"


class Attempt(Frozen):
    """One way of mounting, tried.

    Attributes:
        kind: ``overlay``, ``fuse-overlayfs`` or ``copy``.
        works: whether a directory of a lower layer could be deleted and made again.
        flags: the mount options that it took.
        volatile: whether it takes ``VOLATILE`` as well.
        answer: what happened, or what the kernel said.
    """

    kind: str
    works: bool
    flags: tuple[str, ...] = ()
    volatile: bool = False
    answer: str

    def options(self, *, volatile: bool) -> tuple[str, ...]:
        """The mount options for a tree; ``volatile``: where nobody will miss what was written."""
        return (*self.flags, *(VOLATILE if volatile and self.volatile else ()))


class Probe(Frozen):
    """What was tried, best first.

    Attributes:
        attempts: one for each kind.
        user_namespace: whether it was tried inside a user namespace of its own.
        namespaces: the kernel's answer to the request for the namespaces; empty: granted.
        proc: the kernel's answer to the mount of a new /proc; empty: granted.
    """

    attempts: tuple[Attempt, ...]
    user_namespace: bool
    namespaces: str = ""
    proc: str = ""

    @property
    def best(self) -> Attempt:
        """The first kind that works; copying always does."""
        return next(attempt for attempt in self.attempts if attempt.works)

    def of(self, kind: str) -> Attempt:
        """The attempt of one kind."""
        return next(attempt for attempt in self.attempts if attempt.kind == kind)

    @property
    def why(self) -> str:
        """In one line: what is used, and why not what would be better."""
        better = self.attempts[: self.attempts.index(self.best)]
        refused = [f"{attempt.kind}: {attempt.answer}" for attempt in better]
        return "; ".join([f"{self.best.kind}: {self.best.answer}", *refused])


def probe(
    directory: str,
    *,
    user_namespace: bool = False,
    all_kinds: bool = True,
    enter: Callable[[], None] | None = None,
) -> Probe:
    """Try each kind of mount with files in ``directory``, which must exist and be writable.

    Args:
        directory: on the filesystem where containers will write; it decides what works.
        user_namespace: try it as the superuser of a new user namespace.
        all_kinds: go on after the first that works; otherwise the others are not in ``attempts``.
        enter: makes the namespaces, in a child; None: with this user's own id only.
    """
    enter = enter or partial(_enter, user_namespace)
    # In the usual case one child answers both.
    proc = answer_of(partial(_mount_proc, enter, directory))
    namespaces = answer_of(enter) if proc else ""
    attempts: list[Attempt] = []
    for kind in (OVERLAY, FUSE):
        if namespaces and user_namespace:
            attempts.append(Attempt(kind=kind, works=False, answer=namespaces))
        elif all_kinds or not any(attempt.works for attempt in attempts):
            # Without a namespace of its own fuse-overlayfs may work all the same, by fusermount3.
            attempts.append(_try(kind, directory, _stay if namespaces else enter))
    attempts.append(Attempt(kind=COPY, works=True, answer=_COPIED))
    return Probe(
        attempts=tuple(attempts),
        user_namespace=user_namespace,
        namespaces=namespaces,
        proc="" if namespaces else proc,
    )


def _try(kind: str, directory: str, enter: Callable[[], None]) -> Attempt:
    answers = []
    for flags in (HARDENED, USERXATTR) if kind == OVERLAY else ((),):
        # A kernel may not know volatile, or refuse it for an error of the disk that nobody saw.
        refused = _answer(kind, directory, (*flags, *VOLATILE), enter)
        answer = refused and _answer(kind, directory, flags, enter)
        if not answer:
            done = "layers are stacked without copying; what a container changes is kept apart"
            return Attempt(kind=kind, works=True, flags=flags, volatile=not refused, answer=done)
        answers.append(f"{answer} (with {','.join(flags)})" if flags else answer)
    return Attempt(kind=kind, works=False, answer="; ".join(dict.fromkeys(answers)))


def _answer(kind: str, directory: str, flags: tuple[str, ...], enter: Callable[[], None]) -> str:
    scratch = f"{directory}/probe-{os.urandom(6).hex()}"
    os.mkdir(scratch, 0o700)
    try:
        return answer_of(partial(_rehearse, kind, scratch, flags, enter))
    finally:
        remove_tree(scratch)


def _rehearse(kind: str, scratch: str, flags: tuple[str, ...], enter: Callable[[], None]) -> None:
    for name in ("lower/d", "upper", "work", "merged"):
        os.makedirs(f"{scratch}/{name}")
    with open(f"{scratch}/lower/d/f", "w", encoding="ascii"):
        pass
    enter()
    merged = f"{scratch}/merged"
    execute.mount(
        plan([f"{scratch}/lower"], merged, kind=kind, writable=scratch, flags=flags), "ocinb-probe"
    )
    try:
        os.unlink(f"{merged}/d/f")
        os.rmdir(f"{merged}/d")
        os.mkdir(f"{merged}/d")
        if os.listdir(f"{merged}/d"):
            raise OSError(5, "a directory made anew shows the files of the deleted one")
    finally:
        execute.unmount(merged, kind)


def _mount_proc(enter: Callable[[], None], directory: str) -> None:
    """Mount a /proc of a new pid namespace. In a container whose own /proc is partly covered, the
    kernel refuses it to a user namespace, for it would uncover what is there.
    """
    enter()
    kernel = Kernel()
    kernel.unshare(f.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        try:
            kernel.mount("proc", directory, "proc", f.MS_NOSUID | f.MS_NODEV | f.MS_NOEXEC)
            os._exit(0)
        except SyscallError as error:
            os._exit(error.errno or 255)
        finally:
            os._exit(255)
    refused = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if refused:
        raise SyscallError("mount", ("proc",), refused)


def _stay() -> None:
    """Nothing: the attempt is made in the namespaces that the process is in."""


def _enter(user_namespace: bool) -> None:
    kernel = Kernel()
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(f.CLONE_NEWNS | (f.CLONE_NEWUSER if user_namespace else 0))
    if user_namespace:
        kernel.write("/proc/self/setgroups", "deny")
        kernel.write("/proc/self/uid_map", f"0 {uid} 1")
        kernel.write("/proc/self/gid_map", f"0 {gid} 1")
    kernel.mount(None, "/", None, f.MS_REC | f.MS_SLAVE)


def answer_of(attempt: Callable[[], None]) -> str:
    """Do it in a child; empty when it went well, else what the kernel said.

    A child, for a new user namespace is refused to a process with threads, and nothing that is
    mounted may stay.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer = "ended without an answer"
        try:
            attempt()
            answer = ""
        except SyscallError as error:
            answer = f"{error.call}: {os.strerror(error.errno or 0).lower()}"
        except (OcinbError, OSError) as error:
            answer = str(error)
        finally:
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
    os.close(writer)
    try:
        with open(reader, "rb") as file:
            told = file.read()
    except BaseException:  # Ctrl-C: the child must not go on in files that are removed now
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    return str(json.loads(told)) if told else "the attempt was killed"
