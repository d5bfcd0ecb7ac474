"""What a command of the runtime is, and what the options in front of it say."""

from __future__ import annotations

import os

from ocinb.errors import CommandError
from ocinb.frozen import Frozen
from ocinb.runtime.log import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.runtime.operations import Runtime
    from ocinb.runtime.options import Option, Parsed
    from ocinb.runtime.recording import Recording


class Command(Frozen):
    """A command.

    Attributes:
        name: as typed.
        function: carries it out; returns the exit status.
        usage: its arguments.
        help: one line.
        options: its own.
        least: how many arguments it needs.
        most: how many arguments it takes; -1 for any number, options of theirs included.
        refused: why it is known but not carried out, whatever its arguments.
    """

    name: str
    function: Callable[[Context, Parsed], int]
    usage: str
    help: str
    options: tuple[Option, ...] = ()
    least: int = 1
    most: int = 1
    refused: str = ""


class Context:
    """What the global options say."""

    def __init__(self, options: Parsed) -> None:
        if options.given("systemd_cgroup"):
            raise CommandError(
                "--systemd-cgroup is not supported",
                hint="use the cgroupfs manager (podman --cgroup-manager=cgroupfs)",
            )
        form = options.text("log_format", "text")
        if form not in ("text", "json"):
            raise CommandError(f"--log-format is text or json, not {form!r}")
        self.root = os.path.abspath(options.text("root") or default_root())
        self.log = Log(options.text("log"), form, debug=options.given("debug"))
        self.events = options.text("events")
        rootless = options.text("rootless", "auto")
        self.rootless = None if rootless == "auto" else rootless == "true"
        self._recordings: list[Recording] = []

    def runtime(self, container: str) -> Runtime:
        """The operations, with what happens to this container recorded."""
        # Only now: --help, --version and features need none of it.
        from ocinb.runtime.operations import Runtime
        from ocinb.runtime.recording import Recording

        recording = Recording(self.events, container)
        self._recordings.append(recording)
        return Runtime(self.root, recording, self.log)

    def close(self) -> None:
        """Close the files that are written to."""
        for recording in self._recordings:
            recording.close()
        self.log.close()


def default_root() -> str:
    """``/run/ocinb-runtime`` for the superuser, a place of one's own for anybody else."""
    if os.geteuid() == 0 and "XDG_RUNTIME_DIR" not in os.environ:
        return "/run/ocinb-runtime"
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and (os.geteuid() != 0 or _owned(base)):
        return f"{base}/ocinb-runtime"
    return "/run/ocinb-runtime" if os.geteuid() == 0 else f"/tmp/ocinb-runtime-{os.geteuid()}"


def _owned(path: str) -> bool:
    try:
        return os.stat(path).st_uid == os.geteuid() and not path.startswith("/run/user/0")
    except OSError:
        return False
