"""Commands upon containers that are there: what they tell, and what they change."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.build.demo import demo_image
from ocinb.commands.values import Document, Json, Lines
from ocinb.content.store import Store
from ocinb.errors import (
    CommandError,
    ContainerError,
    ContainerExists,
    ContainerNotFound,
    InvalidStatus,
    NameNotFound,
    OcinbError,
    VolumeError,
)
from ocinb.events import Warned
from ocinb.registry.serve import RegistryServer
from ocinb.spec.reference import Reference
from ocinb.table import Table
from tests.support.door import Door
from tests.support.leftovers import clear, leftovers
from tests.support.workplace import until

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    place = tmp_path_factory.mktemp("commands")
    door = Door(place)
    store = Store(door.session.settings.store)
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    yield door
    left = leftovers(place)
    clear(place)
    assert left == []


@pytest.fixture
def web(door: Door) -> Iterator[str]:
    """A container whose program runs, and that is gone after the test."""
    options = ("--memory", "64m", "--pids-limit", "20", "--label", "kind=web")
    door("run", "--detach", "--name", "web", *options, "demo", "sleep", "1000")
    until(lambda: door("top", "web").column("command") == ["sleep 1000"])  # after its entrypoint
    yield "web"
    for name in door("ps", "--all", "--quiet"):
        door("rm", "--force", name)


def test_top_lists_processes_with_both_numbers(door: Door, web: str) -> None:
    (process,) = door("top", web).records()
    assert (process["inside"], process["command"], process["user"]) == (1, "sleep 1000", "root")
    assert process["pid"] == door.session.engine.containers.get(web).pid
    assert process["memory"] > 0
    door("kill", web)
    until(lambda: door.session.engine.containers.get(web).status == "stopped")
    with pytest.raises(InvalidStatus, match="container web has no processes: it is stopped"):
        door("top", web)


def test_stats_tell_use_and_limits(door: Door, web: str) -> None:
    door("run", "-d", "--name", "busy", "demo", "sh", "-c", "while :; do :; done")

    def told_apart() -> dict[str, dict[str, Any]] | None:
        rows = {row["name"]: row for row in door("stats", "--interval", "0.3").records()}
        return rows if rows["busy"]["cpu_percent"] > rows["web"]["cpu_percent"] else None

    rows = until(told_apart)
    assert rows is not None
    assert rows["web"]["memory_limit"] == 64 << 20
    assert rows["web"]["pids_limit"] == 20
    assert rows["web"]["pids"] == 1
    assert 0 < rows["web"]["memory"] < 64 << 20
    assert rows["busy"]["memory_limit"] is None
    assert door("stats", "web").column("name") == ["web"]


def test_ps_tells_how_long_and_filters(door: Door, web: str) -> None:
    (row,) = door("ps").records()
    assert (row["status"], row["exit_status"]) == ("running", None)
    assert row["uptime"] > 0
    assert door("ps", "--quiet", "--filter", "label=kind=web") == ["web"]
    assert door("ps", "--quiet", "--filter", "ancestor=demo", "--filter", "name=w.b") == ["web"]
    assert door("ps", "--quiet", "--filter", "status=paused") == []
    door("run", "--name", "ended", "demo", "sh", "-c", "exit 3")
    assert door("ps", "--quiet") == ["web"]
    assert door("ps", "--quiet", "--filter", "exited=3") == ["ended"]
    assert door("ps", "--quiet", "--all", "--filter", "before=ended") == ["web"]
    assert door("ps", "--quiet", "--all", "--filter", "since=web") == ["ended"]
    assert door("ps", "--quiet", "--latest") == ["ended"]
    (ended,) = door("ps", "--last", "1").records()
    assert ended["uptime"] is None
    assert ended["ended"] is not None
    for wrong in ("status=bogus", "health=good", "exited=abc"):
        with pytest.raises(CommandError, match=f"--filter {wrong}"):
            door("ps", "--filter", wrong)
    with pytest.raises(CommandError, match="--filter colour=red is not known"):
        door("ps", "--filter", "colour=red")
    with pytest.raises(ContainerNotFound):
        door("ps", "--filter", "before=nobody")


def test_a_paused_container_is_that_until_it_goes_on(door: Door, web: str) -> None:
    door("pause", web)
    assert door("ps").column("status") == ["paused"]
    with pytest.raises(InvalidStatus, match="it is paused"):
        door("pause", web)
    door("unpause", web)
    assert door("ps").column("status") == ["running"]
    door("pause", web)
    door("rm", "--force", web)
    assert door("ps", "--all", "--quiet") == []


def test_limits_are_changed_in_the_kernel_and_in_config_json(door: Door, web: str) -> None:
    document = door("update", "--memory", "32m", "--cpus", "0.5", web)
    assert isinstance(document, Document)
    assert document["memory"]["limit"] == 32 << 20
    assert document["pids"] == {"limit": 20}  # what was not mentioned stays
    assert door("stats", web).column("memory_limit") == [32 << 20]
    config = json.loads(_bundle(door, web).read_text())
    assert config["linux"]["resources"]["cpu"] == {"quota": 50000, "period": 100000}
    with pytest.raises(CommandError, match="no limit is given"):
        door("update", web)
    with pytest.raises(CommandError, match="is not a size"):
        door("update", "--memory", "much", web)
    with pytest.raises(OcinbError):  # less than it has now: the kernel says no
        door("update", "--memory", "4k", web)
    assert json.loads(_bundle(door, web).read_text())["linux"]["resources"]["memory"]["limit"] == (
        32 << 20
    )


def test_a_name_is_given_away_once(door: Door, web: str) -> None:
    door("rename", web, "other")
    assert door("ps", "--quiet") == ["other"]
    door("create", "--name", "web", "demo", "true")
    with pytest.raises(ContainerExists, match="there is a container web already"):
        door("rename", "other", "web")
    with pytest.raises(ContainerError, match=r"'\.\./x' is not a name"):
        door("rename", "other", "../x")
    identifier = door.session.engine.containers.get("other").id
    with pytest.raises(ContainerExists):
        door("rename", "web", identifier)


def test_several_are_removed_and_what_fails_is_told(door: Door, web: str) -> None:
    door("create", "--name", "one", "demo", "true")
    with pytest.raises(ContainerError) as caught:
        door("rm", "one", "nobody")
    assert caught.value.message == "there is no container nobody; it was done to one"
    with pytest.raises(InvalidStatus, match="it is running"):
        door("rm", web)
    with pytest.raises(CommandError, match="name containers, or --all"):
        door("rm")
    assert door("rm", "--all") == []
    assert door("rm", "--all", "--force").subject == "web"


def test_logs_are_cut_by_time_and_number(door: Door, web: str, tmp_path: Path) -> None:
    wait = "until test -e /let/go; do sleep 0.05; done"
    script = f"echo one; {wait}; echo two; echo three; printf four"
    door("run", "-d", "--name", "talks", "-v", f"{tmp_path}:/let", "demo", "sh", "-c", script)
    until(lambda: door("logs", "talks") == "one\n")
    (tmp_path / "go").touch()
    door("wait", "talks")
    assert door("logs", "talks") == "one\ntwo\nthree\nfour"
    assert door("logs", "--tail", "2", "talks") == "three\nfour"
    assert door("logs", "--tail", "all", "talks") == door("logs", "talks")
    first, second, *_ = door("logs", "--timestamps", "talks").splitlines()
    assert door("logs", "--since", second.split()[0], "talks") == "two\nthree\nfour"
    assert door("logs", "--until", first.split()[0], "talks") == "one\n"
    assert door("logs", "--since", "1h", "talks") == door("logs", "talks")
    assert door("logs", "--follow", "--tail", "1", "talks") is None
    assert door.output() == "four"
    for wrong in (("--tail", "few"), ("--since", "soon")):
        with pytest.raises(CommandError):
            door("logs", *wrong, "talks")


def test_a_log_is_followed_until_the_container_ends(door: Door, web: str) -> None:
    script = "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done"
    door("run", "-d", "--name", "counts", "demo", "sh", "-c", script)
    door("logs", "--follow", "counts")
    assert door.output() == "1\n2\n3\n4\n5\n"


@pytest.mark.parametrize("moment", ["0s", "{soon}"])
def test_a_log_of_a_quiet_container_is_followed_no_longer_than_was_said(
    door: Door, web: str, moment: str
) -> None:
    door("run", "-d", "--name", "quiet", "demo", "sh", "-c", "echo once; exec sleep 1000")
    until(lambda: door("logs", "quiet") == "once\n")
    said = door("logs", "--follow", "--until", moment.format(soon=time.time() + 1), "quiet")
    assert (said or door.output()) == "once\n"


def test_what_became_of_containers_is_told_also_when_they_are_gone(door: Door, web: str) -> None:
    began = time.time()
    door("run", "--name", "short", "demo", "sh", "-c", "exit 4")
    door("rename", "short", "long")
    door("rm", "long")
    rows = door("events", "--since", str(began)).records()
    assert [(row["action"], row["name"]) for row in rows] == [
        ("create", "short"), ("start", "short"), ("die", "short"), ("rename", "long"),
        ("remove", "long"),
    ]  # fmt: skip
    assert [row["exit_status"] for row in rows if row["action"] == "die"] == [4]
    chosen = door("events", "--since", str(began), "--filter", "action=die").column("name")
    assert chosen == ["short"]
    told = door("events", "--follow", "--since", str(began), "--until", "0.3s")
    assert len(list(told)) == len(rows)
    with pytest.raises(CommandError, match="--filter colour=red is not known"):
        door("events", "--filter", "colour=red")
    door("exec", web, "sh", "-c", "exit 3")
    with pytest.raises(OcinbError):
        door("exec", web, "nosuch")
    executed = door("events", "--since", str(began), "--filter", "action=exec").records()
    assert [(row["name"], row["detail"]) for row in executed] == [("web", "sh -c 'exit 3'")]
    with pytest.raises(CommandError, match="--filter action=born: nothing is called that"):
        door("events", "--filter", "action=born")


def test_pruning_takes_what_has_ended_and_leaves_what_is_in_use(door: Door, web: str) -> None:
    door("run", "--name", "ended", "-v", "used:/data", "demo", "true")
    door("volume", "create", "unused")
    planned = door("prune", "--dry-run", "containers")
    assert planned.column("name") == ["ended"]
    assert door("prune", "--older", "1h", "containers").rows == []
    assert door("prune", "containers", "volumes").column("name") == ["ended", "unused", "used"]
    assert door("ps", "--quiet") == ["web"]
    assert "demo" in door("images", "--quiet")
    door("network", "create", "lonely")
    assert door("prune", "networks").column("name") == ["lonely"]
    everything = door("prune", "--all")
    assert "demo" not in str(everything.column("name"))  # web is of it
    assert door("ps", "--quiet") == ["web"]


def test_volumes_have_names_labels_and_users(door: Door, web: str) -> None:
    made = door("volume", "create", "--label", "a=b", "data").subject
    assert made == "data"
    with pytest.raises(VolumeError, match="there is a volume data already"):
        door("volume", "create", "data")
    door("create", "--name", "user", "-v", "data:/d", "demo", "true")
    document = door("volume", "inspect", "data")
    assert (document["labels"], document["usedBy"]) == ({"a": "b"}, ["user"])
    with pytest.raises(VolumeError, match="volume data is used by user"):
        door("volume", "rm", "data")
    for name in ("../x", ".hidden", "a/b", ""):
        with pytest.raises(OcinbError):
            door("volume", "rm", name)
        with pytest.raises(OcinbError):
            door("volume", "inspect", name)
    door("rm", "--force", "user")
    door("volume", "rm", "data")
    assert isinstance(door("volume", "ls"), Table)
    assert door("volume", "ls", "--quiet") == Lines()
    assert len(door("volume", "create").subject) == 32
    assert len(door("volume", "prune")) == 1


def test_config_json_is_shown_and_nothing_is_made(door: Door, web: str) -> None:
    words = ("--user", "demo", "-v", "fresh:/f", "--memory", "1g", "demo", "id", "-u")
    shown = door("run", "--show-config", *words)
    assert shown["process"]["user"]["uid"] == 1000
    assert shown["process"]["args"][-2:] == ["id", "-u"]
    assert shown["linux"]["resources"]["memory"]["limit"] == 1 << 30
    assert shown["linux"]["cgroupsPath"] == "/ocinb-ID"
    assert shown["mounts"][-1]["source"].endswith("/volumes/fresh/data")
    assert door("volume", "ls", "--quiet") == []
    assert door("ps", "--all", "--quiet") == ["web"]
    # What is shown is what is run: but for the id, and what is known of it then.
    door("create", "--name", "real", *words)
    identifier = door.session.engine.containers.get("real").id
    text = re.sub(r'(["/-])ID(?=["/])', rf"\g<1>{identifier}", json.dumps(dict(shown)))
    assert json.loads(text) == json.loads(_bundle(door, "real").read_text())
    door("rm", "--force", "real")
    door("volume", "prune")


def test_an_image_is_pulled_only_if_wished(door: Door, web: str) -> None:
    with pytest.raises(NameNotFound, match="no image named localhost/nothing"):
        door("run", "--pull", "never", "localhost/nothing", "true")
    with pytest.raises(OcinbError) as caught:
        door("run", "--pull", "always", "127.0.0.1:1/demo", "true")
    assert caught.value.exit_status == 125  # type: ignore[attr-defined]


def test_a_newer_image_is_run_and_the_one_here_where_no_registry_answers(
    door: Door, web: str, tmp_path: Path
) -> None:
    words = ("run", "--rm", "--pull", "newer")
    with RegistryServer(tmp_path / "registry") as registry:
        name = f"{registry.address}/app:1"
        door("push", "demo", name)
        door(*words, name, "true")
        (tmp_path / "Dockerfile").write_text("FROM demo\nRUN touch /new\n")
        door("build", "--tag", "newer", tmp_path)
        door("push", "newer", name)
        door(*words, name, "ls", "/new")
    door(*words, name, "ls", "/new")
    assert door.output().endswith("/new\n/new\n")
    last = [event.message for event in door.session.recorder.events if isinstance(event, Warned)]
    assert f"whether there is a newer {name} is not known" in last[-1]
    with pytest.raises(OcinbError):
        door(*words, f"{registry.address}/other", "true")
    door("rmi", name, "newer")


def test_the_id_is_written_before_the_program_ends(door: Door, web: str, tmp_path: Path) -> None:
    door("run", "--rm", "--cidfile", tmp_path / "id", "demo", "true")
    assert len((tmp_path / "id").read_text()) == 12
    with pytest.raises(CommandError, match="is there already"):
        door("run", "--rm", "--cidfile", tmp_path / "id", "demo", "true")
    with pytest.raises(CommandError, match="cannot be written"):
        door("create", "--cidfile", tmp_path / "no/id", "demo", "true")
    assert door("ps", "--all", "--quiet") == ["web"]


def test_a_container_is_inspected(door: Door, web: str) -> None:
    document = door("inspect", web)
    assert document["name"] == "web"
    assert document["config"]["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert document["log"].endswith("/log")
    assert isinstance(door("inspect", web, "--format", "json"), Json)


def _bundle(door: Door, name: str) -> Path:
    identifier = door.session.engine.containers.get(name).id
    return door.session.settings.containers / identifier / "bundle/config.json"
