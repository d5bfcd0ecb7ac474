"""A walk through the lifecycle: it stands still before each step, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from ocinb.build.demo import demo_image
from ocinb.engine import Engine
from ocinb.errors import InvalidStatus, StepFailed
from ocinb.image import Image
from ocinb.linux.processes import all_pids, start_time
from ocinb.notebook.widgets.gate import PLACE, Gates
from ocinb.notebook.widgets.stepper import LifecycleStepper
from ocinb.notebook.widgets.stepping import Walk, sweep
from ocinb.settings import Settings
from ocinb.spec.lifecycle import HOOKS
from tests.support.archives import directory
from tests.support.layered import name_image
from tests.support.workplace import until

pytestmark = pytest.mark.root

PRESSES = [
    # what is pressed, number of the step that comes next, status
    ("create", 3, "creating"),
    ("prestart hooks", 4, "creating"),
    ("createRuntime hooks", 5, "creating"),
    ("createContainer hooks", 6, "created"),
    ("start", 7, "created"),
    ("startContainer hooks", 9, "running"),
    ("poststart hooks", 10, "running"),
    ("kill", 11, "stopped"),
    ("delete", 13, ""),
    ("poststop hooks", 14, ""),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    place = tmp_path_factory.mktemp("stepping")
    settings = Settings(root=place / "root", run_root=place / "run")
    engine = Engine(settings)
    engine.store.names.set("docker.io/library/demo:latest", demo_image(engine.store))
    return settings


@pytest.fixture
def engine(settings):
    return Engine(settings)


@pytest.fixture
def walk(engine):
    walk = Walk(engine, engine.images.get("demo"), ("sleep", "600"))
    yield walk
    walk.close()
    assert_nothing_left(walk)


def assert_nothing_left(walk):
    assert not walk._directory.exists()
    with open("/proc/mounts", encoding="utf-8") as file:
        assert walk.id not in file.read()
    for pid in filter(start_time, all_pids()):  # zombies have none
        try:
            with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
                assert walk.id not in file.read()
        except OSError:
            continue


def test_each_press_is_a_step_of_the_specification(walk):
    seen = []
    while walk.next:
        pressed = walk.next
        walk.advance()
        seen.append((pressed, walk.position, walk.status))
    assert seen == PRESSES
    assert sorted(walk.finished()) == list(range(1, 14))
    with pytest.raises(InvalidStatus):
        walk.advance()


def test_what_each_step_changed_is_seen_from_outside(walk):
    walk.advance()
    kinds = {kind for kind, whose, _ in walk.snapshot.namespaces if whose == "own"}
    assert {"pid", "mnt", "net", "uts", "ipc"} <= kinds
    assert "/proc" in {target for target, _, _ in walk.snapshot.mounts}
    assert [role for _, _, role, _ in walk.snapshot.processes] == ["runtime", "init", "hook"]
    assert "mount" in {call for call, *_ in walk.calls}
    while walk.status != "running":
        walk.advance()
    assert ["~", "state.json", "status: created → running"] in walk.changes
    until(lambda: _program(walk) == [(1, "sleep 600")])  # behind the image's entrypoint
    walk.advance()
    walk.advance()
    assert any(sign == "−" and subject == "process" for sign, subject, _ in walk.changes)
    assert walk.snapshot.namespaces == ()


def _program(walk):
    walk._look()
    return [(inside, command) for _, inside, role, command in walk.snapshot.processes
            if role == "init"]  # fmt: skip


@pytest.mark.parametrize("presses", range(len(PRESSES)))
def test_it_can_be_left_wherever_it_stands(engine, presses):
    walk = Walk(engine, engine.images.get("demo"), ("sleep", "600"))
    for _ in range(presses):
        walk.advance()
    walk.close()
    walk.close()
    assert_nothing_left(walk)


def test_a_program_that_ends_by_itself_needs_no_kill(engine):
    walk = Walk(engine, engine.images.get("demo"), ("echo", "<b>done</b>"))
    while walk.position < 10:
        walk.advance()
    end = time.monotonic() + 10
    while walk._state().get("status") != "stopped" and time.monotonic() < end:
        time.sleep(0.02)
    walk.advance()
    assert walk.position == 11
    assert walk.output == b"<b>done</b>\n"
    assert walk.finished()[10].detail == "it ended by itself"
    walk.close()


def test_a_step_that_fails_is_told_and_ends_the_walk(engine):
    name_image(engine.store, "docker.io/library/bare:latest", [[directory("etc")]])
    walk = Walk(engine, engine.images.get("bare"), ("/no/such/program",))
    with pytest.raises(StepFailed, match="no such"):
        while walk.next:
            walk.advance()
    assert walk.position == 14
    walk.close()
    assert_nothing_left(walk)


CHILD = """
import sys
from pathlib import Path
from ocinb.engine import Engine
from ocinb.notebook.widgets.stepping import Walk
from ocinb.settings import Settings
engine = Engine(Settings(root=Path(sys.argv[1]), run_root=Path(sys.argv[2])))
walk = Walk(engine, engine.images.get("demo"), ("sleep", "600"))
for _ in range(int(sys.argv[3])):
    walk.advance()
print(walk.id, walk.snapshot.state.get("pid"), walk._gates.directory, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("presses", "undone"), [(1, True), (5, True), (6, True), (7, False)])
def test_a_kernel_that_is_killed_leaves_a_container_only_until_the_next_one(
    settings, engine, presses, undone
):
    words = [str(settings.root), str(settings.run_root), str(presses)]
    kernel = subprocess.Popen(
        [sys.executable, "-c", CHILD, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert kernel.stdout and kernel.stdin
    container, pid, gates = kernel.stdout.readline().decode().split()
    kernel.kill()
    kernel.wait()
    kernel.stdout.close()
    kernel.stdin.close()
    place = settings.root / "steps"
    if undone and presses != 6:
        # The hook that waits has lost us, so it fails, and the runtime undoes what it began.
        end = time.monotonic() + 10
        while start_time(int(pid)) and time.monotonic() < end:
            time.sleep(0.02)
        assert not start_time(int(pid))
    sweep(place, "ocinb")
    assert not (place / container).exists()
    assert not os.path.exists(gates)
    assert not start_time(int(pid))


@pytest.mark.peer
def test_a_runtime_that_does_otherwise_is_remarked_on(settings):
    engine = Engine(Settings(**{**dict(settings), "runtime": "runc"}))
    walk = Walk(engine, engine.images.get("demo"), ("sleep", "600"))
    seen = []
    while walk.next:
        pressed = walk.next
        walk.advance()
        seen.append(pressed)
    # runc 1.1 has finished the hooks of step 9 before step 6 begins.
    assert seen.index("poststart hooks") < seen.index("start")
    assert walk.remark == (
        "runc runs poststart hooks during create, where the specification has them in start"
    )
    walk.close()
    assert_nothing_left(walk)


def test_a_widget_takes_steps_in_the_background_and_begins_again(engine):
    from ocinb.image import Image

    stepper = LifecycleStepper(Image(engine, engine.images.get("demo")), "sleep", "600")
    stepper.ask_advance()
    assert stepper._thread is not None
    stepper._thread.join()
    assert (stepper.position, stepper.status, stepper.next) == (3, "creating", "prestart hooks")
    first = stepper._walk
    stepper.restart()
    assert_nothing_left(first)
    assert (stepper.position, stepper.status, stepper.next) == (1, "", "create")
    stepper.advance()
    last = stepper._walk
    stepper.close()
    assert_nothing_left(last)
    assert "2 of 13 steps" in stepper.picture().alt


# gates alone


@pytest.mark.parametrize("script", [False, True], ids=["machine code", "python"])
@pytest.mark.parametrize("lets_pass", [True, False], ids=["opened", "closed"])
def test_a_gate_passes_who_is_let_and_fails_who_is_left(script, lets_pass):
    if not script and os.uname().machine != "x86_64":
        return  # there the gates are Python
    gates = Gates(script=script)
    config: dict = {}
    gates.add_to(config)
    assert list(config["hooks"]) == [s for s in HOOKS if not script or s != "startContainer"]
    hook = config["hooks"]["poststart"][0]
    waiting = subprocess.Popen(executable=hook["path"], args=hook["args"])
    stage, pid = gates.arrival(10) or ("", 0)
    assert (stage, pid) == ("poststart", waiting.pid)
    assert waiting.poll() is None
    gates.open() if lets_pass else gates.close()
    assert (waiting.wait(10) == 0) is lets_pass
    gates.close()
    assert not os.path.exists(gates.directory)


def test_who_is_no_hook_is_turned_away_and_the_hook_is_awaited():
    if os.uname().machine != "x86_64":
        return  # there no gate stands inside
    gates = Gates()
    config: dict = {}
    gates.add_to(config)
    place = config["mounts"][-1]["source"]
    # Whoever got there by the mount; by the path in /tmp others get nowhere.
    words = f"import os, socket; os.chdir({place!r}); os.setgid(12345); os.setuid(12345)"
    knock = "gate = socket.socket(socket.AF_UNIX); gate.connect('startContainer')"
    heard = "print('there', flush=True); print(gate.recv(1), flush=True)"
    stranger = subprocess.Popen(
        [sys.executable, "-c", f"{words}; {knock}; {heard}; {knock}"],
        stdout=subprocess.PIPE,
    )
    assert stranger.stdout.readline() == b"there\n"
    assert gates.arrival(1) is None
    assert stranger.communicate(timeout=30)[0] == b"b''\n"
    hook = subprocess.Popen([f"{place}/gate", f"{place}/startContainer"])
    assert gates.arrival(10) == ("startContainer", hook.pid)
    # It was the one: its place is taken.
    later = subprocess.run([f"{place}/gate", f"{place}/startContainer"], check=False, timeout=10)
    assert later.returncode != 0
    gates.open()
    assert hook.wait(10) == 0
    gates.close()


def test_other_users_cannot_reach_the_gates():
    gates = Gates()
    config: dict = {}
    gates.add_to(config)
    for stage, (hook,) in config["hooks"].items():
        path = hook["args"][-1].replace(PLACE, f"{gates.directory}/inside")
        words = f"import os, socket; os.setuid(12345); socket.socket(1).connect({path!r})"
        done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=False)
        assert b"PermissionError" in done.stderr, stage
    gates.close()


def test_a_container_sees_only_its_own_gate_and_only_before_its_program_runs(engine):
    look = f"ls {PLACE}; {PLACE}/gate {PLACE}/startContainer || echo closed; sleep 600"
    walk = Walk(engine, engine.images.get("demo"), ("sh", "-c", look))
    while walk.position < 9:
        walk.advance()
    end = time.monotonic() + 10
    while not walk.output.endswith(b"closed\n") and time.monotonic() < end:
        time.sleep(0.02)
    assert walk.output.splitlines() == [b"gate", b"startContainer", b"closed"]
    walk.close()
    assert_nothing_left(walk)


def test_a_gate_whose_keeper_is_gone_fails_at_once():
    gates = Gates()
    config: dict = {}
    gates.add_to(config)
    hook = config["hooks"]["prestart"][0]
    gates._listening["prestart"].shutdown(socket.SHUT_RDWR)
    gates._listening["prestart"].close()
    done = subprocess.run(executable=hook["path"], args=hook["args"], check=False, timeout=10)
    assert done.returncode not in (0, -signal.SIGSEGV)
    gates.close()


def test_a_press_while_the_picture_is_painted_is_not_lost(engine, monkeypatch):
    """The page sees that a step is over, and painting takes a moment longer."""
    stepper = LifecycleStepper(Image(engine, engine.images.get("demo")), "sleep", "600")
    seen = []
    monkeypatch.setattr(
        stepper, "repaint", lambda: seen.append((stepper.busy, stepper._taking.locked()))
    )
    stepper.advance()
    stepper.restart()
    assert seen == [(False, False)] * 2
    stepper.close()
