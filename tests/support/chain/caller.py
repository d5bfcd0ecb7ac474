"""Who calls an OCI runtime, as the comparison sees them: a few verbs, the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotOffered(Exception):
    """This caller has no such operation, whatever the runtime; the text says why."""


@dataclass(frozen=True)
class Wishes:
    """What a container is to have besides its program.

    Attributes:
        user: as in ``7:8``.
        read_only: its root.
        capabilities: the only ones it keeps; None: the caller's default.
        volume: a directory of this machine to be ``/mnt``.
        network: none, host or bridge; empty: the caller's default.
        memory: bytes.
        pids: how many processes.
        healthcheck: a shell command.
        restart: how often it is started again where it fails.
        remove: when it has ended.
    """

    user: str = ""
    read_only: bool = False
    capabilities: tuple[str, ...] | None = None
    volume: Path | None = None
    network: str = ""
    memory: int = 0
    pids: int = 0
    healthcheck: str = ""
    restart: int = 0
    remove: bool = False


NOTHING = Wishes()


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    status: int
    output: str
    errors: str = ""


class Caller:
    """A caller with one runtime behind it. Containers are shells that run a script.

    Attributes:
        column: the head of its column, as in ``podman+runc``.
        limits: whether its containers have control groups of their own.
    """

    column: str
    limits = True

    def once(self, script: str, wishes: Wishes = NOTHING) -> Ended:
        """Run a container to its end, in front."""
        raise NotImplementedError

    def on_terminal(self, script: str) -> str:
        """The same on a terminal of one's own; what is seen there."""
        raise NotImplementedError

    def begin(self, name: str, script: str, wishes: Wishes = NOTHING) -> None:
        """Start a container in the background."""
        raise NotImplementedError

    def program_missing(self) -> str:
        """What is said of a container whose program is not there."""
        raise NotImplementedError

    def execute(self, name: str, script: str, *, user: str = "") -> Ended:
        """Run a further program in a container, in front."""
        raise NotImplementedError

    def execute_on_terminal(self, name: str, script: str) -> str:
        """The same on a terminal; what is seen there."""
        raise NotImplementedError

    def execute_detached(self, name: str, script: str) -> None:
        """The same in the background."""
        raise NotImplementedError

    def processes(self, name: str) -> str:
        """What the caller says of a container's processes."""
        raise NotImplementedError

    def status(self, name: str) -> str:
        """running, paused, exited; empty: there is no such container."""
        raise NotImplementedError

    def exit_status(self, name: str) -> int:
        """Of a container that has ended, or is about to."""
        raise NotImplementedError

    def pid(self, name: str) -> int:
        """A container's first process, as the host sees it."""
        raise NotImplementedError

    def pause(self, name: str) -> None:
        """Freeze a container."""
        raise NotImplementedError

    def resume(self, name: str) -> None:
        """Thaw it."""
        raise NotImplementedError

    def update(self, name: str, memory: int) -> None:
        """Give it another limit of memory, in bytes."""
        raise NotImplementedError

    def stats(self, name: str) -> tuple[int, int]:
        """How many processes it has (0: not told), and how many bytes of memory it uses."""
        raise NotImplementedError

    def logs(self, name: str) -> tuple[str, str]:
        """What it wrote to standard output, and to standard error."""
        raise NotImplementedError

    def restarts(self, name: str) -> int:
        """How often it was started again, once it is not any more."""
        raise NotImplementedError

    def health(self, name: str) -> str:
        """healthy or unhealthy, after its check was made."""
        raise NotImplementedError

    def checkpoint(self, name: str) -> str:
        """What is said against a checkpoint."""
        raise NotImplementedError

    def stop(self, name: str, seconds: int) -> None:
        """Ask a container to end; after so many seconds it is killed."""
        raise NotImplementedError

    def kill(self, name: str, signal: str) -> None:
        """Send a signal to a container's first process."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove a container that has ended."""
        raise NotImplementedError
