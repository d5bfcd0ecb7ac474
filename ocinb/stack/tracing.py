"""What an engine asks of its OCI runtime: our wrapper in the runtime's place, for one command.

The place is the one that each engine documents: podman's ``--runtime``, ctr's ``--runc-binary``,
and for docker a runtime of its ``daemon.json``, which a person writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.errors import CommandError, UnsupportedHost
from ocinb.linux.try_lock import try_lock
from ocinb.private_directory import private_directory
from ocinb.stack import wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

Call = dict[str, Any]

PATIENCE = 10.0
"""Seconds for which calls that go on when the command has ended are waited for."""


class Tracing:
    """Wrappers, and what they write, in one directory.

    Args:
        place: kept; wrappers stay in it, for engines remember the runtime that made a container.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._calls = place / "calls"

    def command(self, words: Sequence[str], runtime: str = "") -> list[str]:
        """A command line of podman, ctr or docker with our wrapper in it.

        Args:
            words: as a person would type them.
            runtime: to stand behind the wrapper: ``ocinb``, a name or a path; if not given the
                one that the engine would take.

        Raises:
            CommandError: not such a command line, or docker does not know the wrapper.
        """
        engine = os.path.basename(words[0]) if words else ""
        place = {"podman": self._podman, "ctr": self._ctr, "docker": self._docker}.get(engine)
        if place is None:
            raise CommandError(
                f"{engine or 'nothing'} is not traced", hint="podman, ctr and docker are"
            )
        if shutil.which(words[0]) is None:
            raise UnsupportedHost(f"{words[0]} is not installed here")
        return place(list(words), runtime)

    def wrapper(self, runtime: str) -> Path:
        """The wrapper before a runtime; made if need be.

        Raises:
            UnsupportedHost: there is no such runtime.
        """
        argv = runtime_argv(runtime)
        private_directory(self._place)
        # It has the name of what is behind it: engines judge a runtime by its name.
        own = self._place / hashlib.sha256("\0".join(argv).encode()).hexdigest()[:12]
        own.mkdir(mode=0o700, exist_ok=True)
        path = own / os.path.basename(runtime.rstrip("/") or "runtime")
        line = [sys.executable, "-I", "-S", wrapper.__file__, str(self._calls), *argv, "--"]
        text = f'#!/bin/sh\nexec {shlex.join(line)} "$@"\n'
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            part = path.with_name(f"{path.name}.{os.getpid()}")
            part.write_text(text, encoding="utf-8")
            part.chmod(0o755)
            part.rename(path)
        return path

    @contextmanager
    def listening(self) -> Iterator[Callable[[], list[Call]]]:
        """Within, wrappers write down calls; yields what returns those that were made so far.

        Raises:
            CommandError: somebody else listens.
        """
        private_directory(self._place)
        with (self._place / "lock").open("w") as lock:
            _take(lock.fileno())
            shutil.rmtree(self._calls, ignore_errors=True)
            self._calls.mkdir(mode=0o700)
            try:
                yield self._read
            finally:
                shutil.rmtree(self._calls, ignore_errors=True)

    def _read(self) -> list[Call]:
        """The calls in the order in which they began; those that have not ended are waited for."""
        end = time.monotonic() + PATIENCE
        while any(map(_goes_on, self._calls.glob("*.begun"))) and time.monotonic() < end:
            time.sleep(0.02)
        found = []
        for path in sorted(self._calls.iterdir(), key=lambda each: each.name):
            if path.suffix in (".json", ".begun"):
                found.append(json.loads(path.read_text(encoding="utf-8")))
        return found

    def _podman(self, words: list[str], runtime: str) -> list[str]:
        given, rest = _taken(words, "--runtime")
        runtime = runtime or given or _asked(rest, "info", "--format", "{{.Host.OCIRuntime.Path}}")
        return [rest[0], "--runtime", str(self.wrapper(runtime)), *rest[1:]]

    def _ctr(self, words: list[str], runtime: str) -> list[str]:
        given, rest = _taken(words, "--runc-binary")
        at = _makes_container(rest)
        if not at:
            raise CommandError(
                "of ctr only what makes a container is traced", hint="as in ctr run … IMAGE NAME"
            )
        made = self.wrapper(runtime or given or "runc")
        return [*rest[:at], "--runc-binary", str(made), *rest[at:]]

    def _docker(self, words: list[str], runtime: str) -> list[str]:
        given, rest = _taken(words, "--runtime")
        at = next((n for n, word in enumerate(rest) if word in ("run", "create")), -1) + 1
        if not at:
            raise CommandError("of docker only run and create are traced")
        before = rest[: at - 2 if rest[at - 2] == "container" else at - 1]
        told = json.loads(_asked(before, "info", "--format", "{{json .}}"))
        known = told.get("Runtimes") or {}
        real = runtime or given or told.get("DefaultRuntime") or "runc"
        made = str(self.wrapper(known.get(real, {}).get("path") or real))
        name = next((name for name, each in known.items() if each.get("path") == made), "")
        if not name:
            entry = json.dumps({"runtimes": {"traced": {"path": made}}})
            raise CommandError(
                "docker knows runtimes by its configuration only, and ours is not in it",
                hint=f"put {entry} into /etc/docker/daemon.json and reload dockerd "
                "(systemctl reload docker); take it out afterwards",
            )
        return [*rest[:at], "--runtime", name, *rest[at:]]


def _take(lock: int) -> None:
    """Take the lock of who listens; wrappers hold it for a moment, to see whether anybody does.

    Raises:
        CommandError: somebody else has it.
    """
    end = time.monotonic() + 1.0
    while not try_lock(lock):
        if time.monotonic() > end:
            raise CommandError("another stack trace goes on; one at a time")
        time.sleep(0.01)


def runtime_argv(runtime: str) -> list[str]:
    """How a runtime is started, with an absolute path.

    Args:
        runtime: ``ocinb``, the name of an installed one, or a path.

    Raises:
        UnsupportedHost: there is none.
    """
    if runtime in ("ocinb", "ocinb-runtime"):
        import ocinb.runtime

        own = os.path.join(os.path.dirname(ocinb.runtime.__file__ or ""), "__main__.py")
        return [sys.executable, "-I", "-S", own]
    path = shutil.which(runtime)
    if path is None:
        raise UnsupportedHost(
            f"there is no OCI runtime {runtime} here", hint="ocinb, or apt-get install runc"
        )
    return [os.path.abspath(path)]


def _makes_container(words: Sequence[str]) -> int:
    """Where the options of ``run`` or ``containers create`` begin; 0: it is another command."""
    for at, word in enumerate(words):
        made = word == "create" and words[at - 1] in ("container", "containers", "c")
        if at and (word == "run" or made):
            return at + 1
    return 0


def _taken(words: list[str], option: str) -> tuple[str, list[str]]:
    """The value of an option that is there already, and the words without it."""
    rest: list[str] = []
    value = ""
    left = iter(words)
    for word in left:
        if word == option:
            value = next(left, "")
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
        else:
            rest.append(word)
    return value, rest


def _asked(words: Sequence[str], *more: str) -> str:
    """What an engine prints.

    Raises:
        UnsupportedHost: it fails.
    """
    argv = [words[0], *_global_options(words), *more]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise UnsupportedHost(f"{shlex.join(argv[:2])} fails: {said[-1]}")
    return done.stdout.strip()


def _global_options(words: Sequence[str]) -> list[str]:
    """The options between the program and its command."""
    found: list[str] = []
    for word in words[1:]:
        if not word.startswith("-") and not (found and _has_value(found[-1])):
            break
        found.append(word)
    return found


def _has_value(word: str) -> bool:
    return word in ("--root", "--runroot", "--storage-driver", "--storage-opt", "-H", "--host",
                    "--config", "--context", "--connection", "--url", "--log-level",
                    "--cgroup-manager", "--conmon", "--tmpdir", "--module")  # fmt: skip


def _goes_on(path: Path) -> bool:
    return os.path.exists(f"/proc/{path.stem.rpartition('-')[2]}")
