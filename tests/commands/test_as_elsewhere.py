"""Commands and options as people know them from docker and podman, and hints that lead on."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocinb.build.demo import demo_image
from ocinb.commands.values import Json
from ocinb.content.store import Store
from ocinb.errors import (
    CommandError,
    ContainerNotFound,
    InvalidStatus,
    NameNotFound,
    OcinbError,
)
from ocinb.events import StepFinished
from tests.support.door import Door, open_door
from tests.support.workplace import until

pytestmark = pytest.mark.root
ISO_8601 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        store = Store(door.session.settings.store)
        store.names.set("docker.io/library/demo:latest", demo_image(store))
        yield door


def hint(door: Door, *words: str) -> str | None:
    with pytest.raises(InvalidStatus) as caught:
        door(*words)
    return caught.value.hint


def test_a_container_that_is_not_as_it_must_be_is_led_there(door: Door) -> None:
    door("run", "-d", "--name", "c", "demo", "sleep", "1000")
    door("pause", "c")
    assert hint(door, "exec", "c", "true") == "ocinb unpause c first"
    assert hint(door, "attach", "c") == "ocinb unpause c first"
    assert hint(door, "pause", "c") == "ocinb unpause c lets it go on"
    door("unpause", "c")
    door("kill", "c")
    until(lambda: door.session.engine.containers.get("c").status == "stopped")
    for words in (("exec", "c", "true"), ("attach", "c"), ("pause", "c")):
        assert hint(door, *words) == "ocinb start c first"


def test_a_container_is_started_and_waited_for(door: Door) -> None:
    door("create", "--name", "c", "demo", "sh", "-c", "echo out; exit 4")
    for _ in "12":  # when it was created, and when it has ended
        assert door("start", "--attach", "c").exit_status == 4
        assert door.output() == "out\n"
    door("create", "--name", "d", "demo", "true")
    with pytest.raises(CommandError, match="only one container can be attached to"):
        door("start", "-a", "c", "d")


def test_inspect_tells_of_several_in_their_order_and_times_as_text(door: Door) -> None:
    door("run", "--name", "demo", "demo", "true")
    container = door("inspect", "demo")
    for time in ("created", "started", "ended"):
        assert re.fullmatch(ISO_8601, container[time]), time
    found = door("inspect", "demo", "docker.io/demo", "demo")
    assert isinstance(found, Json)
    assert [one["name"] for one in found.value] == ["demo", "docker.io/library/demo:latest", "demo"]
    assert door("inspect", "--type", "image", "demo")["name"] == "docker.io/library/demo:latest"
    with pytest.raises(ContainerNotFound):
        door("inspect", "--type", "container", "docker.io/demo")
    with pytest.raises(NameNotFound, match="there is no image and no container nobody"):
        door("inspect", "demo", "nobody")


def test_images_are_loaded_by_option_and_from_standard_input(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "demo.tar"
    door("save", "-o", archive, "demo")
    for words in (("--input", archive), ("-i", archive), (archive,)):
        assert door("load", *words) == ["docker.io/library/demo:latest"]
    with open(archive, "rb") as file:
        given = SimpleNamespace(buffer=file, isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", given)
        assert door("load") == ["docker.io/library/demo:latest"]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: True))
    with pytest.raises(CommandError, match="no archive is named, and none comes by standard"):
        door("load")
    with pytest.raises(CommandError, match="two archives are named"):
        door("load", "-i", archive, archive)


def test_short_options_and_those_that_change_nothing_here(door: Door) -> None:
    door("run", "--rm", "-h", "here", "demo", "hostname")
    assert door.output() == "here\n"
    door(
        "run",
        "-d",
        "--name",
        "c",
        "demo",
        "sh",
        "-c",
        "for i in 7 8 9; do echo $i; done; exec sleep 1000",
    )
    until(lambda: "9\n" in door("logs", "c"))
    assert door("logs", "--tail", "2", "c") == door("logs", "-n", "2", "c") == "8\n9\n"
    assert door("stats", "--no-stream", "--format", "json").value[0]["name"] == "c"
    assert door("ps", "--no-trunc").wrap
    assert not door("ps").wrap
    assert "Make a bundle of an image; validate, explain, edit" in door("bundle", "--help")
    assert "those go by --volumes, or as WHAT" in " ".join(door("prune", "--help").split())


def test_how_long_a_program_ran_is_told_of_its_last_start(door: Door) -> None:
    door("create", "--name", "c", "demo", "true")
    for _ in "12":
        door("start", "--attach", "c")
    events = [e for e in door.session.engine.containers.events("c") if isinstance(e, StepFinished)]
    began, ended = ([e for e in events if e.number == number] for number in (8, 10))
    assert len(began) == len(ended) == 2
    # Who starts it may see that only after a short program has ended: the runs are told apart by
    # what lies between them.
    first, second = ended
    assert first.time < second.time - second.seconds


@pytest.mark.parametrize("entrypoint", ['["sh", "-c"]', "sh -c", "'sh' -c"])
def test_an_entrypoint_is_words_or_a_json_array_of_them(door: Door, entrypoint: str) -> None:
    door("run", "--rm", "--entrypoint", entrypoint, "demo", "echo $0 a  b")
    assert door.output() == "sh a b\n"


def test_who_forces_what_asks_nothing_is_not_refused(door: Door) -> None:
    door("volume", "create", "unused")
    assert door("prune", "-f").rows == []
    assert door("network", "prune", "--force") == []
    assert door("volume", "prune", "--force") == ["unused"]


def test_a_source_that_may_not_be_seen_need_not_be_made(door: Door, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        door("run", "--volume", f"{tmp_path}/none:/x", "demo")
    assert caught.value.hint == "make it first"
    with pytest.raises(CommandError) as caught:
        door("run", "--volume", f"{tmp_path}/{'x' * 300}:/x", "demo")
    assert (caught.value.hint, "file name too long" in caught.value.message) == (None, True)


def test_a_name_is_used_again(door: Door) -> None:
    # As when a cell of a notebook is run once more.
    for text in ("first", "second"):
        door("run", "-d", "--replace", "--name", "c", "demo", "sh", "-c", f"echo {text}; sleep 99")
        until(partial(_has_said, door, "c", f"{text}\n"))
    door("create", "--name", "c", "--replace", "demo", "true")
    (row,) = door("ps", "--all").records()
    assert (row["name"], row["status"]) == ("c", "created")
    # What is in the way stays where nothing takes its place.
    for wrong in (("--pull", "never", "no-such-image"), ("--volume", "/no/such:/x", "demo")):
        with pytest.raises(OcinbError):
            door("run", "--name", "c", "--replace", *wrong)
    door("run", "--name", "c", "--replace", "--show-config", "demo")
    assert [row["name"] for row in door("ps", "--all").records()] == ["c"]
    with pytest.raises(CommandError, match="--replace needs --name"):
        door("run", "--replace", "demo")


def _has_said(door: Door, name: str, text: str) -> bool:
    return bool(door("logs", name) == text)


def test_other_names_are_nobodys(door: Door) -> None:
    door("create", "--name", "other", "demo", "true")
    identity = door("ps", "--all").records()[0]["id"]
    door("run", "--name", identity[:4], "--replace", "--rm", "demo", "true")
    assert [row["name"] for row in door("ps", "--all").records()] == ["other"]


def test_neither_labels_nor_profiles_are_what_there_is_anyway(door: Door) -> None:
    words = ("--security-opt", "label=disable", "--security-opt", "apparmor=unconfined")
    config = door("run", *words, "--show-config", "demo")
    assert config == door("run", "--show-config", "demo")
    with pytest.raises(CommandError, match="label=type:spc_t is not known"):
        door("run", "--security-opt", "label=type:spc_t", "demo")


def test_a_container_that_was_never_started_is_removed(door: Door) -> None:
    door("create", "--name", "c", "demo", "true")
    door("rm", "c")
    assert door("ps", "--all", "--quiet") == []


def test_what_runs_is_started_already(door: Door) -> None:
    door("run", "-d", "--name", "c", "demo", "sleep", "1000")
    before = door.session.engine.containers.get("c").pid
    assert repr(door("start", "c")) == "c is started"
    assert door.session.engine.containers.get("c").pid == before


def test_a_signal_is_for_several_containers(door: Door) -> None:
    for name in ("a", "b"):
        door("run", "-d", "--name", name, "demo", "sleep", "1000")
    assert door("kill", "a", "b") == ["a", "b"]
    for name in ("a", "b"):
        assert door.session.engine.containers.wait(name) == 137


def test_a_cell_has_no_input_for_a_container(door: Door) -> None:
    shown = bytearray()
    door.session.output = lambda data, _stream: shown.extend(data)
    try:
        door("run", "--rm", "-i", "demo", "sh", "-c", "cat; echo over")
    finally:
        door.session.output = None
    assert shown == b"over\n"


def test_a_container_that_somebody_removed_is_shown_as_that(door: Door) -> None:
    container = door("run", "-d", "--name", "c", "demo", "sleep", "1000")
    door("rm", "--force", "c")
    assert repr(container) == "<Container c: deleted>"


def test_other_users_of_a_container_read_what_is_made_under_any_umask(door: Door) -> None:
    look = "cat /etc/hosts /etc/resolv.conf > /dev/null && cd /data && echo seen"
    before = os.umask(0o777)
    try:
        ran = door("run", "-u", "1234", "-v", "v:/data", "--add-host", "a:10.0.0.1", "demo",
                   "sh", "-c", look)  # fmt: skip
    finally:
        os.umask(before)
    assert ran.container.exit_status == 0


def test_images_of_a_name_or_of_a_repository(door: Door) -> None:
    door("tag", "demo", "demo:2")
    door("tag", "demo", "localhost:5000/a/demo:3")
    assert sorted(door("images", "--quiet", "demo")) == ["demo", "demo:2"]
    assert door("images", "--quiet", "demo:latest") == ["demo"]
    assert door("images", "--quiet", "localhost:5000/a/demo") == ["localhost:5000/a/demo:3"]
    assert door("images", "--quiet", "localhost:5000/a/demo:4") == []


def test_which_images_were_removed_is_told_with_the_one_that_was_not(door: Door) -> None:
    door("tag", "demo", "one")
    with pytest.raises(NameNotFound, match=r"no image named .*nosuch.*; removed are .*one"):
        door("rmi", "one", "nosuch")


def test_a_file_is_not_mounted_over_a_directory_nor_that_over_a_file(
    door: Door, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OcinbError, match=r"file is a file and /bin in the container a directory"):
        door("run", "--rm", "-v", f"{tmp_path}/file:/bin", "demo", "true")
    in_the_way = r"cannot be mounted at /bin/sh: in the container that is a file"
    with pytest.raises(OcinbError, match=rf"{tmp_path}, a directory, {in_the_way}"):
        door("run", "--rm", "-v", f"{tmp_path}:/bin/sh", "demo", "true")
    with pytest.raises(OcinbError, match=rf"a tmpfs {in_the_way}"):
        door("run", "--rm", "--tmpfs", "/bin/sh", "demo", "true")


def test_all_containers_that_a_command_suits(door: Door) -> None:
    for name in ("a", "b"):
        door("run", "-d", "--name", name, "demo", "sleep", "1000")
    door("create", "--name", "c", "demo", "sleep", "1000")

    def statuses() -> dict[str, str]:
        return {row["name"]: row["status"] for row in door("ps", "--all").records()}

    assert sorted(door("pause", "--all")) == ["a", "b"]
    assert statuses() == {"a": "paused", "b": "paused", "c": "created"}
    door("unpause", "-a")
    assert door("unpause", "-a") == []
    door("stop", "--all", "--time", "0")
    assert statuses() == {"a": "stopped", "b": "stopped", "c": "created"}
    assert sorted(door("start", "--all")) == ["a", "b", "c"]
    assert door("start", "--all") == []
    assert len(door("restart", "--all", "--time", "0")) == 3
    assert len(door("kill", "--all")) == 3
    until(lambda: set(statuses().values()) == {"stopped"})
    with pytest.raises(CommandError, match="stop: name containers, or --all"):
        door("stop")
    with pytest.raises(CommandError, match="stop: name containers, or --all"):
        door("stop", "--all", "a")


def test_what_is_not_there_is_removed_by_force(door: Door) -> None:
    door("create", "--name", "c", "demo")
    with pytest.raises(ContainerNotFound):
        door("rm", "nosuch")
    assert door("rm", "--force", "nosuch") == []
    assert door("rm", "--force", "nosuch", "c").subject == "c"
