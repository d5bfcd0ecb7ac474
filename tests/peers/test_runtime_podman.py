"""podman with our runtime, and with runc: the same words, the same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containerd import on_terminal
from tests.support.peers import require
from tests.support.podman import Podman
from tests.support.runtimes import launcher, make_rootfs, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


class Engine:
    """podman with one runtime and one root filesystem."""

    def __init__(self, podman: Podman, runtime: str, rootfs: Path) -> None:
        self.podman = podman
        self.words = ("--runtime", runtime)
        self.rootfs = rootfs

    def run(self, *words: str, options: tuple[str, ...] = (), check: bool = True) -> str:
        done = self.podman(
            *self.words, "run", *options, "--rootfs", str(self.rootfs), *words, check=check
        )
        self.status = done.returncode
        self.said = done.stderr
        return done.stdout.strip()

    def __call__(self, *words: str) -> str:
        done = self.podman(*self.words, *words, check=False)
        self.status = done.returncode
        self.said = done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module", params=["ours", "runc"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    directory = tmp_path_factory.mktemp("podman")
    program = str(launcher(directory)) if request.param == "ours" else require("runc")
    return Engine(Podman(directory / "podman"), program, make_rootfs(directory / "rootfs"))


@pytest.fixture
def sleeper(engine: Engine) -> Iterator[Engine]:
    engine.run("sleep", "100", options=("-d", "--name", "s"))
    yield engine
    engine("rm", "-f", "-t", "0", "s")


def test_run_with_podmans_own_seccomp_profile(engine: Engine) -> None:
    said = engine.run("sh", "-c", "grep Seccomp: /proc/self/status; id -u", options=("--rm",))
    assert said.split() == ["Seccomp:", "2", "0"]


def test_the_profile_refuses_what_it_is_there_to_refuse(engine: Engine) -> None:
    engine.run("sh", "-c", "mount -t tmpfs x /mnt", options=("--rm",), check=False)
    assert engine.status != 0


def test_run_on_a_terminal(engine: Engine) -> None:
    assert engine.run("tty", options=("--rm", "-t")).startswith("/dev/pts/")


def test_on_ones_own_terminal(engine: Engine) -> None:
    argv = [engine.podman.program, *engine.words, "run", "--rm", "-it", "--rootfs"]
    words = ["sh", "-c", "tty; stty size"]
    said = on_terminal([*argv, str(engine.rootfs), *words], engine.podman.environment)
    assert "/dev/pts/" in said


def test_exit_status(engine: Engine) -> None:
    engine.run("sh", "-c", "exit 7", options=("--rm",), check=False)
    assert engine.status == 7


def test_a_missing_program_is_127(engine: Engine) -> None:
    engine.run("nosuch", options=("--rm",), check=False)
    assert (engine.status, "not found" in engine.said) == (127, True)


def test_limits_users_and_mounts(engine: Engine) -> None:
    options = ("--rm", "--read-only", "--user", "7:8", "--cap-drop", "ALL", "--memory", "32m")
    options += ("--pids-limit", "30", "-v", "/etc:/mnt:ro", "--tmpfs", "/tmp")
    script = "id -u; id -g; grep CapEff /proc/self/status; test -e /mnt/passwd && : > /tmp/x"
    said = engine.run("sh", "-c", script, options=options)
    assert said.split() == ["7", "8", "CapEff:", "0" * 16]


def test_privileged(engine: Engine) -> None:
    said = engine.run("grep", "Seccomp:", "/proc/self/status", options=("--rm", "--privileged"))
    assert said.split() == ["Seccomp:", "0"]


def test_exec_in_front_detached_and_on_a_terminal(sleeper: Engine) -> None:
    assert sleeper("exec", "s", "echo", "in") == "in"
    assert sleeper("exec", "-t", "s", "tty").startswith("/dev/pts/")
    sleeper("exec", "s", "sh", "-c", "exit 9")
    assert sleeper.status == 9
    sleeper("exec", "s", "nosuch")
    assert sleeper.status == 127
    assert sleeper("exec", "-d", "s", "sleep", "50")
    wait_until(lambda: "sleep 50" in sleeper("top", "s"))


def test_pause_and_unpause(sleeper: Engine) -> None:
    sleeper("pause", "s")
    assert sleeper("inspect", "s", "--format", "{{.State.Status}}") == "paused"
    sleeper("unpause", "s")
    assert sleeper("inspect", "s", "--format", "{{.State.Status}}") == "running"


def test_update(sleeper: Engine) -> None:
    assert sleeper("update", "--memory", "64m", "--cpu-shares", "300", "s")
    assert sleeper.status == 0
    pid = int(sleeper("inspect", "s", "--format", "{{.State.Pid}}"))
    groups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    group = next(line.split(":")[2] for line in groups if ":memory:" in line)
    limit = Path(f"/sys/fs/cgroup/memory{group}/memory.limit_in_bytes").read_text()
    assert int(limit) == 64 * 2**20


def test_stop_waits_then_kills(sleeper: Engine) -> None:
    sleeper("stop", "-t", "1", "s")
    state = json.loads(sleeper("inspect", "s"))[0]["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 137)


def test_kill(sleeper: Engine) -> None:
    sleeper("kill", "s")
    sleeper("wait", "s")
    assert sleeper("inspect", "s", "--format", "{{.State.ExitCode}}") == "137"
