"""Further processes in a running container, by each OCI runtime."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.attached import Ended
from ocinb.engine.exit_status import of_error
from ocinb.engine.joining import FurtherProcess
from ocinb.errors import (
    BundleError,
    ContainerError,
    ContainerNotFound,
    InvalidStatus,
    StepFailed,
    UnknownUser,
)
from ocinb.settings import Settings
from tests.engine.conftest import Program, finish
from tests.engine.test_terminal import Typist
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Executed:
    """What a further process wrote, and how it ended."""

    def __init__(self, engine: Engine, *args: str, stdin: bytes | None = None, **more: object):
        self.chunks: list[tuple[bytes, int]] = []
        process = FurtherProcess(args=args, **more)  # type: ignore[arg-type]
        ended = engine.containers.exec(
            "box", process, output=lambda *chunk: self.chunks.append(chunk), stdin=stdin
        )
        assert isinstance(ended, Ended)
        self.status = ended.exit_status

    def text(self, stream: int = 1) -> str:
        return b"".join(data for data, number in self.chunks if number == stream).decode()


def directory(engine: Engine) -> Path:
    return engine.settings.containers / engine.containers.get("box").id


@pytest.fixture
def box(engine: Engine) -> Iterator[Callable[..., None]]:
    """Begins the container ``box``, which sleeps; it is gone after the test."""

    def begin(runtime: str = "ocinb", **options: object) -> None:
        wished = ContainerOptions(args=["sleep", "100"], **options)  # type: ignore[arg-type]
        engine.run("demo", wished, name="box", runtime=runtime, detach=True)

    yield begin
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


@pytest.mark.peer
def test_streams_input_and_status(engine: Engine, box, runtime: str) -> None:
    box(runtime)
    done = Executed(engine, "sh", "-c", "cat; echo oops >&2; exit 7", stdin=b"said\n")
    assert (done.text(1), done.text(2), done.status) == ("said\n", "oops\n", 7)


@pytest.mark.peer
def test_it_is_in_the_container(engine: Engine, box, runtime: str) -> None:
    box(runtime, hostname="inside")
    # The image's entrypoint is a script, which becomes it.
    until(lambda: Executed(engine, "cat", "/proc/1/cmdline").text() == "sleep\x00100\x00")
    assert Executed(engine, "cat", "/proc/sys/kernel/hostname").text() == "inside\n"
    assert Executed(engine, "sh", "-c", "echo x > /made").status == 0
    assert Executed(engine, "cat", "/made").text() == "x\n"


@pytest.mark.peer
def test_environment_user_and_directory(engine: Engine, box, runtime: str) -> None:
    box(runtime, env=["A=container", "B=container"], cwd="/etc")
    script = "echo $A $B $PWD; id -u; id -g"
    shown = "container container /etc\n0\n0\n"
    assert Executed(engine, "sh", "-c", script).text() == shown
    done = Executed(engine, "sh", "-c", script, env=["A=exec"], user="12:34", cwd="/tmp")
    assert done.text() == "exec container /tmp\n12\n34\n"
    assert Executed(engine, "sh", "-c", "echo $PWD", cwd="../tmp").text() == "/tmp\n"
    with pytest.raises(UnknownUser):
        Executed(engine, "true", user="nobody-of-that-name")


@pytest.mark.peer
def test_privileges(engine: Engine, box, runtime: str) -> None:
    box(runtime)

    def effective(**more: object) -> int:
        status = Executed(engine, "cat", "/proc/self/status", **more).text()
        (line,) = (line for line in status.splitlines() if line.startswith("CapEff:"))
        return int(line.split()[1], 16)

    sys_admin = 1 << 21
    assert effective() & sys_admin == 0 < effective()
    assert effective(privileged=True) & sys_admin
    assert effective(user="12") == 0


@pytest.mark.peer
@pytest.mark.parametrize(
    ("args", "status"), [(["not-there"], 127), (["/etc"], 126), (["/etc/passwd"], 126)]
)
def test_what_cannot_be_executed(
    engine: Engine, box, runtime: str, args: list[str], status: int
) -> None:
    box(runtime)
    with pytest.raises(StepFailed) as failed:
        Executed(engine, *args)
    assert of_error(failed.value) == status
    assert engine.containers.get("box").status == "running"


@pytest.mark.parametrize("changed", ["", "[]", "{}"])
def test_a_config_that_somebody_emptied(engine: Engine, box, changed: str) -> None:
    box()
    config = directory(engine) / "bundle/config.json"
    config.write_text(changed)
    with pytest.raises(BundleError, match=r"bundle/config\.json has no process any more"):
        Executed(engine, "true")


@pytest.mark.peer
def test_a_signal_is_128_and_its_number(engine: Engine, box, runtime: str) -> None:
    box(runtime)
    assert Executed(engine, "sh", "-c", "kill -9 $$").status == 137


@pytest.mark.peer
def test_detached(engine: Engine, box, runtime: str) -> None:
    box(runtime)
    script = "sleep 0.2; echo done > /tmp/mark"
    process = FurtherProcess(args=["sh", "-c", script])
    assert engine.containers.exec("box", process, detach=True) is None
    until(lambda: Executed(engine, "cat", "/tmp/mark").text() == "done\n")


def test_it_is_told_how_its_process_ended_when_the_container_ends(engine: Engine, box) -> None:
    box()
    process = FurtherProcess(args=["sh", "-c", "echo up; exec sleep 100"])
    ended = engine.containers.exec(
        "box", process, output=lambda *_: engine.containers.kill("box", "KILL")
    )
    assert isinstance(ended, Ended)
    assert (ended.exit_status, engine.containers.wait("box")) == (137, 137)


def test_twenty_one_after_another_leave_nothing(engine: Engine, box) -> None:
    box()
    monitor = json.loads((directory(engine) / "monitor.json").read_text())["pid"]
    before = len(os.listdir(f"/proc/{monitor}/fd"))
    for _ in range(20):
        assert Executed(engine, "true").status == 0
    until(lambda: len(os.listdir(f"/proc/{monitor}/fd")) <= before)
    assert list(directory(engine).glob("exec-*")) == []


def test_of_what_does_not_run(engine: Engine, box) -> None:
    with pytest.raises(ContainerNotFound):
        Executed(engine, "true")
    box()
    engine.containers.kill("box", "KILL")
    engine.containers.wait("box")
    with pytest.raises(InvalidStatus, match="it is stopped, not running"):
        Executed(engine, "true")


def test_without_its_monitor_the_container_cannot_be_joined(engine: Engine, box) -> None:
    box()
    monitor = json.loads((directory(engine) / "monitor.json").read_text())["pid"]
    os.kill(monitor, 9)
    until(lambda: not os.path.exists(f"/proc/{monitor}"))
    with pytest.raises(ContainerError, match=r"the monitor of container .* is gone"):
        Executed(engine, "true")


def test_by_either_user_and_by_another_process(program: Program) -> None:
    options = "Options(args=['sleep', '100'], entrypoint=[])"
    finish(program(f"engine.run('demo', {options}, name='box', detach=True)\n"))
    joined = (
        "from ocinb.engine.joining import FurtherProcess\n"
        "said = []\n"
        "process = FurtherProcess(args=['sh', '-c', 'id -u; cat /proc/1/cmdline; exit 5'])\n"
        "ended = engine.containers.exec('box', process, output=lambda d, s: said.append(d))\n"
        "print(ended.exit_status)\n"
        "print(b''.join(said))\n"
        "engine.containers.delete('box', force=True)"
    )
    assert finish(program(joined)) == "5\nb'0\\nsleep\\x00100\\x00'\n"


def shell_in(engine: Engine) -> int:
    """The shell that was executed in the container ``box``, as the host sees it."""
    inside = os.readlink(f"/proc/{engine.containers.get('box').pid}/ns/pid")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            if words == b"sh\x00" and os.readlink(f"/proc/{pid}/ns/pid") == inside:
                return int(pid)
    raise AssertionError("there is no shell")


def size_seen_by(pid: int) -> tuple[int, int]:
    terminal = os.open(f"/proc/{pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    try:
        return termios.tcgetwinsize(terminal)
    finally:
        os.close(terminal)


def test_on_a_terminal(settings: Settings, engine: Engine, box) -> None:
    box()
    source = (
        "from ocinb.engine import Engine\nfrom ocinb.settings import Settings\n"
        "from ocinb.engine.joining import FurtherProcess\nimport pathlib\n"
        f"engine = Engine(Settings(root=pathlib.Path({str(settings.root)!r}), "
        f"run_root=pathlib.Path({str(settings.run_root)!r})))\n"
        "process = FurtherProcess(args=['sh'], env=['PS1=ready> '], tty=True)\n"
        "print('status', engine.containers.exec('box', process, stdin=0).exit_status, flush=True)\n"
    )
    with Typist(source) as typist:
        typist.wait_for(b"ready> ")
        until(lambda: typist.look() or size_seen_by(shell_in(engine)) == (33, 77))
        termios.tcsetwinsize(typist.slave, (40, 90))
        typist.process.send_signal(signal.SIGWINCH)
        until(lambda: typist.look() or size_seen_by(shell_in(engine)) == (40, 90))
        typist.type(b"exit 4\n")
        typist.wait_for(b"status 4\r\n")
    assert engine.containers.get("box").status == "running"
