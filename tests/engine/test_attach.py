"""The streams of a container shared again, and left."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine, control_socket, frames
from ocinb.engine.attached import Ended
from ocinb.engine.container_files import read_json
from ocinb.engine.frames import LONGEST_ORDER, MOST_DESCRIPTORS, PROTOCOL, REPLY, Unpacker, order
from ocinb.engine.joining import FurtherProcess
from ocinb.errors import ContainerError, InvalidStatus
from ocinb.settings import Settings
from tests.engine.conftest import Program, finish
from tests.engine.test_terminal import Typist
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

ECHO = "while read line; do echo heard $line; done; echo over; exit 3"


def begin(script: str) -> str:
    return f"engine.run('demo', Options(args=['sh', '-c', {script!r}]), name='box', detach=True)"


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture
def clean(engine: Engine) -> Iterator[None]:
    yield
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def program_of(settings: Settings, text: str) -> str:
    return (
        "from ocinb.bundle.options import ContainerOptions as Options\n"
        "from ocinb.engine import Engine\nfrom ocinb.settings import Settings\n"
        "import pathlib\n"
        f"engine = Engine(Settings(root=pathlib.Path({str(settings.root)!r}), "
        f"run_root=pathlib.Path({str(settings.run_root)!r})))\n{text}"
    )


@pytest.mark.peer
def test_what_is_typed_is_read_and_answered(engine: Engine, clean: None, runtime: str) -> None:
    options = ContainerOptions(args=["sh", "-c", ECHO])
    engine.run("demo", options, name="box", runtime=runtime, detach=True, interactive=True)
    said: list[bytes] = []
    ended = engine.containers.attach(
        "box", output=lambda data, _: said.append(data), stdin=b"one\ntwo\n"
    )
    assert ended == Ended(exit_status=3, interrupted=False)
    assert b"".join(said) == b"heard one\nheard two\nover\n"
    assert b"".join(chunk.data for chunk in engine.containers.logs("box")) == b"".join(said)


def test_after_the_kernel_was_killed(program: Program, place: Path) -> None:
    kernel = program(
        f"engine.run('demo', Options(args=['sh', '-c', {ECHO!r}]), name='box', keep=True, "
        "interactive=True, output=lambda d, s: print(d, flush=True))"
    )
    until(lambda: any(place.glob("root/containers/*/started")))
    kernel.kill()
    kernel.wait()
    later = (
        "said = []\n"
        "take = lambda data, stream: said.append(data)\n"
        "ended = engine.containers.attach('box', output=take, stdin=b'still there\\n')\n"
        "print(b''.join(said), ended.exit_status)\nengine.containers.delete('box')"
    )
    assert finish(program(later)) == "b'heard still there\\nover\\n' 3\n"


LOOK = (
    "show = lambda data, _: print(data.decode(), end='', flush=True)\n"
    "try: engine.containers.attach('box', output=show)\n"
    "except KeyboardInterrupt: print('left')"
)
TICKS = "trap 'echo caught' INT; while :; do echo tick; sleep 0.05; done"


def test_who_looks_on_and_is_killed_leaves_the_container_as_it_is(program: Program) -> None:
    finish(program(begin(TICKS)))
    one, two = program(LOOK), program(LOOK)
    for looking in (one, two):
        assert line_of(looking) == "tick\n"
    one.kill()
    one.wait()
    assert line_of(two) == "tick\n"
    assert finish(program("print(engine.containers.get('box').status)")) == "running\n"
    finish(program("engine.containers.delete('box', force=True)"))
    assert two.wait(20) == 0


def test_control_c_is_a_wish_and_a_second_one_leaves(program: Program) -> None:
    finish(program(begin(TICKS)))
    looking = program(LOOK)
    assert line_of(looking) == "tick\n"
    looking.send_signal(signal.SIGINT)
    while (line := line_of(looking)) != "caught\n":
        assert line == "tick\n"
    looking.send_signal(signal.SIGINT)
    assert finish(looking).endswith("left\n")
    assert finish(program("print(engine.containers.get('box').status)")) == "running\n"
    finish(program("engine.containers.delete('box', force=True)"))


def test_the_keys_to_detach_and_back_again(settings: Settings, engine: Engine, clean: None) -> None:
    first = program_of(
        settings,
        "options = Options(args=['sh'], env=['PS1=ready> '])\n"
        "left = engine.run('demo', options, name='box', tty=True, stdin=0, keep=True)\n"
        "print('left', left.status, flush=True)\n",
    )
    with Typist(first) as typist:
        typist.wait_for(b"ready> ")
        typist.type(b"kept=value\n")
        typist.wait_for(b"ready> ")
        typist.type(b"\x10\x11")
        typist.wait_for(b"left running\r\n")
    again = program_of(
        settings, "print('status', engine.containers.attach('box', stdin=0).exit_status)\n"
    )
    with Typist(again) as typist:
        typist.type(b"echo got $kept\n")
        typist.wait_for(b"got value\r")
        # The first of the keys alone is a key like any other, once the next one is typed.
        typist.type(b"\x10\x15exit 6\n")
        typist.wait_for(b"status 6\r\n")
    assert engine.containers.wait("box") == 6


def test_of_what_does_not_run(engine: Engine, clean: None) -> None:
    engine.run("demo", ContainerOptions(args=["true"]), name="box", keep=True, output=print)
    with pytest.raises(InvalidStatus):
        engine.containers.attach("box", output=print)


def test_without_its_monitor(engine: Engine, clean: None) -> None:
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    directory = engine.settings.containers / engine.containers.get("box").id
    monitor = json.loads((directory / "monitor.json").read_text())["pid"]
    os.kill(monitor, 9)
    until(lambda: not os.path.exists(f"/proc/{monitor}"))
    with pytest.raises(ContainerError, match="is gone, so its streams are out of reach"):
        engine.containers.attach("box", output=print)


def test_a_hundred_megabytes_pass_and_the_monitor_stays_small(engine: Engine, clean: None) -> None:
    engine.run("demo", ContainerOptions(args=["cat", "/dev/zero"]), name="box", detach=True)
    directory = engine.settings.containers / engine.containers.get("box").id
    monitor = json.loads((directory / "monitor.json").read_text())["pid"]
    passed, most, pid = 0, 0, engine.containers.get("box").pid

    def count(data: bytes, _: int) -> None:
        nonlocal passed, most
        passed += len(data)
        if passed > 100_000_000 and not most:
            status = Path(f"/proc/{monitor}/status").read_text()
            (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
            most = int(line.split()[1]) * 1024
            os.kill(pid, signal.SIGKILL)

    ended = engine.containers.attach("box", output=count)
    assert ended == Ended(exit_status=137, interrupted=False)
    assert most < 30_000_000
    assert sum(path.stat().st_size for path in directory.glob("log*")) < 20_500_000


def answer(connection: socket.socket) -> dict[str, str] | None:
    """What a monitor says to an order; None where it hangs up."""
    frames = Unpacker()
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:  # it has not read all that we sent
            return None
        if not data:
            return None
        for kind, content in frames.feed(data):
            if kind == REPLY:
                said: dict[str, str] = json.loads(content)
                return said


@pytest.fixture
def monitored(engine: Engine, clean: None) -> Path:
    """The directory of a container that runs under the eyes of a monitor."""
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    return engine.settings.containers / engine.containers.get("box").id


def descriptors(directory: Path) -> int:
    """How many the monitor holds while one engine looks on, and all others are forgotten."""
    monitor = json.loads((directory / "monitor.json").read_text())["pid"]
    with control_socket.connect(str(directory)) as connection:
        connection.sendall(order("attach", streams=[]))
        assert answer(connection) == {"terminal": False}
        return len(os.listdir(f"/proc/{monitor}/fd"))


MISUNDERSTOOD = {
    "of another version": order("checkpoint", path="/tmp"),
    "without a name": b"{}\n",
    "whose name is a list": order(["start"]),  # type: ignore[arg-type]
    "with values of another version": order("start", remove=True, quickly=True),
    "attach without streams": order("attach"),
    "attach without the descriptors": order("attach", streams=["stdout", "stderr"]),
    "attach to other streams": order("attach", streams=["video"]),
    "exec without a process": order("exec", streams=[], process=None, detach=True),
    "a signal with letters": order("kill", signal="HUP"),
    "a number that is no signal": order("kill", signal=2**70),
}


def test_an_order_that_is_not_understood_is_answered(engine: Engine, monitored: Path) -> None:
    held = descriptors(monitored)
    for data in MISUNDERSTOOD.values():
        with control_socket.connect(str(monitored)) as stranger:
            stranger.sendall(data)
            said = answer(stranger)
            assert said, data
            assert said["error"] == "ContainerError"
            assert "does not understand the order" in said["message"]
            # The connection is good for orders that are understood.
            stranger.sendall(order("attach", streams=[]))
            assert answer(stranger) == {"terminal": False}
    assert descriptors(monitored) == held
    assert engine.containers.get("box").status == "running"


def test_a_monitor_of_another_version_is_not_spoken_to(
    engine: Engine, monitored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"another version of ocinb: its protocol has version {PROTOCOL}, ours 1000"
    with monkeypatch.context() as context:
        context.setattr(frames, "PROTOCOL", 1000)
        with pytest.raises(ContainerError, match=said) as caught:
            engine.containers.exec("box", FurtherProcess(args=["true"]), output=print)
        assert caught.value.hint == "stop the container, and begin it again"
        options = ContainerOptions(args=["true"])
        with pytest.raises(ContainerError, match=said):
            engine.run("demo", options, name="other", output=print)
        assert [record.name for record in engine.containers.all()] == ["box"]
    document = monitored / "monitor.json"
    older = {key: value for key, value in read_json(str(document)).items() if key != "protocol"}
    document.write_text(json.dumps(older))
    with pytest.raises(ContainerError, match="its protocol has version 0"):
        engine.containers.exec("box", FurtherProcess(args=["true"]), output=print)


@pytest.mark.parametrize(
    "data",
    [b"nonsense\n", b"[]\n", b"\xff\n", b"[" * 60000 + b"\n", b" " * (LONGEST_ORDER + 1)],
    ids=["nonsense", "a list", "no text", "a deep hole", "without an end"],
)
def test_on_what_is_no_order_the_monitor_hangs_up(
    engine: Engine, monitored: Path, data: bytes
) -> None:
    held = descriptors(monitored)
    with control_socket.connect(str(monitored)) as stranger:
        with contextlib.suppress(BrokenPipeError):
            stranger.sendall(data)
        assert answer(stranger) is None
    assert descriptors(monitored) == held
    assert engine.containers.get("box").status == "running"
    assert engine.containers.exec("box", FurtherProcess(args=["true"]), output=print)


def test_descriptors_that_no_order_takes_do_not_pile_up(engine: Engine, monitored: Path) -> None:
    held = descriptors(monitored)
    with control_socket.connect(str(monitored)) as stranger:
        with contextlib.suppress(BrokenPipeError):
            for _ in range(MOST_DESCRIPTORS + 1):
                socket.send_fds(stranger, [b" "], [0])
        assert answer(stranger) is None
    assert descriptors(monitored) == held
    assert engine.containers.get("box").status == "running"


def test_an_order_that_is_too_long_is_refused_before_it_is_sent(
    engine: Engine, monitored: Path
) -> None:
    process = FurtherProcess(args=["echo", "x" * LONGEST_ORDER])
    with pytest.raises(ContainerError, match="exec: arguments and variables are longer than"):
        engine.containers.exec("box", process, output=print)


@pytest.mark.parametrize("program", ["ordinary user"], indirect=True)  # for root is no such limit
def test_a_monitor_that_may_have_no_child_says_so_and_goes_on(
    program: Program, place: Path
) -> None:
    execute = (
        "from ocinb.engine.joining import FurtherProcess\nfrom ocinb.errors import OcinbError\n"
        "process = FurtherProcess(args=['true'])\n"
        "try: print(engine.containers.exec('box', process, stdin=0).exit_status)\n"
        "except OcinbError as error: print(error)"
    )
    finish(program(begin("sleep 100")))
    assert finish(program(execute)) == "0\n"
    (file,) = place.glob("root/containers/*/monitor.json")
    monitor = json.loads(file.read_text())["pid"]
    held = len(os.listdir(f"/proc/{monitor}/fd"))
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    limit = f"import resource\nresource.prlimit({monitor}, resource.RLIMIT_NPROC, (%d, {most}))"
    finish(program(limit % 0))
    assert finish(program(execute)) == "resource temporarily unavailable\n"
    finish(program(limit % most))
    assert finish(program(execute)) == "0\n"
    until(lambda: len(os.listdir(f"/proc/{monitor}/fd")) <= held)
    finish(program("engine.containers.delete('box', force=True)"))
