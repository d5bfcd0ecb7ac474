"""The engines that the behaviours are run with: ours with each runtime, and podman."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Protocol

from ocinb.cli import render
from ocinb.cli.__main__ import exit_status
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Narration
from ocinb.content.store import Store
from ocinb.errors import OcinbError
from ocinb.settings import Settings
from tests.engine.conftest import CRUN
from tests.support.behaviours.image import NAME, make_image
from tests.support.podman import Podman


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
    """

    name: str
    kind: str

    def __call__(self, *words: str) -> Seen: ...

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
        self.name = name
        self._settings = Settings(root=place / "root", run_root=place / "run", runtime=runtime)
        make_image(Store(self._settings.store))

    def __call__(self, *words: str) -> Seen:
        out, err = bytearray(), bytearray()
        shown = io.TextIOWrapper(io.BytesIO(), write_through=True)

        def take(data: bytes, stream: int) -> None:
            (out if stream == 1 else err).extend(data)

        session = Session(self._settings, output=take)
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
                err.extend(f"{error.message}\n{error.hint or ''}".encode())
        raw = shown.detach().getvalue()  # type: ignore[attr-defined]
        return Seen(status, (bytes(out) + raw).decode(), err.decode())

    def close(self) -> None:
        """Remove every container, as a person would."""
        self("rm", "--all", "--force")


class TheirPodman:
    """Podman, the reference."""

    name = kind = "podman"

    def __init__(self, place: Path) -> None:
        self._podman = Podman(place / "podman")
        store = Store(place / "store")
        make_image(store)
        policy = f"--signature-policy={self._podman.policy}"
        self._podman("pull", "--quiet", policy, f"oci:{place}/store:{NAME}:latest")
        identifier = self._podman("images", "--quiet", "--no-trunc").stdout.split()[0]
        self._podman("tag", identifier, NAME)

    def __call__(self, *words: str) -> Seen:
        done = self._podman(*words, check=False)
        return Seen(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Remove every container."""
        self._podman("rm", "--all", "--force", "--time", "0", check=False)
        self._podman("volume", "prune", "--force", check=False)


def open_engine(name: str, place: Path) -> Program:
    """An engine by its name: ``podman``, ``ocinb``, ``runc``, ``crun``."""
    place.chmod(0o755)
    if name == "podman":
        return TheirPodman(place)
    if name != "crun":
        return Ours(name, place, name)
    wrapper = place / "crun"
    wrapper.write_text(CRUN)
    wrapper.chmod(0o755)
    return Ours(name, place, str(wrapper))


ROOT_ENGINES = ("podman", "ocinb", "runc", "crun")
