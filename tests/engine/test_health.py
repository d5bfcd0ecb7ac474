"""Health checks as they run: by every runtime, for either kind of user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.options import ContainerOptions, Health
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.engine import Engine
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.containers import ContainerRecord
from ocinb.errors import CommandError, ContainerError, ContainerNotFound, InvalidStatus
from tests.engine.conftest import Program, finish
from tests.support.peers import require
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def begin(
    engine: Engine, check: str, script: str = "sleep 1000", runtime: str = "ocinb", **more: Any
) -> ContainerRecord:
    health = Health(command=("/bin/sh", "-c", check), **{"interval": 0.1, **more})
    options = ContainerOptions(args=["sh", "-c", script], health=health)
    record = engine.run("demo", options, name="box", runtime=runtime, detach=True)
    assert isinstance(record, ContainerRecord)
    until(lambda: seen(engine))  # whoever looks has begun
    return record


def seen(engine: Engine) -> dict[str, Any]:
    """What is written down of the container's health."""
    record = engine.containers.get("box")
    return read_json(ContainerFiles(str(engine.settings.containers / record.id)).health)


def health(engine: Engine) -> str:
    return engine.containers.get("box").health


@pytest.mark.peer
def test_it_is_asked_and_what_it_answers_is_kept(engine: Engine, runtime: str) -> None:
    begin(engine, "echo looked >&2; test -e /fine", "touch /fine; sleep 1000", runtime)
    until(lambda: health(engine) == "healthy")
    assert seen(engine)["log"][-1]["output"] == "looked\n"


def test_failures_count_one_after_the_other(engine: Engine) -> None:
    """It fails, works, and fails until it is given up."""
    answers = "1|2|4) exit 1;; 3) exit 0;; 5|6) exit 9;; *) exec sleep 1000;;"
    count = f"echo >> /n; case $(wc -l < /n) in {answers} esac"
    begin(engine, count, retries=3)
    until(lambda: health(engine) == "unhealthy")
    statuses = [one["exit_status"] for one in seen(engine)["log"]]
    assert statuses == [1, 0, 1, 9, 9]
    told = [(e.action, e.detail) for e in engine.happenings.past() if "health" in e.action]
    assert told == [("health_status", "healthy"), ("health_status", "unhealthy")]


def test_at_first_a_failure_does_not_count(engine: Engine) -> None:
    begin(engine, "exit 1", start_period=1000.0, retries=1)
    until(lambda: len(seen(engine)["log"]) >= 3)
    assert health(engine) == "starting"
    assert seen(engine)["failing"] == 0


def test_one_that_takes_too_long_is_killed(engine: Engine) -> None:
    begin(engine, "sleep 1000", timeout=0.2, retries=1)
    until(lambda: health(engine) == "unhealthy")
    last = seen(engine)["log"][-1]
    assert (last["exit_status"], last["output"]) == (-1, "it took longer than 0.2 s")


def test_a_command_that_is_not_there(engine: Engine) -> None:
    wished = Health(command=("/no/such/probe",), interval=0.1, retries=1)
    options = ContainerOptions(args=["sleep", "1000"], health=wished)
    engine.run("demo", options, name="box", detach=True)
    until(lambda: health(engine) == "unhealthy")
    assert "/no/such/probe" in seen(engine)["log"][-1]["output"]


def test_a_paused_one_is_not_asked(engine: Engine) -> None:
    begin(engine, "true")
    until(lambda: health(engine) == "healthy")
    engine.containers.pause("box")
    until(lambda: engine.containers.get("box").status == "paused")
    before = seen(engine)["log"][-1]
    assert health(engine) == "healthy"
    engine.containers.unpause("box")
    until(lambda: seen(engine)["log"][-1]["start"] > before["start"])
    assert {one["exit_status"] for one in seen(engine)["log"]} == {0}


def test_when_it_has_ended_nothing_is_said_and_nobody_asks(engine: Engine) -> None:
    begin(engine, "true")
    until(lambda: health(engine) == "healthy")
    engine.containers.stop("box", 0)
    assert health(engine) == ""
    directory = str(engine.settings.containers)
    titles = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            titles.append(path.read_bytes())
    assert [
        title for title in titles if b"ocinb-health" in title and directory.encode() in title
    ] == []
    engine.containers.start("box")
    until(lambda: health(engine) == "healthy")


def test_one_that_was_only_created_is_asked_once_it_runs(engine: Engine) -> None:
    wished = Health(command=("true",), interval=0.1)
    engine.create("demo", ContainerOptions(args=["sleep", "1000"], health=wished), name="box")
    assert health(engine) in ("", "starting")
    engine.containers.start("box")
    until(lambda: health(engine) == "healthy")


def test_an_ordinary_users(program: Program) -> None:
    finish(
        program(
            "from ocinb.bundle.options import Health\n"
            "health = Health(command=('sh', '-c', 'echo $(id -u)'), interval=0.1)\n"
            "engine.run('demo', Options(args=['sleep', '1000'], health=health), name='box', "
            "detach=True)"
        )
    )
    text = "while engine.containers.get('box').health != 'healthy': time.sleep(0.05)\n"
    finish(program(text + "engine.containers.delete('box', force=True)"))


@pytest.mark.peer
def test_by_proot(engine: Engine) -> None:
    require("proot")
    begin(engine, "test -e /entrypoint", runtime="proot")
    until(lambda: health(engine) == "healthy")


def test_the_commands(engine: Engine) -> None:
    session = Session(engine.settings, output=lambda *_: None)

    def type_(*words: str) -> Any:
        return tree.call(words, session)

    options = ("--health-cmd", "echo fine", "--health-interval", "100ms", "--health-retries", "1")
    type_("run", "-d", "--name", "box", *options, "demo", "sleep", "1000")
    until(lambda: type_("ps").records()[0]["health"] == "healthy")
    assert type_("inspect", "box")["health"]["log"][0]["output"] == "fine\n"
    assert [row["name"] for row in type_("ps", "--filter", "health=healthy").records()] == ["box"]
    assert type_("ps", "--filter", "health=unhealthy").records() == []
    for words, said in (
        (["--health-interval", "0s", "--health-cmd", "x"], "--health-interval 0s is too short"),
        (["--health-timeout", "soon"], "--health-timeout soon is not a duration"),
        (["--no-healthcheck", "--health-cmd", "x"], "--no-healthcheck contradicts"),
        (["--health-retries", "2"], "there is nothing to check"),
    ):
        with pytest.raises(CommandError) as refused:
            type_("run", *words, "demo", "true")
        assert said in str(refused.value)


def test_what_an_image_says(engine: Engine, tmp_path: Path) -> None:
    session = Session(engine.settings, output=lambda *_: None)
    (tmp_path / "Dockerfile").write_text(
        "FROM demo\nHEALTHCHECK --interval=0.1s --retries=1 CMD test -e /entrypoint\n"
    )
    tree.call(("build", "-t", "checked", str(tmp_path)), session)
    tree.call(("run", "-d", "--name", "box", "checked", "sleep", "1000"), session)
    until(lambda: health(engine) == "healthy")
    engine.containers.delete("box", force=True)
    tree.call(
        ("run", "-d", "--name", "box", "--no-healthcheck", "checked", "sleep", "1000"), session
    )
    assert health(engine) == ""


def ask(engine: Engine, *words: str) -> Any:
    return tree.call(["healthcheck", "run", *words], Session(engine.settings))


@pytest.mark.peer
def test_asked_for_now_it_counts_like_the_others(engine: Engine, runtime: str) -> None:
    # The first by itself would come after a day.
    begin(engine, "echo looked; test -e /fine", runtime=runtime, interval=1e5, retries=2)
    for failing, status in ((1, "starting"), (2, "unhealthy")):
        with pytest.raises(ContainerError, match=r"box failed with status 1: looked") as failed:
            ask(engine, "box")
        assert failed.value.hint == f"box is {status}"
        assert (seen(engine)["failing"], health(engine)) == (failing, status)
    tree.call(["exec", "box", "touch", "/fine"], Session(engine.settings))
    assert str(ask(engine, "box")) == "box is healthy"
    assert [one["exit_status"] for one in seen(engine)["log"]] == [1, 1, 0]
    told = [(e.action, e.detail) for e in engine.happenings.past() if "health" in e.action]
    assert told == [("health_status", "unhealthy"), ("health_status", "healthy")]


def test_asked_for_now_what_cannot_be_checked(engine: Engine) -> None:
    begin(engine, "sleep 1000", interval=1e5, timeout=0.2)
    with pytest.raises(ContainerError, match=r"box failed: it took longer than 0\.2 s"):
        ask(engine, "box")
    engine.run("demo", ContainerOptions(args=["sleep", "1000"]), name="other", detach=True)
    with pytest.raises(ContainerError, match="container other has no health check"):
        ask(engine, "other")
    with pytest.raises(ContainerNotFound):
        ask(engine, "nobody")
    engine.containers.stop("box", 0)
    with pytest.raises(InvalidStatus, match="cannot check container box: it is stopped"):
        ask(engine, "box")


def test_asked_for_now_a_program_that_is_not_there(engine: Engine) -> None:
    health = Health(command=("/no/such",), interval=1e5)
    engine.run(
        "demo", ContainerOptions(args=["sleep", "9"], health=health), name="box", detach=True
    )
    with pytest.raises(ContainerError, match=r"box failed with status 1: .*/no/such"):
        ask(engine, "box")
