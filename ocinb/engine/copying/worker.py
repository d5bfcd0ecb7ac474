"""The process that reads and writes a container's files: ``worker.py out|in ROOT USER-NAMESPACE``.

ROOT and USER-NAMESPACE are descriptors. A request is a line of
JSON on standard input; the answer is one on standard output, before the archive or after it. What
fails is a line of JSON on standard error.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys

if __name__ == "__main__":
    # -I and -S leave out all of site-packages, so the package's place is told by this file's.
    here = os.path.abspath(__file__)
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(here)))))

from ocinb.engine.copying.extract import Extractor
from ocinb.engine.copying.pack import Packer
from ocinb.engine.copying.place import destination
from ocinb.errors import OcinbError, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FAILED = 1


def main(arguments: list[str]) -> int:
    """Do what the request says; 0, or 1 where it could not be done."""
    operation, root, namespace = arguments[0], int(arguments[1]), int(arguments[2])
    os.umask(0)
    # Who interrupts the copy has its other end closed; then what is half done is removed here.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        _join(namespace)
        request = json.loads(sys.stdin.buffer.readline())
        if operation == "out":
            _out(root, request)
        else:
            _in(root, request)
    except SyscallError as error:
        return _failed(os.strerror(error.errno or 0).lower())
    except OcinbError as error:
        return _failed(error.message)
    except BrokenPipeError:
        return FAILED  # nobody reads any more
    except OSError as error:
        name = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _failed(f"{name}{os.strerror(error.errno or errno.EIO).lower()}")
    return 0


def _out(root: int, request: dict[str, Any]) -> None:
    """Answer with what the source is, then with the archive."""
    tree, path = Beneath(Kernel(), root), request["path"]
    clean = path.rstrip("/") or "/"
    directory, _, name = clean.rpartition("/")
    if request["follow"] or path != clean or name in (".", "..", ""):
        descriptor = tree.open(clean)
    else:
        # The last part of the path is not followed: a link is copied as a link.
        parent = tree.open(directory or "/", os.O_PATH | os.O_DIRECTORY)
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    mode = os.fstat(descriptor).st_mode
    if path.endswith("/") and not stat.S_ISDIR(mode):
        raise SyscallError("openat2", (path,), errno.ENOTDIR)
    name = name if name not in (".", "..", "") else request["root"]
    answer = {"name": name, "directory": stat.S_ISDIR(mode)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    packer = Packer(sys.stdout.buffer)
    packer.add(descriptor, name)
    packer.close()
    sys.stdout.buffer.flush()


def _in(root: int, request: dict[str, Any]) -> None:
    """Put the archive behind the request where it says."""
    owner = request["owner"]
    place = destination(
        Beneath(Kernel(), root),
        request["path"],
        name=request["name"],
        directory=request["directory"],
        contents=request["contents"],
    )
    extractor = Extractor(root, place.base, place.names, tuple(owner) if owner else None)
    extractor.extract(sys.stdin.buffer)


def _join(namespace: int) -> None:
    kernel = Kernel()
    own = os.stat("/proc/self/ns/user")
    if os.path.samestat(own, os.fstat(namespace)):
        return
    kernel.setns(namespace, f.CLONE_NEWUSER)
    os.setgid(0)
    os.setuid(0)


def _failed(message: str) -> int:
    sys.stderr.write(json.dumps({"error": message}) + "\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
