"""podman and docker: engines with the same words."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.support.chain.caller import NOTHING, Caller, Ended, Wishes
from tests.support.containerd import on_terminal

IMAGE = "box"


class Engine(Caller):
    """An engine with one runtime.

    Args:
        name: podman or docker.
        runtime: the name of the column's second half.
        argv: the program, with options that stand before its command.
        environment: of its processes.
        option: that chooses the runtime, between ``run`` and the image (docker's way).
    """

    def __init__(
        self,
        name: str,
        runtime: str,
        argv: list[str],
        environment: dict[str, str],
        option: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.column = f"{name}+{runtime}"
        self._argv = argv
        self._environment = environment
        self._option = option

    def __call__(self, *words: str, check: bool = True) -> Ended:
        done = subprocess.run(
            [*self._argv, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            # conmon makes a file there where memory runs out.
            cwd="/tmp",
        )
        if check and done.returncode:
            raise AssertionError(f"{self.name} {words}: {done.stdout}{done.stderr}")
        return Ended(done.returncode, done.stdout, done.stderr)

    def once(self, script: str, wishes: Wishes = NOTHING) -> Ended:
        return self(*self._run("--rm"), *_options(wishes), IMAGE, "sh", "-c", script, check=False)

    def on_terminal(self, script: str) -> str:
        words = [*self._argv, *self._run("--rm", "-it"), IMAGE, "sh", "-c", script]
        return on_terminal(words, self._environment)

    def begin(self, name: str, script: str, wishes: Wishes = NOTHING) -> None:
        self(*self._run("-d", "--name", name), *_options(wishes), IMAGE, "sh", "-c", script)

    def program_missing(self) -> str:
        done = self(*self._run("--rm"), IMAGE, "nosuch", check=False)
        assert done.status == 127
        return done.errors

    def execute(self, name: str, script: str, *, user: str = "") -> Ended:
        options = ("--user", user) if user else ()
        return self("exec", *options, name, "sh", "-c", script, check=False)

    def execute_on_terminal(self, name: str, script: str) -> str:
        words = [*self._argv, "exec", "-it", name, "sh", "-c", script]
        return on_terminal(words, self._environment)

    def execute_detached(self, name: str, script: str) -> None:
        self("exec", "-d", name, "sh", "-c", script)

    def processes(self, name: str) -> str:
        return self("top", name).output

    def status(self, name: str) -> str:
        words = ("ps", "-a", "--format", "{{.Names}} {{.Status}}")
        lines = [line.split(None, 1) for line in self(*words).output.splitlines()]
        said = next((rest for own, rest in lines if own == name), "")
        if not said:
            return ""
        # docker says "Up 2 seconds (Paused)", podman says "Paused", or "Up 2 seconds ago".
        return "paused" if "aused" in said else "running" if said[:2] == "Up" else "exited"

    def exit_status(self, name: str) -> int:
        return int(self("wait", name).output)

    def pid(self, name: str) -> int:
        return int(self._inspect(name, "{{.State.Pid}}"))

    def pause(self, name: str) -> None:
        self("pause", name)

    def resume(self, name: str) -> None:
        self("unpause", name)

    def update(self, name: str, memory: int) -> None:
        self("update", "--memory", str(memory), name)

    def stats(self, name: str) -> tuple[int, int]:
        document = json.loads(self("stats", "--no-stream", "--format", "json", name).output)
        row = document[0] if isinstance(document, list) else document
        return int(row["pids"]), in_bytes(row["mem_usage"].split("/")[0])

    def logs(self, name: str) -> tuple[str, str]:
        done = self("logs", name)
        return done.output, done.errors

    def restarts(self, name: str) -> int:
        self("wait", name)
        return int(self._inspect(name, "{{.RestartCount}}"))

    def health(self, name: str) -> str:
        done = self("healthcheck", "run", name, check=False)
        return "unhealthy" if done.status else "healthy"

    def checkpoint(self, name: str) -> str:
        done = self("container", "checkpoint", name, check=False)
        assert done.status
        return done.errors.strip()

    def stop(self, name: str, seconds: int) -> None:
        self("stop", "-t", str(seconds), name)

    def kill(self, name: str, signal: str) -> None:
        self("kill", "--signal", signal, name)

    def remove(self, name: str) -> None:
        self("rm", name)

    def _run(self, *options: str) -> list[str]:
        return ["run", *self._option, *options]

    def _inspect(self, name: str, format: str) -> str:
        return self("inspect", "--format", format, name).output.strip()


def in_bytes(text: str) -> int:
    """``561.2kB`` and ``1.5MiB`` as bytes."""
    found = re.fullmatch(r"([\d.]+)\s*([KMG]?)(I?)B", text.strip().upper())
    assert found, text
    amount, unit, binary = found.groups()
    return int(float(amount) * (1024 if binary else 1000) ** " KMG".index(unit or " "))


def _options(wishes: Wishes) -> list[str]:
    words = ["--user", wishes.user] if wishes.user else []
    if wishes.capabilities is not None:
        words += ["--cap-drop", "ALL"]
        words += [word for name in wishes.capabilities for word in ("--cap-add", name)]
    words += ["--read-only"] if wishes.read_only else []
    words += ["--volume", f"{wishes.volume}:/mnt"] if wishes.volume else []
    words += ["--network", wishes.network] if wishes.network else []
    words += ["--memory", str(wishes.memory)] if wishes.memory else []
    words += ["--pids-limit", str(wishes.pids)] if wishes.pids else []
    words += ["--restart", f"on-failure:{wishes.restart}"] if wishes.restart else []
    words += ["--rm"] if wishes.remove else []
    if wishes.healthcheck:
        words += ["--health-cmd", wishes.healthcheck, "--health-interval", "1s"]
        words += ["--health-retries", "1"]
    return words


def import_image(engine: Engine, archive: Path) -> None:
    """Make the image of a root filesystem, with a ``PATH``."""
    engine("import", "--change", "ENV PATH=/bin", str(archive), IMAGE)
