"""What a container's program does, seen by strace beside what the runtime does for it."""

from __future__ import annotations

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.container import Container
from ocinb.engine import Engine
from ocinb.errors import UnsupportedHost
from ocinb.events import ProgramTraced
from tests.engine.conftest import Program, finish
from tests.support.peers import require

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer]

SCRIPT = "cat /no/such/file & wait; echo 'exec me' > /tmp/written"


@pytest.fixture(autouse=True)
def strace() -> None:
    require("strace")


def test_the_program_and_its_children_are_seen_from_their_beginning(
    engine: Engine, runtime: str
) -> None:
    options = ContainerOptions(args=["sh", "-c", SCRIPT], strace=True)
    done = engine.run("demo", options, runtime=runtime, output=lambda _data, _stream: None)
    seen = [event for event in done.events if isinstance(event, ProgramTraced)]
    assert seen[0].what.startswith('execve("')
    assert '"sh", "-c", "cat ' in seen[0].what
    assert any('"/no/such/file"' in e.what and "ENOENT" in e.error for e in seen)
    assert any('"exec me\\n"' in event.what for event in seen)
    assert len({event.process for event in seen}) > 1
    assert sum(event.what == "exited with 0" for event in seen) == 1


def test_the_trace_has_the_program_between_start_and_exit(engine: Engine) -> None:
    container = Container.run(
        engine, "demo", "cat", "/etc/hostname", strace=True, output=lambda _data, _stream: None
    )
    rows = [(event, what) for _, event, what, *_ in container.trace_table().rows]
    first = next(n for n, row in enumerate(rows) if row[0] == "ProgramTraced")
    started, ended = (rows.index(("StepFinished", what)) for what in ("6 start", "10 exit"))
    assert started < first < ended
    opened = [what for event, what in rows if event == "ProgramTraced" and "hostname" in what]
    assert any(what.startswith("open") for what in opened)


def test_an_ordinary_user_sees_it_too(program: Program) -> None:
    text = (
        "from ocinb.events import ProgramTraced\n"
        "options = Options(args=['sh', '-c', 'cat /etc/hostname; exit 3'], strace=True)\n"
        "done = engine.run('demo', options, output=lambda *_: None)\n"
        "seen = [e.what for e in done.events if isinstance(e, ProgramTraced)]\n"
        "print(done.exit_status, seen[0][:7], sum('/etc/hostname' in w for w in seen) > 0)"
    )
    assert finish(program(text)) == "3 execve( True\n"


def test_signals_and_exit_statuses_are_the_programs(engine: Engine) -> None:
    options = ContainerOptions(args=["sh", "-c", "sleep 100 & kill -9 $!; wait $!"], strace=True)
    done = engine.run("demo", options, output=lambda _data, _stream: None)
    assert done.exit_status == 137
    assert any("killed by SIGKILL" in e.what for e in done.events if isinstance(e, ProgramTraced))


def test_without_strace_it_is_said_before_anything_is_made(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnsupportedHost, match="strace is not installed") as caught:
        engine.run("demo", ContainerOptions(strace=True), runtime="ocinb")
    assert caught.value.hint == "apt-get install strace"
    assert engine.containers.all() == []


def test_by_proot_it_is_said_that_it_cannot_be(engine: Engine) -> None:
    require("proot")
    with pytest.raises(UnsupportedHost, match="by proot cannot be traced"):
        engine.run("demo", ContainerOptions(strace=True), runtime="proot")
