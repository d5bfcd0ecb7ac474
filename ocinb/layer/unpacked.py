"""Layers that are unpacked: one directory for each chainID, made once, whole or not at all.

::

    sha256/<chain>        the directory that overlayfs stacks
    records/<chain>.json  what unpacking it did
    records/<chain>.index what it holds; see ``index``
    partial/<chain>       being made; left by a crash, cleared by the next who needs it
    locks/<chain>         held by the process that makes or removes it

A crash of the process at any point leaves only what ``partial`` holds. After a crash of the
machine the files of a layer may be lost before its name is: see ``add``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ocinb.errors import LayerError, StorageError
from ocinb.events import LayerApplied, Warned, ignore
from ocinb.layer.apply import remove_content
from ocinb.layer.changeset import Limits
from ocinb.layer.index import LayerIndex
from ocinb.layer.index_walk import index_directory
from ocinb.layer.unpack import Unpacked, unpack
from ocinb.linux.try_lock import try_lock
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import ENCODED_LENGTH, Digest
from ocinb.whole_file import write_whole

if TYPE_CHECKING:
    from ocinb.events import Record


class UnpackedLayers:
    """The directory of unpacked layers; several processes and threads may use it at once.

    Args:
        root: where they lie; made when the first is added.
        record: told of each layer that was applied or found.
        limits: see ``unpack``.
        user_xattrs: see ``unpack``.
    """

    def __init__(
        self,
        root: Path,
        record: Record = ignore,
        *,
        limits: Limits | None = None,
        user_xattrs: bool | None = None,
    ) -> None:
        self.root = root
        self._record = record
        self._limits = limits
        self._user_xattrs = user_xattrs
        self._summaries: dict[Digest, dict[str, int]] = {}

    def get(self, chain_id: Digest) -> Path | None:
        """The directory of a layer over those below it, or None where it is not unpacked."""
        path = self._path(chain_id)
        return path if path.is_dir() else None

    def add(
        self,
        chain_id: Digest,
        layer: Descriptor,
        diff_id: Digest,
        blob: IO[bytes],
        lowers: Sequence[Path] = (),
    ) -> Path:
        """Unpack a layer unless it is there, and return its directory.

        Waits where another process is unpacking the same. The blob is read only when needed.

        Args:
            chain_id: of this layer and those below it.
            layer: its descriptor.
            diff_id: from the image config; verified.
            blob: the blob's bytes.
            lowers: directories of the layers below, bottom to top, as this class gave them.

        Raises:
            LayerError, DigestMismatch, StorageError: see ``unpack``; nothing is left.
        """
        found = self.reuse(chain_id, layer, diff_id)
        if found is None:
            with self._locked(chain_id):
                found = self.reuse(chain_id, layer, diff_id)
                if found is None:
                    return self._unpack(chain_id, layer, diff_id, blob, lowers)
        return found

    def reuse(self, chain_id: Digest, layer: Descriptor, diff_id: Digest) -> Path | None:
        """The directory of a layer that is unpacked already, from now on in use; or None.

        Arguments as for ``add``.
        """
        path = self._path(chain_id)
        if not os.path.isdir(path):
            return None
        with contextlib.suppress(OSError):  # it is in use: not to be collected now
            os.utime(self._record_path(chain_id))
        if chain_id not in self._summaries:
            self._summaries[chain_id] = self.summary(chain_id)
        self._tell(chain_id, layer, diff_id, self._summaries[chain_id], reused=True)
        return path

    def remove(self, chain_id: Digest, *, before: float | None = None) -> bool:
        """Remove a layer, also what a crash left of it; no error where it is not there.

        The caller knows that nothing is mounted from it.

        Args:
            before: leave it where it was asked for since, in seconds since the epoch.

        Returns:
            Whether it is gone.
        """
        with self._locked(chain_id):
            if before is not None and self.touched(chain_id) >= before:
                return False
            partial = self._partial(chain_id)
            self._clear(partial)
            with contextlib.suppress(FileNotFoundError):
                os.rename(self._path(chain_id), partial)
            self._clear(partial)
            self._record_path(chain_id).unlink(missing_ok=True)
            self._index_path(chain_id).unlink(missing_ok=True)
        return True

    def touched(self, chain_id: Digest) -> float:
        """When a layer was last added or found by ``add``, seconds since the epoch; 0: never."""
        try:
            return self._record_path(chain_id).stat().st_mtime
        except OSError:
            return 0.0

    def sweep(self, before: float, *, dry_run: bool = False) -> list[tuple[str, int]]:
        """Remove what crashes left: unfinished layers, records of layers that are gone.

        Args:
            before: seconds since the epoch; temporary files that are younger stay. An unfinished
                layer goes at once unless a process is making it.
            dry_run: only tell.

        Returns:
            Paths beneath the root, and their bytes.
        """
        found = []
        for algorithm, name in self._unfinished():
            chain_id = Digest(f"{algorithm}:{name}")
            with self._locked(chain_id, wait=False) as held:
                partial = self._partial(chain_id)
                if held and partial.exists():
                    found.append((f"partial/{name}", index_directory(partial).content))
                    if not dry_run:
                        self._clear(partial)
        known = {chain_id.encoded for chain_id in self.chain_ids()}
        for path in _files(self.root / "records"):
            stem, _, suffix = path.name.partition(".")
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                stray = stem not in known or suffix not in ("json", "index")
                if stray and status.st_mtime < before:
                    found.append((f"records/{path.name}", status.st_size))
                    if not dry_run:
                        path.unlink()
        return found

    def _unfinished(self) -> list[tuple[str, str]]:
        lengths = {length: algorithm for algorithm, length in ENCODED_LENGTH.items()}
        names = [path.name for path in _files(self.root / "partial")]
        return [(lengths[len(name)], name) for name in names if len(name) in lengths]

    def index(self, chain_id: Digest) -> LayerIndex:
        """What a layer holds; made by walking its directory where the file is missing or damaged.

        Raises:
            LayerError: it is not unpacked. StorageError: its directory cannot be read.
        """
        try:
            return LayerIndex.decode(self._index_path(chain_id).read_bytes())
        except (OSError, LayerError):
            pass
        path = self.get(chain_id)
        if path is None:
            raise LayerError(f"layer {chain_id} is not unpacked")
        index = index_directory(path)
        with contextlib.suppress(StorageError):  # where nothing can be written, it is still known
            self._write_index(chain_id, index)
        return index

    def chain_ids(self) -> list[Digest]:
        """The layers that are unpacked, in order of their chainIDs."""
        found = []
        for algorithm in ("sha256", "sha512"):
            with contextlib.suppress(FileNotFoundError):
                names = os.listdir(self.root / algorithm)
                found += [Digest(f"{algorithm}:{name}") for name in sorted(names)]
        return found

    def summary(self, chain_id: Digest) -> dict[str, int]:
        """Numbers of ``Unpacked`` as they were when the layer was unpacked; empty if unknown."""
        try:
            document = json.loads(self._record_path(chain_id).read_bytes())
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in document.items() if isinstance(value, int)}

    def _unpack(
        self,
        chain_id: Digest,
        layer: Descriptor,
        diff_id: Digest,
        blob: IO[bytes],
        lowers: Sequence[Path],
    ) -> Path:
        partial, path = self._partial(chain_id), self._path(chain_id)
        self._clear(partial)
        what = f"layer {layer.digest}"
        done = unpack(
            blob,
            partial,
            media_type=layer.media_type,
            diff_id=diff_id,
            lowers=lowers,
            user_xattrs=self._user_xattrs,
            limits=self._limits,
            what=what,
        )
        try:
            numbers = _numbers(done)
            write_whole(self._record_path(chain_id), json.dumps(numbers))
            if done.index is not None:
                self._write_index(chain_id, done.index)
            os.rename(partial, path)
        except (OSError, StorageError) as error:
            self._clear(partial)
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{what}: {os.strerror(error.errno or 0).lower()}") from error
        self._warn(done, what)
        self._tell(chain_id, layer, diff_id, numbers, reused=False, seconds=done.seconds)
        return path

    def _warn(self, done: Unpacked, what: str) -> None:
        # An ordinary user has one user id and no devices: that is so in every layer.
        expected = os.geteuid() != 0
        for count, told in (
            (0 if expected else done.owners_skipped, "owners could not be kept"),
            (0 if expected else done.devices_skipped, "device nodes could not be kept"),
            (done.xattrs_skipped, "extended attributes could not be kept"),
            (done.absolute, "absolute names were put beneath the root of the image"),
        ):
            if count:
                self._record(Warned(message=f"{what}: {count:,} {told}"))

    def _tell(
        self,
        chain_id: Digest,
        layer: Descriptor,
        diff_id: Digest,
        numbers: dict[str, int],
        *,
        reused: bool,
        seconds: float = 0.0,
    ) -> None:
        self._record(
            LayerApplied(
                digest=layer.digest,
                diff_id=diff_id,
                chain_id=chain_id,
                entries=numbers.get("entries", 0),
                size=numbers.get("size", 0),
                seconds=seconds,
                reused=reused,
                directory=str(self._path(chain_id)),
            )
        )

    def _path(self, chain_id: Digest) -> Path:
        return self.root / chain_id.algorithm / chain_id.encoded

    def _partial(self, chain_id: Digest) -> Path:
        return self.root / "partial" / chain_id.encoded

    def _record_path(self, chain_id: Digest) -> Path:
        return self.root / "records" / f"{chain_id.encoded}.json"

    def _index_path(self, chain_id: Digest) -> Path:
        return self.root / "records" / f"{chain_id.encoded}.index"

    def _write_index(self, chain_id: Digest, index: LayerIndex) -> None:
        write_whole(self._index_path(chain_id), index.encode())

    @contextlib.contextmanager
    def _locked(self, chain_id: Digest, *, wait: bool = True) -> Iterator[bool]:
        """Hold the layer's lock; the kernel lets go of it when a process dies.

        Without waiting it may not be had; it gives whether it is.
        """
        try:
            self._make_private()
            for name in ("partial", "records", "locks", chain_id.algorithm):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            lock = os.open(
                self.root / "locks" / chain_id.encoded, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise StorageError(f"{self.root}: {os.strerror(error.errno or 0).lower()}") from error
        try:
            if wait:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield True
            else:
                yield try_lock(lock)
        finally:
            os.close(lock)

    def _make_private(self) -> None:
        """A stranger's setuid program, unpacked, would give its owner's power to everybody here."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.root.stat().st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # somebody else's, who decides
                self.root.chmod(0o700)

    def _clear(self, partial: Path) -> None:
        if not os.path.lexists(partial):
            return
        remove_content(partial)
        try:
            os.rmdir(partial)
        except OSError as error:
            raise LayerError(f"{partial} cannot be removed: {error.strerror}") from error


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []


def _numbers(done: Unpacked) -> dict[str, int]:
    names = ("entries", "size", "compressed", "content", "files", "directories", "symlinks",
             "hardlinks", "others", "whiteouts")  # fmt: skip
    return {name: getattr(done, name) for name in names}
