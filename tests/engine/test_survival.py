"""Containers live on, end, and are told the truth about, whoever is killed.

Each program below is a process of its own that has an ``engine``: it may be killed like any
other, as superuser and as an ordinary user.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from ocinb.engine.runtime_process import find_runtime
from tests.engine.conftest import PATIENT, Program, finish
from tests.support.peers import require
from tests.support.runtimes import alive
from tests.support.signals import passes_on
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

SLEEP = "engine.run('demo', Options(args=['sleep', '100']), name='box', detach=True)\n"


def containers(place: Path) -> list[Path]:
    return [path.parent for path in place.glob("root/containers/*/container.json")]


def process(directory: Path, name: str) -> int:
    pid: int = json.loads((directory / f"{name}.json").read_text())["pid"]
    return pid


def started(place: Path) -> bool:
    return any((directory / "started").exists() for directory in containers(place))


def leave(engine: subprocess.Popen[str]) -> None:
    """Kill the program; the monitor may still hold its output."""
    engine.kill()
    engine.wait()
    for stream in (engine.stdout, engine.stderr):
        assert stream is not None
        stream.close()


def hook_runs(directory: Path) -> bool:
    """Whether the hook ``sleep 100`` runs: a process that sees the container's root mounted."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            seen = Path(f"/proc/{pid}/mountinfo").read_text()
            if words == b"sleep\x00100\x00" and f"{directory}/bundle/rootfs" in seen:
                return True
    return False


def test_detached_then_looked_at_killed_and_deleted_by_others(program: Program) -> None:
    finish(program(SLEEP))
    get = "r = engine.containers.get('box'); "
    show = get + "print(r.status, r.exit_status, r.pid > 0, r.command[-2:])"
    assert finish(program(show)) == "running None True ('sleep', '100')\n"
    state = get + "s = engine.containers.state('box'); print(s.status, s.id == r.id)"
    assert finish(program(state)) == "running True\n"
    refused = (
        "try: engine.containers.delete('box')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert "InvalidStatus cannot delete container box: it is running" in finish(program(refused))
    finish(program("engine.containers.kill('box', 'KILL')"))
    gone = "while engine.containers.get('box').status != 'stopped': time.sleep(0.02)\n"
    assert finish(program(gone + show)) == "stopped 137 False ('sleep', '100')\n"
    assert finish(program("print(engine.containers.state('box').status)")) == "stopped\n"
    finish(program("engine.containers.delete('box')"))
    assert finish(program("print(engine.containers.all())")) == "[]\n"


def test_output_of_a_detached_container_is_kept_for_later(program: Program) -> None:
    finish(program("engine.run('demo', Options(args=['id']), name='box', detach=True)"))
    logs = (
        "engine.containers.wait('box')\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "engine.containers.delete('box')"
    )
    assert finish(program(logs)).startswith("uid=0(root) gid=0(root)")


def test_delete_with_force_ends_what_runs(program: Program) -> None:
    finish(
        program(
            SLEEP
            + "engine.containers.delete('box', force=True)\nassert engine.containers.all() == []"
        )
    )


def test_created_first_and_started_later_by_another_process(program: Program) -> None:
    finish(program("engine.create('demo', Options(args=['echo', 'later']), name='box')"))
    assert finish(program("print(engine.containers.get('box').status)")) == "created\n"
    again = (
        "engine.containers.start('box')\nengine.containers.wait('box')\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "print(engine.containers.get('box').exit_status)\nengine.containers.delete('box')"
    )
    assert finish(program(again)) == "later\n0\n"


@pytest.mark.peer
@pytest.mark.parametrize("runtime", ["ocinb", "runc"])
def test_who_starts_it_is_killed_before_that_is_written_down(
    program: Program, runtime: str
) -> None:
    if runtime != "ocinb":
        require(runtime)
    options = "Options(args=['sleep', '100'])"
    finish(program(f"engine.create('demo', {options}, name='box', runtime={runtime!r})"))
    killed = program(
        "from ocinb.engine import operations\n"
        "operations.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "engine.containers.start('box')"
    )
    killed.communicate(timeout=30)
    assert killed.returncode == -signal.SIGKILL
    show = "print([record.status for record in engine.containers.all()])"
    assert finish(program(show)) == "['running']\n"
    again = (
        "from ocinb.errors import InvalidStatus\n"
        "try: engine.containers.start('box')\n"
        "except InvalidStatus as error: print(error)\n"
    )
    told = finish(program(again + show))
    assert told == "cannot start container box: it is running, not created\n['running']\n"
    finish(program("engine.containers.delete('box', force=True)"))


@pytest.mark.parametrize("victims", [(), ("monitor",), ("monitor", "init")])
def test_repair_writes_down_a_start_that_nobody_has(
    program: Program, place: Path, victims: tuple[str, ...]
) -> None:
    finish(program("engine.create('demo', Options(args=['sleep', '100']), name='box')"))
    finish(
        program(
            "from ocinb.engine import operations\n"
            "operations.write_json = lambda *_: os._exit(0)\n"
            "engine.containers.start('box')"
        )
    )
    (directory,) = containers(place)
    for name in victims:
        os.kill(process(directory, name), signal.SIGKILL)
    if "init" in victims:
        init = process(directory, "init")
        until(lambda: not alive(init))
    mend = (
        "from ocinb.engine.repair import repair\n"
        "print(engine.containers.get('box').status)\n"
        "print(*(found.done for found in repair(engine) if found.name == 'box'), sep='\\n')\n"
        "record = engine.containers.get('box'); print(record.status, record.started is not None)\n"
        "print([event.action for event in engine.happenings.past()])\n"
        "engine.containers.delete('box', force=True)"
    )
    before, *done, after, events = finish(program(mend)).splitlines()
    if "init" in victims:
        assert (before, after) == ("stopped", "stopped False")
        return
    assert before == "running"
    assert done[0] == "its start is written down: who started it was killed before that"
    assert after == "running True"
    assert "start" in events


def test_the_container_survives_its_engine(program: Program, place: Path) -> None:
    script = "sh', '-c', 'until test -e /go; do sleep 0.05; done; echo survived; exit 4"
    engine = program(f"engine.run('demo', Options(args=['{script}']), name='box', keep=True)")
    until(lambda: started(place))
    leave(engine)
    assert finish(program("print(engine.containers.get('box').status)")) == "running\n"
    ending = (
        "from ocinb.engine.joining import FurtherProcess\n"
        "go = FurtherProcess(args=['sh', '-c', ': > /go'])\n"
        "engine.containers.exec('box', go, output=print)\n"
        "engine.containers.wait('box')\n"
        "print(engine.containers.get('box').exit_status)\n"
        "print(b''.join(c.data for c in engine.containers.logs('box')).decode(), end='')\n"
        "engine.containers.delete('box')"
    )
    assert finish(program(ending)) == "4\nsurvived\n"


def test_a_container_that_nobody_keeps_is_removed_even_without_its_engine(
    program: Program, place: Path
) -> None:
    engine = program("engine.run('demo', Options(args=['sleep', '5']), name='box')")
    until(lambda: started(place))
    leave(engine)
    until(lambda: not containers(place))


def test_an_engine_killed_half_way_leaves_nothing_running(program: Program, place: Path) -> None:
    hook = "{'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '100']}]}"
    engine = program(
        f"engine.run('demo', Options(args=['sleep', '100'], hooks={hook}), name='box')"
    )
    until(lambda: any(hook_runs(directory) for directory in containers(place)))
    leave(engine)
    until(lambda: any((d / "exit.json").exists() for d in containers(place)))
    show = "r = engine.containers.get('box'); print(r.status, r.exit_status, r.error)"
    told = "stopped None whoever started it went away before the program ran\n"
    assert finish(program(show)) == told
    finish(program("engine.containers.delete('box')"))


def test_the_monitor_killed_the_container_goes_on_and_is_told_of(
    program: Program, place: Path
) -> None:
    finish(program(SLEEP))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGKILL)
    show = "r = engine.containers.get('box'); print(r.status, r.exit_status)"
    assert finish(program(show)) == "running None\n"
    os.kill(process(directory, "init"), signal.SIGKILL)
    until(lambda: finish(program(show)) == "stopped None\n")
    finish(program("engine.containers.delete('box')"))
    assert finish(program("print(engine.containers.all())")) == "[]\n"
    assert list(place.glob("run/runtime/*")) == []


@pytest.mark.peer
@pytest.mark.parametrize("runtime", ["ocinb", "runc"])
def test_the_monitor_killed_delete_with_force_still_removes_everything(
    program: Program, place: Path, runtime: str
) -> None:
    if runtime != "ocinb":
        require(runtime)
    options = "Options(args=['sleep', '100'])"
    finish(program(f"engine.run('demo', {options}, name='box', detach=True, runtime={runtime!r})"))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGKILL)
    finish(program("engine.containers.delete('box', force=True)"))
    assert containers(place) == []
    assert list(place.glob("run/runtime/*")) == []
    assert list(Path("/sys/fs/cgroup").glob(f"*/*{directory.name}")) == []


@pytest.mark.parametrize("again", ["start", "start_attached"])
def test_the_monitor_killed_the_container_can_be_started_again(
    program: Program, place: Path, again: str
) -> None:
    finish(program("engine.run('demo', Options(args=['sleep', '1']), name='box', detach=True)"))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGKILL)
    finish(program("while engine.containers.get('box').status != 'stopped': time.sleep(0.02)"))
    ended = f"engine.containers.{again}('box'); print(engine.containers.wait('box'))"
    assert finish(program(ended)) == "0\n"
    finish(program("engine.containers.delete('box')"))
    assert list(place.glob("run/runtime/*")) == []


@pytest.mark.peer
@pytest.mark.parametrize("runtime", ["ocinb", "runc"])
def test_the_monitor_killed_while_the_container_is_made(
    program: Program, place: Path, runtime: str
) -> None:
    if runtime != "ocinb":
        require(runtime)
    hook = "{'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '100']}]}"
    engine = program(
        f"options = Options(args=['true'], hooks={hook})\n"
        f"try: engine.run('demo', options, runtime={runtime!r})\n"
        "except Exception as error: print(type(error).__name__, engine.containers.all())"
    )
    until(lambda: any(hook_runs(directory) for directory in containers(place)))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGKILL)
    assert finish(engine) == "ContainerError []\n"
    assert list(place.glob("run/runtime/*")) == []
    assert list(Path("/sys/fs/cgroup").glob(f"*/*{directory.name}")) == []


def test_the_monitor_stopped_does_not_hold_up_delete(program: Program, place: Path) -> None:
    finish(program(SLEEP))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGSTOP)
    finish(program("engine.containers.delete('box', force=True)"))
    assert containers(place) == []


def test_an_attached_engine_is_told_when_the_monitor_is_killed(
    program: Program, place: Path
) -> None:
    engine = program(
        "from ocinb.errors import ContainerError\n"
        "try: engine.run('demo', Options(args=['sleep', '100']), name='box', keep=True)\n"
        "except ContainerError as error: print(error)"
    )
    until(lambda: started(place))
    (directory,) = containers(place)
    os.kill(process(directory, "monitor"), signal.SIGKILL)
    assert "the monitor of the container was killed" in finish(engine)
    finish(program("assert engine.containers.get('box').status == 'running'"))
    finish(program("engine.containers.delete('box', force=True)"))


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ('trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done', 5),
        ("trap '' INT; echo ready; exec sleep 100", 137),
    ],
    ids=["a program that listens", "a program that does not"],
)
def test_control_c_ends_the_container_within_seconds(
    program: Program, place: Path, script: str, status: int
) -> None:
    engine = program(
        (PATIENT if status == 5 else "")
        + "show = lambda data, _: print(data.decode(), end='', flush=True)\n"
        f"done = engine.run('demo', Options(args=['sh', '-c', {script!r}]), output=show)\n"
        "print(done.exit_status, done.interrupted, engine.containers.all())"
    )
    assert engine.stdout is not None
    assert engine.stdout.readline() == "ready\n"
    engine.send_signal(signal.SIGINT)
    assert finish(engine).endswith(f"{status} True []\n")


def test_control_c_before_the_program_runs(program: Program, place: Path) -> None:
    hook = "{'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '100']}]}"
    engine = program(
        f"try: engine.run('demo', Options(args=['true'], hooks={hook}))\n"
        "except KeyboardInterrupt: print('interrupted', engine.containers.all())"
    )
    until(lambda: any(hook_runs(directory) for directory in containers(place)))
    engine.send_signal(signal.SIGINT)
    assert finish(engine) == "interrupted []\n"


@pytest.fixture
def slow(place: Path) -> Path:
    """A runtime that makes a file ``creating`` and waits within create; see ``let_go``."""
    ours = shlex.join(find_runtime("ocinb", "").argv)
    runtime = place / "slow"
    runtime.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" create "*) cd {place}; echo > creating\n'
        'until test -e go; do sleep 0.02; done; read how < go; test "$how" = well || exit 1\n'
        f'esac\nexec {ours} "$@"\n'
    )
    runtime.chmod(0o755)
    return runtime


def let_go(place: Path, how: str) -> None:
    """Have it go on ``well`` or ``badly``."""
    (place / "going").write_text(f"{how}\n")
    (place / "going").rename(place / "go")


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_what_asks_for_an_end_while_the_runtime_creates_is_not_lost(
    program: Program, place: Path, slow: Path, name: str
) -> None:
    engine = program(
        "done = engine.run('demo', Options(args=['sleep', '1000']),"
        f" runtime={str(slow)!r}, pass_on=True)\n"
        "print(done.exit_status, engine.containers.all())"
    )
    until((place / "creating").exists)
    until(lambda: passes_on(engine.pid))
    engine.send_signal(getattr(signal, f"SIG{name}"))
    let_go(place, "well")
    # While it waits for start it ends by the signal (``start_gate``); as process 1 it is killed.
    asked = 128 + getattr(signal, f"SIG{name}")
    assert finish(engine) in ("137 []\n", f"{asked} []\n")


def test_left_to_itself_before_its_creation_failed(
    program: Program, place: Path, slow: Path
) -> None:
    engine = program(
        "left = engine.run('demo', Options(args=['true']),"
        f" runtime={str(slow)!r}, pass_on=False, name='box')\n"
        "print(left.status)"
    )
    until((place / "creating").exists)
    until(lambda: passes_on(engine.pid))
    engine.send_signal(signal.SIGTERM)
    assert finish(engine) == "creating\n"
    (directory,) = containers(place)
    monitor = process(directory, "monitor")
    let_go(place, "badly")
    until(lambda: not os.path.exists(f"/proc/{monitor}"))
    show = "r = engine.containers.get('box'); print(r.status, r.error)\n"
    show += "engine.containers.delete('box')"
    assert re.fullmatch("stopped .*could not create the container.*\n", finish(program(show)))


def test_who_sees_that_it_runs_can_reach_it(program: Program, place: Path) -> None:
    ours = shlex.join(find_runtime("ocinb", "").argv)
    runtime = place / "slow"
    runtime.write_text(
        f'#!/bin/sh\n{ours} "$@" || exit\ncase " $* " in *" start "*) cd {place}\n'
        "until test -e go; do sleep 0.02; done\nesac\n"
    )
    runtime.chmod(0o755)
    engine = program(
        f"engine.run('demo', Options(args=['sleep', '1000']), runtime={str(runtime)!r}, name='box')"
    )
    until(lambda: containers(place))
    reach = (
        "from ocinb.engine.connection import Connection\n"
        "from ocinb.engine.container_files import ContainerFiles\n"
        "while (box := engine.containers.get('box')).status != 'running': time.sleep(0.02)\n"
        "with Connection.to(ContainerFiles(str(place / 'root/containers' / box.id))): print('yes')"
    )
    assert finish(program(reach)) == "yes\n"
    (place / "go").touch()
    engine.send_signal(signal.SIGINT)
    finish(engine)


@pytest.mark.parametrize(
    "script",
    ["while echo y; do :; done", "while :; do echo y; done", "exec cat /dev/zero"],
    ids=["a program that ends", "a program that goes on", "a program that fails"],
)
def test_in_a_pipeline_a_reader_that_ends_ends_the_container(program: Program, script: str) -> None:
    engine = program(
        f"done = engine.run('demo', Options(args=['sh', '-c', 'echo first;' {script!r}]))\n"
        "print(engine.containers.all(), file=sys.stderr)"
    )
    assert engine.stdout is not None
    assert engine.stdout.readline() == "first\n"
    engine.stdout.close()
    _, told = engine.communicate(timeout=30)
    assert engine.returncode == 0
    assert told.endswith("[]\n")
