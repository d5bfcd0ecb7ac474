"""The engines that the behaviours are run with: ours with each runtime, and podman."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ocinb.cli import render
from ocinb.cli.__main__ import exit_status
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Narration
from ocinb.content.store import Store
from ocinb.errors import OcinbError
from ocinb.events import Warned
from ocinb.settings import Settings
from tests.support.behaviours.image import NAME, make_image
from tests.support.podman import Podman
from tests.support.workplace import CRUN, ORDINARY


class Seen:
    """What came of a command.

    Attributes:
        status: the exit status.
        out: what was written to standard output.
        err: what was written to standard error, or the sentence of a refusal.
    """

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def __repr__(self) -> str:
        return f"status {self.status}: {self.out!r} {self.err!r}"


class Program(Protocol):
    """An engine: called with the words of its command line.

    Attributes:
        name: for the declarations of single engines.
        kind: ``podman`` or ``ours``.
        place: its directory.
    """

    name: str
    kind: str
    place: Path

    def __call__(self, *words: str) -> Seen: ...

    def give(self, path: Path) -> None: ...

    def close(self) -> None: ...


class Ours:
    """Our commands, in this process.

    Args:
        name: for the declarations.
        place: a directory of its own.
        runtime: as in ``--runtime``.
    """

    kind = "ours"

    def __init__(self, name: str, place: Path, runtime: str) -> None:
        self.name, self.place = name, place
        self._settings = Settings(root=place / "root", run_root=place / "run", runtime=runtime)
        make_image(Store(self._settings.store))

    def __call__(self, *words: str) -> Seen:
        return call(self._settings, words)

    def give(self, path: Path) -> None:
        """Let the engine's user have files: it is the superuser, who has all."""

    def close(self) -> None:
        """Remove every container, as a person would."""
        self("rm", "--all", "--force")


class OrdinaryOurs:
    """Our commands, in a process of an ordinary user who has a range of subordinate ids.

    Args: as for ``Ours``; ``runtime`` may be empty: the one that is chosen.
    """

    kind = "ours"

    def __init__(self, name: str, place: Path, runtime: str) -> None:
        self.name, self.place = name, place
        make_image(Store(place / "root/store"))
        (place / "subuid").write_text(f"{ORDINARY}:200000:65536\n")
        self.give(place)
        script = (
            "set -e; mount --make-rslave /; for file in subuid subgid; do "
            f'mount --bind {place}/subuid /etc/$file; done; exec "$@"'
        )
        user = str(ORDINARY)
        become = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        program = [sys.executable, "-m", "tests.support.behaviours.ordinary", str(place), runtime]
        self._process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, "sh", *become, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env={"PATH": os.environ["PATH"], "HOME": str(place)},
        )

    def __call__(self, *words: str) -> Seen:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return Seen(**json.loads(self._process.stdout.readline()))

    def give(self, path: Path) -> None:
        """Let the engine's user have files."""
        for one in [path, *path.rglob("*")]:
            os.lchown(one, ORDINARY, ORDINARY)

    def close(self) -> None:
        """Remove every container and end the process."""
        self("rm", "--all", "--force")
        self("volume", "prune")
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def call(settings: Settings, words: Sequence[str]) -> Seen:
    """Run a command of ours."""
    out, err = bytearray(), bytearray()
    shown = io.TextIOWrapper(io.BytesIO(), write_through=True)

    def take(data: bytes, stream: int) -> None:
        (out if stream == 1 else err).extend(data)

    session = Session(settings, output=take)
    status = 0
    with contextlib.redirect_stdout(shown):
        try:
            value = tree.call(words, session)
            if isinstance(value, Narration):
                for part in value:
                    render.narrate(part)
            else:
                render.show(value)
            status = exit_status(value)
        except OcinbError as error:
            status = int(getattr(error, "exit_status", 1))
            err.extend(f"{error.message}\n{error.hint or ''}\n".encode())
    for warning in session.recorder.of(Warned):
        err.extend(f"warning: {warning.message}\n".encode())
    raw = shown.detach().getvalue()  # type: ignore[attr-defined]
    return Seen(status, (bytes(out) + raw).decode(), err.decode())


class TheirPodman:
    """Podman, the reference."""

    name = kind = "podman"

    def __init__(self, place: Path) -> None:
        self.place = place
        self._podman = Podman(place / "podman")
        store = Store(place / "store")
        make_image(store)
        policy = f"--signature-policy={self._podman.policy}"
        self._podman("pull", "--quiet", policy, f"oci:{place}/store:{NAME}:latest")
        identifier = self._podman("images", "--quiet", "--no-trunc").stdout.split()[0]
        self._podman("tag", identifier, NAME)

    def __call__(self, *words: str) -> Seen:
        done = self._podman(*words, check=False, cwd=self.place)
        return Seen(done.returncode, done.stdout, done.stderr)

    def give(self, path: Path) -> None:
        """Let the engine's user have files: it is the superuser, who has all."""

    def close(self) -> None:
        """Remove every container."""
        self._podman("rm", "--all", "--force", "--time", "0", check=False)
        self._podman("volume", "prune", "--force", check=False)


def open_engine(name: str, place: Path) -> Program:
    """An engine by its name, as in ``ENGINES``."""
    place.chmod(0o755)
    if name in ORDINARY_ENGINES:
        return OrdinaryOurs(name, place, ORDINARY_ENGINES[name])
    if name == "podman":
        return TheirPodman(place)
    if name != "crun":
        return Ours(name, place, name)
    wrapper = place / "crun"
    wrapper.write_text(CRUN)
    wrapper.chmod(0o755)
    return Ours(name, place, str(wrapper))


ORDINARY_ENGINES = {"rootless": "", "proot": "proot"}
"""Of an ordinary user; the runtime is the one that is chosen, or the one that is named."""
ENGINES = ("podman", "ocinb", "runc", "crun", *ORDINARY_ENGINES)
