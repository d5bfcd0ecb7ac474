"""``--init``: a first process that collects orphans, passes on signals, and ends as the program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.engine import Finished
from tests.engine.conftest import Program, finish
from tests.support.peers import require
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

PROGRAMS = Path(__file__).parents[2] / "ocinb/bundle/init"


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def run(engine: Engine, *args: str, runtime: str = "ocinb") -> tuple[int, bytes]:
    said: list[bytes] = []
    done = engine.run(
        "demo",
        ContainerOptions(args=args, init=True),
        runtime=runtime,
        output=lambda data, _: said.append(data),
    )
    assert isinstance(done, Finished)
    return done.exit_status, b"".join(said)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("args", "status"),
    [
        (["sh", "-c", "exit 6"], 6),
        (["sh", "-c", "kill -9 $$"], 137),
        (["not-there"], 127),
        (["/not/there"], 127),
        (["/etc"], 126),
        (["/etc/passwd"], 126),
    ],
    ids=["status", "signal", "name", "path", "directory", "no program"],
)
def test_it_ends_as_the_program_does(
    engine: Engine, runtime: str, args: list[str], status: int
) -> None:
    assert run(engine, *args, runtime=runtime)[0] == status


@pytest.mark.peer
def test_the_program_is_not_the_first_process(engine: Engine, runtime: str) -> None:
    script = "echo $$; cat /proc/1/cmdline"
    status, said = run(engine, "sh", "-c", script, runtime=runtime)
    number, _, first = said.partition(b"\n")
    assert (status, int(number) > 1) == (0, True)
    assert first.split(b"\0")[:2] == [b"/dev/init", b"--"]


def test_orphans_are_collected(engine: Engine) -> None:
    # Each inner shell ends before what it has begun, which is then the first process's to collect.
    orphans = "for i in 1 2 3 4 5; do sh -c 'sleep 0.1 &'; done"
    orphans += "; n=0; while set -- /proc/[0-9]*; [ $# -gt 2 ] && [ $n -lt 200 ]; do "
    orphans += "sleep 0.1; n=$((n+1)); done"
    count = 'for p in /proc/[0-9]*; do read a < $p/stat; echo "$a"; done'
    status, said = run(engine, "sh", "-c", f"{orphans}; {count}")
    states = [line.rpartition(b")")[2].split()[0] for line in said.splitlines()]
    assert status == 0
    assert b"Z" not in states
    assert len(states) == 2


@pytest.mark.peer
def test_signals_are_passed_on_and_end_a_program_that_does_nothing_about_them(
    engine: Engine, runtime: str
) -> None:
    options = ContainerOptions(args=["sh", "-c", "echo up; exec sleep 100"], init=True)
    engine.run("demo", options, name="box", runtime=runtime, detach=True)
    until(lambda: [chunk.data for chunk in engine.containers.logs("box")])
    # Without it the first process of a pid namespace would not hear of it.
    engine.containers.kill("box", "TERM")
    assert engine.containers.wait("box", 20) == 143


def test_a_program_that_listens_is_told(engine: Engine) -> None:
    script = "trap 'echo heard; exit 3' USR2; echo up; while :; do sleep 0.05; done"
    options = ContainerOptions(args=["sh", "-c", script], init=True)
    engine.run("demo", options, name="box", detach=True)
    until(lambda: b"up\n" in [chunk.data for chunk in engine.containers.logs("box")])
    engine.containers.kill("box", "USR2")
    assert engine.containers.wait("box", 20) == 3


def test_it_leaves_no_trace_in_the_files(engine: Engine) -> None:
    engine.run("demo", ContainerOptions(args=["true"], init=True), name="box", keep=True)
    upper = engine.settings.containers / engine.containers.get("box").id / "rw/upper"
    assert [path.name for path in upper.rglob("*") if "init" in path.name] == []


def test_as_either_user(program: Program) -> None:
    text = (
        "options = Options(args=['sh', '-c', 'exit 5'], init=True)\n"
        "print(engine.run('demo', options, output=print).exit_status)"
    )
    assert finish(program(text)) == "5\n"


def test_the_program_is_made_of_the_source_beside_it(tmp_path: Path) -> None:
    """Another compiler makes other bytes; what matters is that the same source does the same."""
    compiler = require("gcc")
    source = PROGRAMS / "init.c"
    _, _, command = source.read_text().partition(" *     gcc ")
    options = command.partition("-o MACHINE")[0].replace("\\\n *", " ").split()
    made = tmp_path / "init"
    subprocess.run([compiler, *options, "-o", made, source], check=True)
    for program in (made, PROGRAMS / "x86_64"):
        answers = [
            subprocess.run([program, *words], capture_output=True, check=False).returncode
            for words in ([], ["--", "true"], ["--", "false"], ["--", "nothing-there"])
        ]
        assert answers == [125, 0, 1, 127]


def test_the_program_of_each_machine_is_for_that_machine() -> None:
    machines = {"x86_64": 62, "aarch64": 183}
    assert {path.name for path in PROGRAMS.iterdir() if not path.suffix} == set(machines)
    for name, number in machines.items():
        code = (PROGRAMS / name).read_bytes()
        assert code[:4] == b"\x7fELF"
        assert int.from_bytes(code[18:20], "little") == number
