"""Scripts in containers that live as long as the kernel.

A container is made when a first line is seen for the first time. Each script is a further process
in it, which begins where the one before it ended: in its directory, with its exported variables.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import time
from typing import TYPE_CHECKING

from ocinb.errors import CommandError, ContainerError, OcinbError
from ocinb.kernel.running import LONGEST, Running
from ocinb.linux.processes import alive, start_time
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.engine.engine import Engine

KEEPER = 'trap "exit 0" TERM; while sleep 86400 & wait $!; do :; done; exit 127'
"""What keeps a container alive between its scripts, and buries what they leave."""

_LOOK = 0.1
"""Seconds."""

_NAME = re.compile(r"cell-(\d+)-(\d+)-\d+")


class Scripts:
    """The containers of one kernel.

    Args:
        engine: asked each time, for settings may change.
        run: starts a container: words behind ``run`` and the program for ``sh``; see
            ``commands.run``.
        ask: what asks the person for a line (None: there will be no more); or None, where nobody
            can be asked at this moment.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        run: Callable[[list[str], str], object],
        ask: Callable[[], Callable[[], str | None] | None],
    ) -> None:
        self._engine = engine
        self._run = run
        self._ask = ask
        self._names: dict[tuple[str, ...], str] = {}
        self._states: dict[str, str] = {}
        self._made = 0

    def script(self, head: str, text: str, output: Callable[[bytes, int], None]) -> int:
        """Run a script; its exit status.

        Args:
            head: image and options of ``run``, as words of a shell.
            output: given its bytes and the number of their stream.

        Raises:
            CommandError: no image is named. OcinbError: there is no container for it.
            KeyboardInterrupt: Ctrl-C; what ran of the script has ended.
        """
        try:
            words = shlex.split(head)
        except ValueError as error:
            raise CommandError(f"#!run {head}: {str(error).lower()}") from error
        if not words:
            raise CommandError("the first line names no image", hint="as in #!image demo")
        name = self._container(words)
        return self._process(name, text, output)

    def close(self) -> None:
        """Remove the containers; what has gone already is no error."""
        while self._names:
            _, name = self._names.popitem()
            with contextlib.suppress(OcinbError):
                self._engine().containers.delete(name, force=True)
        self._states.clear()

    def _container(self, words: list[str]) -> str:
        engine, key = self._engine(), tuple(words)
        name = self._names.get(key)
        if name is not None:
            with contextlib.suppress(OcinbError):
                if engine.containers.get(name).status == RUNNING:
                    return name
                engine.containers.delete(name, force=True)
            self._states.pop(name, None)  # it has ended, and with it what it knew
        self._made += 1
        name = f"cell-{os.getpid()}-{start_time(os.getpid())}-{self._made}"
        self._names[key] = name
        self._run(["--detach", "--name", name, *words], KEEPER)
        time.sleep(_LOOK)
        if engine.containers.get(name).status != RUNNING:
            said = b"".join(chunk.data for chunk in engine.containers.logs(name)).decode(
                errors="replace"
            )
            why = said.strip().splitlines()[-1:] or ["it ended at once"]
            raise ContainerError(
                f"the container for scripts does not stay: {why[0]}",
                hint="an image for scripts needs /bin/sh and sleep",
            )
        return name

    def _process(self, name: str, text: str, output: Callable[[bytes, int], None]) -> int:
        engine, ask = self._engine(), self._ask()
        if len(text.encode(errors="surrogateescape")) > LONGEST:
            raise CommandError(
                f"the script is longer than {LONGEST:,} bytes",
                hint="put it into a file, and that into the image or a volume",
            )
        before = self._states.get(name, "")
        running = Running(engine, name, text, before, output, asks=ask is not None)
        try:
            status = running.wait(ask)
        except BaseException:
            if not running.end():
                # Of other users inside, an ordinary user can end the container only as a whole.
                with contextlib.suppress(OcinbError):
                    engine.containers.delete(name, force=True)
            raise
        if running.left is not None and len(running.left) <= LONGEST:
            self._states[name] = running.left
        return status


def sweep(engine: Engine) -> None:
    """Remove containers of kernels that were killed."""
    for record in engine.containers.all():
        found = _NAME.fullmatch(record.name)
        if found and not alive(int(found[1]), int(found[2])):
            with contextlib.suppress(OcinbError):
                engine.containers.delete(record.name, force=True)
