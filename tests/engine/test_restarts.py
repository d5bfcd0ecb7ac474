"""Containers that are run again when they have ended: by every runtime, for either kind of user."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.engine import Engine
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.containers import ContainerRecord
from ocinb.errors import CommandError, InvalidStatus
from tests.engine.conftest import Program, finish
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

FAIL = "echo life; exit 3"


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def begin(engine: Engine, policy: str, script: str, runtime: str = "ocinb") -> ContainerRecord:
    options = ContainerOptions(args=["sh", "-c", script], restart=policy)
    record = engine.run("demo", options, name="box", runtime=runtime, detach=True)
    assert isinstance(record, ContainerRecord)
    return record


def said(engine: Engine) -> str:
    return b"".join(chunk.data for chunk in engine.containers.logs("box")).decode()


def ran_again(engine: Engine) -> bool:
    record = engine.containers.get("box")
    return record.restarts == 1 and record.status == "running"


def actions(engine: Engine) -> list[str]:
    """What became of the container since it was made."""
    return [event.action for event in engine.happenings.past()]


@pytest.mark.peer
def test_what_fails_is_run_again_as_often_as_was_said(engine: Engine, runtime: str) -> None:
    begin(engine, "on-failure:2", FAIL, runtime)
    assert engine.containers.wait("box", 30) == 3
    record = engine.containers.get("box")
    assert (record.status, record.restarts, record.restart_policy) == ("stopped", 2, "on-failure:2")
    assert said(engine) == "life\n" * 3
    assert actions(engine) == ["create", *["start", "die"] * 3]


def test_what_succeeds_is_not_run_again_on_failure(engine: Engine) -> None:
    begin(engine, "on-failure", "echo life")
    assert engine.containers.wait("box", 30) == 0
    assert (said(engine), engine.containers.get("box").restarts) == ("life\n", 0)


def test_a_later_run_finds_what_an_earlier_one_has_written(engine: Engine) -> None:
    begin(engine, "on-failure", "echo x >> /tries; test $(wc -l < /tries) -ge 3")
    assert engine.containers.wait("box", 30) == 0
    assert engine.containers.get("box").restarts == 2


def test_it_is_waited_longer_each_time(engine: Engine) -> None:
    begin(engine, "on-failure:3", "exit 1")
    engine.containers.wait("box", 30)
    events = [event for event in engine.happenings.past() if event.action in ("start", "die")]
    pauses = [b.time - a.time for a, b in pairwise(events) if a.action == "die"]
    for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert pause >= least


@pytest.mark.peer
def test_stop_ends_what_would_always_run_again(engine: Engine, runtime: str) -> None:
    begin(engine, "always", "test -e /once && exec sleep 1000; touch /once", runtime)
    until(lambda: ran_again(engine))
    engine.containers.stop("box", 0.1)
    record = engine.containers.get("box")
    assert (record.status, record.exit_status, record.restarts) == ("stopped", 137, 1)


@pytest.mark.parametrize("how", ["stop", "kill", "delete"])
def test_what_waits_to_be_run_again_can_be_ended(engine: Engine, how: str) -> None:
    begin(engine, "unless-stopped", "exit 7")
    until(lambda: engine.containers.get("box").restarts >= 3)

    def refused() -> bool:
        with pytest.raises(InvalidStatus) as caught:  # as long as it is not yet, it runs
            engine.containers.delete("box")
        return "it is restarting" in caught.value.message

    until(refused)
    if how == "delete":
        engine.containers.delete("box", force=True)
        assert engine.containers.all() == []
        return
    engine.containers.stop("box") if how == "stop" else engine.containers.kill("box")
    assert engine.containers.wait("box", 30) == 7
    assert engine.containers.get("box").status == "stopped"


def test_kill_ends_it_for_good_and_other_signals_do_not(engine: Engine) -> None:
    begin(engine, "always", "trap 'exit 4' HUP; echo up; while sleep 0.05; do :; done")
    until(lambda: "up" in said(engine))
    engine.containers.kill("box", "HUP")
    until(lambda: ran_again(engine) and said(engine) == "up\nup\n")
    engine.containers.kill("box", "KILL")
    assert engine.containers.wait("box", 30) == 137


def test_whoever_waits_for_it_hears_of_the_first_end_and_it_goes_on(engine: Engine) -> None:
    options = ContainerOptions(args=["sh", "-c", "echo life; exit 3"], restart="on-failure:2")
    heard: list[bytes] = []
    done = engine.run(
        "demo", options, name="box", keep=True, output=lambda data, _: heard.append(data)
    )
    assert not isinstance(done, ContainerRecord)
    assert (done.exit_status, b"".join(heard)) == (3, b"life\n")
    assert engine.containers.wait("box", 30) == 3
    assert said(engine) == "life\n" * 3


def test_a_person_who_starts_it_begins_a_new_count(engine: Engine) -> None:
    begin(engine, "on-failure:1", FAIL)
    engine.containers.wait("box", 30)
    engine.containers.start("box")
    engine.containers.wait("box", 30)
    assert (engine.containers.get("box").restarts, said(engine)) == (1, "life\n" * 4)
    assert actions(engine) == ["create", *["start", "die"] * 4]  # each start once


def test_a_container_that_cannot_be_made_again_says_why(engine: Engine) -> None:
    begin(engine, "always", FAIL)
    files = ContainerFiles(str(engine.settings.containers / engine.containers.get("box").id))
    until(lambda: engine.containers.get("box").status == "restarting")
    os.unlink(f"{files.bundle}/config.json")
    until(lambda: engine.containers.get("box").status == "stopped")
    assert "it could not be run again" in engine.containers.get("box").error


def test_removing_and_running_again_contradict_each_other(engine: Engine) -> None:
    options = ContainerOptions(args=["true"], restart="always")
    with pytest.raises(CommandError, match="--restart always contradicts --rm"):
        engine.run("demo", options)
    assert engine.containers.all() == []


@pytest.mark.parametrize("whom", ["kernel", "monitor", "program"])
def test_whoever_is_killed(program: Program, place: Path, whom: str) -> None:
    wished = "Options(args=['sh', '-c', 'echo life; sleep 1000'], restart='always')"
    started = program(
        f"engine.run('demo', {wished}, name='box', detach=True); print(1, flush=True); "
        "time.sleep(1000)"
    )
    assert started.stdout is not None
    started.stdout.readline()
    started.kill()
    ask = "r = engine.containers.get('box'); print(r.status, r.restarts, r.pid)"
    status, restarts, pid = finish(program(ask)).split()
    assert (status, restarts) == ("running", "0")
    (files,) = (ContainerFiles(str(one.parent)) for one in place.rglob("container.json"))
    if whom == "monitor":
        monitor = files.read_process(files.monitor)
        assert monitor is not None
        os.kill(monitor.pid, signal.SIGKILL)
    os.kill(int(pid), signal.SIGKILL)
    if whom == "monitor":  # then there is nobody to run it again, and it is not said that it will
        gone = "while engine.containers.get('box').pid: time.sleep(0.05)\ntime.sleep(0.5)\n"
        assert finish(program(gone + ask)).split() == ["stopped", "0", "0"]
    else:
        again = "r = engine.containers.get('box')\nwhile r.restarts < 1 or not r.pid: "
        again += "time.sleep(0.05); r = engine.containers.get('box')\n"
        finish(program(again + "engine.containers.stop('box', 0.1)"))
    finish(program("engine.containers.delete('box', force=True)"))


def change(engine: Engine, *words: str) -> object:
    return tree.call(["update", *words], Session(engine.settings))


def test_another_policy_holds_from_the_next_end_on(engine: Engine) -> None:
    begin(engine, "no", "sleep 1000")
    assert (
        str(change(engine, "--restart", "always", "box")) == "the restart policy of box is always"
    )
    assert engine.containers.get("box").restart_policy == "always"
    os.kill(engine.containers.get("box").pid, signal.SIGKILL)
    until(lambda: ran_again(engine))
    change(engine, "--restart", "no", "--pids-limit", "50", "box")
    os.kill(engine.containers.get("box").pid, signal.SIGKILL)
    assert engine.containers.wait("box", 30) == 137
    assert engine.containers.get("box").status == "stopped"
    assert actions(engine) == [
        "create", "start", "update", "die", "start", "update", "update", "die",
    ]  # fmt: skip


def test_a_policy_that_is_none_changes_nothing(engine: Engine) -> None:
    begin(engine, "always", "sleep 1000")
    for words in (["--restart", "sometimes"], ["--restart", "no", "--memory", "lots"], []):
        with pytest.raises(CommandError):
            change(engine, *words, "box")
    assert engine.containers.get("box").restart_policy == "always"
