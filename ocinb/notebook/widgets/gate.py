"""Gates: hooks of config.json that wait, so that a lifecycle stands still where one has its place.

A gate is a program that connects to a socket of ours and waits for one byte. If we go away it
ends with a failure, so the runtime undoes the container: nothing waits for ever.

Who is not meant to pass does not: other users of this machine cannot reach the sockets, of the
container's own processes only those before the program see one, and each gate is passed once.

Spec: runtime-spec config.md#posix-platform-hooks
"""

from __future__ import annotations

import contextlib
import os
import platform
import select
import shutil
import socket
import struct
import tempfile
import time
from typing import TYPE_CHECKING, Any

from ocinb.errors import StorageError, UnsupportedHost
from ocinb.spec.lifecycle import HOOKS
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from collections.abc import Sequence

GATES = "ocinb-gates-"
"""How the names of the gates' directories on this machine begin."""

PLACE = "/.ocinb-gates"
"""Where the container sees the gate that stands inside."""

_INSIDE = "startContainer"
"""The hooks that run when the container has its own root: of the others it sees nothing."""

_CODE = bytes.fromhex(
    "488b742410"  # mov rsi, [rsp+16]       the path, our first argument
    "4883ec70"  # sub rsp, 112             room for a sockaddr_un
    "66c704240100"  # mov word [rsp], AF_UNIX
    "488d7c2402"  # lea rdi, [rsp+2]
    "acaa84c075fa"  # lodsb; stosb; test al, al; jnz
    "6a29586a015f6a015e990f05"  # socket(AF_UNIX, SOCK_STREAM, 0)
    "89c76a2a584889e66a6e5a0f05"  # connect(socket, rsp, 110)
    "85c0780a"  # js: exit with it
    "4889e66a015a0f05"  # read(socket, rsp, 1); rax is 0, the number of read
    "ffc8"  # 1 byte is success
    "89c76a3c580f05"  # exit
)
"""For x86-64. Of a container nothing can be expected, not even a shell, so the gate that runs
inside brings no library and no interpreter."""

_SHORTEST_SCRIPT = (
    "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);"
    "sys.exit(s.recv(1)==b'')"
)
"""For other machines, outside of the container."""

_LONGEST_PATH = 107
"""Bytes of a socket's path. See unix(7)."""


class Gates:
    """The six gates of one container; a directory of this machine, until ``close``.

    Raises:
        StorageError: the disk refused. UnsupportedHost: the directory's name is too long.
    """

    def __init__(self, *, script: bool = platform.machine() != "x86_64") -> None:
        self._script = script
        self.directory = tempfile.mkdtemp(prefix=GATES, dir=temporary_place())
        self._listening: dict[str, socket.socket] = {}
        self._held: socket.socket | None = None
        self._users = [range(os.geteuid(), os.geteuid() + 1)]
        try:
            os.mkdir(f"{self.directory}/inside")
            for place in (self.directory, f"{self.directory}/inside"):
                self._make_program(f"{place}/gate")
            for stage in self.stages:
                self._listening[stage] = self._listen(f"{self._place(stage)}/{stage}")
            # Through the mount alone: for others the directory around them is closed. The
            # container's users may be others than we are.
            os.chmod(f"{self.directory}/inside", 0o711)
            if _INSIDE in self.stages:
                os.chmod(f"{self.directory}/inside/{_INSIDE}", 0o666)
        except OSError as error:
            self.close()
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{self.directory}: {reason}") from error
        except BaseException:
            self.close()
            raise

    @property
    def stages(self) -> Sequence[str]:
        """The kinds of hooks at which a container stops."""
        return [stage for stage in HOOKS if stage != _INSIDE or not self._script]

    def add_to(self, config: dict[str, Any]) -> None:
        """Put a gate behind the hooks that a config.json has."""
        hooks = config.setdefault("hooks", {})
        for stage in self.stages:
            hooks.setdefault(stage, []).append(self._hook(stage))
        self._users += _users(config)
        if _INSIDE in self.stages:
            config.setdefault("mounts", []).append(
                {
                    "destination": PLACE,
                    "type": "bind",
                    "source": f"{self.directory}/inside",
                    "options": ["bind", "ro", "nosuid", "nodev"],
                }
            )

    def arrival(self, seconds: float) -> tuple[str, int] | None:
        """Wait for a hook to come to its gate; others who come are turned away.

        Returns:
            its kind and its process; None where none came.
        """
        end = time.monotonic() + seconds
        while True:
            left = max(end - time.monotonic(), 0)
            ready, _, _ = select.select(list(self._listening.values()), [], [], left)
            for stage, listening in self._listening.items():
                if listening in ready:
                    peer, _ = listening.accept()
                    packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                    pid, user, _ = struct.unpack("iII", packed)
                    if any(user in users for users in self._users):
                        # A container goes through each stage once; who comes later is no hook.
                        self._listening.pop(stage).close()
                        self._held = peer
                        return stage, pid
                    peer.close()
            if time.monotonic() >= end:
                return None

    @property
    def holds(self) -> bool:
        """Whether a hook waits."""
        return self._held is not None

    def open(self) -> None:
        """Let the hook that waits end well."""
        if self._held is not None:
            with self._held, contextlib.suppress(OSError):
                self._held.send(b"1")
        self._held = None

    def close(self) -> None:
        """End: a hook that waits, or comes, fails."""
        if self._held is not None:
            self._held.close()
            self._held = None
        for listening in self._listening.values():
            listening.close()
        self._listening.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _hook(self, stage: str) -> dict[str, Any]:
        if self._script:
            program = [shutil.which("python3") or "/usr/bin/python3", "-I", "-S", "-c"]
            path, args = program[0], [*program, _SHORTEST_SCRIPT, f"{self.directory}/{stage}"]
            return {"path": path, "args": args}
        place = PLACE if stage == _INSIDE else self.directory
        return {"path": f"{place}/gate", "args": ["gate", f"{place}/{stage}"]}

    def _place(self, stage: str) -> str:
        return f"{self.directory}/inside" if stage == _INSIDE else self.directory

    def _make_program(self, path: str) -> None:
        with open(path, "wb") as file:
            file.write(_elf(_CODE))
        os.chmod(path, 0o755)

    @staticmethod
    def _listen(path: str) -> socket.socket:
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise UnsupportedHost(
                f"{path} is too long for a socket", hint="set TMPDIR to a shorter directory"
            )
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(path)
        os.chmod(path, 0o600)
        made.listen()
        return made


def _users(config: dict[str, Any]) -> list[range]:
    """Whose processes, seen from this machine, may be hooks in the container.

    Spec: runtime-spec config-linux.md#user-namespace-mappings, config.md#user
    """
    mapped = config.get("linux", {}).get("uidMappings") or []
    if mapped:
        return [range(entry["hostID"], entry["hostID"] + entry["size"]) for entry in mapped]
    user = config.get("process", {}).get("user", {}).get("uid", 0)
    return [range(user, user + 1)]


def _elf(code: bytes) -> bytes:
    """A static program for x86-64 of one segment. Spec: none (System V ABI)"""
    base, head = 0x400000, 64 + 56
    size = head + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + head, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return ident + header + segment + code
