"""``cp``: between this machine and a container, by the process of ``worker``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from ocinb.engine.copying.extract import Extractor
from ocinb.engine.copying.pack import Packer
from ocinb.engine.copying.place import destination
from ocinb.engine.runtime_process import interpreter
from ocinb.errors import ContainerError, OcinbError
from ocinb.events import Warned, ignore
from ocinb.frozen import Frozen
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.events import Record

_WORKER = str(Path(__file__).with_name("worker.py"))
_LONGEST_ANSWER = 1 << 16
_TIDY = 5.0
"""Seconds that the worker has to remove what it has half done, once it is no longer wanted."""


class Root(Frozen):
    """A container's tree.

    Attributes:
        name: the container's, for people.
        tree: a descriptor of its root, not a path, which may lead elsewhere a moment later.
        namespace: a descriptor of its user namespace.
        place: where in the container that root is, for people; empty: it is the container's own.
        readonly: whether the container may not write there, so that nobody does it in its name.
    """

    name: str
    tree: int
    namespace: int
    place: str = ""
    readonly: bool = False


def copy_out(
    root: Root,
    source: str,
    target: str,
    *,
    follow: bool = False,
    owners: bool = False,
    record: Record = ignore,
) -> None:
    """Copy from a container to this machine.

    Without ``owners`` files belong to this user, whom the container must not bring into danger:
    set-user-ID and set-group-ID bits go, and devices are not made.

    Args:
        root: of the container.
        source: a path in it.
        target: a path on this machine, as for cp.
        follow: whether the link that ``source`` may be is followed.
        owners: whether files keep their owners, where this user may do that.
        record: told ``Warned`` of what is not copied.

    Raises:
        ContainerError: it could not be done; what was copied until then is there.
    """
    _check_named(target)
    with _reading(root, source, follow) as (answer, archive):
        here = os.path.abspath(target) + ("/" if target.endswith("/") else "")
        contents = source.endswith("/.")
        host = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # The person's own path is followed as any; what is in the archive is not.
            place = destination(
                Beneath(Kernel(), host),
                here,
                name=answer["name"],
                directory=answer["directory"],
                contents=contents,
            )
        finally:
            os.close(host)
        base = os.open(place.base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        owner = None if owners else (os.geteuid(), os.getegid())
        try:
            extractor = Extractor(base, "/", place.names, owner, harmless=not owners)
            extractor.extract(archive)
        except OSError as error:
            raise _refused(target, error) from None
        finally:
            os.close(base)
        if extractor.left_out:
            first, *others = sorted(extractor.left_out)
            more = f" and {len(others)} more" if others else ""
            record(Warned(message=f"{first!r}{more} not copied: devices are with --archive only"))


def copy_in(
    root: Root, source: str, target: str, *, follow: bool = False, owners: bool = False
) -> None:
    """Copy from this machine into a container; arguments and errors as for ``copy_out``."""
    _check_named(source)
    contents = source.endswith("/.") or source == "."
    clean = source.rstrip("/") or "/"
    flags = os.O_PATH | os.O_CLOEXEC
    if not (follow or contents or source != clean):
        flags |= os.O_NOFOLLOW
    try:
        descriptor = os.open(clean, flags)
    except OSError as error:
        raise _refused(source, error) from None
    try:
        directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        name = os.path.basename(os.path.abspath(clean)) or "root"
        request = {
            "path": target,
            "name": name,
            "directory": directory,
            "contents": contents,
            "owner": None if owners else [0, 0],
        }

        def write(out: BinaryIO) -> None:
            packer = Packer(out)
            packer.add(descriptor, name)
            packer.close()

        _writing(root, request, write)
    finally:
        os.close(descriptor)


def archive_out(root: Root, source: str, out: BinaryIO, *, follow: bool = False) -> None:
    """Write a file or a tree of a container as a tar archive; errors as for ``copy_out``."""
    with _reading(root, source, follow) as (_, archive):
        shutil.copyfileobj(archive, out, 1 << 20)


def archive_in(root: Root, archive: BinaryIO, target: str, *, owners: bool = True) -> None:
    """Unpack a tar archive in a directory of a container; errors as for ``copy_out``."""
    request = {
        "path": target,
        "name": "",
        "directory": True,
        "contents": False,
        "owner": None if owners else [0, 0],
    }
    _writing(root, request, lambda out: shutil.copyfileobj(archive, out, 1 << 20))


@contextlib.contextmanager
def _reading(root: Root, source: str, follow: bool) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
    # A volume's own root has no name in it, but has one in the container.
    request = {"path": source, "follow": follow, "root": os.path.basename(root.place) or "root"}
    with _worker("out", root) as worker:
        assert worker.stdin and worker.stdout and worker.stderr
        worker.stdin.write(json.dumps(request).encode() + b"\n")
        worker.stdin.close()
        line = worker.stdout.readline(_LONGEST_ANSWER)
        if line:
            yield json.loads(line), worker.stdout
            # Behind an archive there is padding; without its end the worker would wait for us.
            while worker.stdout.read(1 << 20):
                pass
        _check(worker, f"{root.name}:{root.place}{source}")


def _writing(root: Root, request: dict[str, Any], write: Callable[[BinaryIO], object]) -> None:
    if root.readonly:
        place = f"{root.name}:{root.place or '/'}"
        raise ContainerError(f"{place} is read-only, so nothing is copied there")
    with _worker("in", root) as worker:
        assert worker.stdin and worker.stdout and worker.stderr
        try:
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            write(worker.stdin)  # type: ignore[arg-type]
            worker.stdin.close()
        except BrokenPipeError:
            pass  # it says why it reads no more
        except OSError as error:
            raise _refused(str(error.filename or "what is to be copied"), error) from None
        _check(worker, f"{root.name}:{root.place}{request['path']}")


@contextlib.contextmanager
def _worker(operation: str, root: Root) -> Iterator[subprocess.Popen[bytes]]:
    descriptors = root.tree, root.namespace
    try:
        worker = subprocess.Popen(
            [interpreter(), "-I", "-S", _WORKER, operation, *map(str, descriptors)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
        )
    except OSError as error:
        raise _refused(f"the files of container {root.name}", error) from None
    try:
        yield worker
    finally:
        for stream in (worker.stdin, worker.stdout, worker.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(_TIDY)  # without its streams it ends
        finally:
            worker.kill()
            worker.wait()


def _check_named(path: str) -> None:
    if not path:
        raise ContainerError("nothing is copied: one of the paths is empty")


def _check(worker: subprocess.Popen[bytes], subject: str) -> None:
    """Wait for the end of the worker.

    Raises:
        ContainerError: it failed.
    """
    assert worker.stderr
    said = worker.stderr.read()
    if worker.wait() == 0:
        return
    try:
        message = json.loads(said.splitlines()[-1])["error"]
    except (ValueError, IndexError, KeyError):
        message = f"the copying process ended with status {worker.returncode}"
    raise ContainerError(f"{subject} could not be copied: {message}")


def _refused(subject: str, error: OSError) -> OcinbError:
    reason = os.strerror(error.errno or 0).lower()
    return ContainerError(f"{subject} could not be copied: {reason}")
