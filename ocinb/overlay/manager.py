"""The mount manager: makes mounts, remembers them in files, and undoes exactly those.

A record is written before its mount is made and removed after the mount is gone, so that a
process killed at any moment leaves a record of whatever it left mounted. An overlay is known
again by a source of its own (``ocinb-`` and sixteen hexadecimal digits) in /proc/self/mountinfo:
paths, mount ids and device numbers can all be given to another mount. fuse-overlayfs does not let
its source be chosen, so there the type, the path and the device must all be the recorded ones.
"""

from __future__ import annotations

import contextlib
import os
import time

from ocinb.errors import BundleError, StorageError, SyscallError
from ocinb.events import Mounted, Unmounted, ignore
from ocinb.linux.mounts import mount_at, mounts
from ocinb.linux.processes import alive, start_time
from ocinb.linux.try_lock import try_lock
from ocinb.overlay import execute
from ocinb.overlay.plan import COPY, FUSE, plan
from ocinb.overlay.records import MOUNTED, MOUNTING, Mount, MountRecords
from ocinb.overlay.volatile import allow_again, lasting
from ocinb.whole_file import sweep_unfinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence

    from ocinb.events import Record
    from ocinb.overlay.plan import Plan
    from ocinb.overlay.probe import Probe


COPIED = "copied"
"""The file in ``writable`` that says that the target holds a whole copy of the layers."""


class MountManager:
    """Mounts of layer stacks, with records in a directory.

    Args:
        state: the directory of the records; made when needed.
        record: told of each ``Mounted`` and ``Unmounted``.
        scratch: where to try what works, on the filesystem where containers write; ``state``
            where it is not given.
    """

    def __init__(
        self,
        state: str | os.PathLike[str],
        record: Record = ignore,
        *,
        scratch: str | os.PathLike[str] | None = None,
    ) -> None:
        self._state = os.fspath(state)
        self._records = MountRecords(self._state)
        self._scratch = os.fspath(scratch) if scratch is not None else self._state
        self._record = record
        self._probe: Probe | None = None

    def probe(self) -> Probe:
        """What works for this process, tried once."""
        if self._probe is None:
            from ocinb.overlay.probe import probe

            os.makedirs(self._scratch, 0o700, exist_ok=True)
            self._probe = probe(self._scratch)
        return self._probe

    def mount(
        self,
        layers: Sequence[str | os.PathLike[str]],
        target: str | os.PathLike[str],
        *,
        writable: str | os.PathLike[str] | None = None,
        kind: str | None = None,
        flags: Sequence[str] | None = None,
        why: str = "",
        keep: bool = False,
    ) -> Mount:
        """Show a stack of layers as one tree at ``target``.

        Args:
            layers: directories in overlay form, bottom to top.
            target: a directory; made when missing. A copy needs it to be empty.
            writable: where to keep what is written, in ``upper`` and ``work``; None: read-only.
                A copy is written to itself, stays when it is unmounted, and is used again.
            kind: None: the best one that works.
            flags: mount options; None: those with which the probe succeeded.
            why: for the record, where the caller chose the kind.
            keep: the mount is meant to outlive this process; otherwise ``repair`` removes it
                once the process is gone. What is kept lies in everybody's sight, so it is inert:
                see ``Plan``.

        Raises:
            BundleError: something of ours is mounted there, or just being mounted, or a copy's
                target is not empty.
            SyscallError, UnsupportedHost, StorageError: it could not be made; nothing is left.
        """
        started = time.perf_counter()
        if kind is None or (flags is None and kind != COPY):
            attempt = self.probe().best if kind is None else self.probe().of(kind)
            kind, flags, why = attempt.kind, attempt.flags, why or self.probe().why
        made_target = _make_directory(os.fspath(target))
        goal = os.path.realpath(target)
        mount = Mount(
            token=f"ocinb-{os.urandom(8).hex()}",
            target=goal,
            kind=kind,
            layers=tuple(os.path.realpath(layer) for layer in layers),
            options="",
            why=why,
            writable=os.path.realpath(writable) if writable is not None else "",
            status=MOUNTING,
            keep=keep,
            owner=(os.getpid(), start_time(os.getpid())),
            made_target=made_target,
        )
        with _one_mount(goal):
            self._refuse(mount)
            done = self._carry_out(mount, tuple(flags or ()))
        seconds = time.perf_counter() - started
        self._record(
            Mounted(
                target=done.target,
                kind=done.kind,
                layers=done.layers,
                options=done.options,
                seconds=seconds,
            )
        )
        return done

    def unmount(self, target: str | os.PathLike[str], *, lazy: bool = False) -> None:
        """Undo the mount of ours at ``target``; what is mounted over it is not touched.

        Args:
            target: as it was given to ``mount``.
            lazy: let it end when the last process that uses it ends.

        Raises:
            BundleError: there is no mount of ours there.
            SyscallError: the kernel refused, as with EBUSY.
        """
        goal = os.path.realpath(target)
        for mount in self.list():
            if mount.target == goal:
                self.undo(mount, lazy=lazy)
                return
        raise BundleError(f"{goal} is not a mount of ours", hint="ocinb mounts lists ours")

    def list(self) -> list[Mount]:
        """The mounts of ours that are there now, oldest first."""
        recorded = [*self._records]
        visible = mounts() if recorded else []
        return [mount for mount in recorded if mount.among(visible)]

    def repair(self) -> builtins.list[Mount]:
        """Remove what processes that were killed left behind; what was removed.

        That is: mounts that were never finished, mounts that were not meant to outlive a process
        that is gone, and records of mounts that somebody else has unmounted.
        """
        removed = []
        sweep_unfinished(self._state)
        visible = mounts()
        for mount in [*self._records]:
            pid, started = mount.owner
            orphan = not alive(pid, started)
            there = mount.among(visible)
            if there and ((mount.keep and mount.status == MOUNTED) or not orphan):
                continue
            if not there and not orphan and mount.status == MOUNTING:
                continue  # it is being made right now
            self.undo(mount, lazy=True)
            removed.append(mount)
        return removed

    def _refuse(self, mount: Mount) -> None:
        if any(other.target == mount.target for other in self.list()):
            raise BundleError(
                f"{mount.target} is mounted already", hint=f"ocinb umount {mount.target}"
            )
        if mount.kind == COPY and os.listdir(mount.target) and not _is_kept(mount):
            raise BundleError(f"{mount.target} is not empty, so no tree is copied into it")

    def _carry_out(self, mount: Mount, flags: tuple[str, ...]) -> Mount:
        try:
            self._records.write(mount)
            # An image may have no layers at all.
            layers = list(mount.layers) or [_make_empty(f"{self._state}/empty")]
            if mount.kind == COPY:
                pass  # it is written to itself
            elif mount.writable:
                _make_upper(f"{mount.writable}/upper", layers[-1])
                os.makedirs(f"{mount.writable}/work", exist_ok=True)
                allow_again(mount.writable)
            elif len(layers) == 1:
                # overlayfs wants two directories at least.
                layers.insert(0, _make_empty(f"{self._state}/empty-below"))
            made = plan(
                layers,
                mount.target,
                kind=mount.kind,
                writable=mount.writable or None,
                flags=flags,
                inert=mount.keep,
            )
            if not _is_kept(mount):
                made = _mount(made, mount.token)
                _keep(mount)
        except BaseException:
            self.undo(mount, lazy=True)
            raise
        # An overlay is known by its source.
        visible = reversed(mounts()) if mount.kind == FUSE else ()
        device = next((info.device for info in visible if mount.matches(info)), "")
        return self._records.amend(mount, status=MOUNTED, options=made.options, device=device)

    def undo(self, mount: Mount, *, lazy: bool = False) -> None:
        """Undo a mount that ``mount`` returned, or that is listed. Errors as for ``unmount``."""
        started = time.perf_counter()
        visible = mounts()
        if mount.among(visible) and os.path.isdir(mount.target):
            top = mount_at(mount.target, visible)
            if mount.kind != COPY and not (top and mount.matches(top)):
                raise BundleError(f"something else is mounted over {mount.target}")
            if not _is_kept(mount):
                execute.unmount(mount.target, mount.kind, lazy=lazy)
            self._record(Unmounted(target=mount.target, seconds=time.perf_counter() - started))
        if mount.made_target:
            # Where it is in use or was filled by somebody, it is theirs to keep.
            with contextlib.suppress(OSError):
                os.rmdir(mount.target)
        self._records.remove(mount)


def _mount(plan: Plan, token: str) -> Plan:
    """Make a mount; the plan that was carried out: volatile may be refused, see ``probe.py``."""
    try:
        execute.mount(plan, token)
    except SyscallError:
        without = lasting(plan)
        if without is None:
            raise
        execute.mount(without, token)
        return without
    return plan


@contextlib.contextmanager
def _one_mount(target: str) -> Iterator[None]:
    """Let one process at a time mount something at a directory."""
    try:
        lock = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{target} cannot be opened: {error.strerror}") from None
    try:
        if not try_lock(lock):
            raise BundleError(f"{target} is just being mounted by another process")
        yield
    finally:
        os.close(lock)


def _is_kept(mount: Mount) -> bool:
    """Whether it is a whole copy that is written to: it stays until its owner removes it."""
    return mount.kind == COPY and bool(mount.writable) and os.path.exists(_kept(mount))


def _keep(mount: Mount) -> None:
    """From now on the copy is whole, and what is in it may be new."""
    if mount.kind == COPY and mount.writable:
        os.makedirs(mount.writable, exist_ok=True)
        with open(_kept(mount), "w", encoding="ascii"):
            pass


def _kept(mount: Mount) -> str:
    return f"{mount.writable}/{COPIED}"


def _make_directory(path: str) -> bool:
    try:
        os.makedirs(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise BundleError(f"{path} is not a directory") from None
        return False
    return True


def _make_upper(path: str, below: str) -> None:
    """The directory that takes what is written; the tree's root looks as this directory does."""
    try:
        os.makedirs(path)
    except FileExistsError:
        return
    root = os.stat(below)
    with contextlib.suppress(OSError):  # an ordinary user's, or an id without a mapping
        os.chown(path, root.st_uid, root.st_gid)
    os.chmod(path, root.st_mode & 0o7777)


def _make_empty(path: str) -> str:
    os.makedirs(path, exist_ok=True)
    return path
