"""The image that all engines run: busybox, a few users, and files to be covered by volumes."""

from __future__ import annotations

import struct
from pathlib import Path

from ocinb.content.store import Store
from ocinb.spec.reference import Reference
from tests.support.archives import Member, directory, member, symlink
from tests.support.layered import name_image
from tests.support.peers import require

NAME = "localhost/behaviours"

_APPLETS = [
    "ash",
    "awk",
    "basename",
    "cat",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "dmesg",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "free",
    "grep",
    "head",
    "hostname",
    "id",
    "ifconfig",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mknod",
    "mkfifo",
    "mount",
    "mountpoint",
    "mv",
    "nc",
    "nice",
    "nproc",
    "od",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "rm",
    "rmdir",
    "route",
    "sed",
    "seq",
    "sh",
    "sleep",
    "sort",
    "stat",
    "sync",
    "tail",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tty",
    "umount",
    "uname",
    "unshare",
    "wc",
    "wget",
    "whoami",
    "xargs",
    "yes",
]
_PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\n"
    "ann:x:1000:1000:Ann:/home/ann:/bin/sh\n"
    "bob:x:1001:100:Bob:/home/bob:/bin/sh\n"
)
_GROUP = "root:x:0:\nusers:x:100:\nann:x:1000:\naudio:x:29:ann\nvideo:x:44:ann,bob\nwheel:x:10:\n"
_SCRIPT = b'#!/bin/sh\necho entrypoint "$@"\n'


def _geteuid() -> bytes:
    """A program that ends with its effective user id as its status; busybox gives up set-user-id.

    An ELF header, one segment, and ``exit(geteuid())`` in the machine's own words.
    """
    code = bytes.fromhex("b86b0000000f05 89c7 b83c0000000f05")
    start, entry = 0x400000, 0x400000 + 120
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    size = 120 + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000)
    return header + segment + code


def make_image(store: Store) -> None:
    """Put the image into a store, under ``NAME``."""
    busybox = Path(require("busybox")).read_bytes()
    files: list[Member] = [
        *(directory(name) for name in ("bin", "etc", "dev", "proc", "sys", "root", "home", "srv")),
        directory("tmp", mode=0o1777),
        directory("home/ann", uid=1000, gid=1000),
        directory("home/bob", uid=1001, gid=100),
        directory("seed", uid=1000, gid=1000, mode=0o750),
        member("seed/file", data=b"from the image", uid=1000, gid=1000),
        directory("seed/deep"),
        directory("volume", mode=0o700),
        member("volume/file", data=b"of the volume"),
        member("bin/busybox", data=busybox, mode=0o755),
        member("bin/entry", data=_SCRIPT, mode=0o755),
        member("bin/geteuid", data=_geteuid(), mode=0o4755),
        member("etc/passwd", data=_PASSWD.encode()),
        member("etc/group", data=_GROUP.encode()),
        member("etc/plain", data=b"no program"),
        *(symlink(f"bin/{name}", "busybox") for name in _APPLETS),
    ]
    config = {
        "Env": ["PATH=/bin", "FROM_IMAGE=image", "BOTH=image"],
        "Cmd": ["echo", "from the image"],
        "WorkingDir": "/srv",
        "Volumes": {"/volume": {}},
        "Labels": {"of.image": "label", "both": "image"},
        "StopSignal": "SIGUSR1",
    }
    name_image(store, str(Reference.parse(NAME)), [files], config=config)
