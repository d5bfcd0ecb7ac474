"""Ends of containers: waited for, brought about, and overcome."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Thread, Timer

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.errors import ContainerError, ContainerNotFound, InvalidStatus, StepFailed
from ocinb.events import Recorder, Warned
from tests.engine.conftest import Program, finish
from tests.support.peers import require
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

GO_ON = "while :; do sleep 0.05; done"
POLITE = f"trap 'echo bye; exit 9' TERM; trap 'echo usr; exit 8' USR1; echo up; {GO_ON}"
FAILING = {"path": "/bin/sh", "args": ["sh", "-c", "exit 4"]}
DEAF = f"trap '' TERM; echo up; {GO_ON}"


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def begin(engine: Engine, script: str, runtime: str = "ocinb", **options: object) -> None:
    """Run a script detached, until it has said that it is up."""
    wished = ContainerOptions(args=["sh", "-c", script], **options)  # type: ignore[arg-type]
    engine.run("demo", wished, name="box", runtime=runtime, detach=True)
    next(iter(engine.containers.logs("box", follow=True)))


def said(engine: Engine) -> str:
    return b"".join(chunk.data for chunk in engine.containers.logs("box")).decode()


@pytest.mark.peer
def test_stop_asks_and_the_program_may_end_as_it_likes(engine: Engine, runtime: str) -> None:
    begin(engine, POLITE, runtime)
    engine.containers.stop("box")
    record = engine.containers.get("box")
    assert (record.status, record.exit_status, said(engine)) == ("stopped", 9, "up\nbye\n")
    engine.containers.stop("box")  # what has ended need not be asked


@pytest.mark.peer
@pytest.mark.parametrize(
    ("runtime", "stage"),
    [("ocinb", "startContainer"), ("ocinb", "poststart"), ("runc", "poststart")],
)
def test_a_hook_that_fails_last_is_one_error_and_nothing_else(
    engine: Engine, recorder: Recorder, runtime: str, stage: str
) -> None:
    # Ours has destroyed the container by then, as the specification wants it; runc has it still.
    # Neither runc 1.1 nor crun 1.8 say that a startContainer hook has failed.
    if runtime != "ocinb":
        require(runtime)
    options = ContainerOptions(args=["sleep", "0.2"], hooks={stage: [FAILING]})
    with pytest.raises(StepFailed):
        engine.run("demo", options, runtime=runtime)
    assert [warned.message for warned in recorder.of(Warned)] == []
    assert engine.containers.all() == []


@pytest.mark.parametrize("stage", ["startContainer", "poststart"])
def test_a_created_container_whose_start_hook_fails_has_ended(engine: Engine, stage: str) -> None:
    options = ContainerOptions(args=["sleep", "1000"], hooks={stage: [FAILING]})
    engine.create("demo", options, name="box")
    refused = rf"hooks\.{stage}\[0\] /bin/sh failed with status 4"
    with pytest.raises(StepFailed, match=refused) as failed:
        engine.containers.start("box")
    engine.containers.wait("box")
    ended = engine.containers.get("box")
    assert (ended.status, ended.error) == ("stopped", str(failed.value))


@pytest.mark.peer
def test_stop_insists_after_the_grace(engine: Engine, runtime: str) -> None:
    begin(engine, DEAF, runtime)
    engine.containers.stop("box", 0.2)
    assert engine.containers.get("box").exit_status == 137


def test_stop_sends_what_was_chosen_for_the_container(engine: Engine) -> None:
    begin(engine, POLITE, stop_signal="USR1")
    engine.containers.stop("box")
    assert engine.containers.get("box").exit_status == 8


def test_stop_waits_as_long_as_was_chosen_for_the_container(engine: Engine) -> None:
    begin(engine, DEAF, stop_timeout=0)
    engine.containers.stop("box")
    assert engine.containers.get("box").exit_status == 137


def test_stop_of_a_paused_container(engine: Engine) -> None:
    begin(engine, POLITE)
    engine.containers.pause("box")
    engine.containers.stop("box")
    assert engine.containers.get("box").exit_status == 9


def test_stop_of_a_container_that_was_never_started(engine: Engine) -> None:
    engine.create("demo", ContainerOptions(args=["true"]), name="box")
    engine.containers.stop("box", 5)
    assert engine.containers.get("box").status == "stopped"


def test_wait_tells_the_exit_status(engine: Engine) -> None:
    begin(engine, "echo up; sleep 0.3; exit 6")
    assert engine.containers.wait("box") == 6
    assert engine.containers.wait("box") == 6


def test_wait_for_no_longer_than_was_said(engine: Engine) -> None:
    begin(engine, DEAF)
    with pytest.raises(ContainerError, match=r"container box has not ended within 0\.1 s"):
        engine.containers.wait("box", 0.1)
    with pytest.raises(ContainerNotFound):
        engine.containers.wait("other")


@pytest.mark.peer
def test_restart_runs_it_on_the_same_files(engine: Engine, runtime: str) -> None:
    count = (
        "trap 'exit 0' TERM; echo x >> /count; echo up; cat /count; while :; do sleep 0.05; done"
    )
    begin(engine, count, runtime)
    before = engine.containers.get("box")
    engine.containers.restart("box", 5)
    after = engine.containers.get("box")
    assert (after.id, after.status, after.exit_status) == (before.id, "running", None)
    assert after.pid not in (0, before.pid)
    until(lambda: said(engine) == "up\nx\nup\nx\nx\n")
    engine.containers.stop("box", 5)
    assert engine.containers.get("box").exit_status == 0


def test_an_ended_container_starts_again_with_its_input(engine: Engine) -> None:
    options = ContainerOptions(args=["sh", "-c", "read line; echo got $line"])
    engine.run("demo", options, name="box", detach=True, interactive=True)
    for word in (b"one\n", b"two\n"):
        engine.containers.attach("box", output=lambda *_: None, stdin=word)
        assert engine.containers.wait("box") == 0
        engine.containers.start("box")
    engine.containers.attach("box", output=lambda *_: None, stdin=b"three\n")
    assert said(engine) == "got one\ngot two\ngot three\n"


def test_what_runs_is_not_started_again(engine: Engine) -> None:
    begin(engine, DEAF)
    with pytest.raises(InvalidStatus):
        engine.containers.start("box")


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_of_several_who_start_it_at_once_one_does(engine: Engine, status: str) -> None:
    script = f"trap 'exit 0' TERM; echo up; {GO_ON}"
    if status == "stopped":
        begin(engine, script)
        until(lambda: said(engine) == "up\n")
        engine.containers.stop("box", 20)
    else:
        engine.create("demo", ContainerOptions(args=["sh", "-c", script]), name="box")
    failures: list[BaseException] = []

    def start() -> None:
        try:
            engine.containers.start("box")
        except InvalidStatus as error:
            failures.append(error)

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 3
    until(lambda: said(engine) == ("up\nup\n" if status == "stopped" else "up\n"))
    engine.containers.stop("box", 20)
    assert engine.containers.wait("box") == 0


def test_a_start_that_fails_leaves_a_container_that_has_ended(engine: Engine) -> None:
    begin(engine, "echo up; rm -rf /bin/sh /usr/bin/sh; exit 3")
    assert engine.containers.wait("box") == 3
    with pytest.raises(ContainerError):
        engine.containers.start("box")
    record = engine.containers.get("box")
    assert (record.status, record.exit_status) == ("stopped", None)
    assert "executable file not found" in record.error or "no such file" in record.error
    engine.containers.delete("box")


def test_by_either_user(program: Program) -> None:
    script = "echo up; sleep 100"
    finish(
        program(
            f"engine.run('demo', Options(args=['sh', '-c', {script!r}]), name='box', detach=True)"
        )
    )
    again = "engine.containers.restart('box', 0.1)\nprint(engine.containers.get('box').status)\n"
    assert finish(program(again)) == "running\n"
    ending = (
        "engine.containers.stop('box', 0.1)\nprint(engine.containers.wait('box'))\n"
        "engine.containers.delete('box')"
    )
    assert finish(program(ending)) == "137\n"


def test_stop_notices_an_end_by_other_hands(engine: Engine) -> None:
    begin(engine, DEAF)
    killer = Timer(0.3, os.kill, (engine.containers.get("box").pid, 9))
    killer.start()
    engine.containers.stop("box", 60)
    killer.join()
    assert engine.containers.get("box").exit_status == 137
