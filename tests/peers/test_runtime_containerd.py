"""containerd's shim with our runtime, and with runc: the same words, the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containerd import Containerd
from tests.support.peers import require
from tests.support.runtimes import launcher, make_rootfs, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


class Engine:
    """ctr with one runtime and one root filesystem."""

    def __init__(self, containerd: Containerd, runtime: str, rootfs: Path) -> None:
        self.ctr = containerd
        self.runtime = runtime
        self.rootfs = rootfs

    def words(self, container: str, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        runtime = ["--runc-binary", self.runtime, *options]
        return ["run", *runtime, "--rootfs", str(self.rootfs), container, *command]

    def status(self, container: str) -> str:
        lines = (line.split() for line in self.ctr("task", "ls").stdout.splitlines())
        return next((line[2] for line in lines if line[0] == container), "")


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    with Containerd(tmp_path_factory.mktemp("containerd")) as containerd:
        yield containerd


@pytest.fixture(scope="module", params=["ours", "runc"])
def engine(
    request: pytest.FixtureRequest,
    containerd: Containerd,
    tmp_path_factory: pytest.TempPathFactory,
) -> Engine:
    directory = tmp_path_factory.mktemp("engine")
    program = str(launcher(directory)) if request.param == "ours" else require("runc")
    return Engine(containerd, program, make_rootfs(directory / "rootfs"))


@pytest.fixture
def sleeper(engine: Engine) -> Iterator[Engine]:
    engine.ctr(*engine.words("s", "/bin/sleep", "100", options=("-d",)))
    yield engine
    engine.ctr("task", "kill", "--signal", "9", "s", check=False)
    wait_until(lambda: engine.status("s") in ("STOPPED", ""))
    engine.ctr("task", "rm", "s", check=False)
    engine.ctr("container", "rm", "s")


def test_run(engine: Engine) -> None:
    done = engine.ctr(
        *engine.words("r", "/bin/sh", "-c", "echo hi; exit 7", options=("--rm",)), check=False
    )
    assert (done.returncode, done.stdout) == (7, "hi\n")


def test_run_with_containerds_own_seccomp_profile(engine: Engine) -> None:
    options = ("--rm", "--seccomp", "--memory-limit", "33554432")
    words = engine.words("r", "/bin/grep", "Seccomp:", "/proc/self/status", options=options)
    assert engine.ctr(*words).stdout.split() == ["Seccomp:", "2"]


def test_run_on_a_terminal(engine: Engine) -> None:
    assert "/dev/pts/" in engine.ctr.on_terminal(
        *engine.words("r", "/bin/tty", options=("--rm", "--tty"))
    )


def test_a_missing_program_is_told(engine: Engine) -> None:
    done = engine.ctr(*engine.words("r", "nosuch", options=("--rm",)), check=False)
    assert done.returncode == 1
    assert "executable file not found in $PATH" in done.stderr


def test_exec_in_front_detached_and_on_a_terminal(sleeper: Engine) -> None:
    def execute(name: str, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        return ["task", "exec", *options, "--exec-id", name, "s", *command]

    assert sleeper.ctr(*execute("one", "/bin/echo", "in")).stdout == "in\n"
    assert sleeper.ctr(*execute("two", "/bin/sh", "-c", "exit 9"), check=False).returncode == 9
    assert "/dev/pts/" in sleeper.ctr.on_terminal(*execute("three", "/bin/tty", options=("--tty",)))
    missing = sleeper.ctr(*execute("four", "nosuch"), check=False)
    assert "executable file not found in $PATH" in missing.stderr
    sleeper.ctr(*execute("five", "/bin/sleep", "50", options=("--detach",)))
    assert "five" in sleeper.ctr("task", "ps", "s").stdout


def test_pause_and_resume(sleeper: Engine) -> None:
    sleeper.ctr("task", "pause", "s")
    assert sleeper.status("s") == "PAUSED"
    sleeper.ctr("task", "resume", "s")
    assert sleeper.status("s") == "RUNNING"


def test_metrics(sleeper: Engine) -> None:
    def metrics() -> dict[str, str]:
        lines = (line.split() for line in sleeper.ctr("task", "metrics", "s").stdout.splitlines())
        return {line[0]: line[1] for line in lines if len(line) == 2}

    # Threads of runc's that set the container up are counted until they have ended.
    wait_until(lambda: metrics()["pids.current"] == "1")


def test_kill_with_a_signal(sleeper: Engine) -> None:
    sleeper.ctr("task", "kill", "--signal", "SIGKILL", "s")
    wait_until(lambda: sleeper.status("s") == "STOPPED")


def test_kill_all(sleeper: Engine) -> None:
    sleeper.ctr("task", "kill", "--all", "--signal", "9", "s")
    wait_until(lambda: sleeper.status("s") == "STOPPED")
