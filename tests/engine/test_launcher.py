"""The launcher: what it is asked for, what it must not be, and what remains when it is killed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.engine import Finished
from ocinb.engine.launch import Shim
from ocinb.engine.launcher_process import launcher
from ocinb.errors import OcinbError
from ocinb.events import RuntimeCalled, ignore
from tests.engine.conftest import Program, finish
from tests.support.remains import held
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]


def status_of(engine: Engine, *args: str) -> int:
    done = engine.run("demo", ContainerOptions(args=args), output=lambda *_: None)
    assert isinstance(done, Finished)
    return done.exit_status


def titles(pid: int) -> dict[int, bytes]:
    """The children of a process, oldest first, and what ps shows of each."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has just ended
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes()
    return found


def waits(title: bytes) -> bool:
    return title.startswith(b"ocinb-monitor\0(of the next container)")


def children(pid: int) -> list[int]:
    """The children of a process, without the monitor that waits for its container."""
    return [child for child, title in titles(pid).items() if not waits(title)]


def spare(pid: int) -> int:
    """The monitor that waits for its container; 0: it is not there yet."""
    return next((child for child, title in titles(pid).items() if waits(title)), 0)


def sleeping(pid: int) -> list[int]:
    """The monitors that wait for their containers and have rehearsed: they sleep in poll(2)."""
    found = []
    for child, title in titles(pid).items():
        with contextlib.suppress(OSError):
            if waits(title) and "poll" in Path(f"/proc/{child}/wchan").read_text():
                found.append(child)
    return found


def standing_by(pid: int) -> bool:
    """Whether the child that waits has rehearsed and listens."""
    return spare(pid) in sleeping(pid)


def monitor_of(engine: Engine, name: str) -> int:
    """The process that watches over a container."""
    place = engine.settings.containers / engine.containers.get(name).id
    return int(json.loads((place / "monitor.json").read_text())["pid"])


def places(engine: Engine, name: str) -> list[Path]:
    return sorted(engine.settings.containers.glob(f"*/{name}"))


def test_containers_come_from_it_without_a_start_of_python(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    parent = launcher().pid
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    monitor = monitor_of(engine, "box")
    assert monitor in children(parent)
    shown = Path(f"/proc/{monitor}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    directory = engine.settings.containers / engine.containers.get("box").id
    assert shown == [b"ocinb-monitor", os.fsencode(directory)]
    assert children(monitor) == [engine.containers.get("box").pid]
    engine.containers.delete("box", force=True)
    until(lambda: children(parent) == [])


def test_the_child_that_waits_becomes_what_is_asked_for(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    parent = launcher().pid
    until(lambda: standing_by(parent))
    waiting = spare(parent)
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    assert monitor_of(engine, "box") == waiting
    engine.containers.delete("box", force=True)


def test_a_second_waits_behind_the_first(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    parent = launcher().pid
    waiting = until(lambda: (found := sleeping(parent))[1:] and found)
    for name in ("one", "two"):
        engine.run("demo", ContainerOptions(args=["sleep", "100"]), name=name, detach=True)
    assert [monitor_of(engine, name) for name in ("one", "two")] == waiting
    for name in ("one", "two"):
        engine.containers.delete(name, force=True)


def test_for_an_image_that_is_nowhere_no_monitor_is_asked_for(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    until(lambda: places(engine, "") == [])
    parent = launcher().pid
    until(lambda: standing_by(parent))
    waiting = spare(parent)
    with pytest.raises(OcinbError, match=r"127\.0\.0\.1:1"):
        engine.run("127.0.0.1:1/no-such-image", output=lambda *_: None)
    assert places(engine, "") == []
    assert spare(parent) == waiting


def test_who_was_interrupted_before_the_ring_keeps_nobody_waiting(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    ours, theirs = socket.socketpair()
    files = ContainerFiles(str(engine.settings.containers / "none"))
    request = {"become": "monitor", "names": ["control"], "watch": files.directory}
    with theirs:
        # And the bell is not rung.
        socket.send_fds(launcher()._socket, [json.dumps(request).encode()], [theirs.fileno()])
    ours.close()
    assert [status_of(engine, "true") for _ in range(3)] == [0, 0, 0]


def test_a_monitor_that_nobody_asked_for_is_not_waited_for(engine: Engine) -> None:
    files = ContainerFiles(str(engine.settings.containers / "none"))
    began = time.monotonic()
    with Shim(files, ignore):
        pass
    # Ten seconds it would have to clean up.
    assert time.monotonic() - began < 8


def test_it_has_one_thread_a_session_of_its_own_and_no_name(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    pid = launcher().pid
    assert os.listdir(f"/proc/{pid}/task") == [str(pid)]
    assert os.getsid(pid) == pid != os.getsid(0)
    until(lambda: len(sleeping(pid)) == 2)

    # Its socket has no name in the file system, so nobody else can connect to it.
    def sockets() -> set[str]:
        return {what for what in held(pid) if what.startswith("socket:")}

    # One to who started it, one to each child that waits.
    until(lambda: len(sockets()) == 3)
    inodes = {text.removeprefix("socket:[").removesuffix("]") for text in sockets()}
    named = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    assert [fields[7:] for fields in named if fields[6] in inodes] == [[], [], []]


def test_its_program_cannot_be_written_through_proc(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    assert os.statvfs(f"/proc/{launcher().pid}/exe").f_flag & os.ST_RDONLY


def test_a_monitor_has_no_descriptors_of_others(engine: Engine) -> None:
    for name in ("one", "two"):
        engine.run("demo", ContainerOptions(args=["sleep", "100"]), name=name, detach=True)
    monitors = [json.loads(path.read_text())["pid"] for path in places(engine, "monitor.json")]
    # The engine that has begun it hangs up a moment later.
    until(lambda: len({len(os.listdir(f"/proc/{pid}/fd")) for pid in monitors}) == 1)
    for name in ("one", "two"):
        engine.containers.delete(name, force=True)


@pytest.mark.peer
def test_the_program_in_the_container_has_three_descriptors(engine: Engine, runtime: str) -> None:
    said: list[bytes] = []
    engine.run(
        "demo",
        ContainerOptions(args=["sh", "-c", "ls /proc/self/fd"]),
        runtime=runtime,
        output=lambda data, _: said.append(data),
    )
    # ls itself opens the directory.
    assert b"".join(said).split() == [b"0", b"1", b"2", b"3"]


def test_descriptors_meant_for_the_notebook_are_not_passed_on(program: Program) -> None:
    text = (
        "os.environ['LISTEN_FDS'] = '3'\n"
        "print(engine.run('demo', Options(args=['sh', '-c', 'exit ${LISTEN_FDS:-4}']),"
        " output=print).exit_status)"
    )
    assert finish(program(text)) == "4\n"


def test_killed_it_is_started_again_and_containers_go_on(engine: Engine) -> None:
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    first = launcher().pid
    os.kill(first, signal.SIGKILL)
    assert status_of(engine, "sh", "-c", "exit 5") == 5
    assert launcher().pid != first
    assert engine.containers.get("box").status == "running"
    engine.containers.kill("box", "KILL")
    assert engine.containers.wait("box") == 137
    engine.containers.delete("box")


def test_without_the_child_that_waits_another_is_made(engine: Engine) -> None:
    assert status_of(engine, "true") == 0
    for _ in range(3):
        waiting = until(lambda: spare(launcher().pid))
        os.kill(waiting, signal.SIGKILL)  # 0 would be our own process group
        assert status_of(engine, "sh", "-c", "exit 5") == 5


def test_nothing_is_said_by_those_that_were_not_needed(engine: Engine) -> None:
    # Nobody reads what the launcher's children complain of: they would wait for that.
    assert status_of(engine, "true") == 0
    for number in range(3):
        until(lambda: spare(launcher().pid) > 0)
        launcher().learn({"defaultAction": "SCMP_ACT_ALLOW", "flags": [], "n": number})
    complaints = launcher()._process.stderr
    assert complaints is not None
    assert select.select([complaints], [], [], 0)[0] == []


def test_it_ends_with_who_started_it(program: Program) -> None:
    process = program(
        "from ocinb.engine.launcher_process import launcher\n"
        "engine.run('demo', Options(args=['true']), output=print)\n"
        "print(launcher().pid, flush=True)\ntime.sleep(100)"
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    until(lambda: spare(pid))
    waiting = spare(pid)
    process.kill()
    process.wait()
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    until(lambda: not os.path.exists(f"/proc/{waiting}"))


def test_an_interrupt_of_the_notebooks_process_group_is_not_for_it(program: Program) -> None:
    process = program(
        "from ocinb.engine.launcher_process import launcher\n"
        "engine.run('demo', Options(args=['true']), output=print)\n"
        "print(launcher().pid, os.getpgid(launcher().pid) == os.getpgid(0), flush=True)\n"
        "os.kill(launcher().pid, signal.SIGINT)\n"
        "print(engine.run('demo', Options(args=['true']), output=print).exit_status)"
    )
    pid, same, status = finish(process).split()
    assert (int(pid) > 1, same, status) == (True, "False", "0")


def test_of_another_version_it_is_refused(tmp_path: Path, place: Path, settings) -> None:
    shutil.copytree(Path(__file__).parents[2] / "ocinb", tmp_path / "ocinb")
    source = (
        "from ocinb.bundle.options import ContainerOptions as Options\n"
        "from ocinb.engine import Engine\nfrom ocinb.settings import Settings\n"
        "import pathlib, sys\n"
        f"place = pathlib.Path({str(place)!r})\n"
        "engine = Engine(Settings(root=place / 'root', run_root=place / 'run'))\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "try: engine.run('demo', Options(args=['true']), output=print)\n"
        "except Exception as error: print(error, '|', error.hint)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    init = tmp_path / "ocinb/__init__.py"
    init.write_text(init.read_text().replace('__version__ = "', '__version__ = "99.'))
    said, _ = process.communicate("go\n", timeout=60)
    assert said.startswith("ocinb was changed to version 99.")
    assert said.endswith("| restart the kernel\n")


def test_who_is_nobody_is_not_listened_to(engine: Engine) -> None:
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    path = engine.settings.containers / engine.containers.get("box").id / "control"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(engine.settings.containers.stat().st_mode & 0o777) == "0o700"
    descriptor = os.open(path.parent, os.O_PATH)
    pid = os.fork()
    if pid == 0:
        # Somebody else who got hold of the directory: first it is the mode that keeps them out.
        status = 1
        try:
            os.setresuid(1000, 1000, 1000)
            socket.socket(socket.AF_UNIX).connect(f"/proc/self/fd/{descriptor}/control")
        except PermissionError:
            status = 0
        finally:
            os._exit(status)
    os.close(descriptor)
    assert os.waitpid(pid, 0)[1] == 0
    # And then it is asked who they are.
    path.chmod(0o666)
    connection = os.open(path.parent, os.O_PATH)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            link = socket.socket(socket.AF_UNIX)
            link.connect(f"/proc/self/fd/{connection}/control")
            os.setresuid(1000, 1000, 1000)
            other = socket.socket(socket.AF_UNIX)
            other.connect(f"/proc/self/fd/{connection}/control")
            other.settimeout(10)
            status = 0 if other.recv(1) == b"" else 2
        except PermissionError:
            status = 3
        finally:
            os._exit(status)
    os.close(connection)
    # Whether the way through the private directory is open at all is the kernel's to say.
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (0, 3)
    engine.containers.delete("box", force=True)


def test_operations_of_our_runtime_are_its_too(engine: Engine, recorder) -> None:
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    assert engine.containers.state("box").status == "running"
    (called,) = [e for e in recorder.of(RuntimeCalled) if "state" in e.argv]
    assert (called.status, called.argv[-2:]) == (0, ("state", engine.containers.get("box").id))
    # A person who types it sees the same.
    done = subprocess.run(called.argv, capture_output=True, check=True)
    assert b'"running"' in done.stdout
    engine.containers.delete("box", force=True)


@pytest.mark.parametrize("number", [2, 50])
def test_many_at_once(engine: Engine, number: int) -> None:
    for index in range(number):
        options = ContainerOptions(args=["sh", "-c", f"sleep 0.1; exit {index % 7}"])
        engine.run("demo", options, name=f"box{index}", detach=True)
    assert [engine.containers.wait(f"box{index}") for index in range(number)] == [
        index % 7 for index in range(number)
    ]
    for index in range(number):
        engine.containers.delete(f"box{index}")
    until(lambda: children(launcher().pid) == [])
